# SPDX-License-Identifier: GPL-3.0-or-later
"""Transports and certificates as resources: opened, closed and certified anew while calls and connections stay."""
import json
import socket
import ssl

import pytest

from harness import wait
from harness.certs import Authority
from harness.rawsip import RawSip
from harness.server import Server


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("root"))


def rows(server, **fields):
    return [t for t in server.get("/api/transports", who="admin")["items"] if all(t[k] == v for k, v in fields.items())]


def states(server, **fields):
    return [t for t in server.get("/api/transport_states", who="admin")["items"] if all(t[k] == v for k, v in fields.items())]


def transport(server, **body):
    return server.post("/api/transports", body, who="admin")["id"]


def patch(server, path, body, expect=200, **more):
    return server.api("PATCH", path, body, expect=expect, **{"who": "admin", **more}).json()


def certificate(server, name, pair, *, who="admin", expect=201, **more):
    chain, key = pair[0].read_text(), pair[1].read_text()
    return server.api("POST", "/api/certificates", {"name": name, "chain": chain, "key": key, **more}, who=who, expect=expect).json()


def errors(answer):
    return {(e["field"], e["code"]) for e in answer["errors"]}


class Peer(RawSip):
    """Over any port; `ctx` makes it TLS."""

    def __init__(self, server, ip, port, transport, ctx=None, name=None, target=None):
        super().__init__(ip, target or server.ip, port=0, domain=server.domain, transport=transport, server_port=port)
        if ctx:
            self.socket = ctx.wrap_socket(self.socket, server_hostname=name or server.domain)

    def names(self):
        """What the certificate that was shown is for."""
        return {value for _, value in self.socket.getpeercert()["subjectAltName"]}


def believes(*roots):
    ctx = ssl.create_default_context()
    for each in roots:
        ctx.load_verify_locations(str(each))
    ctx.check_hostname = False
    return ctx


def is_closed(ip, port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(5)
        try:
            s.connect((ip, port))
        except ConnectionRefusedError:
            return True
        return False


# ---- added and removed ----

def test_a_new_system_serves_five_and_says_so(server):
    assert [(t["protocol"], t["address"], t["port"], t["enabled"]) for t in rows(server)] == [
        (p, "", 0, True) for p in ("udp", "tcp", "tls", "ws", "wss")]
    sip = server.demo["sip"]
    assert {(s["protocol"], s["address"], s["port"], s["is_active"], s["reason"]) for s in states(server)} == {
        (p, server.ip, port, True, "") for p, port in [("udp", sip["port"]), ("tcp", sip["port"]), ("tls", sip["tls_port"]),
                                                       ("ws", sip["ws_port"]), ("wss", sip["wss_port"])]}


def test_transports_come_and_go_while_what_is_connected_stays(server, addresses):
    for protocol in "tcp", "udp":
        made = transport(server, protocol=protocol, port=5070)
        peer = Peer(server, addresses.new(), 5070, protocol.upper())
        assert peer.alive().status == 200
        server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)
        assert states(server, port=5070) == []
        if protocol == "tcp":
            wait.until(lambda: is_closed(server.ip, 5070), why="nobody is taken any more")
            assert peer.alive().status == 200  # it was there before
        else:
            assert peer.alive() is None
        peer.close()
        again = transport(server, protocol=protocol, port=5070)
        wait.until(lambda: states(server, transport_id=again)[0]["is_active"], why="served again")
        peer = Peer(server, addresses.new(), 5070, protocol.upper())
        assert peer.alive().status == 200
        peer.close()
        patch(server, f"/api/transports/{again}", {"port": 5071})
        wait.until(lambda: protocol == "udp" or is_closed(server.ip, 5070), why="the old port is closed")
        peer = Peer(server, addresses.new(), 5071, protocol.upper())
        assert peer.alive().status == 200
        peer.close()
        patch(server, f"/api/transports/{again}", {"enabled": False})
        assert states(server, transport_id=again) == []
        server.api("DELETE", f"/api/transports/{again}", who="admin", expect=204)


