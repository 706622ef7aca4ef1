# SPDX-License-Identifier: GPL-3.0-or-later
"""Offers and answers in every place where they may stand, and where they meet (RFC 3264, RFC 3311, RFC 6337, RFC 3261 14)."""
import time

import pytest

from harness.rawcall import hang_up, talk

T38 = ("v=0\r\no=- 77 {v} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=image {port} udptl t38\r\na=T38FaxVersion:0\r\n"
       "a=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n")


def t38(phone, version, port=4500):
    return T38.format(v=version, ip=phone.host, port=port)


def test_a_call_without_offer_is_offered_to_and_answers_in_the_ack(a, b):
    a.invite("102", body="")
    invite = b.called(b.expect("INVITE"))
    assert not invite.body
    b.reply(invite, 180)
    a.take(a.expect(180))
    b.reply(invite, 200, body=b.sdp())
    ok = a.take(a.expect(200))
    assert "m=audio" in ok.body
    b.silent()  # its ACK carries what the caller has yet to say
    a.say("ACK", cseq=a.invite_cseq, body=a.sdp())
    ack = b.expect("ACK")
    assert "m=audio" in ack.body
    hang_up(a, b)


def test_a_late_offer_that_is_never_answered_ends_the_call(a, b):
    a.invite("102", body="")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 200, body=b.sdp())
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.reply(a.expect("BYE"), 200)
    b.expect("ACK")
    b.reply(b.expect("BYE"), 200)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_reinvite_without_offer_is_offered_to(a, b, who):
    talk(a, b)
    one, other = (a, b) if who == "caller" else (b, a)
    one.say("INVITE")
    asked = other.expect("INVITE")
    assert not asked.body
    other.reply(asked, 200, body=other.sdp(2))
    ok = one.expect(200)
    assert "m=audio" in ok.body
    one.say("ACK", cseq=one.cseq, body=one.sdp(2))
    ack = other.expect("ACK")
    assert "m=audio" in ack.body
    hang_up(a, b)


def test_the_answer_may_come_in_a_183_and_not_again(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, body=b.sdp())
    early = a.take(a.expect(183))
    assert "m=audio" in early.body
    b.reply(invite, 180)
    assert not a.expect(180).body
    b.reply(invite, 200)
    b.expect("ACK")
    ok = a.expect(200)
    assert ok.body == early.body  # RFC 6337 3.1.1: the same answer
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_a_183_without_description_is_passed(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183)
    assert not a.take(a.expect(183)).body
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_early_media_ends_with_the_refusal(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, body=b.sdp())
    a.take(a.expect(183))
    b.reply(invite, 404)
    b.expect("ACK")
    a.refused(404)


@pytest.mark.parametrize("formats, passed", [("0 3 8 101", "8 101"), ("0 8", "8")])
def test_of_an_answer_goes_on_what_was_offered(a, b, formats, passed):
    """RFC 3264 6.1."""
    _, ok = talk(a, b, offer=a.sdp(formats="8 18 101"), answer=b.sdp(formats=formats) + "a=rtpmap:3 GSM/8000\r\n")
    line, = (x for x in ok.body.split("\r\n") if x.startswith("m=audio"))
    assert line.split("RTP/AVP ")[1].removesuffix(" 101") == passed.removesuffix(" 101") and "GSM" not in ok.body, ok.body
    hang_up(a, b)


@pytest.mark.parametrize("answer", ["", "0 3", "two lines"])
@pytest.mark.parametrize("by", ["INVITE", "UPDATE"])
def test_what_answers_no_offer_within_a_call_has_refused_it(a, b, answer, by):
    """RFC 3261 14.1: the session stays as it was."""
    updates = ["Allow: INVITE, ACK, BYE, CANCEL, UPDATE"]
    talk(a, b, offer=a.sdp(formats="8 101"), answer=b.sdp(formats="8 101"), answer_headers=updates)
    a.say(by, body=a.sdp(2, "sendonly", formats="8 101"))
    asked = b.next()
    assert asked.method in ("INVITE", "UPDATE") and "sendonly" in asked.body, asked.text
    b.reply(asked, 200, body=b.sdp(2, formats="8 101") + VIDEO if answer == "two lines" else answer and b.sdp(2, formats=answer))
    if asked.method == "INVITE":
        b.expect("ACK")
    a.expect(488)
    if by == "INVITE":
        a.say("ACK", cseq=a.cseq)
    b.silent()
    a.say("INVITE", body=a.sdp(3, "sendonly", formats="8 101"))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(3, "recvonly", formats="8 101"))
    b.expect("ACK")
    assert "recvonly" in a.expect(200).body
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


