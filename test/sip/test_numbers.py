# SPDX-License-Identifier: GPL-3.0-or-later
"""The same number in every way that telephones write it, and names that are hard to write."""
import re

import pytest


def give_up(alice, bob, made):
    alice.until(lambda: any(100 <= a.status < 200 for a in alice.responses(made)), why="a provisional answer")
    bob.quiet(0.05)
    alice.rings(made)
    assert alice.cancel(made).status == 487
    bob.quiet(0.05)


def test_all_these_are_102(friends):
    alice, bob = friends
    forms = ["sip:102@{d}", "sip:102;isub=1@{d}", "sip:102;phone-context=+44@{d};user=phone", "sip:%31%30%32@{d}",
             "sip:1-0.2@{d};user=phone", "sip:(1)02@{d};User=Phone", "tel:102;phone-context={d}", "tel:1-02", "sip:102:secret@{d}",
             "sip:102@{d};transport=udp"]
    for i, form in enumerate(forms):
        made = alice.call(form.format(d=alice.sip.domain))
        bob.is_called(count=i + 1)
        give_up(alice, bob, made)


def test_none_of_these_is(friends):
    alice, bob = friends
    for form in ("sip:1-0-2@{d}", "sip:+102@{d}", "sip:102%40a@{d}", "sip:%23102@{d}", "sip:10@{d}", "sip:1020@{d}", "sip:102%00@{d}",
                 "sip:%20102@{d}", "sip:" + "1" * 300 + "@{d}"):
        made = alice.call(form.format(d=alice.sip.domain))
        answer = alice.wait_answer(made["call_id"], 2, "INVITE")
        assert answer.status in (404, 484), (form, answer.start)
        alice.sip.ack(answer, made["uri"], "101", made["call_id"], made["tag"], 2)
    bob.quiet(0.05)
    assert bob.calls == []


def test_102_of_another_domain_is_not_ours(server, friends):
    """RFC 3261 8.2.2.1.  Addresses and names that are ours, or may be, are."""
    alice, bob = friends
    made = alice.call("sip:102@foreign.test")
    answer = alice.wait_answer(made["call_id"], 2, "INVITE")
    assert answer.status == 404, answer.start
    alice.sip.ack(answer, made["uri"], "101", made["call_id"], made["tag"], 2)
    (cdr,) = server.cdrs()
    assert (cdr["callee"], cdr["reason"]) == ("102", "not_here")
    assert bob.calls == []
    server.post("/api/network_settings", {"web_domain": "pbx.test"}, who="admin")
    for i, host in enumerate((server.domain, server.ip, "localhost", "PBX.test", "203.0.113.7")):
        made = alice.call(f"sip:102@{host}")
        bob.is_called(count=i + 1)
        give_up(alice, bob, made)


NAMES = ["Zoë", "李雷", "👋🏽 Wave", 'say "hi"', "back\\slash", 'end\\', "a;tag=evil", "a,b<sip:1@x>", "%s%n", "O'Neil & Söhne", "x" * 64]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_arrives_as_it_is(server, friends, name):
    alice, bob = friends
    (extension,) = server.get("/api/extensions", params={"number": "101"})["items"]
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"first_name": name, "last_name": ""}, expect=200)
    made = alice.call("102")
    invite = bob.is_called()
    for value in (invite.get("From"), invite.get("P-Asserted-Identity")):
        if value is None:
            continue
        shown, uri = re.fullmatch(r'"((?:[^"\\]|\\.)*)" <([^>]+)>(?:;tag=[\w.-]+)?', value).groups()
        assert re.sub(r"\\(.)", r"\1", shown) == name and uri == alice.uri("101")
    give_up(alice, bob, made)


def test_without_a_name_there_is_a_number(server, friends):
    alice, bob = friends
    (extension,) = server.get("/api/extensions", params={"number": "101"})["items"]
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"first_name": "", "last_name": ""}, expect=200)
    made = alice.call("102")
    assert bob.is_called().get("From").split(";tag")[0] in (f"<{alice.uri('101')}>", f'"101" <{alice.uri("101")}>')
    give_up(alice, bob, made)