def test_a_device_goes_on_over_a_transport_that_is_removed(server, devices, addresses):
    """A call over a TCP transport that is taken away while they talk: it goes on, and ends in order."""
    made = transport(server, protocol="tcp", port=5072)
    peer = Peer(server, addresses.new(), 5072, "TCP")
    contact = f"<sip:101@{peer.host}:{peer.port};transport=tcp>"
    assert peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", contact=False,
                         headers=[f"Contact: {contact}"]).status == 200
    server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)
    wait.until(lambda: is_closed(server.ip, 5072), why="nobody is taken any more")
    caller = RawSip(addresses.new(), server.ip, domain=server.domain)
    answer = caller.transact("MESSAGE", "102", server.password(102), f"sip:101@{server.domain}", body="hello", content_type="text/plain")
    assert answer is not None  # whatever it is: the server lives
    (one,) = [r for r in server.get("/api/registrations")["items"] if r["extension"] == "101"]
    assert one["transport"] == "tcp"
    assert peer.alive().status == 200
    caller.close()
    peer.close()


def test_what_cannot_be_bound_is_told_and_tried_again(server):
    blocker = socket.create_server((server.ip, 5073))
    made = transport(server, protocol="tcp", port=5073)
    (state,) = states(server, transport_id=made)
    assert not state["is_active"] and state["reason"] == "Address already in use"
    server.logs(f"cannot serve SIP over TCP on {server.ip}:5073: Address already in use")
    blocker.close()
    wait.until(lambda: states(server, transport_id=made)[0]["is_active"], why="the port is free")
    assert states(server, transport_id=made)[0]["reason"] == ""
    foreign = transport(server, protocol="udp", address="192.0.2.77", port=5073)
    (state,) = states(server, transport_id=foreign)
    assert not state["is_active"] and state["reason"] == "Cannot assign requested address"
    for each in made, foreign:
        server.api("DELETE", f"/api/transports/{each}", who="admin", expect=204)


def test_what_makes_no_sense_is_refused_by_field_and_rule(server, root):
    def refused(body):
        answer = server.api("POST", "/api/transports", body, who="admin")
        assert answer.status_code in (409, 422), answer.text
        return errors(answer.json())
    cert = certificate(server, "for-refusals", root.sign("refusals", "DNS:refusals.test"))["id"]
    assert refused({"protocol": "udp", "address": "pbx.example"}) == {("address", "bad_address")}
    assert refused({"protocol": "tcp", "port": 5080, "certificate_id": cert}) == {("certificate_id", "not_tls")}
    assert refused({"protocol": "ws", "port": 5080, "client_ca": root.pem.read_text()}) == {("client_ca", "not_tls")}
    assert refused({"protocol": "tls", "port": 5080, "client_ca": "nonsense"}) == {("client_ca", "bad_pem")}
    assert refused({"protocol": "sctp"}) == {("protocol", "not_in_list")}
    assert refused({"protocol": "tls"}) == {("port", "taken")}
    assert refused({"protocol": "tls", "port": 70000}) == {("port", "out_of_range")}
    made = transport(server, protocol="tcp", port=5081)
    assert refused({"protocol": "wss", "port": 5081}) == {("port", "taken")}
    assert errors(patch(server, f"/api/transports/{made}", {"protocol": "ws"}, expect=422)) == {("protocol", "read_only")}
    transport(server, protocol="udp", port=5081)  # control: another kind of socket
    for row in rows(server, port=5081):
        server.api("DELETE", f"/api/transports/{row['id']}", who="admin", expect=204)
    server.api("GET", "/api/transports", who="tenant", expect=403)


