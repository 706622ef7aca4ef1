# SPDX-License-Identifier: GPL-3.0-or-later
"""What each event package tells: waiting messages (RFC 3842), presence (3856, 3863, 3903), registrations (3680)."""
import pytest

from harness import wait

PIDF = "{urn:ietf:params:xml:ns:pidf}"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
DM = "{urn:ietf:params:xml:ns:pidf:data-model}"
REG = "{urn:ietf:params:xml:ns:reginfo}"


def subscriptions(server):
    return server.metrics()["offhook_subscriptions"]


# ---- message-summary ----

def test_an_empty_mailbox_says_that_nothing_waits(devices):
    alice = devices("101")
    n = alice.watch("message-summary", "101").next()
    assert n.message.get("Content-Type") == "application/simple-message-summary"
    assert n.body == ("Messages-Waiting: no\r\nMessage-Account: " + alice.uri("101") +
                      "\r\nVoice-Message: 0/0 (0/0)\r\n")


def test_a_mailbox_is_nobody_elses_business(devices):
    assert devices("101").watch("message-summary", "102").answer.status == 403
    assert devices("101").watch("message-summary", "199").answer.status == 404


def test_a_device_is_told_of_its_mailbox_when_it_registers_if_its_account_says_so(server, devices):
    alice = devices("101")
    alice.register()
    alice.quiet()
    assert alice.unsolicited == []  # nothing waits, and it has not asked
    alice.register(0)
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"message_waiting": "always"}, expect=200)
    alice.register()
    alice.until(lambda: alice.unsolicited, why="a NOTIFY")
    n = alice.unsolicited[0]
    assert n.event == "message-summary" and "Voice-Message: 0/0 (0/0)" in n.body
    assert n.message.start.startswith(f"NOTIFY sip:101@{alice.sip.host}")
    alice.register()  # again the same contact: a refresh
    alice.quiet()
    assert len(alice.unsolicited) == 1


def test_who_has_subscribed_is_not_told_twice(server, devices):
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"message_waiting": "always"}, expect=200)
    alice = devices("101")
    alice.watch("message-summary", "101").next()
    alice.register()
    alice.quiet()
    assert alice.unsolicited == []


# ---- presence ----

def basics(n):
    return [e.text for e in n.xml.iter(PIDF + "basic")]


def activities(n):
    return sorted(e.tag.replace(RPID, "") for a in n.xml.iter(RPID + "activities") for e in a)


def notes(n):
    return [e.text for e in n.xml.iter(DM + "note")]


def document(basic="open", activity="", note="", prolog=""):
    return (f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<presence xmlns="urn:ietf:params:xml:ns:pidf" '
            'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" '
            'entity="sip:x@y"><tuple id="a"><status><basic>' + basic + "</basic></status></tuple>"
            '<dm:person id="b"><rpid:activities>' + (f"<rpid:{activity}/>" if activity else "") + "</rpid:activities>"
            f"<dm:note>{note}</dm:note></dm:person></presence>")


class Publisher:
    def __init__(self, device, target=None):
        self.device, self.etag = device, None
        self.uri = device.uri(target or device.user)

    def publish(self, body="", expires=600, *, etag=None, event="presence", content_type="application/pidf+xml"):
        headers = [f"Event: {event}"]
        if expires is not None:
            headers.append(f"Expires: {expires}")
        if etag or self.etag:
            headers.append(f"SIP-If-Match: {etag or self.etag}")
        answer = self.device.ask("PUBLISH", self.uri, headers=headers, body=body, content_type=content_type,
                                 contact=False)
        if answer.status == 200:
            self.etag = answer.get("SIP-ETag")
        return answer


def test_presence_is_open_while_a_device_is_registered(devices):
    alice = devices("101")
    s = devices("102").watch("presence", "101")
    n = s.next()
    assert n.message.get("Content-Type") == "application/pidf+xml" and basics(n) == ["closed"]
    assert n.xml.get("entity") == alice.uri("101")
    alice.register()
    assert basics(s.next()) == ["open"]
    alice.register(0)
    assert basics(s.next()) == ["closed"]


def test_who_talks_is_on_the_phone(devices):
    alice, bob = devices("101"), devices("102")
    alice.register()
    bob.register()
    of_alice, of_bob = devices("103").watch("presence", "101"), devices("103", port=5070).watch("presence", "102")
    call = alice.call("102")
    of_alice.last(lambda n: activities(n) == ["on-the-phone"])
    invite = bob.is_called()
    alice.rings(call)
    bob.pick_up(invite)
    alice.answered(call)
    n = of_bob.last(lambda n: activities(n) == ["on-the-phone"])
    assert basics(n) == ["open"]
    alice.hang_up(call)
    of_bob.last(lambda n: activities(n) == [])
    of_alice.last(lambda n: activities(n) == [])


def test_one_publication_at_a_time(devices):
    """RFC 3903 6, step 3."""
    alice = devices("101")
    p = Publisher(alice)
    assert p.publish(document("open")).status == 200
    tag = p.etag
    for two in (f"{tag}, other", f"{tag}\r\nSIP-If-Match: {tag}", ""):
        headers = ["Event: presence", f"SIP-If-Match: {two}"]
        answer = alice.ask("PUBLISH", p.uri, headers=headers, contact=False)
        assert answer.status == 400, (two, answer.text)
    assert p.publish(etag=tag).status == 200


