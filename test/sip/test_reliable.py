# SPDX-License-Identifier: GPL-3.0-or-later
"""Reliable provisional responses over sockets: each side of a call for itself (RFC 3262)."""
import pytest

from harness.rawcall import hang_up, talk


@pytest.fixture
def a(phone):
    return phone(101)


@pytest.fixture
def b(phone):
    return phone(102)


def prack(phone, m, **more):
    phone.say("PRACK", headers=[f"RAck: {m.get('RSeq')} {m.get('CSeq')}"], **more)
    answer = phone.expect(200)
    assert answer.get("CSeq").endswith("PRACK")
    return answer


def test_a_caller_who_requires_it_and_a_callee_who_does_not_know_it(a, b):
    a.invite("102", headers=["Require: 100rel"])
    invite = b.called(b.expect("INVITE"))
    assert "100rel" in invite.get("Supported") and not invite.get("Require")
    b.reply(invite, 180)
    first = a.take(a.expect(180))
    assert first.get("Require") == "100rel" and first.get("RSeq")
    a.say("PRACK", headers=[f"RAck: {int(first.get('RSeq')) + 5} {first.get('CSeq')}"])
    a.expect(481)
    prack(a, first)
    b.reply(invite, 183, body=b.sdp())
    second = a.expect(183)
    assert int(second.get("RSeq")) == int(first.get("RSeq")) + 1 and "m=audio" in second.body
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.silent()
    prack(a, second)
    assert not a.take(a.expect(200)).body  # RFC 6337 3.1.1: it has been answered, reliably
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_a_plain_caller_and_a_callee_who_requires_it(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, headers=["Require: 100rel", "RSeq: 41"], body=b.sdp())
    ack = b.expect("PRACK")
    assert ack.get("RAck") == "41 1 INVITE"
    b.reply(ack, 200)
    early = a.take(a.expect(183))
    assert not early.get("Require") and "m=audio" in early.body
    b.reply(invite, 200)
    b.expect("ACK")
    assert "m=audio" in a.take(a.expect(200)).body
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_a_late_offer_is_made_in_a_183_and_answered_in_the_prack(a, b):
    a.invite("102", headers=["Require: 100rel"], body="")
    invite = b.called(b.expect("INVITE"))
    assert not invite.body
    b.reply(invite, 183, headers=["Require: 100rel", "RSeq: 1"], body=b.sdp())
    early = a.take(a.expect(183))
    assert "m=audio" in early.body and early.get("RSeq")
    b.silent()
    prack(a, early, body=a.sdp())
    ack = b.expect("PRACK")
    assert "m=audio" in ack.body
    b.reply(ack, 200)
    b.reply(invite, 200)
    assert not b.expect("ACK").body
    assert not a.take(a.expect(200)).body  # RFC 3261 13.2.1: it would be a second offer
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_never_acknowledged_it_ends_in_504(server, a, b):
    one = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "102")
    server.api("PATCH", f"/api/extensions/{one['id']}", {"ring_seconds": 60}, expect=200)
    a.invite("102", headers=["Require: 100rel"])
    b.called(b.expect("INVITE"))
    b.reply(b.incoming, 183, body=b.sdp())
    a.take(a.expect(183))
    a.refused(504, timeout=40)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(b.incoming, 487)
    b.expect("ACK")


def test_who_does_not_ask_gets_none(a, b):
    talk(a, b)
    hang_up(a, b)
