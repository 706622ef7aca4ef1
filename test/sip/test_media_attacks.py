# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers and hostile peers may send to media ports: nothing of it is heard, answered or the end of a call."""
import base64
import os
import re
import struct
import subprocess
import time

import pytest

from harness import wait
from harness.rawcall import hang_up, talk
from harness.rtp import Media, packet, where

# Forged packets at 10,000 a second, and calls never answered: as long and as many as the attack is written, or a short version.
FULL = os.environ.get("OFFHOOK_LOAD") == "full"
FORGED_S, HALF_OPEN = (60, 100000) if FULL else (3, 12)

KEY = base64.b64encode(bytes(range(30))).decode()
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
# A whole ClientHello of DTLS 1.2, as a stranger would send it.
CLIENT_HELLO = bytes.fromhex(
    "16fefd0000000000000000" "0064" "01000058000000000000" "0058" "fefd" + "11" * 32 + "00" "00" "0004" "c02bc02f" "0100" "002a"
    "000a00060004001d0017" "000b00020100" "000d000400020403" "000e00050002000100" "00170000" "ff01000100")


@pytest.fixture
def stranger(addresses):
    m = Media(addresses.new(), 6000)
    yield m
    m.close()


def talking(server, a, b, **how):
    """They talk; where each sends."""
    invite, ok = talk(a, b, **how)
    a.to, b.to = where(ok.body), where(invite.body)
    return invite, ok


def established(a, b):
    assert b.media.hears(lambda: a.media.say(a.to)) and a.media.hears(lambda: b.media.say(b.to))
    a.media.all()
    b.media.all()





def test_who_sends_to_open_ports_gets_no_media(server, pair, stranger):
    """RTP bleed (CVE-2017-14099, CVE-2025-53399)."""
    a, b = pair
    talking(server, a, b)
    established(a, b)
    for _ in range(50):
        for ip, port in a.to, b.to:
            stranger.say((ip, port))
            stranger.send(struct.pack("!BBHI", 0x80, 201, 1, 7), (ip, port + 1))
        a.media.say(a.to)
        b.media.say(b.to)
    assert stranger.all() == []
    assert len(b.media.all()) >= 50 and len(a.media.all()) >= 50
    hang_up(a, b)


def test_who_is_learnt_at_the_start_loses_its_place_with_the_first_packet_of_the_described(server, pair, stranger):
    a, b = pair
    talking(server, a, b)
    stranger.say(a.to, 30)
    a.media.say(a.to)
    assert b.media.got()
    stranger.all()
    stranger.say(a.to, 30)
    b.media.say(b.to, 30)
    assert stranger.all() == [] and len(a.media.all()) == 30
    hang_up(a, b)


def test_strangers_are_not_heard_and_neither_is_another_source_of_the_phones_address(server, pair, stranger):
    """RTP injection: a wrong address, and the right one with an SSRC that was guessed."""
    a, b = pair
    talking(server, a, b)
    established(a, b)
    for _ in range(20):
        a.media.say(a.to)
        stranger.say(a.to, payload=b"\x55" * 160)
        a.media.send(packet(9, ssrc=0xbad, payload=b"\x55" * 160), a.to)
    heard = b.media.all()
    assert len(heard) == 20 and not any(b"\x55" * 160 in p for p in heard)
    hang_up(a, b)


def test_a_phone_whose_nat_moved_is_heard_again(server, pair, addresses):
    """The same device from another port, after it was silent for a while; no stranger in between."""
    a, b = pair
    talking(server, a, b)
    established(a, b)
    moved = Media(a.media.ip, 4444)
    moved.seq = 500
    assert b.media.hears(lambda: moved.say(a.to), 12), "after silence and probation"
    assert moved.hears(lambda: b.media.say(b.to))
    moved.close()
    hang_up(a, b)


