# SPDX-License-Identifier: GPL-3.0-or-later
"""One INVITE answered by several: a proxy that forks behind one contact, and several devices (RFC 3261 13.2.2.4, 12.1)."""
import pytest

from harness.rawcall import Phone, answered, hang_up


@pytest.fixture
def c(shared, addresses):
    """A second device of 102."""
    p = Phone(addresses.new(), shared, 102)
    yield p
    p.leave()


def test_two_early_dialogs_are_one_call_for_the_caller(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180, tag="one")
    first = a.take(a.expect(180))
    b.reply(invite, 180, tag="two")
    b.reply(invite, 183, tag="two")
    assert a.expect(183).to_tag() == first.to_tag()
    b.reply(invite, 200, tag="two", body=b.sdp())
    assert ";tag=two" in b.expect("ACK").get("To")
    ok = a.take(a.expect(200))
    assert ok.to_tag() == first.to_tag()
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    a.say("BYE")
    a.expect(200)
    bye = b.expect("BYE")
    assert ";tag=two" in bye.get("To")
    b.reply(bye, 200)


def test_a_second_200_is_acknowledged_and_hung_up(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180, tag="one")
    b.reply(invite, 180, tag="two")
    a.take(a.expect(180))
    b.reply(invite, 200, tag="two", body=b.sdp())
    assert ";tag=two" in b.expect("ACK").get("To")
    b.reply(invite, 200, tag="one", body=b.sdp())
    assert ";tag=one" in b.expect("ACK").get("To")
    bye = b.expect("BYE")
    assert ";tag=one" in bye.get("To")
    b.reply(bye, 200)
    b.reply(invite, 200, tag="three", body=b.sdp())  # it had never rung
    assert ";tag=three" in b.expect("ACK").get("To")
    bye = b.expect("BYE")
    b.reply(bye, 200)
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    a.say("BYE")
    a.expect(200)
    bye = b.expect("BYE")
    assert ";tag=two" in bye.get("To")
    b.reply(bye, 200)


def test_early_media_of_two_forks(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, tag="one", body=b.sdp(port=4100))
    early = a.take(a.expect(183))
    b.reply(invite, 183, tag="two", body=b.sdp(port=4200))
    a.silent()  # for the caller nothing has changed: the same dialog, the same address of ours
    b.reply(invite, 200, tag="one", body=b.sdp(port=4100))
    assert ";tag=one" in b.expect("ACK").get("To")
    assert a.expect(200).body == early.body
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("BYE"), 200)


def test_reliable_18x_of_two_forks_are_acknowledged_each_in_its_dialog(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    for tag, rseq in (("one", 11), ("two", 900), ("one", 12)):
        b.reply(invite, 180, tag=tag, headers=["Require: 100rel", f"RSeq: {rseq}"])
        prack = b.expect("PRACK")
        assert prack.get("RAck") == f"{rseq} 1 INVITE" and f";tag={tag}" in prack.get("To")
        b.reply(prack, 200)
    b.reply(invite, 180, tag="two", headers=["Require: 100rel", "RSeq: 902"])  # 901 was lost
    b.silent()
    b.reply(invite, 486, tag="two")
    b.expect("ACK")
    a.take(a.expect(180))
    a.refused(486)


def test_twenty_tongues_of_one_callee(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    for i in range(20):
        b.reply(invite, 180, tag=f"t{i}")
    a.take(a.expect(180))
    b.reply(invite, 200, tag="t19", body=b.sdp())
    assert ";tag=t19" in b.expect("ACK").get("To")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("BYE"), 200)


def test_the_other_device_hears_that_the_call_was_taken_elsewhere(a, b, c):
    a.invite("102")
    one, two = b.called(b.expect("INVITE")), c.called(c.expect("INVITE"))
    assert one.get("Call-ID") != two.get("Call-ID")
    b.reply(one, 180)
    c.reply(two, 180)
    a.take(a.expect(180))
    answered(a, b, one)
    cancel = c.expect("CANCEL")
    assert "cause=200" in cancel.get("Reason") and "elsewhere" in cancel.get("Reason")
    c.reply(cancel, 200)
    c.reply(two, 487)
    c.expect("ACK")
    hang_up(a, b)


def test_both_devices_answer_at_once(a, b, c):
    a.invite("102")
    one, two = b.called(b.expect("INVITE")), c.called(c.expect("INVITE"))
    b.reply(one, 200, body=b.sdp())
    c.reply(two, 200, body=c.sdp())
    b.expect("ACK")
    first = c.next()
    if first.method == "CANCEL":
        c.reply(first, 481)
        first = c.next()
    assert first.method == "ACK", first.text
    c.reply(c.expect("BYE"), 200)
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.silent()
    hang_up(a, b)


def test_the_answer_that_weighs_most_is_told(a, b, c):
    for one_says, two_says, told in ((486, 480, 486), (404, 486, 486), (603, 486, 603)):
        a.invite("102")
        one, two = b.called(b.expect("INVITE")), c.called(c.expect("INVITE"))
        b.reply(one, 180)
        a.take(a.expect(180))
        c.reply(two, two_says)
        c.expect("ACK")
        b.reply(one, one_says)
        b.expect("ACK")
        a.refused(told)


def test_one_declines_for_all(a, b, c):
    a.invite("102")
    one, two = b.called(b.expect("INVITE")), c.called(c.expect("INVITE"))
    c.reply(two, 180)
    a.take(a.expect(180))
    b.reply(one, 603)
    b.expect("ACK")
    c.reply(c.expect("CANCEL"), 200)
    c.reply(two, 487)
    c.expect("ACK")
    a.refused(603)


def prefers(phone, q):
    answer = phone.transact("REGISTER", phone.user, phone.password, f"sip:{phone.domain}", to=f"sip:{phone.user}@{phone.domain}",
                            from_user=phone.user, cseq=2001, contact=False,
                            headers=["Expires: 3600", f"Contact: <sip:{phone.user}@{phone.host}:{phone.port}>;q={q}"])
    assert answer.status == 200 and f"q={q}" in answer.text, answer.text


def test_the_device_that_is_preferred_less_rings_when_the_other_has_refused(a, b, c):
    """RFC 3261 16.6: contacts by q."""
    prefers(b, "0.3")
    prefers(c, "0.8")
    a.invite("102")
    two = c.called(c.expect("INVITE"))
    b.silent()
    c.reply(two, 486)
    c.expect("ACK")
    one = b.called(b.expect("INVITE"))
    b.reply(one, 180)
    a.take(a.expect(180))
    answered(a, b, one)
    c.silent()
    hang_up(a, b)


def test_equals_ring_together(a, b, c):
    prefers(b, "0.5")
    prefers(c, "0.5")
    a.invite("102")
    for phone in b, c:
        invite = phone.called(phone.expect("INVITE"))
        phone.reply(invite, 180)
        phone.incoming = invite
    a.take(a.expect(180))
    for phone in b, c:
        phone.reply(phone.incoming, 486)
        phone.expect("ACK")
    a.refused(486)
