# SPDX-License-Identifier: GPL-3.0-or-later
"""Text messages between extensions (RFC 3428): to whom, in which words, and what becomes of those for who is away."""
import time

import pytest

from harness import wait


def say(device, to, text="hello", *, content_type="text/plain", headers=(), timeout=8.0, **more):
    return device.ask("MESSAGE", device.uri(to), headers=headers, body=text, content_type=content_type, contact=False,
                      timeout=timeout, **more)


def heard(device, count=1, timeout=5.0):
    device.until(lambda: len(device.messages) >= count, timeout, why=f"{count} messages")
    return [m.body for m in device.messages]


def history(server, **params):
    return server.get("/api/messages", params=params)["items"]


def test_a_message_arrives_under_the_name_of_who_sent_it(server, friends):
    alice, bob = friends
    (extension,) = server.get("/api/extensions", params={"number": "101"})["items"]
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"first_name": "Alice", "last_name": "Ink"}, expect=200)
    text = alice.sip.request("MESSAGE", alice.uri("102"), user="101", body="hello", content_type="text/plain", contact=False)
    alice.sip.send(text)
    challenge = alice.sip.final()
    assert challenge.status == 407
    line = alice.sip.authorization(challenge, "MESSAGE", alice.uri("102"), "101", alice.password)
    claims = ['P-Asserted-Identity: "Boss" <sip:100@evil.example>', "Remote-Party-ID: <sip:100@evil.example>",
              "X-Trick: 1"]
    alice.sip.send(alice.sip.request("MESSAGE", alice.uri("102"), user="101", cseq=2, headers=[line, *claims],
                                     body="hello", content_type="text/plain", contact=False))
    assert heard(bob) == ["hello"]
    m = bob.messages[0]
    assert m.get("From").startswith(f'"Alice Ink" <{alice.uri("101")}>;tag=')
    assert m.get("To") == f'<{bob.uri("102")}>' and m.get("Contact") is None
    assert m.start == f"MESSAGE sip:102@{bob.sip.host}:5060 SIP/2.0"
    assert "evil" not in m.text and "X-Trick" not in m.text and "Boss" not in m.text
    assert alice.sip.final(cseq=2).status == 200


def test_what_is_delivered_is_200(friends):
    alice, bob = friends

    alice.sip.send(alice.sip.request("MESSAGE", alice.uri("102"), user="101", call_id="one", from_tag="t", contact=False,
                                     body="x", content_type="text/plain"))
    challenge = alice.wait_answer("one", 1)
    line = alice.sip.authorization(challenge, "MESSAGE", alice.uri("102"), "101", alice.password)
    alice.sip.send(alice.sip.request("MESSAGE", alice.uri("102"), user="101", call_id="one", from_tag="t", contact=False,
                                     cseq=2, headers=[line], body="x", content_type="text/plain"))
    bob.until(lambda: bob.messages, why="the message")
    assert alice.wait_answer("one", 2).status == 200


def test_nobody_sends_without_a_password_or_in_anothers_name(devices, friends):
    alice, bob = friends
    mallory = devices("103")
    mallory.password = "wrong"
    assert say(mallory, "102").status == 407
    mallory.password = alice.server.password("103")
    challenge = mallory.sip
    challenge.send(challenge.request("MESSAGE", mallory.uri("102"), user="103", from_user="101", body="x", contact=False,
                                     content_type="text/plain"))
    first = challenge.final()
    line = challenge.authorization(first, "MESSAGE", mallory.uri("102"), "103", mallory.password)
    challenge.send(challenge.request("MESSAGE", mallory.uri("102"), user="103", from_user="101", body="x", contact=False,
                                     cseq=2, headers=[line], content_type="text/plain"))
    assert challenge.final(cseq=2).status == 403
    bob.quiet()
    assert bob.messages == []


def test_it_goes_to_every_device_of_the_extension(devices, friends):
    alice, bob = friends
    mobile = devices("102")
    mobile.register()
    answer_of(alice, "102", "to all", bob, mobile)
    assert heard(bob) == ["to all"] and heard(mobile) == ["to all"]


def answer_of(alice, to, text, *receivers, **more):
    """Sends while the receivers are looked after."""
    import threading
    result = {}
    t = threading.Thread(target=lambda: result.update(answer=say(alice, to, text, **more)))
    t.start()
    end = time.monotonic() + 10
    while t.is_alive() and time.monotonic() < end:
        for r in receivers:
            r.pump(0.05)
    t.join(1)
    return result["answer"]


def test_an_answer_of_a_device_is_the_senders(friends):
    alice, bob = friends
    assert answer_of(alice, "102", "fine", bob).status == 200
    bob.message_status = 415
    assert answer_of(alice, "102", "<x/>", bob, content_type="text/html").status == 415


def test_words_arrive_as_they_were_said(friends):
    alice, bob = friends
    text = "Grüße, 5 € 👋\r\nsecond line\ttab & <b>"
    assert answer_of(alice, "102", text, bob, content_type="text/plain;charset=UTF-8").status == 200
    assert bob.messages[-1].body == text
    assert bob.messages[-1].get("Content-Type") == "text/plain;charset=UTF-8"
    (one,) = wait.until(lambda: history(alice.server), why="it is on record")
    assert one["body"] == text


