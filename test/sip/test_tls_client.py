# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS that the server opens itself: to whom, and to whom not; what is reused, and what is said when it is refused."""
import socket
import ssl

import pytest

from harness import wait
from harness.certs import Authority
from harness.rawsip import RawSip
from harness.server import Server
from harness.tlspeer import TlsPeer


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("root"))


class Provider(TlsPeer):
    """Answers every request with 200; remembers who said what over which connection."""

    def __init__(self, ip, pair, **more):
        self.requests = []
        super().__init__(ip, pair, **more)

    def _one(self, conn, m):
        self.requests.append((self.connections.index(conn), m))
        if m.method and m.method != "ACK":
            self.reply(m, 200, headers=[f"Contact: {c}" for c in m.all("Contact")] + ["Expires: 600"], conn=conn)


@pytest.fixture
def pbx(tmp_path, addresses, root):
    s = Server(tmp_path / "server", addresses.new(), args=["--tls-ca", str(root.pem)]).start()
    yield s
    s.stop()


def trunk(server, name, ip, **more):
    body = {"name": name, "host": ip, "port": 5061, "transport": "tls", "keep_alive": True, "keep_alive_seconds": 10, **more}
    return server.post("/api/trunks", body, who="admin")["id"]


def state(server, trunk_id):
    return next(t for t in server.get("/api/trunk_states", who="admin")["items"] if t["id"] == trunk_id)


def online(server, trunk_id):
    return wait.until(lambda: (s := state(server, trunk_id)) and s["is_online"] and s, why="the trunk is online")


def offline_because(server, trunk_id, text, timeout=10):
    wait.until(lambda: text in (state(server, trunk_id)["reason"] or ""), timeout, why=lambda: f"{text!r}: {state(server, trunk_id)}")
    assert not state(server, trunk_id)["is_online"]


def test_a_trunk_over_tls_is_asked_and_its_connection_reused(pbx, addresses, root):
    ip = addresses.new()
    provider = Provider(ip, root.sign("by-ip", f"IP:{ip}"))
    kept = trunk(pbx, "kept", ip, username="u", kind="register", password="p")
    online(pbx, kept)
    wait.until(lambda: {m.method for _, m in provider.requests} >= {"REGISTER", "OPTIONS"}, why="both asked")
    assert provider.accepted == 1
    (_, register) = next(r for r in provider.requests if r[1].method == "REGISTER")
    assert register.get("Via").startswith(f"SIP/2.0/TLS {pbx.ip}:5061")
    assert "transport=tls" in register.get("Contact")
    assert provider.names == [None]  # an address is no name (RFC 6066)
    provider.stop()


def test_a_trunk_registers_again_when_the_connection_that_it_is_called_on_ends(pbx, addresses, root):
    """TRK-1: behind a NAT the provider reaches us on no other.  That it is kept until then: call/trunk_call_test.c."""
    ip = addresses.new()
    provider = Provider(ip, root.sign("by-ip", f"IP:{ip}"))
    online(pbx, trunk(pbx, "kept", ip, username="u", kind="register", password="p", keep_alive=False))
    provider.connections[0].shutdown(socket.SHUT_RDWR)
    wait.until(lambda: [(n, m.method) for n, m in provider.requests] == [(0, "REGISTER"), (1, "REGISTER")], 15, why="it registers again")
    provider.stop()


def test_a_name_is_asked_for_and_must_be_shown_and_is_for_no_other(pbx, addresses, root):
    ip = addresses.new()
    provider = Provider(ip, root.sign("by-name", "DNS:sip.provider.test,DNS:second.provider.test"))
    first, second, again, other = (
        trunk(pbx, name, ip, kind="register", username=name, password="p", tls_name=host, keep_alive=False)
        for name, host in [("first", "sip.provider.test"), ("second", "second.provider.test"), ("again", "SIP.provider.test"),
                           ("other", "sip.elsewhere.test")])
    for good in first, second, again:
        online(pbx, good)
    offline_because(pbx, other, "certificate is not trusted, or not of this name")
    pbx.logs("its certificate does not name sip.elsewhere.test")
    # one connection for each name, and the third, which was refused, was asked nothing
    assert sorted(provider.names) == ["second.provider.test", "sip.elsewhere.test", "sip.provider.test"]
    assert len({number for number, _ in provider.requests}) == 2
    provider.stop()


