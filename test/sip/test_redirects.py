# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that names other numbers (300, 301, 302), and what comes of it (RFC 3261 8.1.3.4, 21.3; RFC 5806)."""
import pytest

from harness.rawcall import Phone, hang_up, record


@pytest.fixture
def c(shared, addresses):
    p = Phone(addresses.new(), shared, 103)
    yield p
    p.leave()


def answered(a, phone):
    """The phone is called, and they talk."""
    invite = phone.called(phone.expect("INVITE"))
    phone.reply(invite, 200, body=phone.sdp())
    phone.expect("ACK")
    m = a.next()
    while m.status < 200:
        m = a.next()
    assert m.status == 200, m.text
    a.take(m)
    a.say("ACK", cseq=a.invite_cseq)
    return invite


def redirect(phone, *contacts, status=302):
    invite = phone.called(phone.expect("INVITE"))
    phone.reply(invite, status, contact=False, headers=[f"Contact: {c}" for c in contacts])
    phone.expect("ACK")
    return invite


@pytest.mark.parametrize("status", [300, 301, 302])
def test_the_call_goes_where_the_device_says(shared, a, b, c, status):
    a.invite("102")
    redirect(b, f"<sip:103@{a.domain}>", status=status)
    assert a.expect(181)
    invite = answered(a, c)
    assert "102@" in invite.get("Diversion") and "deflection" in invite.get("Diversion")
    hang_up(a, c)
    cdr = record(shared, a)
    assert cdr["callee"] == "102" and cdr["final_dest"] == "103" and "102 moved" in cdr["forwards"]


def test_the_best_of_several_is_tried_first_and_then_the_next(a, b, c):
    a.invite("102")
    redirect(b, f"<sip:9999@{a.domain}>;q=0.1, <sip:nobody@{a.domain}>;q=1.0", f"<sip:103@{a.domain}>;q=0.7, <mailto:x@y>")
    a.expect(181)
    answered(a, c)
    hang_up(a, c)


def test_when_the_first_fails_the_second_is_tried(a, b, c):
    a.invite("102")
    redirect(b, f"<sip:103@{a.domain}>;q=0.9, <sip:*43@{a.domain}>;q=0.8, <sip:9999@{a.domain}>;q=0.7")
    a.expect(181)
    invite = c.called(c.expect("INVITE"))
    c.reply(invite, 486)
    c.expect("ACK")
    m = a.next()
    assert m.status >= 400  # 9999 leads nowhere; the feature code is not followed
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=m.to_tag(), branch=a.branch, contact=False))


def test_two_that_send_to_each_other_come_to_an_end(a, b, c):
    a.invite("102")
    redirect(b, f"<sip:103@{a.domain}>")
    a.expect(181)
    redirect(c, f"<sip:102@{a.domain}>")
    m = a.next()
    assert m.status >= 400, m.text
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=m.to_tag(), branch=a.branch, contact=False))
    b.silent()
    c.silent()


def test_one_that_sends_to_itself(a, b):
    a.invite("102")
    redirect(b, f"<sip:102@{a.domain}>")
    m = a.next()
    while m.status < 200:
        m = a.next()
    assert m.status >= 400
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=m.to_tag(), branch=a.branch, contact=False))
    b.silent()


@pytest.mark.parametrize("status, contact", [
    (302, None), (302, "<sip:someone@elsewhere.example.net>"), (302, "<tel:>"), (305, "<sip:103@{d}>"), (380, "<sip:103@{d}>"),
    (399, "<sip:103@{d}>"), (302, "<sip:" + "1" * 200 + "@{d}>"), (302, "<sip:103%00@{d}>"), (302, "<sip:103@elsewhere.example.net>"),
])
def test_what_is_not_followed_is_unavailable(a, b, c, status, contact):
    a.invite("102")
    redirect(b, *([contact.format(d=a.domain)] if contact else []), status=status)
    a.refused(480)
    c.silent()


def test_the_other_devices_stop_ringing(shared, addresses, a, b, c):
    other = Phone(addresses.new(), shared, 102)
    try:
        a.invite("102")
        rung = other.called(other.expect("INVITE"))
        other.reply(rung, 180)
        a.expect(180)
        redirect(b, f"<sip:103@{a.domain}>")
        other.reply(other.expect("CANCEL"), 200)
        other.reply(rung, 487)
        other.expect("ACK")
        a.expect(181)
        answered(a, c)
        hang_up(a, c)
    finally:
        other.leave()


def test_a_device_that_has_moved_the_call_may_be_called_again(a, b, c):
    for _ in range(2):
        a.invite("102")
        redirect(b, f"<sip:103@{a.domain}>")
        a.expect(181)
        answered(a, c)
        hang_up(a, c)
