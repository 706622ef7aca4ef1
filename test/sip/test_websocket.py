# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP over WebSocket (RFC 7118) by hand: the hand-shake, frames whole and in parts, what may not be sent, registration, calls
to and from a browser's flow, and the end of a connection."""
import socket
import ssl
import struct
import time

import pytest

from harness import wait
from harness.rawsip import RawSip
from harness.server import Server
from harness.websip import BINARY, CLOSE, PING, PONG, TEXT, WebSip, frame, hello, new_key, read_head


def context(server):
    return ssl.create_default_context(cafile=server.demo["sip"]["ca"])


@pytest.fixture
def peer(server, addresses):
    p = WebSip(addresses.new(), server)
    yield p
    p.close()


def register(peer, server, user="101", **more):
    return peer.transact("REGISTER", user, server.password(user), to=f"sip:{user}@{peer.domain}", **more)


def registered(server):
    return server.get("/api/registrations")["items"]


def sdp(ip, port=40000):
    return f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"


def invite(caller, server, user, to, ip="127.0.0.1", call_id="call-1"):
    """An INVITE with credentials: what comes next is up to the caller."""
    uri = f"sip:{to}@{server.domain}"
    body = sdp(ip)
    caller.send(caller.request("INVITE", uri, user=user, call_id=call_id, from_tag="f1", body=body))
    challenge = caller.final()
    assert challenge.status == 407
    caller.ack(challenge, uri, user, call_id, "f1", 1)
    line = caller.authorization(challenge, "INVITE", uri, user, server.password(user))
    caller.send(caller.request("INVITE", uri, user=user, call_id=call_id, from_tag="f1", cseq=2, body=body, headers=[line]))