@pytest.mark.parametrize("what", ["expired", "of another root", "of nobody", "for clients only", "by wildcard", "by IP for a name"])
def test_a_server_that_is_not_who_it_should_be_is_told_nothing(pbx, addresses, root, tmp_path, what):
    ip, more = addresses.new(), {}
    reason, log = "certificate is not trusted, or not of this name", "its certificate is not believed"
    if what == "expired":
        pair = root.sign("expired", f"IP:{ip}", expired=True)
        reason, log = "its certificate has expired", "certificate has expired"
    elif what == "of another root":
        pair = Authority(tmp_path / "other").sign("peer", f"IP:{ip}")
    elif what == "of nobody":
        one = Authority(tmp_path / "self", name=ip)
        pair = one.pem, one.key
    elif what == "for clients only":
        pair = root.sign("client", f"IP:{ip}", usage="clientAuth")
    elif what == "by wildcard":
        pair, more, log = root.sign("wild", "DNS:*.provider.test"), {"tls_name": "sip.provider.test"}, "does not name sip.provider.test"
    else:
        pair, more, log = root.sign("ip", f"IP:{ip}"), {"tls_name": "sip.provider.test"}, "does not name sip.provider.test"
    provider = Provider(ip, pair)
    refused = trunk(pbx, "refused", ip, **more)
    offline_because(pbx, refused, reason)
    assert provider.accepted >= 1 and provider.requests == []
    pbx.logs(f"no TLS with {ip}:5061", log)
    # Control: with the right certificate the same trunk comes up.
    provider.stop()
    good = addresses.new()
    provider = Provider(good, root.sign("good", f"IP:{good}"))
    online(pbx, trunk(pbx, "good", good))
    provider.stop()


def test_who_connected_to_us_gets_no_request_meant_for_who_has_proved_a_name(pbx, addresses, root):
    """A stranger's connection from the very address and port of the provider is not taken for one to the provider."""
    ip = addresses.new()
    ctx = ssl.create_default_context(cafile=pbx.demo["sip"]["ca"])
    stranger = RawSip(ip, pbx.ip, port=5061, domain=pbx.domain, transport="TLS", server_port=pbx.demo["sip"]["tls_port"])
    stranger.socket = ctx.wrap_socket(stranger.socket, server_hostname=pbx.domain)
    assert stranger.alive().status == 200
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    asked = trunk(pbx, "asked", ip)
    assert stranger.receive(3) is None
    offline_because(pbx, asked, "refused")
    raw.close()
    stranger.close()


def test_a_server_that_asks_who_we_are_is_shown_our_certificate(tmp_path, addresses, root):
    ip = addresses.new()
    ours, provider_ip = root.sign("ours", f"DNS:pbx.test,IP:{ip}"), addresses.new()
    server = Server(tmp_path / "mutual", ip, args=["--tls-ca", str(root.pem), "--tls-cert", str(ours[0]), "--tls-key", str(ours[1])])
    server.start()
    try:
        provider = Provider(provider_ip, root.sign("mutual", f"IP:{provider_ip}"), ca=root.pem)
        online(server, trunk(server, "mutual", provider_ip))
        assert ("DNS", "pbx.test") in provider.subjects[-1]["subjectAltName"]
        provider.stop()
    finally:
        server.stop()


def patch(server, path, body, expect=200):
    return server.api("PATCH", path, body, who="admin", expect=expect).json()