def test_an_answer_to_something_else_is_none(a, b):
    a.invite("102", body=a.sdp(formats="8 101"))
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    b.reply(invite, 200, body=b.sdp(formats="0 3"))
    b.expect("ACK")
    b.reply(b.expect("BYE"), 200)
    a.refused(500)


VIDEO = "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


def m_lines(message):
    return [(line.split()[0][2:], line.split()[1] != "0") for line in message.body.split("\r\n") if line.startswith("m=")]


@pytest.mark.parametrize("is_video_first", [False, True])
def test_who_answers_to_some_lines_only_has_refused_the_others(a, b, is_video_first):
    """RFC 3264 6 wants a line for each; not every device knows."""
    head, _, audio = a.sdp().partition("m=")
    both = f"{head}{VIDEO}m={audio}" if is_video_first else f"{a.sdp()}{VIDEO}"
    _, ok = talk(a, b, offer=both)
    wanted = [("audio", True), ("video", False)]
    assert m_lines(ok) == (wanted[::-1] if is_video_first else wanted), ok.body
    hang_up(a, b)


def test_lines_of_a_session_never_become_fewer(a, b):
    """RFC 3264 8.  Who leaves one out hears of as many as it offered; the other side of all, in its answers too."""
    talk(a, b, offer=a.sdp() + VIDEO, answer=b.sdp() + VIDEO.replace("4002", "4004"))
    a.say("INVITE", body=a.sdp(2))
    m = b.expect("INVITE")
    assert m_lines(m) == [("audio", True), ("video", False)], m.body
    b.reply(m, 200, body=b.sdp(2) + "m=video 0 RTP/AVP 96\r\n")
    b.expect("ACK")
    m = a.expect(200)
    assert m_lines(m) == [("audio", True)], m.body
    a.say("ACK", cseq=a.cseq)
    b.say("INVITE", body=b.sdp(3) + "m=video 0 RTP/AVP 96\r\n")
    m = a.expect("INVITE")
    assert m_lines(m) == [("audio", True), ("video", False)], m.body
    a.reply(m, 200, body=a.sdp(3) + "m=video 0 RTP/AVP 96\r\n")
    a.expect("ACK")
    assert m_lines(b.expect(200)) == [("audio", True), ("video", False)]
    b.say("ACK", cseq=b.cseq)
    hang_up(a, b)


def test_what_is_offered_switched_off_stays_so(a, b):
    """RFC 3264 6: whatever the other side makes of it."""
    _, ok = talk(a, b, offer=a.sdp(port=0))
    assert m_lines(ok) == [("audio", False)], ok.body
    hang_up(a, b)


def test_an_answer_without_description_is_the_callees_fault(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 200)
    b.expect("ACK")
    b.reply(b.expect("BYE"), 200)
    m = a.next()
    assert m.status >= 400, m.text
    a.say("ACK", cseq=a.invite_cseq, branch=a.branch)


@pytest.mark.parametrize("status", [488, 403, 606])
def test_an_offer_refused_leaves_the_session_as_it_was(a, b, status):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2, "sendonly"))
    b.reply(b.expect("INVITE"), status)
    b.expect("ACK")
    assert (a.expect(status).get("Warning") is not None) == (status == 488)  # RFC 3261 14.2
    a.say("ACK", cseq=a.cseq)
    a.silent()
    b.say("INVITE", body=b.sdp(2, "sendonly"))
    again = a.expect("INVITE")
    assert "a=sendonly" in again.body
    a.reply(again, 200, body=a.sdp(3, "recvonly"))
    a.expect("ACK")
    assert "a=recvonly" in b.expect(200).body
    b.say("ACK", cseq=b.cseq)
    hang_up(a, b)


