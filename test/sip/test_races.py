# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that cross on the wire (RFC 5407 3): whatever order they come in, both sides agree in the end."""
import uuid

import pytest

from harness.rawcall import hang_up, record, talk


def ringing(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    return invite


def everything(phone, seconds=0.7):
    """What comes within that time of silence: {method or status: message}."""
    seen = {}
    while (m := phone.next(seconds)):
        seen[m.method or m.status] = m
    return seen


def test_a_180_that_comes_behind_the_200(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.reply(invite, 183, body=b.sdp())
    b.reply(invite, 180)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    b.silent()
    hang_up(a, b)


def test_a_refusal_that_comes_behind_the_200(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.reply(invite, 486)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    hang_up(a, b)


def test_a_200_that_comes_behind_the_refusal(a, b):
    """A device that changed its mind: who picked it up must not listen to silence."""
    invite = ringing(a, b)
    b.reply(invite, 486, tag="one")
    b.reply(invite, 200, tag="two", body=b.sdp())
    a.refused(486)
    seen = everything(b)
    assert "ACK" in seen
    if "BYE" in seen:
        b.reply(seen["BYE"], 200)
    a.silent()


def test_a_reinvite_of_the_callee_before_the_callers_ack(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    b.say("INVITE", body=b.sdp(2, "sendonly"))
    m = b.next()
    assert m.status in (491, 500), m.text
    b.say("ACK", cseq=b.cseq)
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    b.say("INVITE", body=b.sdp(3, "sendonly"))
    again = a.expect("INVITE")
    a.reply(again, 200, body=a.sdp(2, "recvonly"))
    a.expect("ACK")
    b.expect(200)
    b.say("ACK", cseq=b.cseq)
    hang_up(a, b)


def test_a_reinvite_of_the_caller_before_its_own_ack_arrives(a, b):
    """RFC 5407 3.1.4: the ACK was lost or is late; the offer says that the 200 was heard."""
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("INVITE", body=a.sdp(2, "sendonly"))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2, "recvonly"))
    b.expect("ACK")
    seen = everything(a)
    a.say("ACK", cseq=a.invite_cseq)
    a.say("ACK", cseq=a.cseq)
    assert 200 in seen
    a.silent()
    hang_up(a, b)


def test_the_answer_to_an_offer_comes_behind_the_bye(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    ours = b.expect("INVITE")
    a.say("BYE")
    assert {a.next().status, a.next().status} == {200, 487}
    a.say("ACK", cseq=a.cseq - 1)
    bye = b.expect("BYE")
    b.reply(ours, 200, body=b.sdp(2))
    b.expect("ACK")
    b.reply(bye, 200)
    a.silent()
    b.silent()


def test_bye_and_reinvite_cross(a, b):
    talk(a, b)
    b.say("INVITE", body=b.sdp(2))
    a.say("BYE")
    seen_a, seen_b = everything(a), everything(b)
    assert 200 in seen_a
    if "INVITE" in seen_a:
        a.reply(seen_a["INVITE"], 481)
        a.expect("ACK")
    assert "BYE" in seen_b and (487 in seen_b or 481 in seen_b), seen_b.keys()
    b.reply(seen_b["BYE"], 200)
    b.say("ACK", cseq=b.cseq)
    a.silent()


def test_refer_and_bye_cross(a, b):
    talk(a, b)
    b.say("REFER", headers=["Refer-To: <sip:999@example.invalid>"])
    a.say("BYE")
    seen_a, seen_b = everything(a), everything(b)
    assert 200 in seen_a and "BYE" in seen_b, (seen_a.keys(), seen_b.keys())
    b.reply(seen_b["BYE"], 200)
    if "NOTIFY" in seen_b:
        b.reply(seen_b["NOTIFY"], 200)


def test_two_updates_cross(a, b):
    updates = ["Allow: INVITE, ACK, BYE, CANCEL, UPDATE"]
    talk(a, b, invite_headers=updates, answer_headers=updates)
    a.say("UPDATE", body=a.sdp(2, "sendonly"))
    ours = b.expect("UPDATE")
    b.say("UPDATE", body=b.sdp(2, "inactive"))
    b.expect(491)
    b.reply(ours, 491)
    again = b.expect("UPDATE", 5)
    b.reply(again, 200, body=b.sdp(3, "recvonly"))
    assert "a=recvonly" in a.expect(200, 5).body
    hang_up(a, b)


def test_a_200_before_the_prack(a, b):
    """RFC 3262 3: a 200 that carries nothing new may come; what is reliable is acknowledged all the same."""
    a.invite("102", headers=["Supported: 100rel"])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, headers=["Require: 100rel", "RSeq: 9"], body=b.sdp())
    b.reply(invite, 200)
    seen = everything(b)
    assert "PRACK" in seen and "ACK" in seen, seen.keys()
    b.reply(seen["PRACK"], 200)
    early = a.take(a.expect(183))
    a.silent(0.4)  # its description is not acknowledged yet: no 200
    a.say("PRACK", headers=[f"RAck: {early.get('RSeq')} {early.get('CSeq')}"])
    seen = everything(a, 0.4)
    assert 200 in seen
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_cancel_while_a_prack_is_awaited(shared, a, b):
    a.invite("102", headers=["Require: 100rel"])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, body=b.sdp())
    early = a.take(a.expect(183))
    a.cancel()
    seen = everything(a)
    assert 487 in seen and 200 in seen
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=seen[487].to_tag(), branch=a.branch, contact=False))
    a.say("PRACK", headers=[f"RAck: {early.get('RSeq')} {early.get('CSeq')}"])
    assert a.next().status in (200, 481)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert record(shared, a)["reason"] == "cancelled"


