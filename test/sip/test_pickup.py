# SPDX-License-Identifier: GPL-3.0-or-later
"""INVITE with Replaces over sockets: a ringing call is picked up by what a lamp tells of it (RFC 3891, RFC 4235)."""
from harness.rawcall import hang_up, talk


def replaces(of, params=""):
    return f"Replaces: {of.call_id};to-tag={of.tag};from-tag={of.remote_tag}{params}"


def test_a_ringing_call_is_picked_up_and_no_call_is_missed(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    c.invite("102", headers=["Require: replaces", replaces(b, ";early-only")])
    ok = c.take(c.expect(200))
    assert "m=audio" in ok.body
    c.say("ACK", cseq=c.invite_cseq)
    cancel = b.expect("CANCEL")
    assert 'cause=200' in cancel.get("Reason") and "completed elsewhere" in cancel.get("Reason")
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert "m=audio" in a.take(a.expect(200)).body
    a.say("ACK", cseq=a.invite_cseq)
    c.silent()
    hang_up(a, c)
    (cdr,) = server.cdrs()
    assert (cdr["callee"], cdr["final_dest"], cdr["status"]) == ("102", "103", "answered")


def test_what_may_not_be_taken_is_refused_and_goes_on(phone):
    a, b, c = phone(101), phone(102), phone(103)
    c.invite("102", headers=["Replaces: nobody@nowhere;to-tag=1;from-tag=2"])
    c.refused(481)
    c.invite("102", headers=["Replaces: nobody@nowhere;to-tag=1"])
    c.refused(400)
    talk(a, b)
    c.invite("102", headers=[replaces(b, ";early-only")])
    c.refused(486)
    c.invite("102", headers=[replaces(b)])
    c.refused(403)
    a.silent()
    b.silent()
    hang_up(a, b)


def test_a_call_goes_on_at_another_device_of_its_extension(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    other = phone(102, port=5070)
    other.invite("102", headers=[replaces(b)])
    assert "m=audio" in other.take(other.expect(200)).body
    other.say("ACK", cseq=other.invite_cseq)
    b.reply(b.expect("BYE"), 200)
    again = a.expect("INVITE")
    a.reply(again, 200, body=a.sdp(2))
    a.expect("ACK")
    other.silent()
    hang_up(a, other)
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["ended_by"]) == ("answered", "caller")