@pytest.mark.parametrize("status", [481, 408])
def test_a_dialog_that_one_side_does_not_know_any_more_ends(a, b, status):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    b.reply(b.expect("INVITE"), status)
    b.expect("ACK")
    kinds = []
    while (m := a.next(1)):
        kinds.append(m.method or m.status)
        if m.method == "BYE":
            a.reply(m, 200)
    assert "BYE" in kinds and any(k in kinds for k in (487, 488, 500)), kinds


def test_both_offer_at_once_and_both_are_told_491(a, b):
    """The offers meet in us: neither device knows of the other's."""
    talk(a, b)
    a.say("INVITE", body=a.sdp(2, "sendonly"))
    ours = b.expect("INVITE")
    b.say("INVITE", body=b.sdp(2, "inactive"))
    b.expect(491)
    b.say("ACK", cseq=b.cseq)
    b.reply(ours, 491)
    b.expect("ACK")
    # We tried, as the one who made that Call-ID, and try again after 2.1 to 4 s; b's next try comes before that.
    b.say("INVITE", body=b.sdp(3, "inactive"))
    m = b.next(1)
    assert m.status == 491 or m.status == 500, m.text  # a's offer is still under way
    b.say("ACK", cseq=b.cseq)
    start = time.monotonic()
    again = b.expect("INVITE", 10)
    assert 1.5 < time.monotonic() - start
    b.reply(again, 200, body=b.sdp(4, "recvonly"))
    b.expect("ACK")
    assert "a=recvonly" in a.expect(200, 5).body
    a.say("ACK", cseq=a.cseq)
    b.say("INVITE", body=b.sdp(5, "inactive"))
    m = a.expect("INVITE")
    a.reply(m, 200, body=a.sdp(3, "inactive"))
    a.expect("ACK")
    b.expect(200)
    b.say("ACK", cseq=b.cseq)
    hang_up(a, b)


def test_a_second_offer_before_the_first_is_answered(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    first, first_cseq = b.expect("INVITE"), a.cseq
    a.say("INVITE", body=a.sdp(3))
    m = a.expect(500)
    assert 0 <= int(m.get("Retry-After")) <= 10
    a.say("ACK", cseq=a.cseq)
    a.say("UPDATE", body=a.sdp(3))
    assert 0 <= int(a.expect(500).get("Retry-After")) <= 10
    b.reply(first, 200, body=b.sdp(2))
    b.expect("ACK")
    assert a.expect(200).get("CSeq") == f"{first_cseq} INVITE"
    a.say("ACK", cseq=first_cseq)
    hang_up(a, b)


def test_an_update_while_ours_is_open_is_491(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    ours, cseq = b.expect("INVITE"), a.cseq
    b.say("UPDATE", body=b.sdp(2))
    b.expect(491)
    b.say("UPDATE")  # offers nothing: only a new target
    b.expect(200)
    b.reply(ours, 200, body=b.sdp(3))
    b.expect("ACK")
    a.expect(200)
    a.say("ACK", cseq=cseq)
    hang_up(a, b)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_bye_while_an_offer_is_open(a, b, who):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    ours = b.expect("INVITE")
    if who == "caller":
        a.say("BYE")
        assert {a.next().status, a.next().status} == {200, 487}
        a.say("ACK", cseq=a.cseq - 1)
        b.reply(b.expect("BYE"), 200)
        b.reply(ours, 487)
        b.expect("ACK")
    else:
        b.say("BYE")
        b.expect(200)
        b.reply(ours, 487)
        b.expect("ACK")
        kinds = {}
        while (m := a.next(1)):
            kinds[m.method or m.status] = m
        assert "BYE" in kinds and 487 in kinds, kinds.keys()
        a.reply(kinds["BYE"], 200)
        a.say("ACK", cseq=a.cseq)


def take_back(a):
    """a cancels its re-INVITE, and hears so."""
    a.send(a.request("CANCEL", a.target, user=a.user, to=a.remote, call_id=a.call_id, cseq=a.cseq, from_tag=a.from_tag,
                     to_tag=a.remote_tag, branch="z9hG4bKre", contact=False))
    assert {a.next().status, a.next().status} == {200, 487}
    a.say("ACK", cseq=a.cseq, branch="z9hG4bKre")


def test_an_offer_taken_back_is_taken_back_on_the_other_side(a, b):
    """RFC 3261 9: a re-INVITE that somebody is asked about (video?) can be cancelled."""
    talk(a, b)
    a.say("INVITE", body=a.sdp(2, "sendonly"), branch="z9hG4bKre")
    ours = b.expect("INVITE")
    b.reply(ours, 180)
    take_back(a)
    cancel = b.expect("CANCEL")
    assert cancel.get("CSeq").split()[0] == ours.get("CSeq").split()[0]
    b.reply(cancel, 200)
    b.reply(ours, 487)
    b.expect("ACK")
    a.silent()
    a.say("INVITE", body=a.sdp(3, "sendonly"))  # the next offer goes through, the session is as it was
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2, "recvonly"))
    b.expect("ACK")
    assert "a=recvonly" in a.take(a.expect(200)).body
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


