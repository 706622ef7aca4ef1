# SPDX-License-Identifier: GPL-3.0-or-later
"""What one device answers, and what its caller hears of it: meaning is kept, what is only between us and the device is not.

488 is a question first (ADR 17): test_codec_lists.py, and src/call/ringing_test.c."""
import pytest

Q850 = 'Q.850;cause=17;text="User busy"'


@pytest.mark.parametrize("said, heard", [
    (403, 403), (404, 404), (408, 408), (410, 410), (480, 480), (484, 484), (486, 486), (600, 600), (603, 603), (606, 606),
    (401, 480), (407, 480), (481, 480), (482, 480), (487, 480), (491, 480), (503, 480), (500, 500), (420, 500), (499, 500), (599, 500),
])
def test_a_refusal_as_the_caller_hears_it(a, b, said, heard):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, said, headers=[f"Reason: {Q850}", "Retry-After: 100", 'WWW-Authenticate: Digest realm="x", nonce="y"'])
    b.expect("ACK")
    m = a.refused(heard)
    assert m.get("Reason") == Q850
    assert not m.get("WWW-Authenticate") and not m.get("Proxy-Authenticate")


def test_why_it_was_given_up_is_passed_to_who_rang(a, b):
    """So that a phone shows no missed call for one that was taken elsewhere."""
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    why = 'SIP;cause=200;text="Call completed elsewhere"'
    a.send(a.request("CANCEL", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag, branch=a.branch,
                     contact=False, headers=[f"Reason: {why}"]))
    a.expect(200)
    cancel = b.expect("CANCEL")
    assert cancel.get("Reason") == why
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")
    a.refused(487)
