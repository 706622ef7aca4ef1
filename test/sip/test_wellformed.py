# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program reads what we say: nothing of it is malformed (tshark).  The fixture `capture` does so for this whole folder; here is
its control, and the messages that a quiet suite might not have."""
import pytest

from harness.rawcall import hang_up, talk
from harness.wireshark import Capture

GOOD = ("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\n"
        "CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {n}\r\n\r\n{body}")
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


@pytest.mark.parametrize("body, is_good", [(SDP, True), (SDP.replace("m=audio 4000 RTP/AVP 0", "m="), False),
                                           (SDP.replace("c=IN IP4 192.0.2.1", "c="), False)])
def test_the_oracle_finds_what_is_malformed(body, is_good):
    c = Capture()
    c.add(GOOD.format(n=len(body), body=body).encode())
    assert (c.faults() == []) == is_good
    c.close()


def test_a_call_with_everything(capture, server, phone):
    before = capture.count
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b, offer=a.sdp() + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
         answer=b.sdp() + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n")
    for direction in ("sendonly", "inactive", "sendrecv"):
        a.say("INVITE", body=a.sdp(2, direction) + "m=video 0 RTP/AVP 96\r\n")
        b.reply(b.expect("INVITE"), 200, body=b.sdp(2) + "m=video 0 RTP/AVP 96\r\n")
        b.expect("ACK")
        a.take(a.expect(200))
        a.say("ACK", cseq=a.cseq)
    a.say("REFER", headers=[f"Refer-To: <sip:103@{server.domain}>"])
    a.expect(202)
    a.reply(a.expect("NOTIFY"), 200)
    invite = c.called(c.expect("INVITE"))
    c.reply(invite, 180)
    c.reply(invite, 486)
    c.expect("ACK")
    note = a.expect("NOTIFY")
    while "terminated" not in note.get("Subscription-State"):
        a.reply(note, 200)
        note = a.expect("NOTIFY")
    a.reply(note, 200)
    hang_up(a, b)
    assert capture.count > before + 20