def test_an_offer_taken_back_too_late(a, b):
    """The other side has taken it when the CANCEL comes."""
    talk(a, b)
    a.say("INVITE", body=a.sdp(2, "sendonly"), branch="z9hG4bKre")
    ours = b.expect("INVITE")
    b.reply(ours, 100)
    take_back(a)
    b.reply(b.expect("CANCEL"), 481)
    b.reply(ours, 200, body=b.sdp(2, "recvonly"))
    b.expect("ACK")
    m = b.next(1)
    if m:  # it hears that nothing was meant
        assert m.method == "INVITE" and "a=sendonly" not in m.body
        b.reply(m, 200, body=b.sdp(3))
        b.expect("ACK")
    a.silent()
    hang_up(a, b)


def test_a_reinvite_acknowledged_late_and_its_200_again(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2))
    b.expect("ACK")
    a.expect(200)
    assert a.receive(1).status == 200
    assert a.receive(2).status == 200
    a.say("ACK", cseq=a.cseq)
    a.silent(1)
    hang_up(a, b)


def test_the_ack_to_a_reinvites_200_was_lost(a, b):
    """RFC 5407 3.1.4: the next offer says that the 200 was heard."""
    talk(a, b)
    a.say("INVITE", body=a.sdp(2))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2))
    b.expect("ACK")
    a.expect(200)
    a.say("INVITE", body=a.sdp(3, "sendonly"))
    again = b.expect("INVITE")
    b.reply(again, 200, body=b.sdp(3, "recvonly"))
    b.expect("ACK")
    assert "a=recvonly" in a.expect(200).body
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


def test_the_same_description_again_has_the_same_version(a, b):
    _, ok = talk(a, b)
    a.say("INVITE", body=a.sdp())
    again = b.expect("INVITE")
    b.reply(again, 200, body=b.sdp())
    b.expect("ACK")
    origin = [line for line in ok.body.split("\r\n") if line.startswith("o=")]
    assert origin == [line for line in a.expect(200).body.split("\r\n") if line.startswith("o=")]
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_t38_is_passed_through_and_back(a, b, who):
    talk(a, b)
    one, other = (a, b) if who == "caller" else (b, a)
    one.say("INVITE", body=t38(one, 2))
    offer = other.expect("INVITE")
    assert "m=image" in offer.body and "udptl t38" in offer.body and "a=T38FaxUdpEC:t38UDPRedundancy" in offer.body
    assert f"m=image {4500} " not in offer.body  # it goes through us
    other.reply(offer, 200, body=t38(other, 2, 4600))
    other.expect("ACK")
    answer = one.expect(200)
    assert "m=image" in answer.body and "a=T38MaxBitRate:14400" in answer.body
    one.say("ACK", cseq=one.cseq)
    other.say("INVITE", body=other.sdp(3))
    back = one.expect("INVITE")
    assert "m=audio" in back.body and "m=image 0" not in back.body.split("m=audio")[0]
    one.reply(back, 200, body=one.sdp(3))
    one.expect("ACK")
    other.expect(200)
    other.say("ACK", cseq=other.cseq)
    hang_up(a, b)