def test_the_callee_hangs_up_before_it_has_answered(a, b):
    """It may not (RFC 3261 15): but then the call is over all the same."""
    invite = ringing(a, b)
    b.say("BYE")
    m = b.next()
    assert m.status in (200, 481), m.text
    if m.status == 481:
        b.reply(invite, 480)
        b.expect("ACK")
    seen = everything(a)
    final = [s for s in seen if isinstance(s, int) and s >= 400]
    if not final:  # the INVITE is still open: the device ends that too
        b.reply(invite, 487)
        b.expect("ACK")
        seen = everything(a)
        final = [s for s in seen if isinstance(s, int) and s >= 400]
    assert final
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=seen[final[0]].to_tag(), branch=a.branch, contact=False))


def test_one_call_id_and_two_callers(a, b):
    """Another From tag is another call."""
    invite = ringing(a, b)
    call_id, uri = a.call_id, f"sip:103@{a.domain}"
    m = a.transact("INVITE", a.user, a.password, uri, call_id=call_id, from_tag="second", cseq=50, body=a.sdp(), from_user=a.user)
    assert m.status == 480
    a.send(a.request("ACK", uri, user=a.user, call_id=call_id, cseq=51, from_tag="second", to_tag=m.to_tag(),
                     branch=m.get("Via").split("branch=")[1].split(";")[0], contact=False))
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


def test_tags_of_another_dialog_do_not_end_this_one(a, b):
    talk(a, b)
    good = a.remote_tag, a.from_tag
    for remote, local in ((good[0], "wrong"), ("wrong", good[1]), (good[0].swapcase(), good[1])):
        a.remote_tag, a.from_tag = remote, local
        a.say("BYE")
        a.expect(481)
    a.remote_tag, a.from_tag = good
    b.silent()
    hang_up(a, b)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_offer_never_answered(a, b, who):
    """A re-INVITE that meets silence: 64*T1 later the dialog is dead for us, and both sides hear of it."""
    talk(a, b)
    one, other = (a, b) if who == "caller" else (b, a)
    one.say("INVITE", body=one.sdp(2))
    other.expect("INVITE")
    m = one.next(40)
    assert m and (m.status and m.status >= 400 or m.method == "BYE"), m
    seen = everything(one, 1)
    seen[m.method or m.status] = m
    assert "BYE" in seen, seen.keys()
    one.reply(seen["BYE"], 200)
    one.say("ACK", cseq=one.cseq)
    left = everything(other, 1)
    if "BYE" in left:
        other.reply(left["BYE"], 200)


def test_an_ack_nobody_waits_for(a, b):
    talk(a, b)
    a.say("ACK", cseq=77, body=a.sdp(9))
    a.say("ACK", cseq=a.invite_cseq, body=a.sdp(9))
    a.say("CANCEL", cseq=a.invite_cseq, branch="z9hG4bK" + uuid.uuid4().hex)
    a.expect(481)
    b.silent()
    hang_up(a, b)