def protected(phone, proto="RTP/SAVP", line=f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"):
    return phone.sdp(formats="0 101").replace("RTP/AVP", proto) + line + "\r\n"


def test_plain_and_forged_packets_of_a_protected_phone_are_dropped_and_end_nothing(server, pair):
    """CVE-2021-41105, CVE-2021-26712: no number of bad packets ends a call."""
    a, b = pair
    invite, ok = talking(server, a, b, offer=protected(a))
    assert "RTP/SAVP" in ok.body and "a=crypto:1 " in ok.body and "a=crypto" not in invite.body
    sent, began = 0, time.monotonic()
    forged = [packet(n, payload=os.urandom(170)) for n in range(4096)]
    while sent < FORGED_S * 10000:
        for _ in range(100):
            a.media.send(forged[sent % len(forged)], a.to)
            sent += 1
        wait.talk(max(0, began + sent / 10000 - time.monotonic()))
    a.media.say(a.to, 100)
    assert b.media.all() == []
    b.media.say(b.to, 10)
    heard = a.media.all()
    assert heard and all(len(p) == 12 + 160 + 10 for p in heard), "what goes to it is sealed"
    hang_up(a, b)
    (call,) = server.cdrs()
    (leg,) = [x for x in server.get(f"/api/cdrs/{call['id']}")["legs"] if x["side"] == "caller"]
    assert leg["rx_refused"] > 0.9 * sent, "what came was refused, not lost on the way"


@pytest.mark.parametrize("line", ["", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + KEY,
                                  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY + " UNENCRYPTED_SRTP"])
def test_an_offer_of_protection_is_never_answered_plain(server, pair, line):
    a, b = pair
    a.invite("102", body=protected(a, line=line))
    a.refused(488)
    b.silent()


def test_a_protected_call_is_not_made_plain_by_reinvite(server, pair):
    a, b = pair
    talking(server, a, b, offer=protected(a))
    a.say("INVITE", body=a.sdp(version=2))
    m = a.expect(488)
    a.say("ACK", cseq=a.cseq)
    assert m.status == 488
    a.media.say(a.to, 20)
    assert b.media.all() == []
    hang_up(a, b)


def web_offer(phone, extra="", setup="actpass", ice=True, fingerprint=FINGERPRINT):
    lines = [fingerprint, f"a=setup:{setup}", "a=rtcp-mux"]
    if ice:
        lines += ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"]
    return protected(phone, "UDP/TLS/RTP/SAVPF", "\r\n".join(lines) + extra)


def check(sdp, user="abcd"):
    """A connectivity check, made with the password of a description."""
    import hashlib
    import hmac
    ufrag = re.search(r"a=ice-ufrag:(\S+)", sdp).group(1)
    password = re.search(r"a=ice-pwd:(\S+)", sdp).group(1)

    def attribute(kind, value):
        return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)
    body = attribute(0x0006, f"{ufrag}:{user}".encode()) + attribute(0x0024, b"\0\0\0\1") + attribute(0x802a, b"\0" * 8)
    body += attribute(0x0025, b"")
    head = struct.pack("!HHI", 1, len(body) + 24, 0x2112a442) + os.urandom(12)
    return head + body + attribute(0x0008, hmac.new(password.encode(), head + body, hashlib.sha1).digest())


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_before_ice_has_checked_a_source_nothing_of_it_is_read(server, pair, stranger, setup):
    """CVE-2023-49786, CVE-2023-51443: a ClientHello before the device's."""
    a, b = pair
    _, ok = talking(server, a, b, offer=web_offer(a, setup=setup))
    assert "a=ice-lite" in ok.body and f"a=setup:{'passive' if setup == 'active' else 'active'}" in ok.body
    for _ in range(20):
        stranger.send(CLIENT_HELLO, a.to)
        stranger.send(check(ok.body.replace("a=ice-pwd:", "a=ice-pwd:x")), a.to)
        stranger.say(a.to)
    assert stranger.all() == []
    a.media.send(check(ok.body), a.to)
    first = a.media.got()
    assert first and first[:2] == b"\x01\x01", "the check is answered"
    if setup == "passive":
        hello = a.media.got(3)
        assert hello and hello[0] == 22 and hello[13] == 1, "now, and to who checked, we begin"
    else:
        a.media.send(CLIENT_HELLO, a.to)
        assert a.media.got(3), "a hand-shake from the checked pair is answered"
    assert stranger.all(0.1) == [] and b.media.all(0.1) == []
    a.say("BYE")
    a.expect(200)


