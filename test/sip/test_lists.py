# SPDX-License-Identifier: GPL-3.0-or-later
"""One subscription to all members of a ring group (RFC 4662): the list, a document for each member that has changed, versions."""
import email
import email.policy
import xml.etree.ElementTree as ET

import pytest

from harness import wait

RLMI = "{urn:ietf:params:xml:ns:rlmi}"
INFO = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"
TAKES = ["Supported: eventlist", "Accept: application/dialog-info+xml, application/pidf+xml, application/rlmi+xml, multipart/related"]


class Page:
    """The list of a NOTIFY, its members by number, and the documents of those who have one."""

    def __init__(self, notify):
        text = f"Content-Type: {notify.message.get('Content-Type')}\r\n\r\n{notify.body}"
        whole = email.message_from_bytes(text.encode(), policy=email.policy.HTTP)
        assert whole.get_content_type() == "multipart/related" and not whole.defects
        assert whole.get_param("type") == "application/rlmi+xml"
        parts = list(whole.iter_parts())
        assert parts[0]["Content-ID"] == whole.get_param("start")
        assert all(p["Content-Transfer-Encoding"] == "binary" for p in parts)
        self.list = ET.fromstring(parts[0].get_payload(decode=True))
        by_id = {p["Content-ID"].strip("<>"): p for p in parts[1:]}
        assert len(by_id) == len(parts) - 1
        self.version, self.is_full = int(self.list.get("version")), self.list.get("fullState") == "true"
        self.members, self.documents = [], {}
        for r in self.list.findall(RLMI + "resource"):
            number = r.get("uri").split(":")[1].split("@")[0]
            (instance,) = r.findall(RLMI + "instance")
            assert instance.get("state") == "active"
            self.members.append(number)
            if instance.get("cid"):
                part = by_id.pop(instance.get("cid"))
                self.documents[number] = ET.fromstring(part.get_payload(decode=True))
        assert not by_id, "a document of nobody"

    def states(self, number):
        return [s.text for s in self.documents[number].iter(INFO + "state")]


@pytest.fixture
def group(server):
    """A maker of ring groups: group("177", ["101", "102"])."""
    def make(number, members, **more):
        ids = {e["number"]: e["id"] for e in server.get("/api/extensions", params={"limit": 200})["items"]}
        return server.post("/api/ring_groups", {"number": number, "name": "Team <1>", **more,
                                                "members": [{"extension_id": ids[m]} for m in members]})
    return make


@pytest.fixture
def watcher(devices):
    return devices("103")


def test_a_list_names_its_members_and_says_what_each_does(server, watcher, group):
    group("177", ["101", "102"])
    s = watcher.watch("dialog", "177", headers=TAKES)
    assert s.answer.status == 200 and s.answer.get("Require") == "eventlist"
    n = s.next()
    assert n.message.get("Require") == "eventlist" and n.state == "active" and n.event == "dialog"
    page = Page(n)
    assert page.version == 0 and page.is_full and page.list.get("uri") == watcher.uri("177")
    assert page.list.find(RLMI + "name").text == "Team <1>"
    assert page.members == ["101", "102"] and sorted(page.documents) == ["101", "102"]
    for number, document in page.documents.items():
        assert document.get("entity") == watcher.uri(number)
        assert document.get("version") == "0" and document.get("state") == "full"
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 1, why="it is one subscription")


def test_a_change_of_one_is_a_list_of_one(devices, watcher, group):
    group("177", ["101", "102"])
    alice, bob = devices("101"), devices("102")
    alice.register()
    bob.register()
    s = watcher.watch("dialog", "177", headers=TAKES)
    s.next()
    call = alice.call("102")
    bob.pick_up(bob.is_called())
    alice.answered(call)
    s.last(lambda n: Page(n).documents.get("102") is not None and Page(n).states("102") == ["confirmed"])
    assert alice.hang_up(call).status == 200
    s.last(lambda n: Page(n).documents.get("102") is not None and Page(n).states("102") == ["terminated"])
    watcher.quiet()
    pages = [Page(n) for n in s.notifies]
    assert [p.version for p in pages] == list(range(len(pages)))
    assert [p.is_full for p in pages] == [True] + [False] * (len(pages) - 1)
    for number in ("101", "102"):
        versions = [int(p.documents[number].get("version")) for p in pages if number in p.documents]
        assert versions == list(range(len(versions))) and len(versions) > 1
    for p in pages[1:]:
        assert p.members == list(p.documents)