def test_the_last_one_stays_and_so_does_one_that_is_used(tmp_path, addresses):
    server = Server(tmp_path / "last", addresses.new()).start()
    try:
        def refused(protocol):
            (row,) = rows(server, protocol=protocol)
            deleted = server.api("DELETE", f"/api/transports/{row['id']}", who="admin", expect=409).json()
            disabled = server.api("PATCH", f"/api/transports/{row['id']}", {"enabled": False}, who="admin").json()
            ((_, code),) = errors(deleted)
            assert errors(disabled) == {("enabled", code)}
            return code, deleted["errors"][0]["message"]

        used = server.post("/api/trunks", {"name": "Provider", "host": addresses.new(), "transport": "tls"}, who="admin")["id"]
        assert refused("tls") == ("in_use", "the last over tls, used by trunk Provider")
        server.api("DELETE", f"/api/trunks/{used}", who="admin", expect=204)
        one = server.get("/api/accounts")["items"][0]
        only_ws = {f"allow_{p}": p == "ws" for p in ("udp", "tcp", "tls", "ws", "wss")}
        server.api("PATCH", f"/api/accounts/{one['id']}", only_ws, expect=200)
        assert refused("ws") == ("in_use", f"the last over ws, used by account {one['username']}")
        server.api("PATCH", f"/api/accounts/{one['id']}", {k: True for k in only_ws}, expect=200)
        peer = RawSip(addresses.new(), server.ip, domain=server.domain, transport="TCP", port=0)
        assert peer.transact("REGISTER", "102", server.password(102), to=f"sip:102@{server.domain}").status == 200

        def is_kept():
            """The registration reaches the database a moment later; before, the transport goes, and comes again."""
            (row,) = rows(server, protocol="tcp")
            answer = server.api("DELETE", f"/api/transports/{row['id']}", who="admin")
            if answer.status_code == 204:
                transport(server, protocol="tcp")
                return False
            return "a device of account 102" in answer.json()["errors"][0]["message"]
        wait.until(is_kept, why="a device is registered over it")
        peer.close()
        for protocol in "tls", "ws", "wss", "udp":
            server.api("DELETE", f"/api/transports/{rows(server, protocol=protocol)[0]['id']}", who="admin", expect=204)
        assert refused("tcp")[0] == "last"
        # It stays so over a restart: five are made for a new system only.
        server.stop()
        server.start()
        assert [t["protocol"] for t in rows(server)] == ["tcp"]
        assert "tls_port" not in server.demo["sip"]
    finally:
        server.stop()


# ---- certificates ----

def test_a_certificate_is_changed_while_a_connection_stays(server, addresses, root, tmp_path):
    """The new one is shown at once, and nobody who is connected notices."""
    first, second = root.sign("first", "DNS:first.test"), root.sign("second", "DNS:second.test")
    cert = certificate(server, "changing", first)
    assert cert["names"] == "first.test" and cert["expires_at"] > "2026" and "key" not in cert
    made = transport(server, protocol="tls", port=5074, certificate_id=cert["id"])
    ctx = believes(root.pem)
    old = Peer(server, addresses.new(), 5074, "TLS", ctx)
    assert old.names() == {"first.test"} and old.alive().status == 200
    path = f"/api/certificates/{cert['id']}"

    # A key that does not fit: refused by field and rule, and the old one is still shown.
    wrong = patch(server, path, {"key": second[1].read_text()}, expect=422)
    assert errors(wrong) == {("key", "not_matching")}
    assert errors(patch(server, path, {"chain": second[0].read_text()}, expect=422)) == {("key", "not_matching")}
    assert errors(patch(server, path, {"chain": "no PEM"}, expect=422)) == {("chain", "bad_pem")}
    expired = root.sign("was", "DNS:was.test", expired=True)
    assert errors(patch(server, path, {"chain": expired[0].read_text(), "key": expired[1].read_text()}, expect=422)) == {("chain", "expired")}
    kept = Peer(server, addresses.new(), 5074, "TLS", ctx)
    assert kept.names() == {"first.test"}
    kept.close()

    patch(server, path, {"chain": second[0].read_text(), "key": second[1].read_text()})
    new = Peer(server, addresses.new(), 5074, "TLS", ctx)
    assert new.names() == {"second.test"} and new.alive().status == 200
    assert old.alive().status == 200
    assert server.get("/api/certificates/" + cert["id"], who="admin")["names"] == "second.test"

    # Of another kind of key, from another root, and to the server's own: all the same.
    patch(server, f"/api/transports/{made}", {"certificate_id": None})
    own = Peer(server, addresses.new(), 5074, "TLS", believes(server.demo["sip"]["ca"]))
    assert server.domain in own.names()
    assert old.alive().status == 200
    for peer in old, new, own:
        peer.close()
    server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)