def handshake(tmp_path, phone, to, *options):
    """openssl as a device: a hand-shake from the phone's own media port.  What it said."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    cert, "-subj", "/CN=device", "-days", "2"], check=True, capture_output=True)
    phone.media.close()
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"{to[0]}:{to[1]}", "-bind", f"{phone.media.ip}:{phone.media.port}",
               "-cert", cert, "-key", key, "-use_srtp", "SRTP_AES128_CM_SHA1_80", *options]
    return cert, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_another_certificate_than_described_ends_the_call(server, pair, tmp_path):
    """ASVS 17.2.8."""
    a, b = pair
    talking(server, a, b, offer=web_offer(a, setup="active", ice=False))
    _, process = handshake(tmp_path, a, a.to)
    try:
        b.reply(b.expect("BYE", 10), 200)
        a.reply(a.expect("BYE"), 200)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


@pytest.mark.parametrize("weak", [("-cipher", "NULL:@SECLEVEL=0"), ("-cipher", "AES128-SHA:@SECLEVEL=0"),
                                  ("-use_srtp", "SRTP_AES128_CM_SHA1_32")])
def test_weak_hand_shakes_come_to_nothing(server, pair, tmp_path, weak):
    a, b = pair
    talking(server, a, b, offer=web_offer(a, setup="active", ice=False))
    _, process = handshake(tmp_path, a, a.to, *weak)
    try:
        said = b""
        os.set_blocking(process.stdout.fileno(), False)
        end = time.monotonic() + 2
        while time.monotonic() < end and process.poll() is None:
            said += process.stdout.read() or b""
            if b"SRTP Extension negotiated" in said:
                break
            time.sleep(0.05)
        assert b"SRTP Extension negotiated, profile" not in said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


def ports_in_use(server):
    return server.metrics()["offhook_media_ports"]


def test_ports_are_drawn_at_random_and_come_back(server, pair):
    a, b = pair
    seen = []
    for _ in range(HALF_OPEN):
        a.invite("102")
        invite = b.called(b.expect("INVITE"))
        seen.append(where(invite.body)[1])
        b.reply(invite, 180)
        a.expect(180)
        a.cancel()
        b.reply(b.expect("CANCEL"), 200)
        b.reply(invite, 487)
        b.expect("ACK")
        a.expect(200)
        a.refused(487)
        a.seen.clear()
        b.seen.clear()
    assert all(p % 2 == 0 for p in seen) and len(set(seen[:12])) >= 10
    steps = {y - x for x, y in zip(seen[:12], seen[1:12])}
    assert len(steps) >= 10, f"sequential: {seen[:12]}"
    wait.until(lambda: ports_in_use(server) == 0, why="every port is back")


def test_a_media_port_is_no_relay_for_strangers(server, pair, stranger):
    """TURN's requests (Allocate, CreatePermission, Connect) and plain STUN are not answered."""
    a, b = pair
    _, ok = talking(server, a, b, offer=web_offer(a))
    for method in 0x0003, 0x0008, 0x000a, 0x0001:
        stranger.send(struct.pack("!HHI", method, 0, 0x2112a442) + os.urandom(12), a.to)
        a.media.send(struct.pack("!HHI", method, 0, 0x2112a442) + os.urandom(12), a.to)
    assert stranger.all() == [] and a.media.all() == []
    a.say("BYE")
    a.expect(200)
