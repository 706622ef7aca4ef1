# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP over TLS, by hand: the certificate, the hand-shake, registration and calls over it, and what is no TLS."""
import socket
import ssl
import subprocess
import time

import pytest

from harness import wait
from harness.rawsip import RawSip
from harness.server import Server


def context(server):
    return ssl.create_default_context(cafile=server.demo["sip"]["ca"])


class TlsSip(RawSip):
    def __init__(self, ip, server, ctx=None, name=None):
        super().__init__(ip, server.ip, port=0, domain=server.domain, transport="TLS",
                         server_port=server.demo["sip"]["tls_port"])
        self.socket = (ctx or context(server)).wrap_socket(self.socket, server_hostname=name or server.domain)


@pytest.fixture
def peer(server, addresses):
    p = TlsSip(addresses.new(), server)
    yield p
    p.close()


def register(peer, server, user="101"):
    return peer.transact("REGISTER", user, server.password(user), to=f"sip:{user}@{peer.domain}", contact=False,
                         headers=[f"Contact: <sip:{user}@{peer.host}:{peer.port};transport=tls>"])


def test_a_device_registers_and_is_called_over_its_connection(server, peer, addresses):
    assert register(peer, server).status == 200
    (one,) = server.get("/api/registrations")["items"]
    assert one["transport"] == "tls"
    caller = RawSip(addresses.new(), server.ip, domain=server.domain)
    sdp = f"v=0\r\no=- 1 1 IN IP4 {caller.host}\r\ns=-\r\nc=IN IP4 {caller.host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    uri = f"sip:101@{server.domain}"
    caller.send(caller.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", body=sdp))
    challenge = caller.final()
    assert challenge.status == 407
    caller.ack(challenge, uri, "102", "c1", "f1", 1)
    line = caller.authorization(challenge, "INVITE", uri, "102", server.password(102))
    caller.send(caller.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", cseq=2, body=sdp, headers=[line]))
    invite = peer.receive(5)
    assert invite.method == "INVITE"
    assert invite.get("Via").startswith("SIP/2.0/TLS ")
    assert f":{server.demo['sip']['tls_port']}" in invite.get("Contact") and "transport=tls" in invite.get("Contact").lower()
    caller.close()


def test_what_was_whole_is_answered_before_noise_ends_the_connection(peer):
    peer.send((peer.request("OPTIONS", cseq=1) + peer.request("OPTIONS", cseq=2)).encode() + b"\x00 noise")
    assert [peer.final().get("CSeq") for _ in range(2)] == ["1 OPTIONS", "2 OPTIONS"]
    peer.socket.settimeout(5)
    assert peer.socket.recv(16) == b""


def test_the_certificate_is_for_the_domain_and_the_address(server, addresses):
    for name in server.domain, server.ip:
        peer = TlsSip(addresses.new(), server, name=name)
        assert peer.alive().status == 200
        peer.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsSip(addresses.new(), server, name="other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsSip(addresses.new(), server, ctx=ssl.create_default_context())


def test_old_versions_are_refused(server, addresses):
    ctx = context(server)
    ctx.set_ciphers("ALL:@SECLEVEL=0")
    ctx.minimum_version = ctx.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        TlsSip(addresses.new(), server, ctx=ctx)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        ctx = context(server)
        ctx.minimum_version = ctx.maximum_version = version
        peer = TlsSip(addresses.new(), server, ctx=ctx)
        assert peer.socket.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
        assert peer.alive().status == 200
        peer.close()


def test_large_and_split_messages_come_whole(server, peer):
    padding = [f"X-Padding-{i}: {'x' * 900}" for i in range(30)]
    request = peer.request("OPTIONS", headers=padding)
    peer.send(request)
    assert peer.final().status == 200
    for i in range(0, len(request), 500):
        peer.send(request[i:i + 500])
    assert peer.final().status == 200
    for _ in range(50):
        peer.send(peer.request("OPTIONS"))
    assert [peer.final().status for _ in range(50)] == [200] * 50


def test_plain_sip_and_noise_on_the_tls_port_are_closed_and_others_served(server, peer):
    for noise in b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 600, b"GET / HTTP/1.1\r\n\r\n":
        with socket.create_connection((server.ip, server.demo["sip"]["tls_port"]), timeout=5) as s:
            s.sendall(noise)
            got = b""
            try:
                s.shutdown(socket.SHUT_WR)
                while chunk := s.recv(1000):
                    got += chunk
            except OSError:  # it was closed before we had said all
                pass
            assert b"SIP/2.0" not in got
    assert peer.alive().status == 200


def test_who_never_finishes_the_hand_shake_is_closed_in_time(server):
    start = time.monotonic()
    with socket.create_connection((server.ip, server.demo["sip"]["tls_port"]), timeout=30) as s:
        assert s.recv(100) == b""
    assert 8 < time.monotonic() - start


def test_the_contact_goes_with_the_connection(server, peer):
    assert register(peer, server).status == 200
    peer.close()
    wait.until(lambda: server.get("/api/registrations")["items"] == [], why="the contact is gone")


def test_the_root_stays_over_restarts_and_new_addresses(server, addresses):
    ca = open(server.demo["sip"]["ca"]).read()
    server.stop()
    server.start()
    assert open(server.demo["sip"]["ca"]).read() == ca
    peer = TlsSip(addresses.new(), server)
    assert peer.alive().status == 200
    peer.close()


def test_a_certificate_of_the_operator_is_shown_and_one_that_does_not_fit_is_refused(tmp_path, addresses):
    def make(name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(tmp_path / f"{name}.key"),
                        "-out", str(tmp_path / f"{name}.pem")], check=True, capture_output=True)
    make("pbx.example")
    make("other.example")
    cert, key = tmp_path / "pbx.example.pem", tmp_path / "pbx.example.key"
    server = Server(tmp_path / "own", addresses.new(), args=["--tls-cert", str(cert), "--tls-key", str(key)]).start()
    try:
        assert "ca" not in server.demo["sip"]
        peer = TlsSip(addresses.new(), server, ctx=ssl.create_default_context(cafile=str(cert)), name="pbx.example")
        assert peer.alive().status == 200
        peer.close()
        for domain, status in (("pbx.example", 401), ("other.example", 404)):  # its names are ours: who registers there is asked who it is
            peer = RawSip(addresses.new(), server.ip, domain=domain)
            peer.send(peer.request("REGISTER", f"sip:{domain}", user="101", to=f"sip:101@{domain}"))
            assert peer.final().status == status, domain
            peer.close()
    finally:
        server.stop()
    wrong = Server(tmp_path / "wrong", addresses.new(), args=["--tls-cert", str(cert), "--tls-key", str(tmp_path / "other.example.key")])
    with pytest.raises(AssertionError, match="does not belong|key values mismatch|no certificate"):
        wrong.start()
    wrong.log.close()