def test_a_certificate_that_is_used_stays(server, root):
    cert = certificate(server, "used", root.sign("used", "DNS:used.test"))["id"]
    made = transport(server, protocol="wss", port=5075, certificate_id=cert)
    refused = server.api("DELETE", f"/api/certificates/{cert}", who="admin", expect=409).json()
    assert {code for _, code in errors(refused)} == {"in_use"}
    server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)
    server.api("DELETE", f"/api/certificates/{cert}", who="admin", expect=204)


def test_an_encrypted_key_opens_with_its_pass_phrase(server, root, tmp_path):
    import subprocess
    pem, key = root.sign("locked", "DNS:locked.test")
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(locked), "-passout", "pass:open sesame"], check=True)
    assert errors(certificate(server, "locked", (pem, locked), expect=422)) == {("key", "bad_passphrase")}
    assert errors(certificate(server, "locked", (pem, locked), passphrase="wrong", expect=422)) == {("passphrase", "bad_passphrase")}
    made = certificate(server, "locked", (pem, locked), passphrase="open sesame")
    assert "passphrase" not in made and made["names"] == "locked.test"
    server.api("DELETE", f"/api/certificates/{made['id']}", who="admin", expect=204)


def test_who_asks_for_a_tenant_is_shown_the_tenants_certificate(server, addresses, root):
    """SNI: on every listener, over TLS and WSS; of others, of nobody and after it went, the server's own."""
    port, ctx = server.demo["sip"]["tls_port"], believes(root.pem, server.demo["sip"]["ca"])

    def shown(name, where=port):
        peer = Peer(server, addresses.new(), where, "TLS", ctx, name=name)
        names = peer.names()
        peer.close()
        return names

    assert shown(server.domain) == shown("nobody.test") and server.domain in shown("nobody.test")
    other = server.post("/api/tenants", {"name": "sni", "domain": "sni.test", "username": "boss", "password": "some secret words"},
                        who="admin")["id"]
    in_other = {"who": "admin", "headers": {"X-Tenant": "sni.test"}}
    pair = root.sign("sni", "DNS:sni.test,DNS:*.sni.test")
    body = {"name": "ours", "chain": pair[0].read_text(), "key": pair[1].read_text()}
    made = server.post("/api/certificates", body, **in_other)["id"]
    assert shown("sni.test") == shown("SNI.test") == {"sni.test", "*.sni.test"}
    assert shown("sni.test", server.demo["sip"]["wss_port"]) == {"sni.test", "*.sni.test"}
    assert server.domain in shown(server.domain) and "sni.test" not in shown(server.domain)

    # A tenant is shown under its own domain only: it cannot speak for another.
    taken = root.sign("taken", f"DNS:{server.domain}")
    stolen = server.api("POST", "/api/certificates", {"name": "x", "chain": taken[0].read_text(), "key": taken[1].read_text()},
                        expect=422, **in_other).json()
    assert errors(stolen) == {("chain", "other_name")}
    both = root.sign("both", f"DNS:sni.test,DNS:{server.domain}")
    server.api("PATCH", f"/api/certificates/{made}", {"chain": both[0].read_text(), "key": both[1].read_text()}, expect=200, **in_other)
    assert shown("sni.test") == {"sni.test", server.domain}
    assert "sni.test" not in shown(server.domain)

    # The domain moves away from it, and back.
    patch(server, f"/api/tenants/{other}", {"domain": "moved.test"})
    assert "sni.test" not in shown("sni.test") and "moved.test" not in shown("moved.test")
    patch(server, f"/api/tenants/{other}", {"domain": "sni.test"})
    assert shown("sni.test") == {"sni.test", server.domain}
    in_other = {"who": "admin", "headers": {"X-Tenant": "sni.test"}}

    # The system's names: any host, but not before the tenant's own.
    system = certificate(server, "system", root.sign("system", "DNS:gw.example,DNS:sni.test"))["id"]
    assert shown("gw.example") == {"gw.example", "sni.test"}
    assert shown("sni.test") == {"sni.test", server.domain}
    server.api("DELETE", f"/api/certificates/{made}", expect=204, **in_other)
    assert shown("sni.test") == {"gw.example", "sni.test"}
    server.api("DELETE", f"/api/certificates/{system}", who="admin", expect=204)
    assert server.domain in shown("sni.test") and server.domain in shown("gw.example")
    server.api("DELETE", f"/api/tenants/{other}", who="admin", expect=204)