def test_what_is_published_is_told_composed_with_what_we_know(devices):
    alice, bob = devices("101"), devices("102")
    alice.register()
    bob.register()
    s = devices("103").watch("presence", "101")
    s.next()
    p = Publisher(alice)
    answer = p.publish(document("open", "meeting", "till &lt; four"))
    assert answer.status == 200 and answer.get("SIP-ETag") and answer.get("Expires") == "600"
    n = s.last(lambda n: activities(n) == ["meeting"])
    assert notes(n) == ["till < four"]
    call = alice.call("102")
    s.last(lambda n: activities(n) == ["meeting", "on-the-phone"])
    bob.is_called()
    alice.rings(call)
    alice.cancel(call)
    bob.quiet()
    s.last(lambda n: activities(n) == ["meeting"])
    assert p.publish(document("closed")).status == 200
    s.last(lambda n: basics(n) == ["closed"])
    assert p.publish(expires=0).status == 200
    s.last(lambda n: basics(n) == ["open"] and activities(n) == [])


def test_a_publication_is_refreshed_by_its_latest_tag_only(devices):
    p = Publisher(devices("101"))
    assert p.publish(document()).status == 200
    first = p.etag
    assert p.publish().status == 200 and p.etag != first
    assert p.publish(etag=first).status == 412
    assert p.publish(document(), etag="never-made").status == 412
    assert p.publish(expires=0).status == 200
    assert p.publish().status == 412


def test_publications_of_two_devices_stand_side_by_side(devices):
    s = devices("103").watch("presence", "101")
    desk, mobile = Publisher(devices("101")), Publisher(devices("101", port=5070))
    assert desk.publish(document("closed", "away")).status == 200
    assert mobile.publish(document("open")).status == 200
    n = s.last(lambda n: sorted(basics(n)) == ["closed", "open"])
    assert len({t.get("id") for t in n.xml.iter(PIDF + "tuple")}) == 2 and activities(n) == ["away"]
    assert desk.publish(expires=0).status == 200
    s.last(lambda n: basics(n) == ["open"] and activities(n) == [])


def test_publications_that_are_refused(devices):
    alice = devices("101")
    assert Publisher(alice).publish(document(), event="dialog").status == 489
    assert Publisher(alice).publish(document(), expires=10).status == 423
    assert Publisher(alice).publish("").status == 400
    assert Publisher(alice).publish("hello", content_type="text/plain").status == 415
    assert Publisher(alice).publish("<presence>").status == 400
    assert Publisher(alice).publish(document().replace("urn:ietf:params:xml:ns:pidf\"", "urn:other\"")).status == 400
    assert Publisher(alice, "102").publish(document()).status == 403
    assert Publisher(alice, "199").publish(document()).status == 404
    alice.sip.send(alice.sip.request("PUBLISH", alice.uri("101"), user="101", headers=["Event: presence"],
                                     body=document(), content_type="application/pidf+xml"))
    assert alice.sip.final().status == 407


def test_no_entity_is_ever_expanded(server, devices):
    alice = devices("101")
    bomb = "<!DOCTYPE presence [" + "".join(
        f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9)) + '<!ENTITY e0 "xxxxxxxxxx">]>'
    outside = '<!DOCTYPE presence [<!ENTITY e9 SYSTEM "file:///etc/hostname">]>'
    before = server.rss_kb()
    for prolog in (bomb, outside):
        assert Publisher(alice).publish(document(note="&e9;", prolog=prolog)).status == 400
    assert server.rss_kb() < before + 20000


def test_an_extension_has_so_many_publications_and_no_more(devices):
    alice = devices("101")
    for _ in range(10):
        assert Publisher(alice).publish(document()).status == 200
    assert Publisher(alice).publish(document()).status == 403


def test_each_package_wants_a_password(devices):
    alice = devices("101")
    alice.password = "wrong"
    for event in ("presence", "message-summary", "reg"):
        assert alice.watch(event, "101").answer.status == 407
    assert Publisher(alice).publish(document()).status == 407


# ---- reg ----

def contacts(n):
    return sorted((c.get("state"), c.get("event")) for c in n.xml.iter(REG + "contact"))


def registration(n):
    return n.xml.find(REG + "registration")


def test_a_device_hears_of_the_registrations_of_its_account(devices):
    alice, other = devices("101"), devices("101", port=5070)
    s = alice.watch("reg", "101")
    n = s.next()
    assert n.xml.get("version") == "0" and n.xml.get("state") == "full"
    assert registration(n).get("aor") == alice.uri("101") and registration(n).get("state") == "init"
    other.register()
    n = s.next()
    assert contacts(n) == [("active", "registered")] and registration(n).get("state") == "active"
    assert n.xml.find(f".//{REG}uri").text == f"sip:101@{other.sip.host}:5070"
    other.register(0)
    n = s.next()
    assert contacts(n) == [("terminated", "unregistered")] and registration(n).get("state") == "terminated"
    alice.register()
    assert contacts(s.next()) == [("active", "registered")]
    assert [n.xml.get("version") for n in s.notifies] == ["0", "1", "2", "3"]


def test_registrations_of_others_are_not_told(devices):
    assert devices("101").watch("reg", "102").answer.status == 403
    assert devices("101").watch("reg", "nobody-at-all").answer.status == 404


@pytest.mark.parametrize("event", ["presence", "message-summary", "reg"])
def test_a_fetch_is_told_once(server, devices, event):
    s = devices("101").watch(event, "101", expires=0)
    n = s.next()
    assert (n.state, n.params["reason"]) == ("terminated", "timeout") and n.body
    wait.until(lambda: subscriptions(server) == 0, why="it is over")
