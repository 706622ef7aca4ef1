# SPDX-License-Identifier: GPL-3.0-or-later
"""What the relay passes on besides sound: video, RTCP, fax (UDPTL), and what it has never heard of; and on which lines not."""
import struct

import pytest

from harness.rawcall import hang_up, talk
from harness.rtp import Media, packet, where


@pytest.fixture
def pair(pair):
    """With sockets for video and its reports too: all by their ports."""
    for phone in pair:
        phone.sockets = {4000: phone.media, 4001: phone.rtcp, **{n: Media(phone.host, n) for n in (4100, 4101)}}
    yield pair
    for phone in pair:
        phone.sockets[4100].close()
        phone.sockets[4101].close()


def both_hear(a, b, to_a, to_b, data, port=4000):
    """`to_x`: where x sends."""
    for who, to, other in (a, to_a, b), (b, to_b, a):
        assert other.sockets[port].hears(lambda: who.sockets[port].send(data, to)) == data


def test_video_and_its_feedback_pass_both_ways(server, pair):
    a, b = pair

    def sdp(phone):
        return phone.sdp(formats="0") + "m=video 4100 RTP/AVPF 97\r\na=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack pli\r\n"
    invite, ok = talk(a, b, offer=sdp(a), answer=sdp(b))
    assert "a=rtcp-fb:97 nack pli" in invite.body and "RTP/AVPF" in invite.body
    to_a, to_b = where(ok.body, "video"), where(invite.body, "video")
    both_hear(a, b, to_a, to_b, packet(1, pt=97, payload=b"\x90" * 1000), 4100)
    pli = struct.pack("!BBHII", 0x81, 206, 2, 0x1234, 0x1234)
    nack = struct.pack("!BBHIIHH", 0x81, 205, 3, 0x1234, 0x1234, 7, 0)
    for feedback in pli, nack:
        both_hear(a, b, (to_a[0], to_a[1] + 1), (to_b[0], to_b[1] + 1), feedback, 4101)
    hang_up(a, b)


def test_reports_pass_both_ways(server, pair):
    a, b = pair
    invite, ok = talk(a, b)
    to_a, to_b = where(ok.body), where(invite.body)
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
    both_hear(a, b, (to_a[0], to_a[1] + 1), (to_b[0], to_b[1] + 1), report, 4001)
    hang_up(a, b)


@pytest.mark.parametrize("word", ["udptl", "UDPTL"])
def test_a_call_becomes_a_fax_and_passes_it(server, pair, word):
    """T.38 by re-INVITE (RFC 3362): not RTP, passed on as it is, on the same port."""
    a, b = pair
    talk(a, b)
    fax = ("v=0\r\no=- 77 {v} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=image 4000 " + word +
           " t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n")
    b.say("INVITE", body=fax.format(v=2, ip=b.host))
    offer = a.expect("INVITE")
    assert "t38" in offer.body and "a=T38FaxUdpEC:t38UDPRedundancy" in offer.body
    a.reply(offer, 200, body=fax.format(v=2, ip=a.host))
    a.expect("ACK")
    answer = b.expect(200)
    b.say("ACK", cseq=b.cseq)
    udptl = b"\x00\x01\x06\x00" + b"fax" * 20
    both_hear(a, b, where(offer.body, "image"), where(answer.body, "image"), udptl)
    hang_up(a, b)


def test_payloads_that_nobody_knows_pass(server, pair):
    a, b = pair

    def sdp(phone):
        return phone.sdp(formats="0 120") + "a=rtpmap:120 X-NEVER-HEARD-OF/16000\r\na=fmtp:120 a=b\r\n"
    invite, ok = talk(a, b, offer=sdp(a), answer=sdp(b))
    assert "X-NEVER-HEARD-OF/16000" in invite.body and "a=fmtp:120 a=b" in invite.body
    both_hear(a, b, where(ok.body), where(invite.body), packet(1, pt=120, payload=b"?" * 33))
    hang_up(a, b)


def test_on_hold_sound_stops_and_reports_go_on(server, pair):
    a, b = pair
    invite, ok = talk(a, b)
    to_a, to_b = where(ok.body), where(invite.body)
    both_hear(a, b, to_a, to_b, packet(1))
    a.say("INVITE", body=a.sdp(version=2, direction="inactive"))
    held = b.expect("INVITE")
    b.reply(held, 200, body=b.sdp(version=2, direction="inactive"))
    b.expect("ACK")
    a.expect(200)
    a.say("ACK", cseq=a.cseq)
    for m in a.sockets[4000], b.sockets[4000]:
        m.all(0.1)
    a.sockets[4000].send(packet(2), to_a)
    b.sockets[4000].send(packet(2), to_b)
    assert a.sockets[4000].all() == b.sockets[4000].all() == []
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
    both_hear(a, b, (to_a[0], to_a[1] + 1), (to_b[0], to_b[1] + 1), report, 4001)
    hang_up(a, b)