def test_a_gateway_that_refuses_t38_stays_in_the_call(a, b):
    talk(a, b)
    a.say("INVITE", body=t38(a, 2))
    b.reply(b.expect("INVITE"), 488)
    b.expect("ACK")
    a.expect(488)
    a.say("ACK", cseq=a.cseq)
    a.say("INVITE", body=a.sdp(3))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2))
    b.expect("ACK")
    a.expect(200)
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


def test_both_gateways_switch_at_once(a, b):
    talk(a, b)
    a.say("INVITE", body=t38(a, 2))
    ours = b.expect("INVITE")
    b.say("INVITE", body=t38(b, 2, 4600))
    b.expect(491)
    b.say("ACK", cseq=b.cseq)
    b.reply(ours, 200, body=t38(b, 3, 4600))
    b.expect("ACK")
    assert "m=image" in a.expect(200).body
    a.say("ACK", cseq=a.cseq)
    hang_up(a, b)


def test_an_update_before_the_answer(a, b):
    """RFC 3311 5.1: once the first offer is answered reliably, either side may offer again in an UPDATE."""
    updates = ["Supported: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK"]
    a.invite("102", headers=["Require: 100rel", updates[1]])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, headers=["Require: 100rel", "RSeq: 7", updates[1]], body=b.sdp())
    b.reply(b.expect("PRACK"), 200)
    early = a.take(a.expect(183))
    a.say("PRACK", headers=[f"RAck: {early.get('RSeq')} {early.get('CSeq')}"])
    a.expect(200)
    a.say("UPDATE", headers=updates, body=a.sdp(2, "sendonly"))
    update = b.expect("UPDATE")
    assert "a=sendonly" in update.body
    b.reply(update, 200, body=b.sdp(2, "recvonly"))
    assert "a=recvonly" in a.expect(200).body
    b.say("UPDATE", headers=updates, body=b.sdp(3, "inactive"))
    update = a.expect("UPDATE")
    assert "a=inactive" in update.body
    a.reply(update, 200, body=a.sdp(3, "inactive"))
    assert "a=inactive" in b.expect(200).body
    b.reply(invite, 200)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_an_update_before_the_answer_for_who_never_said_what_it_takes(a, b):
    """Without any Allow of the called one it is asked; what it refuses, the caller hears."""
    a.invite("102", headers=["Supported: 100rel"])
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, headers=["Require: 100rel", "RSeq: 7"], body=b.sdp())
    b.reply(b.expect("PRACK"), 200)
    early = a.take(a.expect(183))
    a.say("PRACK", headers=[f"RAck: {early.get('RSeq')} {early.get('CSeq')}"])
    a.expect(200)
    a.say("UPDATE", body=a.sdp(2, "sendonly"))
    update = b.expect("UPDATE")
    assert "a=sendonly" in update.body
    b.reply(update, 200, body=b.sdp(2, "recvonly"))
    assert "a=recvonly" in a.expect(200).body
    a.say("UPDATE", body=a.sdp(3))
    b.reply(b.expect("UPDATE"), 405, headers=["Allow: INVITE, ACK, BYE, CANCEL, PRACK"])
    a.expect(488)
    a.say("UPDATE", body=a.sdp(4))
    a.expect(488)
    b.reply(invite, 200)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_an_update_without_offer_before_the_answer(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    a.say("UPDATE")
    a.expect(200)
    b.say("UPDATE")
    b.expect(200)
    a.say("UPDATE", body=a.sdp(2))  # its first offer is not answered yet
    assert a.expect(500).get("Retry-After")
    b.say("UPDATE", body=b.sdp(2))
    b.expect(491)
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)