def test_roots_of_a_trunk_count_for_it_alone(pbx, addresses, root, tmp_path):
    other = Authority(tmp_path / "other")
    ip = addresses.new()
    provider = Provider(ip, other.sign("peer", f"IP:{ip}"))
    asked = trunk(pbx, "own-roots", ip)
    offline_because(pbx, asked, "certificate is not trusted")
    assert provider.requests == []
    refused = patch(pbx, f"/api/trunks/{asked}", {"tls_ca": "no PEM"}, expect=422)
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [("tls_ca", "bad_pem")]
    patch(pbx, f"/api/trunks/{asked}", {"tls_ca": other.pem.read_text()})
    online(pbx, asked)
    # Roots of the system count for it no more.
    second = addresses.new()
    believed = Provider(second, root.sign("second", f"IP:{second}"))
    narrow = trunk(pbx, "narrow", second, tls_ca=other.pem.read_text())
    offline_because(pbx, narrow, "certificate is not trusted")
    patch(pbx, f"/api/trunks/{narrow}", {"tls_ca": ""})
    online(pbx, narrow)
    # And taken away again, the first is believed no more: its old connection is not used.
    told = len(provider.requests)
    patch(pbx, f"/api/trunks/{asked}", {"tls_ca": ""})
    offline_because(pbx, asked, "certificate is not trusted")
    assert len(provider.requests) == told
    provider.stop()
    believed.stop()


def test_a_trunk_without_verification_believes_whoever_is_there(pbx, addresses, tmp_path):
    ip = addresses.new()
    nobody = Authority(tmp_path / "self", name="anything")
    provider = Provider(ip, (nobody.pem, nobody.key))
    strict = trunk(pbx, "strict", ip, kind="register", username="strict", password="p", keep_alive=False)
    lax = trunk(pbx, "lax", ip, kind="register", username="lax", password="p", keep_alive=False, tls_verify=False)
    online(pbx, lax)
    offline_because(pbx, strict, "certificate is not trusted")  # the connection of the other is not used
    assert all("lax" in m.get("From") for _, m in provider.requests)
    patch(pbx, f"/api/trunks/{lax}", {"tls_verify": True})
    offline_because(pbx, lax, "certificate is not trusted")
    provider.stop()


def test_a_trunk_shows_its_own_certificate_and_a_new_one_at_once(pbx, addresses, root):
    ip = addresses.new()
    provider = Provider(ip, root.sign("mutual-own", f"IP:{ip}"), ca=root.pem)
    first, second = root.sign("first-own", "DNS:first.pbx.test"), root.sign("second-own", "DNS:second.pbx.test")
    cert = pbx.post("/api/certificates", {"name": "ours", "chain": first[0].read_text(), "key": first[1].read_text()}, who="admin")["id"]
    # Without: the server's own, which the provider does not believe.
    plain = trunk(pbx, "plain", ip)
    wait.until(lambda: provider.accepted >= 1 and not state(pbx, plain)["is_online"], why="it was tried")
    assert provider.requests == []
    patch(pbx, f"/api/trunks/{plain}", {"certificate_id": cert})
    online(pbx, plain)
    wait.until(lambda: provider.subjects[-1]["subjectAltName"] == (("DNS", "first.pbx.test"),), why="the trunk's own is shown")
    patch(pbx, f"/api/certificates/{cert}", {"chain": second[0].read_text(), "key": second[1].read_text()})
    wait.until(lambda: provider.subjects[-1]["subjectAltName"] == (("DNS", "second.pbx.test"),), why="the new one is shown")
    online(pbx, plain)
    refused = pbx.api("DELETE", f"/api/certificates/{cert}", who="admin", expect=409).json()
    assert refused["errors"][0]["code"] == "in_use"
    provider.stop()


def test_a_server_that_says_nothing_in_the_handshake_is_given_up(pbx, addresses):
    ip = addresses.new()
    silent = socket.create_server((ip, 5061))
    asked = trunk(pbx, "silent", ip)
    offline_because(pbx, asked, "no answer", 20)
    silent.close()


def test_roots_that_cannot_be_read_are_named_at_start(tmp_path, addresses):
    (tmp_path / "bad.pem").write_text("no certificate")
    server = Server(tmp_path / "bad", addresses.new(), args=["--tls-ca", str(tmp_path / "bad.pem")])
    with pytest.raises(AssertionError, match="NET: no certificate for TLS: roots /"):
        server.start()
    server.log.close()
