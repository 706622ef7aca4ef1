# SPDX-License-Identifier: GPL-3.0-or-later
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import wait  # noqa: E402
from client import ApiServer, Client  # noqa: E402

_address = itertools.count(10)


def new_address():
    n = next(_address)
    return f"127.30.{n // 250}.{n % 250 + 1}"


_trunks = itertools.count(1)


def new_trunk(root):
    """One to a host that no other has."""
    n = next(_trunks)
    return root.post("/api/trunks", {"name": f"trunk {n}", "host": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"})


class Tenant:
    """A tenant with its user, two extensions and a ring group."""

    def __init__(self, server, name):
        self.domain = f"{name}.example"
        root = Client(server, local=True)
        self.row = root.post("/api/tenants", {"name": name, "domain": self.domain, "username": f"{name}-boss",
                                              "password": f"{name} secret words"})
        self.id = self.row["id"]
        self.client = server.login(f"{name}-boss", f"{name} secret words", self.domain)
        self.admin = Client(server, local=True, tenant=self.domain)
        self.extensions = [self.client.post("/api/extensions", {"number": str(n)}) for n in (101, 102)]
        self.group = self.client.post("/api/ring_groups", {"number": "600", "name": "all", "members": [
            {"extension_id": e["id"]} for e in self.extensions]})
        self.trunk = new_trunk(root)
        self.pool = self.admin.post("/api/did_pools", {"trunk_id": self.trunk["id"], "numbers": "44207000****"})
        self.account = self.client.get("/api/accounts")["items"][0]
        self.user = self.client.get("/api/users")["items"][0]

    def ids(self):
        """Of each kind of object one that is this tenant's."""
        return {"tenants": self.id, "users": self.user["id"], "extensions": self.extensions[0]["id"],
                "accounts": self.account["id"], "ring_groups": self.group["id"],
                "address_rules": self.one_of("address_rules", network="2001:db8:3::/48"),
                "trunks": self.trunk["id"], "did_pools": self.pool["id"],
                "inbound_rules": self.one_of("inbound_rules", name="in", trunk_id=self.trunk["id"], did="442070001234"),
                "outbound_rules": self.one_of("outbound_rules", name="out", routes=[{"trunk_id": self.trunk["id"]}]),
                "emergency_numbers": self.one_of("emergency_numbers", number="112", trunk_id=self.trunk["id"]),
                "call_rates": self.one_of("call_rates", prefix="44"),
                "routing_classes": self.one_of("routing_classes", name="all"),
                "allowed_country_codes": self.one_of("allowed_country_codes", code="44"),
                "disallowed_codes": self.one_of("disallowed_codes", code="4490"),
                "blacklisted_numbers": self.one_of("blacklisted_numbers", number="33666"),
                "flood_limits": self.one_of("flood_limits"), "blocked_addresses": self.blocked(),
                "sessions": self.client.get("/api/sessions")["items"][0]["id"],
                "cdrs": self.cdr()["id"]}

    def one_of(self, plural, **body):
        items = self.admin.get(f"/api/{plural}")["items"]
        return (items or [self.admin.post(f"/api/{plural}", body)])[0]["id"]

    def blocked(self):
        return self.admin.get("/api/blocked_addresses")["items"][0]["id"]

    def cdr(self):
        def drained():    # perhaps the journal is between the records of one call
            items = self.client.get("/api/cdrs")["items"]
            return items and self.client.get(f"/api/cdrs/{items[0]['id']}")["segments"] and items[0]
        return wait.until(drained, why="a call record with its segments")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    s = ApiServer(tmp_path_factory.mktemp("api"), new_address()).start()
    try:
        s.root.post("/api/users", {"username": "chief", "password": "system secret words"})
        yield s
    finally:
        s.stop()


@pytest.fixture(scope="session")
def chief(server):
    """An administrator of the system with a token."""
    return server.login("chief", "system secret words")


_names = itertools.count(1)


@pytest.fixture
def tenant(server):
    return Tenant(server, f"t{next(_names)}")


@pytest.fixture(scope="session")
def red(server):
    return Tenant(server, "red")


@pytest.fixture(scope="session")
def blue(server):
    return Tenant(server, "blue")


@pytest.fixture
def anybody(server):
    return Client(server)