def test_mutual_tls_lets_in_only_who_shows_a_certificate_of_its_roots(server, addresses, root, tmp_path):
    stranger = Authority(tmp_path / "stranger")
    made = transport(server, protocol="tls", port=5076, client_ca=root.pem.read_text())
    good, bad, old = (r.sign(n, "DNS:phone.test", **more) for r, n, more in [
        (root, "good", {}), (stranger, "bad", {}), (root, "old", {"expired": True})])

    def gets_in(pair, port=5076, name=None):
        ctx = believes(server.demo["sip"]["ca"])
        if pair:
            ctx.load_cert_chain(*map(str, pair))
        try:  # TLS 1.3: a refusal comes with the first answer
            peer = Peer(server, addresses.new(), port, "TLS", ctx, name=name)
            alive = peer.alive()
            peer.close()
            return alive is not None and alive.status == 200
        except (ssl.SSLError, OSError):
            return False

    assert gets_in(good)
    assert not gets_in(None) and not gets_in(bad) and not gets_in(old)
    assert gets_in(None, port=server.demo["sip"]["tls_port"])  # control
    # Asking for a name with a certificate of its own is no way around it.
    pair = root.sign("way-around", f"DNS:{server.domain}")
    mine = certificate(server, "around", pair, who="tenant")["id"]
    ctx = believes(root.pem)
    ctx.load_cert_chain(*map(str, good))
    peer = Peer(server, addresses.new(), 5076, "TLS", ctx)
    assert peer.names() == {server.domain} and peer.alive().status == 200
    peer.close()
    ctx = believes(root.pem)
    with pytest.raises((ssl.SSLError, OSError, AssertionError)):
        peer = Peer(server, addresses.new(), 5076, "TLS", ctx)
        assert peer.alive()
    # Other roots, while it runs.
    patch(server, f"/api/transports/{made}", {"client_ca": stranger.pem.read_text()})
    server.api("DELETE", f"/api/certificates/{mine}", expect=204)
    assert gets_in(bad) and not gets_in(good)
    patch(server, f"/api/transports/{made}", {"client_ca": ""})
    assert gets_in(None)
    server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)


def test_ipv6_is_switched_off_and_on(server, addresses):
    made = transport(server, protocol="tcp", address="::1", port=5077)
    assert states(server, transport_id=made)[0]["is_active"]
    setting = server.post("/api/network_settings", {"ipv6": False}, who="admin")["id"]
    assert states(server, transport_id=made) == []
    patch(server, f"/api/network_settings/{setting}", {"ipv6": True})
    wait.until(lambda: (s := states(server, transport_id=made)) and s[0]["is_active"], why="served again")
    server.api("DELETE", f"/api/network_settings/{setting}", who="admin", expect=204)
    server.api("DELETE", f"/api/transports/{made}", who="admin", expect=204)


def test_a_certificate_of_a_tenant_is_nobody_elses(server, root):
    mine = certificate(server, "mine", root.sign("mine", f"DNS:{server.domain}"), who="tenant")["id"]
    body = {"protocol": "tls", "port": 5078, "certificate_id": mine}
    assert errors(server.api("POST", "/api/transports", body, who="admin", expect=422).json()) == {("certificate_id", "not_found")}
    assert "PRIVATE KEY" not in json.dumps(server.get("/api/certificates"))
    server.api("DELETE", f"/api/certificates/{mine}", expect=204)
