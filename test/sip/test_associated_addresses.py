# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls from further addresses of a provider (TRK-2, TRK-12): of trunks that administrators set up, and of tenants' own."""
import pytest

from harness import wait
from harness.rawcall import Gateway, hang_up, talk

DID = "442070000101"


@pytest.fixture
def elsewhere(server, addresses):
    """A maker of other hosts of the provider."""
    made = []

    def make(**more):
        made.append(Gateway(addresses.new(), server, **more))
        return made[-1]
    yield make
    for g in made:
        g.close()


@pytest.fixture
def own(server, elsewhere):
    """A trunk of the tenant's own that has registered with its provider."""
    def make(networks, did=DID):
        g = elsewhere()
        trunk = server.post("/api/trunks", {"name": "Own", "kind": "register", "host": g.host, "username": "us", "password": "secret-77",
                                            "networks": [{"network": n} for n in networks]})["id"]
        server.post("/api/did_pools", {"trunk_id": trunk, "numbers": did})
        server.post("/api/inbound_rules", {"name": "own", "trunk_id": trunk, "did": did,
                                           "destination": {"kind": "extension", "id": server.extension("101")["id"]}})
        m = g.expect("REGISTER")
        assert not is_online(server)
        g.register = lambda: g.reply(m, 200, headers=[f"Contact: {m.get('Contact')};expires=600"], contact=False)
        return g
    return make


def is_online(server):
    return next(t["is_online"] for t in server.get("/api/trunk_states")["items"] if t["name"] == "Own")


def online(server):
    wait.until(lambda: is_online(server), 10, why="the registration")


def reaches_101(caller, a):
    talk(caller, a, DID)
    hang_up(caller, a)


def test_a_further_address_of_a_provider_is_the_provider(server, phone, gateway, elsewhere):
    a, near, far = phone(101), elsewhere(), elsewhere()
    gateway(networks=[{"network": f"{near.host}/32"}])
    reaches_101(near, a)
    far.invite(DID)
    far.refused(407)      # a stranger
    a.silent()


def test_the_port_counts_where_it_is_verified(server, phone, gateway, elsewhere):
    a, right, wrong = phone(101), elsewhere(), elsewhere(port=5082)
    gateway(networks=[{"network": right.host}, {"network": wrong.host}], verify_port=True)
    reaches_101(right, a)
    wrong.invite(DID)
    wrong.refused(407)
    a.silent()


def test_a_tenants_own_trunk_has_further_addresses_while_it_is_registered(server, phone, elsewhere, own):
    a, near = phone(101), elsewhere()
    g = own([near.host])
    near.invite(DID)
    near.refused(407)       # it might be anybody's
    g.register()
    online(server)
    reaches_101(near, a)


def test_a_tenants_own_trunk_does_not_take_calls_of_others_trunks(server, phone, gateway, own):
    a = phone(101)
    provider = gateway()
    g = own([provider.host], did="442099999999")
    g.register()
    online(server)
    reaches_101(provider, a)
    provider.invite("442099999999")     # in the pool of the tenant's own trunk; nobody's on the provider's
    provider.refused(404)
    a.silent()


def test_two_texts_of_one_address_are_one_host(server):
    """TRK-4: an ip trunk only once for each host."""
    made = server.post("/api/trunks", {"name": "six", "host": "2001:DB8:0:0::1"}, who="admin")
    assert made["host"] == "2001:db8::1"
    bad = server.api("POST", "/api/trunks", {"name": "again", "host": "2001:db8:0::0:1"}, who="admin", expect=409).json()
    assert [(e["field"], e["code"]) for e in bad["errors"]] == [("host", "taken")]
