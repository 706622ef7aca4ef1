# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to and from the world: Asterisk as provider and as another PBX, each kind of trunk, heard both ways."""
import pytest

from harness import wait
from harness.asterisk import at, endpoint
from harness.certs import Authority

SIGNS_IN = "[offhook]\ntype=auth\nauth_type=userpass\nusername=offhook\npassword=provider-secret\n"


class World:
    """A server with one trunk to an Asterisk, numbers, and rules both ways."""

    def __init__(self, server, provider):
        self.server, self.provider = server, provider

    def admin(self, plural, body, **more):
        return self.server.post(f"/api/{plural}", body, who="admin", **more)

    def trunk(self, **more):
        self.trunk_id = self.admin("trunks", {"name": "Provider", "host": self.provider.ip, **more})["id"]
        return self

    def rules(self):
        tenant = {"headers": {"X-Tenant": self.server.domain}}
        self.pool = self.admin("did_pools", {"trunk_id": self.trunk_id, "numbers": "4420700001**", "caller_id": "442070000100"},
                               **tenant)
        self.server.post("/api/inbound_rules", {"name": "desk", "trunk_id": self.trunk_id, "did": "442070000101",
                                                "destination": {"kind": "extension", "id": self.server.extension("101")["id"]}})
        self.server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [
            {"trunk_id": self.trunk_id, "strip": 2, "prepend": "+"}]})
        self.server.post("/api/outbound_rules", {"name": "short", "number_length": 3, "prefixes": "4;5;6",
                                                 "routes": [{"trunk_id": self.trunk_id}]})
        return self

    def state(self):
        return self.server.get("/api/trunk_states", who="admin")["items"][0]

    def is_online(self, yes=True, timeout=20):
        wait.until(lambda: self.state()["is_online"] == yes, timeout, why=lambda: f"online is {yes}: {self.state()}")
        return self


@pytest.fixture(params=["ip", "ip over TCP", "ip over TLS with SRTP", "register", "register over TCP", "register over TLS with SRTP"])
def world(request, server, asterisk, tmp_path):
    kind, _, how = request.param.partition(" over ")
    port, transport, more = server.sip_port, (how or "udp").split()[0].lower(), {}
    media, root = "", None
    if transport == "tls":
        root = Authority(tmp_path / "authority")
        port, media = server.demo["sip"]["tls_port"], "media_encryption=sdes\ntransport=tls\n"
        more = {"port": 5061, "tls_ca": root.pem.read_text(), "srtp": "required"}
    here = f"{server.ip}:{port}" + (f";transport={transport}" if how else "")
    if kind == "register":
        pjsip = endpoint("max_contacts=1", media + "auth=offhook\nidentify_by=username,auth_username") + SIGNS_IN
        more.update(kind="register", username="offhook", password="provider-secret")
    else:
        pjsip = endpoint(f"contact=sip:{here}", media, match=server.ip)
    made = World(server, asterisk(pjsip, root))
    made.desk = f"PJSIP/offhook/sip:442070000101@{here}" if kind == "register" else "PJSIP/442070000101@offhook"
    return made.trunk(transport=transport, **more).rules().is_online()


def test_a_call_to_the_world_is_heard_both_ways(world, phones):
    world.server.post("/api/call_rates", {"prefix": "33", "connect_fee": 100000, "interval_1_seconds": 2, "price_1": 300000,
                                          "interval_n_seconds": 60, "price_n": 600000, "surcharge": 10000})
    world.server.post("/api/call_rates", {"prefix": "3", "connect_fee": 7})
    a = phones("101", world.server, tone_hz=440).registered()
    a.dial(f"sip:0033123456789@{world.server.domain}")
    a.talks(3)
    assert a.heard(1000, skip_s=0.4, cut_s=0.4) >= 0.9
    (cdr,) = world.server.cdrs()
    assert (cdr["direction"], cdr["trunk"], cdr["rule"], cdr["status"]) == ("outbound", "Provider", "world", "answered")
    assert cdr["final_dest"] == "+33123456789"
    assert (cdr["rate"], cdr["cost"]) == ("33", 717100)  # (0.10 + 2 s of 0.30 + one begun minute of 0.60) and 1 %
    legs = world.server.get(f"/api/cdrs/{cdr['id']}")["legs"]
    assert all(leg["rx_packets"] > 100 and leg["tx_packets"] > 100 for leg in legs)


def test_a_call_from_the_world_rings_the_desk(world, phones):
    a = phones("101", world.server, tone_hz=440).registered()
    world.provider.cli(f"channel originate {world.desk} extension answer@provider")
    a.wait_for("CALL_INCOMING")
    a.answer()
    a.talks(2)
    (cdr,) = world.server.cdrs()
    assert (cdr["direction"], cdr["trunk"], cdr["rule"], cdr["status"]) == ("inbound", "Provider", "desk", "answered")
    assert a.heard(1000, skip_s=0.4, cut_s=0.4) >= 0.9
    assert cdr["callee"] == "442070000101" and cdr["ended_by"] == "callee"


def test_what_the_called_party_says_ends_the_call(world, phones):
    a = phones("101", world.server, tone_hz=440).registered()
    for number, status, reason in ("486", "busy", "busy"), ("404", "failed", "unavailable"):
        a.dial(f"sip:{number}@{world.server.domain}")
        a.wait_for("CALL_CLOSED", count=1 + (number == "404"))
        cdr = wait.until(lambda n=number: next((c for c in world.server.cdrs() if c["callee"] == n), None), 10)
        assert (cdr["status"], cdr["reason"]) == (status, reason)


def test_a_provider_that_goes_and_comes_back(server, asterisk, phones):
    provider = asterisk(at(server.ip))
    world = World(server, provider).trunk(keep_alive=True, keep_alive_seconds=10).rules().is_online()
    provider.stop()
    world.is_online(False, timeout=60)
    assert world.state()["reason"] in ("no answer", "Connection refused", "503 Service Unavailable"), world.state()
    a = phones("101", server).registered()
    a.dial(f"sip:0033123456789@{server.domain}")
    a.wait_for("CALL_CLOSED")
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["reason"]) == ("failed", "no_route")
    provider.start()
    world.is_online(True, timeout=60)
    assert world.state()["reason"].split()[0] in ("200", "401", "404")


def test_a_wrong_password_is_shown_with_what_the_provider_said(server, asterisk):
    provider = asterisk(endpoint("max_contacts=1", "auth=offhook") + SIGNS_IN)
    world = World(server, provider).trunk(kind="register", username="offhook", password="not-the-secret").rules()
    wait.until(lambda: world.state()["reason"].startswith("401"), 10, why=lambda: f"{world.state()}")
    assert not world.state()["is_online"]
    server.api("PATCH", f"/api/trunks/{world.trunk_id}", {"password": "provider-secret"}, who="admin", expect=200)
    world.is_online()
    assert world.state()["registered_until"]