def test_who_does_not_know_lists_is_421(watcher, group):
    group("177", ["101", "102"])
    answer = watcher.watch("dialog", "177").answer
    assert answer.status == 421 and answer.get("Require") == "eventlist"
    assert watcher.watch("dialog", "177", headers=["Supported: eventlist", "Accept: application/dialog-info+xml"]).answer.status == 406
    assert watcher.watch("dialog", "177", headers=["Require: eventlist", *TAKES]).answer.status == 200
    assert watcher.watch("message-summary", "177", headers=["Supported: eventlist"]).answer.status == 404
    assert watcher.watch("dialog", "101", headers=TAKES).next().message.get("Require") is None


def test_presence_of_a_group(devices, watcher, group):
    group("177", ["101", "102"])
    devices("101").register()
    s = watcher.watch("presence", "177", headers=TAKES)
    page = Page(s.next())
    basic = {n: d.find(f".//{PIDF}basic").text for n, d in page.documents.items()}
    assert basic == {"101": "open", "102": "closed"}
    devices("102").register()
    page = Page(s.next())
    assert not page.is_full and page.members == ["102"] and page.documents["102"].find(f".//{PIDF}basic").text == "open"


def test_a_refresh_says_everything_and_a_fetch_once(server, watcher, group):
    group("177", ["101", "102"])
    s = watcher.watch("dialog", "177", headers=TAKES)
    s.next()
    answer = s.send(700)
    assert answer.status == 200 and answer.get("Require") == "eventlist"
    page = Page(s.next())
    assert page.is_full and page.version == 1 and sorted(page.documents) == ["101", "102"]
    assert page.documents["101"].get("version") == "1" and page.documents["101"].get("state") == "full"
    assert s.send(0).status == 200
    n = s.next()
    assert n.state == "terminated" and Page(n).is_full
    n = watcher.watch("dialog", "177", expires=0, headers=TAKES).next()
    assert (n.state, n.params["reason"]) == ("terminated", "timeout") and Page(n).members == ["101", "102"]
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 0, why="both are over")


def test_a_group_that_changes_is_told_whole(server, watcher, group):
    made = group("177", ["101", "102"])
    s = watcher.watch("dialog", "177", headers=TAKES)
    s.next()
    ids = {e["number"]: e["id"] for e in server.get("/api/extensions")["items"]}
    server.api("PATCH", f"/api/ring_groups/{made['id']}",
               {"members": [{"extension_id": ids["103"]}, {"extension_id": ids["102"]}]}, expect=200)
    page = Page(s.next())
    assert page.is_full and page.members == ["103", "102"] and page.version == 1
    assert list(page.documents) == ["103"] and page.documents["103"].get("version") == "0"
    assert server.api("DELETE", f"/api/ring_groups/{made['id']}").status_code == 204
    n = s.next()
    assert (n.state, n.params["reason"]) == ("terminated", "noresource")
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 0, why="it is over")


def test_a_long_list_comes_in_several_pages(server, watcher, group):
    numbers = [str(n) for n in range(300, 420)]
    for n in numbers:
        server.post("/api/extensions", {"number": n})
    group("177", numbers)
    s = watcher.watch("dialog", "177", headers=TAKES)
    told = set()
    first = Page(s.next())
    assert first.is_full and first.members == numbers
    told |= set(first.documents)
    while len(told) < len(numbers):
        page = Page(s.next())
        assert not page.is_full and not told & set(page.documents)
        told |= set(page.documents)
    watcher.quiet()
    assert all(len(n.message.text) < 40000 for n in s.notifies) and len(s.notifies) > 2
    assert [Page(n).version for n in s.notifies] == list(range(len(s.notifies)))


def test_a_page_that_was_not_taken_is_said_again_whole(watcher, group):
    group("177", ["101", "102"])
    s = watcher.watch("dialog", "177", headers=TAKES)
    s.reply = 503
    s.next()
    s.reply = 200
    page = Page(s.next(timeout=8))
    assert page.is_full and page.version == 1 and sorted(page.documents) == ["101", "102"]


def test_an_empty_group_and_one_of_another_tenant(server, watcher, group):
    answer = server.post("/api/tenants", {"name": "other", "domain": "other.example", "username": "o",
                                          "password": "Secret-1-Secret"}, who="admin")
    assert answer["id"]
    group("177", ["101"])
    assert watcher.watch("dialog", "sip:177@other.example", headers=TAKES).answer.status == 404
    group("178", [])
    page = Page(watcher.watch("dialog", "178", headers=TAKES).next())
    assert page.is_full and page.members == []
