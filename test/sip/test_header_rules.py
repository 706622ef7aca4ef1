# SPDX-License-Identifier: GPL-3.0-or-later
"""Header rules of a trunk in every message that they name, both ways (TRK-14)."""
import re

import pytest

from harness.rawcall import hang_up, talk

DID = "442070000101"


def mark(messages):
    return {"action": "add", "header": "Call-Info", "value": f"<http://mark.example/{messages}>", "messages": messages}


MARKS = [mark(m) for m in ("invite", "requests", "answers", "all")]


def marks(m):
    return sorted(re.search("/([a-z]+)>", v).group(1) for v in m.all("Call-Info"))


def final(phone):
    m = phone.next()
    while m.status < 200:
        m = phone.next()
    return m


def test_what_we_send_is_marked_by_the_rules_that_name_it(phone, gateway):
    g = gateway(header_rules=[*MARKS, {"action": "remove", "header": "User-Agent", "messages": "requests"}])
    a = phone(101)
    a.invite("9123")
    invite = g.called(g.expect("INVITE"))
    assert marks(invite) == ["all", "invite", "requests"]
    g.reply(invite, 200, body=g.sdp())
    later = [g.expect("ACK")]
    a.take(final(a))
    a.say("ACK", cseq=a.invite_cseq)
    a.say("INVITE", body=a.sdp(2, "sendonly"))
    again = g.expect("INVITE")
    assert again.get("From") == invite.get("From")
    g.reply(again, 200, body=g.sdp(2, "recvonly"))
    later += [again, g.expect("ACK")]
    ok = final(a)
    assert ok.status == 200
    a.say("ACK")
    a.say("BYE")
    assert final(a).status == 200
    later.append(g.expect("BYE"))
    assert [(m.method, marks(m)) for m in later] == [(m.method, ["all", "requests"]) for m in later]
    assert all(m.get("User-Agent") is None for m in [invite, *later])
    assert all(len(m.all(h)) == 1 for m in [invite, *later] for h in ("Via", "From", "To", "Call-ID", "CSeq"))
    g.reply(later[-1], 200)
    assert all(marks(m) == [] for m in (ok,))   # the phone hears nothing of them


def test_so_is_the_bye_of_a_call_that_a_crash_has_cut_off(server, phone, gateway):
    g = gateway(header_rules=MARKS)
    a = phone(101)
    a.invite("9123")
    invite = g.called(g.expect("INVITE"))
    g.reply(invite, 200, body=g.sdp())
    g.expect("ACK")
    a.take(final(a))
    a.say("ACK", cseq=a.invite_cseq)
    server.kill()
    server.start()
    bye = g.expect("BYE", timeout=30)
    assert marks(bye) == ["all", "requests"] and "cause=27" in bye.get("Reason")
    g.reply(bye, 200)
    a.reply(a.expect("BYE", timeout=30), 200)


def test_so_are_our_answers_and_the_contact_that_they_give(phone, gateway):
    contact = {"header": "Contact", "match": "@[^>;]+", "value": "@pbx.example:5099", "messages": "answers"}
    g = gateway(header_rules=[*MARKS, contact])
    a = phone(101)
    g.invite(DID)
    invite = a.called(a.expect("INVITE"))
    a.reply(invite, 180)
    ringing = g.expect(180)
    a.reply(invite, 200, body=a.sdp())
    a.expect("ACK")
    ok = g.take(g.expect(200))
    for m in (ringing, ok):
        assert marks(m) == ["all", "answers"] and "@pbx.example:5099>" in m.get("Contact"), m.text
    g.target = f"sip:{DID}@{g.domain}"
    g.say("ACK", cseq=g.invite_cseq)
    a.say("BYE")
    assert final(a).status == 200
    bye = g.expect("BYE")
    assert marks(bye) == ["all", "requests"]
    g.reply(bye, 200)
    g.invite("442079999999")    # nobody's: refused before it is a call
    assert marks(g.refused(404)) == ["all", "answers"]


@pytest.mark.parametrize("kind, method", [({"keep_alive": True}, "OPTIONS"), ({"kind": "register", "username": "us", "password": "x"}, "REGISTER")])
def test_requests_are_ours_outside_of_calls_too(gateway, kind, method):
    g = gateway(header_rules=MARKS, **kind)
    m = g.receive(10)
    assert m and m.method == method and marks(m) == ["all", "requests"], m and m.text


@pytest.mark.parametrize("messages", ["invite", "requests", "answers", "all"])
def test_what_comes_is_read_as_the_rules_that_name_it_leave_it(phone, gateway, messages):
    renamed = {"direction": "inbound", "header": "P-Asserted-Identity", "match": "sip:[0-9]+@", "value": "sip:777@", "messages": messages}
    reason = {"direction": "inbound", "header": "Reason", "match": 'text="[^"]*"', "value": 'text="told"', "messages": messages}
    g = gateway(header_rules=[renamed, reason], trust_identity=True)
    a = phone(101)
    _, ok = talk(a, g, "9123", answer_headers=["P-Asserted-Identity: <sip:4711@far.example>"])
    assert bool(re.search("sip:777@", ok.get("P-Asserted-Identity"))) == (messages in ("answers", "all")), ok.text
    g.say("BYE", headers=['Reason: Q.850;cause=16;text="secret"'])
    g.expect(200)
    bye = a.expect("BYE")
    assert ('text="told"' in bye.get("Reason", "")) == (messages in ("requests", "all")), bye.text
    a.reply(bye, 200)


def test_a_trunk_without_such_rules_is_told_as_ever(phone, gateway):
    g = gateway()
    a = phone(101)
    invite, _ = talk(a, g, "9123")
    assert marks(invite) == [] and invite.get("User-Agent").startswith("Offhook")
    hang_up(a, g)
