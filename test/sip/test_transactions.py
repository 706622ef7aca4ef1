# SPDX-License-Identifier: GPL-3.0-or-later
"""Retransmissions, lost and late ACKs, CANCEL and BYE that cross what they end (RFC 3261 9, 13, 15, 17; RFC 5407; RFC 6026)."""
import time

from harness import wait
from harness.rawcall import hang_up, record, talk


def times(phone, what, seconds):
    """When messages that start like this came, in seconds from the first."""
    found, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        m = phone.receive(left)
        if m and m.start.startswith(what):
            found.append(time.monotonic())
    return [t - found[0] for t in found]


def ringing(a, b, number="102"):
    """a calls b, who rings.  The INVITE that b got."""
    a.invite(number)
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    return invite


def test_the_200_comes_again_until_it_is_acknowledged(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    at = times(a, "SIP/2.0 200", 4.2)
    assert len(at) == 4 and all(abs(x - y) < 0.4 for x, y in zip(at, (0, 0.5, 1.5, 3.5))), at
    a.say("ACK", cseq=a.invite_cseq)
    assert not times(a, "SIP/2.0 200", 4.5)
    hang_up(a, b)


def test_an_ack_that_comes_ten_seconds_late_connects(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    wait.idle(10)
    a.say("ACK", cseq=a.invite_cseq)
    a.silent(1)
    b.silent()
    hang_up(a, b)


def test_an_ack_that_never_comes_ends_the_call_on_both_sides(shared, a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    bye = a.expect("BYE", 36)
    a.reply(bye, 200)
    b.reply(b.expect("BYE"), 200)
    assert record(shared, a)["reason"] == "peer_lost"


def test_an_ack_sent_twice_changes_nothing(a, b):
    talk(a, b)
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    b.silent()
    hang_up(a, b)


def test_our_ack_was_lost_so_the_200_comes_again(a, b):
    invite, _ = talk(a, b)
    for _ in range(3):
        b.reply(invite, 200, body=b.sdp())
        b.seen.clear()
        assert b.expect("ACK").get("CSeq").split()[0] == invite.get("CSeq").split()[0]
    a.silent()
    hang_up(a, b)


def test_the_invite_again_is_no_new_call(a, b):
    invite = ringing(a, b)
    again = a.request("INVITE", f"sip:102@{a.domain}", user=a.user, call_id=a.call_id, from_tag=a.from_tag,
                      cseq=a.invite_cseq, branch=a.branch, body=a.sdp())
    a.send(again)
    m = a.receive(2)
    assert m.status == 180  # the last provisional, again
    b.silent()
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.send(again)
    a.silent()
    b.silent()
    hang_up(a, b)


def test_the_same_invite_by_another_way_is_merged(a, b):
    invite = ringing(a, b)
    a.send(a.request("INVITE", f"sip:102@{a.domain}", user=a.user, call_id=a.call_id, from_tag=a.from_tag,
                     cseq=a.invite_cseq, body=a.sdp()))
    assert a.expect(482)
    b.silent()
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


def test_a_refusal_comes_again_until_it_is_acknowledged(a, b):
    invite = ringing(a, b)
    b.reply(invite, 486)
    b.expect("ACK")
    at = times(a, "SIP/2.0 486", 3.7)
    assert len(at) == 4 and all(abs(x - y) < 0.4 for x, y in zip(at, (0, 0.5, 1.5, 3.5))), at
    b.reply(invite, 486)  # ours was lost as well
    b.seen.clear()
    b.expect("ACK")
    a.seen.clear()
    a.refused(486, 5)
    assert not times(a, "SIP/2.0 486", 4.5)


def test_a_refusal_within_the_call_is_acknowledged_by_a_branch_of_its_own(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    b.reply(b.expect("INVITE"), 488)
    b.expect("ACK")
    a.expect(488)
    a.seen.clear()
    a.say("ACK", cseq=a.cseq)
    assert not times(a, "SIP/2.0 488", 2.5)
    hang_up(a, b)


def test_our_invite_comes_again_until_something_is_heard(a, b):
    a.invite("102")
    at = times(b, "INVITE", 3.8)
    assert len(at) == 4 and all(abs(x - y) < 0.4 for x, y in zip(at, (0, 0.5, 1.5, 3.5))), at
    b.seen.clear()
    invite = b.called(b.expect("INVITE", 6))
    b.reply(invite, 100)
    assert not times(b, "INVITE", 9)
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


def test_an_invite_expires(a, b):
    """RFC 3261 13.3.1: the caller has said how long it wants to wait."""
    a.invite("102", headers=["Expires: 2"])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    a.refused(487)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    b.expect("ACK")
    a.invite("102", headers=["Expires: 1"])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.silent(1.5)
    hang_up(a, b)


def test_cancel_stops_the_ringing(shared, a, b):
    invite = ringing(a, b)
    a.cancel()
    assert a.expect(200).get("CSeq").endswith("CANCEL")
    a.refused(487)
    cancel = b.expect("CANCEL")
    assert cancel.get("CSeq").split()[0] == invite.get("CSeq").split()[0]
    assert cancel.get("Via") == invite.get("Via")
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert record(shared, a)["reason"] == "cancelled"


def test_cancel_and_200_cross(shared, a, b):
    invite = ringing(a, b)
    a.cancel()
    a.expect(200)
    a.refused(487)
    cancel = b.expect("CANCEL")
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    bye = b.expect("BYE")
    b.reply(cancel, 200)
    b.reply(bye, 200)
    a.silent()
    cdr = record(shared, a)
    assert cdr["reason"] == "cancelled" and not cdr["answered_at"]


def test_cancel_behind_the_200_changes_nothing(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.cancel()
    ok = a.expect(200)
    assert ok.get("CSeq").endswith("CANCEL") and ok.to_tag() == a.remote_tag
    b.silent()
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    hang_up(a, b)


def test_cancel_of_what_is_over_or_never_was(a, b):
    invite = ringing(a, b)
    b.reply(invite, 486)
    b.expect("ACK")
    tag = a.refused(486).to_tag()
    a.cancel()
    ok = a.expect(200)
    assert ok.get("CSeq").endswith("CANCEL") and ok.to_tag() == tag  # RFC 3261 9.2
    a.branch = "z9hG4bK-another"
    a.cancel()
    a.expect(481)


def test_cancel_before_the_device_has_said_anything(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    a.cancel()
    a.expect(200)
    a.refused(487)
    b.silent(1)  # RFC 3261 9.1: no CANCEL before a 1xx
    b.reply(invite, 100)
    cancel = b.expect("CANCEL")
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")


def test_a_device_that_answers_487_to_nobodys_cancel(a, b):
    invite = ringing(a, b)
    b.reply(invite, 487)
    b.expect("ACK")
    a.refused(480)


def test_bye_instead_of_cancel(shared, a, b):
    invite = ringing(a, b)
    a.say("BYE")
    answers = {a.next().start.split()[1]: 1, a.next().start.split()[1]: 1}
    assert set(answers) == {"200", "487"}
    a.say("ACK", cseq=a.invite_cseq, branch=a.branch)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert record(shared, a)["reason"] == "cancelled"


def test_two_byes_cross(a, b):
    talk(a, b)
    a.say("BYE")
    b.say("BYE")
    bye = b.next()
    while bye.method != "BYE":  # the answer to its own, first
        assert bye.status == 200, bye.text
        bye = b.next()
    b.reply(bye, 200)
    assert a.next().start.split()[1] in ("200", f"sip:{a.user}@{a.host}:{a.port}")


def test_what_comes_behind_a_bye_is_481(a, b):
    talk(a, b)
    hang_up(a, b)
    for method in ("INVITE", "BYE", "UPDATE", "INFO", "REFER", "PRACK", "OPTIONS"):
        a.say(method, headers=["RAck: 1 1 INVITE"] if method == "PRACK" else [],
              body=a.sdp(2) if method == "INVITE" else "")
        a.expect(481)
        if method == "INVITE":
            a.say("ACK", cseq=a.cseq)
    b.silent()


def test_bye_before_the_ack(shared, a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("BYE"), 200)
    a.say("ACK", cseq=a.invite_cseq)
    a.silent(1)
    assert record(shared, a)["answered_at"]


def test_the_callee_hangs_up_before_the_caller_has_acknowledged(a, b):
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    b.say("BYE")
    b.expect(200)
    a.silent(0.4)  # RFC 3261 15: no BYE before the ACK
    a.say("ACK", cseq=a.invite_cseq)
    a.reply(a.expect("BYE"), 200)


def test_the_callee_hangs_up_at_once(a, b):
    """Its BYE overtakes our ACK."""
    invite = ringing(a, b)
    b.reply(invite, 200, body=b.sdp())
    b.say("BYE")
    kinds = {m.method or m.status for m in (b.next(), b.next())}
    assert kinds == {"ACK", 200}
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.reply(a.expect("BYE"), 200)


def test_numbers_that_go_back_are_refused(a, b):
    talk(a, b)
    a.say("OPTIONS", cseq=20)
    a.expect(200)
    a.say("INFO", cseq=19)
    a.expect(500)
    a.say("BYE", cseq=18)
    a.expect(500)
    b.silent()
    a.cseq = 30
    hang_up(a, b)


def test_a_request_that_comes_again_gets_the_same_answer(a, b):
    talk(a, b)
    a.say("BYE", branch="z9hG4bKbye")
    first = a.expect(200)
    a.send(a.request("BYE", a.target, user=a.user, to=a.remote, call_id=a.call_id, cseq=a.cseq, from_tag=a.from_tag,
                     to_tag=a.remote_tag, branch="z9hG4bKbye"))
    assert a.receive(2).text == first.text
    b.reply(b.expect("BYE"), 200)


def test_our_bye_comes_again_until_it_is_answered(a, b):
    talk(a, b)
    a.say("BYE")
    a.expect(200)
    at = times(b, "BYE", 4)
    assert len(at) == 4 and all(abs(x - y) < 0.4 for x, y in zip(at, (0, 0.5, 1.5, 3.5))), at
    b.seen.clear()
    b.reply(b.expect("BYE", 6), 200)
    b.silent(5)


def test_answers_of_a_class_we_do_not_know_count_as_their_class(a, b):
    for status, told in ((399, 480), (499, 500), (599, 500), (699, 603)):
        invite = ringing(a, b)
        b.reply(invite, status, reason="")
        b.expect("ACK")
        a.refused(told)
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 199, reason="Früh")
    b.reply(invite, 188, reason="")
    a.silent()
    b.reply(invite, 180)
    a.take(a.expect(180))
    b.reply(invite, 299, reason="Schön", body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_a_100_is_answered_by_nothing_and_18x_are_passed_once(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 100)
    a.silent()
    for status in (180, 180, 181, 182, 180):
        b.reply(invite, status)
    seen = []
    while (m := a.next(0.5)):
        seen.append(m.status)
    assert seen[0] == 180 and 181 in seen and 182 in seen, seen
    b.reply(invite, 404)
    b.expect("ACK")
    a.refused(404)


def test_strangers_answers_are_nothing(a, b):
    """A response that matches no transaction of ours, and one to a branch that we never made."""
    a.send("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnever\r\nFrom: <sip:x@y>;tag=1\r\n"
           "To: <sip:z@y>;tag=2\r\nCall-ID: nothing\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
    a.silent()
    assert a.alive()
    talk(a, b)
    hang_up(a, b)
