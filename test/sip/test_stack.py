# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stack answers by itself, over UDP, TCP and IPv6."""
import socket
import uuid

import pytest

from harness.rawsip import RawSip
from harness.server import Server


@pytest.fixture(params=["UDP", "TCP"])
def peer(request, server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain, transport=request.param)
    yield p
    p.close()


def ask(peer, method, **more):
    peer.send(peer.request(method, **more))
    return peer.final(2.0)


def test_options_lists_what_we_do(peer):
    answer = ask(peer, "OPTIONS")
    assert answer.status == 200
    assert "INVITE" in answer.get("Allow") and "application/sdp" in answer.get("Accept")
    assert answer.to_tag()


def test_max_forwards_zero(peer):
    assert ask(peer, "INVITE", max_forwards=0).status == 483
    assert ask(peer, "OPTIONS", max_forwards=0).status in (200, 483)


def test_an_unknown_extension_is_required(peer):
    answer = ask(peer, "INVITE", headers=["Require: nothing-we-know"])
    assert answer.status == 420 and "nothing-we-know" in answer.get("Unsupported")


def test_an_unknown_method(peer):
    answer = ask(peer, "FROBNICATE")
    assert answer.status in (405, 501)
    assert answer.status == 501 or answer.get("Allow")


def test_requests_in_no_dialog(peer):
    for method in ("BYE", "INFO", "UPDATE"):
        assert ask(peer, method, to_tag="never-made").status == 481, method


def test_a_cancel_for_nothing(peer):
    assert ask(peer, "CANCEL").status == 481


def test_an_ack_is_never_answered(peer):
    peer.send(peer.request("ACK", to_tag="x"))
    assert peer.receive(0.5) is None
    assert peer.alive()


def test_merged_requests_are_482(server, addresses):
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    try:
        call_id, tag = uuid.uuid4().hex, "merge"
        one = dict(call_id=call_id, from_tag=tag)
        uri = f"sip:102@{peer.domain}"
        # Authenticated, so that the first is in progress when the second comes over another way.
        first = peer.transact("INVITE", "101", "wrong", uri, call_id=call_id, from_tag=tag)
        assert first.status == 407
        peer.send(peer.request("OPTIONS", cseq=9, **one))
        peer.send(peer.request("OPTIONS", cseq=9, **one))
        statuses = {peer.final(cseq=9).status, peer.final(cseq=9).status}
        assert statuses in ({200, 482}, {200})  # a second OPTIONS may come after the first was answered
    finally:
        peer.close()


def test_a_retransmission_gets_the_same_answer(server, addresses):
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    try:
        text = peer.request("OPTIONS", branch="z9hG4bKsame")
        peer.send(text)
        first = peer.final()
        peer.send(text)
        assert peer.final().text == first.text
    finally:
        peer.close()


def test_answers_go_where_the_request_came_from(server, addresses):
    """RFC 3581: received and rport."""
    ip = addresses.new()
    peer = RawSip(ip, server.ip)
    try:
        peer.host = "192.0.2.77"  # what a phone behind NAT believes
        answer = ask(peer, "OPTIONS")
        assert f"received={ip}" in answer.get("Via") and f"rport={peer.port}" in answer.get("Via")
    finally:
        peer.close()


def test_tcp_byte_by_byte_and_two_at_once(server, addresses):
    peer = RawSip(addresses.new(), server.ip, transport="TCP")
    try:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in peer.request("OPTIONS").encode():
            peer.send(bytes([byte]))
        assert peer.final().status == 200
        peer.send(peer.request("OPTIONS", cseq=1) + peer.request("OPTIONS", cseq=2))
        assert {peer.final().get("CSeq"), peer.final().get("CSeq")} == {"1 OPTIONS", "2 OPTIONS"}
        peer.send(b"\r\n\r\n")
        peer.socket.settimeout(2)
        assert peer.socket.recv(16) == b"\r\n", "CRLF keep-alive (RFC 5626 3.5.1)"
    finally:
        peer.close()


@pytest.mark.parametrize("noise,refused", [(b"\x00\x01noise", None), (b"GET / HTTP/1.1\r\n\r\n", None), ("no length", 400), ("huge", 513)])
def test_what_was_whole_is_answered_before_noise_ends_the_connection(server, addresses, noise, refused):
    peer = RawSip(addresses.new(), server.ip, transport="TCP")
    try:
        if refused:
            noise = peer.request("OPTIONS", cseq=3)
            length = "Content-Length: 0\r\n"
            noise = noise.replace(length, "" if refused == 400 else "Content-Length: 70000\r\n").encode()
        peer.send((peer.request("OPTIONS", cseq=1) + peer.request("OPTIONS", cseq=2)).encode() + noise)
        answers = [(200, "1 OPTIONS"), (200, "2 OPTIONS")] + [(refused, "3 OPTIONS")] * bool(refused)
        for want in answers:
            answer = peer.final()
            assert answer and (answer.status, answer.get("CSeq")) == want
        peer.socket.settimeout(5)
        assert peer.socket.recv(16) == b"", "then it is closed"
    finally:
        peer.close()


def test_who_shuts_his_side_still_hears_the_answers(server, addresses):
    peer = RawSip(addresses.new(), server.ip, transport="TCP")
    try:
        peer.send(peer.request("OPTIONS", cseq=1) + peer.request("REGISTER", cseq=2, to=f"sip:101@{server.domain}"))
        peer.socket.shutdown(socket.SHUT_WR)
        assert [peer.final().get("CSeq") for _ in range(2)] == ["1 OPTIONS", "2 REGISTER"]
        peer.socket.settimeout(5)
        assert peer.socket.recv(16) == b""
    finally:
        peer.close()


def test_http_on_the_sip_port_is_closed_and_nothing_inside_is_run(server, addresses):
    peer = RawSip(addresses.new(), server.ip, transport="TCP")
    try:
        inner = peer.request("OPTIONS")
        peer.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n{inner}")
        peer.socket.settimeout(3)
        try:
            data = peer.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        assert b"SIP/2.0 200" not in data
    finally:
        peer.close()


def test_ipv6(tmp_path):
    # Loopback has one IPv6 address: the server takes it with a port of its own.
    server = Server(tmp_path / "v6", "::1", sip_port=25060, http_port=28888, rtp="41000-41999").start()
    try:
        for transport in ("UDP", "TCP"):
            peer = RawSip("::1", "::1", port=0, server_port=25060, transport=transport)
            try:
                assert ask(peer, "OPTIONS").status == 200
                answer = peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{peer.domain}",
                                       headers=["Expires: 600"])
                assert answer.status == 200, answer.text
            finally:
                peer.close()
    finally:
        server.stop()


def test_compact_forms_folding_and_case(peer):
    text = peer.request("OPTIONS")
    for full, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "I"), ("Contact", "m"),
                        ("Content-Length", "l")):
        text = text.replace(f"\r\n{full}: ", f"\r\n{short} :\r\n  ")
    peer.send(text)
    assert peer.final(2.0).status == 200