def test_latin_1_becomes_utf_8_and_what_is_neither_is_415(friends):
    alice, bob = friends
    uri = alice.uri("102")

    def raw(body, charset, call_id):
        head = alice.sip.request("MESSAGE", uri, user="101", call_id=call_id, from_tag="t", contact=False)
        alice.sip.send(head)
        challenge = alice.wait_answer(call_id, 1)
        line = alice.sip.authorization(challenge, "MESSAGE", uri, "101", alice.password)
        head = alice.sip.request("MESSAGE", uri, user="101", call_id=call_id, from_tag="t", cseq=2, contact=False,
                                 headers=[line, f"Content-Type: text/plain;charset={charset}"])
        head = head.replace("Content-Length: 0", f"Content-Length: {len(body)}")
        alice.sip.send(head.encode() + body)
        end = time.monotonic() + 6
        while (call_id, 2, "MESSAGE") not in alice.answers and time.monotonic() < end:
            bob.pump(0.05)
            alice.pump(0.05)
        return alice.answers[(call_id, 2, "MESSAGE")][-1].status
    assert raw("Grüße".encode("latin-1"), "iso-8859-1", "l1") == 200
    assert bob.messages[-1].body == "Grüße" and "UTF-8" in bob.messages[-1].get("Content-Type")
    assert raw("Grüße".encode("latin-1"), "utf-8", "l2") == 415
    assert raw(b"a\0b", "utf-8", "l3") == 415


def test_1300_bytes_over_udp_and_no_more(devices, friends):
    alice, bob = friends
    assert answer_of(alice, "102", "x" * 1300, bob).status == 200
    assert say(alice, "102", "x" * 1301).status == 513
    reliable = devices("101", transport="TCP", port=0)
    assert answer_of(reliable, "102", "y" * 1301, bob).status == 200
    assert len(bob.messages[-1].body) == 1301
    assert say(reliable, "102", "y" * 4001).status == 413


def test_what_cannot_be_sent(friends):
    alice, _ = friends
    assert say(alice, "199").status == 404
    assert say(alice, "102", "").status == 400
    assert alice.ask("MESSAGE", "sip:102@elsewhere.example", body="x", content_type="text/plain", contact=False).status == 404
    spoof = 'From: "Boss" <sip:100@x>\r\nTo: <sip:102@x>\r\n\r\nContent-Type: text/plain\r\n\r\nhi'
    answer = say(alice, "102", spoof, content_type="message/cpim")
    assert answer.status == 415 and "text/plain" in answer.get("Accept")


def test_what_a_text_is_for_must_be_known_or_optional(friends):
    """RFC 3261 20.11: what does not say how it is handled must be understood."""
    alice, bob = friends
    for line, status in [("icon", 415), ("icon;handling=required", 415), ("icon;handling=optional", 200), ("render", 200)]:
        headers = [f"Content-Disposition: {line}"]
        assert answer_of(alice, "102", "hello", bob, headers=headers).status == status, line
    assert heard(bob) == ["hello", "hello"]


# ---- who is away ----

def test_a_type_that_is_none_is_passed_on_to_nobody(friends):
    alice, bob = friends
    for wrong in ("text", "/plain", "te xt/plain", "text/pl ain;charset=utf-8"):
        assert answer_of(alice, "102", "x", bob, content_type=wrong).status == 400, wrong
    bob.quiet()
    assert not bob.messages


@pytest.mark.parametrize("by", ["the next text", "a refresh"])
def test_a_device_that_could_not_take_one_is_asked_again(friends, by):
    """Not in a minute only: it is there."""
    alice, bob = friends
    bob.message_status = 486
    assert answer_of(alice, "102", "one", bob).status == 202
    bob.message_status = 200
    bob.messages.clear()
    if by == "a refresh":
        bob.register()
    else:
        assert answer_of(alice, "102", "two", bob).status == 202
    assert heard(bob, 1 if by == "a refresh" else 2) == (["one"] if by == "a refresh" else ["one", "two"])


def test_who_is_away_gets_it_later_once_and_in_order(server, devices):
    alice, bob = devices("101"), devices("102")
    for i in range(5):
        assert say(alice, "102", f"line {i}").status == 202
    wait.until(lambda: [m["status"] for m in history(server)] == ["pending"] * 5, why="all are on record")
    bob.register()
    assert heard(bob, 5) == [f"line {i}" for i in range(5)]
    assert bob.messages[0].get("Date", "").endswith("GMT")
    bob.quiet()
    wait.until(lambda: [m["status"] for m in history(server)] == ["delivered"] * 5, why="all are on record")
    bob.register(0)
    bob.register()
    bob.quiet()
    assert len(bob.messages) == 5