def answer(peer, request, status, reason, tag="t1", headers=(), body=""):
    copied = [f"{k}: {v}" for k, v in request.headers if k.lower() in ("via", "from", "call-id", "cseq", "record-route")]
    lines = [f"SIP/2.0 {status} {reason}", *copied, f"To: {request.get('To')};tag={tag}", *headers]
    if body:
        lines.append("Content-Type: application/sdp")
    peer.send("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body)


def heard(peer, method):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        m = peer.receive(1)
        if m and m.method == method:
            return m
    return None


# ---- the hand-shake ----

def shake(server, data, ip=None):
    with socket.create_connection((server.ip, server.demo["sip"]["ws_port"]), timeout=5) as s:
        s.sendall(data)
        return read_head(s)[0]


def test_what_is_no_websocket_of_sip_is_refused_with_a_reason(server, peer):
    good = dict(key=new_key())
    assert shake(server, hello("h", **good)).startswith("HTTP/1.1 101 ")
    for status, change in [(400, {"protocol": None}), (400, {"protocol": "chat"}), (400, {"key": None}), (400, {"key": "c2hvcnQ="}),
                           (426, {"version": 8}), (426, {"version": None}), (426, {"upgrade": None}), (426, {"connection": "close"}),
                           (405, {"method": "POST"}), (400, {"headers": ["Content-Length: 5"]}), (400, {"headers": ["X Y: z"]}),
                           (431, {"headers": [f"X-{i}: {'y' * 300}" for i in range(60)]}), (400, {"headers": ["Host: other"]})]:
        head = shake(server, hello("h", **{**good, **change}))
        assert head.startswith(f"HTTP/1.1 {status} "), (change, head)
        if status == 426:
            assert "Sec-WebSocket-Version: 13" in head
    assert shake(server, b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n").startswith("HTTP/1.1 400 ")
    assert peer.alive().status == 200


def test_sip_without_a_handshake_is_never_read(server):
    with socket.create_connection((server.ip, server.demo["sip"]["ws_port"]), timeout=5) as s:
        s.sendall(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/WS h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\n"
                  b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n")
        got = b""
        while chunk := s.recv(1000):
            got += chunk
        assert b"SIP/2.0" not in got


def test_who_never_finishes_the_handshake_is_closed_in_time(server):
    start = time.monotonic()
    with socket.create_connection((server.ip, server.demo["sip"]["ws_port"]), timeout=30) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
        assert s.recv(100) == b""
    assert 8 < time.monotonic() - start


def test_handshake_and_first_frame_may_come_together_or_byte_by_byte(server, addresses, peer):
    data = hello("h", key=new_key()) + frame(TEXT, peer.request("OPTIONS"))
    for size in len(data), 1:
        with socket.create_connection((server.ip, server.demo["sip"]["ws_port"]), timeout=5) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(data), size):
                s.sendall(data[i:i + size])
            head, rest = read_head(s)
            assert head.startswith("HTTP/1.1 101 ")
            while b"\r\n\r\n" not in rest:
                rest += s.recv(4096)
            assert b"SIP/2.0 200" in rest


def test_only_listed_pages_may_come_when_there_is_a_list(tmp_path, addresses):
    server = Server(tmp_path / "origins", addresses.new(), args=["--ws-origins", "https://phone.example http://other.example:8080"])
    server.start()
    try:
        for origin, status in [("https://phone.example", 101), ("HTTPS://Phone.Example", 101), ("http://other.example:8080", 101),
                               ("http://phone.example", 403), ("https://phone.example.evil.test", 403), ("null", 403), (None, 403)]:
            head = shake(server, hello("h", key=new_key(), headers=[f"Origin: {origin}"] if origin else []))
            assert head.startswith(f"HTTP/1.1 {status} "), (origin, head)
    finally:
        server.stop()


# ---- frames ----

def test_text_and_binary_whole_and_in_parts_are_answered(server, addresses):
    for op in TEXT, BINARY:
        for cut in 0, 1, 100:
            peer = WebSip(addresses.new(), server, op=op, cut=cut)
            assert peer.alive().status == 200
            assert peer.last_op == TEXT
            peer.close()


def test_several_messages_in_one_segment_and_pings_between_parts(server, peer):
    one, two = (frame(TEXT, peer.request("OPTIONS", call_id=c)) for c in ("c-1", "c-2"))
    peer.write(one + frame(PING, b"") + two)
    assert [peer.final().get("Call-ID") for _ in range(2)] == ["c-1", "c-2"]
    text = peer.request("OPTIONS", call_id="c-3").encode()
    peer.write(frame(TEXT, text[:50], fin=False) + frame(PING, b"between") + frame(PONG, b"unasked") + frame(0, text[50:]))
    assert peer.final().get("Call-ID") == "c-3"
    assert (PONG, b"between") in peer.control and (PONG, b"") in peer.control


def test_keep_alive_in_a_message_is_answered_and_counts_as_none(server, peer):
    peer.write(frame(TEXT, "\r\n\r\n"))
    assert peer.next_frame() == (TEXT, b"\r\n")
    peer.write(frame(TEXT, "\r\n") + frame(TEXT, ""))
    assert peer.alive().status == 200


BAD = {
    "not masked": (1002, lambda p: frame(TEXT, p.request("OPTIONS"), mask=False)),
    "compressed": (1002, lambda p: frame(TEXT, p.request("OPTIONS"), rsv=0x40)),
    "unknown kind": (1002, lambda p: frame(3, b"x")),
    "unknown control": (1002, lambda p: frame(11, b"x")),
    "next part of nothing": (1002, lambda p: frame(0, p.request("OPTIONS"))),
    "message within a message": (1002, lambda p: frame(TEXT, b"O", fin=False) + frame(TEXT, p.request("OPTIONS"))),
    "ping in parts": (1002, lambda p: frame(PING, b"x", fin=False)),
    "long ping": (1002, lambda p: frame(PING, b"x" * 126)),
    "gigabyte": (1009, lambda p: frame(BINARY, b"x", length=1 << 30)),
    "2^63": (1002, lambda p: frame(BINARY, b"x", length=1 << 63)),
    "too large": (1009, lambda p: frame(BINARY, b"x" * 65536)),
    "too large in parts": (1009, lambda p: frame(BINARY, b"x" * 40000, fin=False) + frame(0, b"x" * 40000)),
    "parts without end": (1009, lambda p: frame(BINARY, b"x" * 1000, fin=False) + frame(0, b"x" * 1000, fin=False) * 70),
    "no UTF-8": (1007, lambda p: frame(TEXT, b"\xc0\xaf")),
    "long form of a short length": (1002, lambda p: b"\x81\xfe\x00\x05" + b"\0" * 9),
    "half a close code": (1002, lambda p: frame(CLOSE, b"\x03")),
    "close code nobody sends": (1002, lambda p: frame(CLOSE, struct.pack(">H", 1006))),
    "flood of pings": (1002, lambda p: frame(PING, b"x") * 200),
}


def test_what_may_not_be_sent_closes_with_its_code_and_others_are_served(server, addresses):
    control = WebSip(addresses.new(), server)
    for what, (code, make) in BAD.items():
        peer = WebSip(addresses.new(), server)
        assert peer.alive().status == 200  # so it is this that closes it
        try:
            peer.write(make(peer))
        except OSError:
            pass  # closed while we were still speaking
        assert peer.close_code() == code, what
        assert peer.ended(), what
        assert control.alive().status == 200
        peer.close()
    control.close()


def test_a_few_pings_are_no_flood(server, peer):
    for i in range(10):
        peer.write(frame(PING, str(i)))
    assert [peer.next_frame() for _ in range(10)] == [(PONG, str(i).encode()) for i in range(10)]


def test_frame_that_trickles_is_closed_in_time(server, peer):
    assert peer.alive().status == 200
    start = time.monotonic()
    peer.write(frame(TEXT, peer.request("OPTIONS"), fin=False))
    while time.monotonic() - start < 40 and peer.closed is None:
        try:
            peer.write(frame(0, b"x", fin=False))
        except OSError:
            break
        peer.next_frame(0.5)
    assert 8 < time.monotonic() - start < 40


def test_what_is_no_sip_in_a_frame_hurts_nobody(server, peer):
    for junk in b"hello", b"\x00" * 1000, b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n":
        peer.write(frame(BINARY, junk))
    two = peer.request("OPTIONS", call_id="one") + peer.request("OPTIONS", call_id="smuggled")
    peer.write(frame(TEXT, two))
    first = peer.final()
    assert first.status == 400 and first.get("Call-ID") == "one"
    assert peer.alive().status == 200


def test_closing_is_answered_with_the_same_code(server, peer):
    peer.write(frame(CLOSE, struct.pack(">H", 1001) + b"going away"))
    assert peer.next_frame() == (CLOSE, struct.pack(">H", 1001))
    assert peer.ended()


@pytest.mark.parametrize("last,code", [(frame(TEXT, "x", mask=False), 1002), (frame(CLOSE, struct.pack(">H", 1001)), 1001)])
def test_what_was_whole_is_answered_before_the_connection_ends(server, peer, last, code):
    peer.write(b"".join(frame(TEXT, peer.request("OPTIONS", cseq=n)) for n in (1, 2)) + last)
    assert [peer.final().get("CSeq") for _ in range(2)] == ["1 OPTIONS", "2 OPTIONS"]
    assert peer.close_code() == code and peer.ended()


# ---- SIP ----

@pytest.mark.parametrize("secure", [False, True])
def test_a_browser_registers_and_is_called_and_hangs_up_over_its_flow(server, addresses, secure):
    # By hand it has no DTLS; test/phones has browsers that do.
    mine = next(a for a in server.get("/api/accounts")["items"] if a["username"] == "101")
    server.api("PATCH", f"/api/accounts/{mine['id']}", {"srtp": "off"}, expect=200)
    peer = WebSip(addresses.new(), server, ctx=context(server) if secure else None)
    assert register(peer, server).status == 200
    (one,) = registered(server)
    assert one["transport"] == peer.transport.lower() and ".invalid" in one["contact"]
    caller = RawSip(addresses.new(), server.ip, domain=server.domain)
    invite(caller, server, "102", "101", caller.host)
    request = heard(peer, "INVITE")
    assert request.get("Via").startswith(f"SIP/2.0/{peer.transport} {server.ip}:")
    assert request.start.startswith(f"INVITE sip:101@{peer.host}")
    assert f"transport={peer.transport.lower()}" in request.get("Contact")
    answer(peer, request, 180, "Ringing")
    ringing = wait.until(lambda: (m := caller.receive(1)) and m.status == 180 and m, why="180")
    assert ringing.get("Call-ID") == "call-1"
    answer(peer, request, 200, "OK", headers=[f"Contact: <sip:101@{peer.host};transport=ws>"], body=sdp(peer.socket.getsockname()[0]))
    assert heard(peer, "ACK").start.startswith(f"ACK sip:101@{peer.host}")
    ok = caller.final(cseq=2)
    assert ok.status == 200
    target = ok.get("Contact").split("<")[1].split(">")[0]
    caller.send(caller.request("ACK", target, user="102", call_id="call-1", from_tag="f1", to_tag=ok.to_tag(), cseq=2))
    caller.send(caller.request("BYE", target, user="102", call_id="call-1", from_tag="f1", to_tag=ok.to_tag(), cseq=3))
    assert caller.final(cseq=3).status == 200
    assert heard(peer, "BYE").start.startswith(f"BYE sip:101@{peer.host}")
    caller.close()
    peer.close()


def test_a_call_of_a_browser_rings_a_phone_and_its_refusal_comes_back(server, addresses, peer):
    assert register(peer, server).status == 200
    phone = RawSip(addresses.new(), server.ip, domain=server.domain)
    assert phone.transact("REGISTER", "102", server.password(102), to=f"sip:102@{server.domain}").status == 200
    invite(peer, server, "101", "102")
    request = heard(phone, "INVITE")
    answer(phone, request, 180, "Ringing")
    wait.until(lambda: (m := peer.receive(1)) and m.status == 180, why="180")
    answer(phone, request, 486, "Busy Here")
    assert peer.final(cseq=2).status == 486
    phone.close()


def test_the_contact_goes_with_the_connection_however_it_ends(server, addresses):
    def close_frame(p):
        p.write(frame(CLOSE, struct.pack(">H", 1000)))
        return p.ended()
    for end in WebSip.close, close_frame, lambda p: p.write(frame(3, b"")):
        peer = WebSip(addresses.new(), server)
        assert register(peer, server).status == 200
        assert len(registered(server)) == 1
        end(peer)
        wait.until(lambda: registered(server) == [], why="the contact is gone")
        peer.close()


def test_large_messages_go_both_ways(server, peer):
    padding = [f"X-Padding-{i}: {'x' * 900}" for i in range(40)]
    for cut in 0, 7000:
        peer.cut = cut
        peer.send(peer.request("OPTIONS", headers=padding))
        assert peer.final().status == 200
    for size in 100, 1000, 20000:
        peer.send(peer.request("OPTIONS", via_extra=f";x={'y' * size}"))
        ok = peer.final()
        assert ok.status == 200 and len(ok.get("Via")) > size


def test_no_credentials_no_service(server, peer):
    peer.send(peer.request("REGISTER", user="101", to=f"sip:101@{peer.domain}"))
    assert peer.final().status == 401
    peer.send(peer.request("INVITE", f"sip:102@{server.domain}", user="101", body=sdp("127.0.0.1")))
    assert peer.final().status == 407
    assert registered(server) == []
