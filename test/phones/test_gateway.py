# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway behind a NAT registers as an accept_register trunk: Asterisk in a network namespace, calls heard both ways."""
import pytest

from harness import nat, wait
from harness.asterisk import Asterisk, at
from harness.server import Server

REGISTERS = """[gateway-auth]
type=auth
auth_type=userpass
username=gw-auth
password=gateway-secret
[gateway]
type=registration
transport=udp
outbound_auth=gateway-auth
outbound_proxy=sip:{here}\\;lr
server_uri=sip:gateway.example
client_uri=sip:gw@gateway.example
contact_user=gw
expiration=30
retry_interval=1
forbidden_retry_interval=1
"""


@pytest.fixture
def network():
    n = nat.Nat()
    yield n.start()
    n.remove()


@pytest.fixture
def far_server(network, tmp_path):
    s = Server(tmp_path / "server", nat.HERE).start()
    yield s
    s.stop()


@pytest.fixture
def gateway(network, tmp_path):
    made = Asterisk(tmp_path, nat.INSIDE, at(nat.HERE) + REGISTERS.format(here=nat.HERE), within=network.inside())
    yield made
    made.remove()


def state(server):
    return server.get("/api/trunk_states", who="admin")["items"][0]


def make_trunk(server, **more):
    tenant = {"headers": {"X-Tenant": server.domain}}
    body = {"name": "Gateway", "kind": "accept_register", "host": "gateway.example", "username": "gw", "auth_username": "gw-auth",
            "password": "gateway-secret", "keep_alive": True, "keep_alive_seconds": 10, **more}
    trunk = server.post("/api/trunks", body, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin", **tenant)
    server.post("/api/inbound_rules", {"name": "desk", "trunk_id": trunk, "did": "442070000101",
                                       "destination": {"kind": "extension", "id": server.extension("101")["id"]}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [
        {"trunk_id": trunk, "strip": 2, "prepend": "+"}]})
    return trunk


def test_a_gateway_behind_a_nat_registers_and_is_called_and_calls(far_server, gateway, phones):
    server = far_server
    make_trunk(server)
    assert state(server)["reason"] == "not registered"
    gateway.start()
    wait.until(lambda: state(server)["is_online"], 20, why=lambda: f"{state(server)} {server.tail()}")
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:0033123456789@{server.domain}")
    a.talks(3)
    assert a.heard(1000, skip_s=0.4, cut_s=0.4) >= 0.9
    (cdr,) = server.cdrs()
    assert (cdr["direction"], cdr["trunk"], cdr["status"], cdr["final_dest"]) == ("outbound", "Gateway", "answered", "+33123456789")
    legs = server.get(f"/api/cdrs/{cdr['id']}")["legs"]
    assert all(leg["rx_packets"] > 100 and leg["tx_packets"] > 100 for leg in legs)
    assert legs[1]["remote"].startswith(nat.OUTSIDE + ":")

    gateway.cli("channel originate PJSIP/442070000101@offhook extension answer@provider")
    a.wait_for("CALL_INCOMING")
    a.answer()
    a.talks(2, count=2)
    cdr = server.cdrs(2)[0]
    assert (cdr["direction"], cdr["trunk"], cdr["rule"], cdr["status"]) == ("inbound", "Gateway", "desk", "answered")
    assert all(leg["rx_packets"] > 50 for leg in server.get(f"/api/cdrs/{cdr['id']}")["legs"])


def test_who_does_not_know_the_password_does_not_register(far_server, gateway):
    trunk = make_trunk(far_server, password="another-secret")
    gateway.start()
    wait.until(lambda: "wrong credentials" in far_server.tail(), 20, why=lambda: far_server.tail())
    assert not state(far_server)["is_online"]
    far_server.api("PATCH", f"/api/trunks/{trunk}", {"password": "gateway-secret"}, who="admin", expect=200)
    gateway.cli("pjsip send register gateway")
    wait.until(lambda: state(far_server)["is_online"], 20, why=lambda: f"{state(far_server)} {far_server.tail()}")


def test_a_registration_outlives_the_server_and_ends_with_the_gateway(far_server, gateway, phones):
    server = far_server
    make_trunk(server)
    gateway.start()
    wait.until(lambda: state(server)["is_online"], 20, why=lambda: f"{state(server)} {server.tail()}")
    server.kill()
    gateway.stop()
    server.start()
    assert state(server)["is_online"], state(server)
    wait.until(lambda: not state(server)["is_online"], 60, why=lambda: f"{state(server)}")


def test_a_gateways_domain_is_no_tenants(far_server):
    server = far_server
    make_trunk(server)
    answer = server.api("POST", "/api/tenants", {"name": "x", "domain": "Gateway.example"}, who="admin", expect=409).json()
    assert answer["errors"][0]["field"] == "domain"
    body = {"name": "other", "kind": "accept_register", "host": server.domain, "username": "g", "password": "gateway-secret"}
    answer = server.api("POST", "/api/trunks", body, who="admin", expect=409).json()
    assert answer["errors"][0]["field"] == "host"
