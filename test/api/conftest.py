# SPDX-License-Identifier: GPL-3.0-or-later
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.addresses import new_address  # noqa: E402
import bodies  # noqa: E402
from client import ApiServer, Client  # noqa: E402
from tenants import Tenant  # noqa: E402


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


# Several nodes need a database that more than one process may open.
collect_ignore = [] if os.environ.get("OFFHOOK_TEST_DB") == "postgres" else ["test_nodes.py"]

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


@pytest.fixture(scope="session")
def foreign(server, blue, red):
    """Ids of blue's that red has not: ids are small and count up within a tenant."""
    mine = {p for p in server.document.resources() if p not in bodies.OF_THE_SYSTEM and p not in ("tenants", "trunks")}
    for n in range(3000, 3300):
        blue.client.post("/api/extensions", {"number": str(n)})
    extension = blue.client.post("/api/extensions", {"number": "3999"})
    for _ in range(3):      # ids count up within a tenant: these are beyond red's
        ids = {plural: bodies.create(blue.admin, plural)["id"] for plural in sorted(mine)}
    trunk = blue.client.post("/api/trunks", {"name": "own", "kind": "register", "host": "own.example", "username": "u", "password": "x"})
    ids |= {"tenants": blue.id, "trunks": trunk["id"], "extensions": extension["id"], "sessions": blue.ids()["sessions"], "cdrs": blue.cdr()["id"]}
    own = {plural: {row["id"] for row in red.client.get(f"/api/{plural}", limit=500)["items"]} for plural in ids}
    for plural, one in ids.items():
        assert one not in own[plural]
    return ids