def test_a_restart_loses_none_and_repeats_none(server, devices):
    alice, bob = devices("101"), devices("102")
    for i in range(3):
        assert say(alice, "102", f"kept {i}\r\non two lines").status == 202
    server.kill()
    server.start()
    bob.register()
    assert heard(bob, 3) == [f"kept {i}\r\non two lines" for i in range(3)]
    wait.until(lambda: [m["status"] for m in history(server)] == ["delivered"] * 3, why="all are on record")
    server.kill()
    server.start()
    bob.register(0)
    bob.register()
    bob.quiet()
    assert len(bob.messages) == 3


def test_a_device_that_does_not_answer_is_away(server, friends):
    alice, bob = friends
    bob.message_status = None
    started = time.monotonic()
    assert answer_of(alice, "102", "are you there", bob).status == 202
    assert 3 < time.monotonic() - started < 25  # Timer F would be 32
    assert answer_of(alice, "102", "hello?", bob).status == 202
    bob.message_status = 200
    bob.register(0)
    bob.messages.clear()
    bob.register()
    bob.until(lambda: [m.body for m in bob.messages][-1:] == ["hello?"], timeout=8, why="both")
    wait.until(lambda: [m["status"] for m in history(server)] == ["delivered"] * 2, why="both are on record")


def test_a_device_that_has_no_messages_leaves_it_for_another(devices, friends):
    alice, bob = friends
    bob.message_status = 405
    assert answer_of(alice, "102", "for the other", bob).status == 202
    other = devices("102", port=5070)
    other.register()
    assert heard(other) == ["for the other"]


def test_so_many_are_kept_and_no_more(server, devices):
    tenant = next(t for t in server.get("/api/tenants", who="admin")["items"] if t["domain"] == server.domain)
    server.api("PATCH", f"/api/tenants/{tenant['id']}", {"offline_messages": 3}, who="admin", expect=200)
    alice = devices("101")
    assert [say(alice, "102", f"n{i}").status for i in range(4)] == [202, 202, 202, 480]
    assert say(alice, "103").status == 202
    wait.until(lambda: len(history(server)) == 4, why="the record of four")


def test_a_sender_may_want_it_forgotten_soon(server, devices):
    alice, bob = devices("101"), devices("102")
    assert say(alice, "102", "quick", headers=["Expires: 1"]).status == 202
    wait.until(lambda: [m["status"] for m in history(server)] == ["expired"], timeout=10, why="it is forgotten")
    bob.register()
    bob.quiet()
    assert bob.messages == []


def test_that_somebody_types_is_not_kept(server, devices):
    alice = devices("101")
    assert say(alice, "102", "<isComposing/>", content_type="application/im-iscomposing+xml").status == 480
    assert history(server) == []


def test_a_group_gets_it_each_for_himself_but_not_the_sender(server, devices):
    ids = {e["number"]: e["id"] for e in server.get("/api/extensions")["items"]}
    server.post("/api/ring_groups", {"number": "177", "name": "Team", "members": [
        {"extension_id": ids[n]} for n in ("101", "102", "103")]})
    alice, bob, carol = devices("101"), devices("102"), devices("103")
    alice.register()
    bob.register()
    assert say(alice, "177", "all of you").status == 202
    assert heard(bob) == ["all of you"]
    carol.register()
    assert heard(carol) == ["all of you"]
    assert bob.messages[0].get("From").find("sip:101@") > 0
    alice.quiet()
    assert alice.messages == []


def test_a_tenant_keeps_so_many_and_no_more(server, devices):
    """10,000 for all its extensions: one tenant does not fill the place of the others."""
    ids = [server.post("/api/extensions", {"number": str(n)})["id"] for n in range(300, 500)]
    server.post("/api/ring_groups", {"number": "177", "name": "All", "members": [{"extension_id": i} for i in ids]})
    alice = devices("101")
    assert [say(alice, "177", f"n{i}").status for i in range(50)] == [202] * 50
    assert say(alice, "177", "one too many").status == 480
    assert say(alice, "102", "one too many").status == 480


def test_history_is_the_tenants_own(server, devices):
    assert say(devices("101"), "102", "private").status == 202
    (one,) = wait.until(lambda: history(server), why="it is on record")
    assert one["body"] == "private" and one["sender"] == "101" and one["recipient"] == "102"
    assert history(server, sender="101") and not history(server, sender="102")
    assert history(server, recipient="102", status="pending") and not history(server, status="delivered")
    server.post("/api/tenants", {"name": "other", "domain": "other.example", "username": "o", "password": "Secret-1-Secret"},
                who="admin")
    answer = server.api("GET", "/api/messages", who="admin", headers={"X-Tenant": "other.example"})
    assert answer.status_code == 200 and answer.json()["items"] == []


# ---- within a call ----

def test_a_message_within_a_call_goes_to_the_other_side(friends):
    alice, bob = friends
    call = alice.call("102")
    bob.pick_up(bob.is_called())
    alice.answered(call)
    call["cseq"] += 1
    alice._in_dialog(call, "MESSAGE", call["cseq"], body="in the call", content_type="text/plain", contact=False)
    assert heard(bob) == ["in the call"]
    assert ";tag=d102" in bob.messages[0].get("To")
    assert alice.wait_answer(call["call_id"], call["cseq"], "MESSAGE").status == 200
    assert alice.hang_up(call).status == 200
