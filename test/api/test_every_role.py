# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation by everybody who may sign in: refused where the tables of rights say so, nothing of another tenant in any answer,
and another tenant's ids answered like ids of nothing (TEN-7, TEN-9)."""
import os
import re

import pytest

import bodies
from bodies import OF_THE_SYSTEM
from client import ROOT, Client
from test_contract import MISSING, body_for, by_id, example_path, operations
from test_isolation import headers_of
from test_roles import OPERATIONS, row

ROLES = ("administrator", "tenant", "reader", "writer", "key", "reading key", "owner", "dealer")
READING = ("reader", "reading key")


@pytest.fixture(scope="module")
def roles(server, chief, red):
    """Everybody of red's who signs in, and the administrator who acts for red."""
    def role(name, access):
        return red.client.post("/api/roles", {"name": name, "permissions": [{"resource": "*", "access": access}]})["id"]

    def user(name, **fields):
        red.client.post("/api/users", {"username": name, "password": f"secret words of {name}", **fields})
        return server.login(name, f"secret words of {name}", red.domain)

    def key(name, **fields):
        return Client(server, red.client.post("/api/api_keys", {"name": name, **fields})["key"])
    reads, writes = role("reads", "read"), role("writes", "write")
    red.client.post("/api/extensions", {"number": "191", "web_password": "secret words of 191"})
    return {"administrator": Client(server, chief.token, tenant=red.domain), "tenant": red.client,
            "reader": user("reader", role_id=reads), "writer": user("writer", role_id=writes),
            "key": key("all"), "reading key": key("reads", role_id=reads),
            "dealer": other_dealer(server), "owner": server.login("191", "secret words of 191", red.domain)}


def other_dealer(server):
    """A user of a dealer whose tenants are neither red nor blue."""
    server.root.post("/api/dealers", {"name": "elsewhere", "password": "secret words of elsewhere"})
    return server.login("elsewhere", "secret words of elsewhere")


def rights_of(file, letter):
    text = open(os.path.join(ROOT, "src/api", file)).read()
    return dict(((what, op), right) for what, op, right in re.findall(rf'^{letter}\("(\w+)", (\w+), (\w+)\)', text, re.M))


def may(role, method, path, operation_id):
    """By the tables: NO, OWN or ALL."""
    rights = row(path, operation_id)
    what, op = path.removeprefix("/api").split("/")[1], OPERATIONS[operation_id.split("_")[0]]
    if role == "administrator":
        return rights["administrator"]
    if role == "owner":     # who sees a part only cannot follow the whole, unless the store knows which part
        right = rights_of("rights_extension.def", "E").get((what, op), "NO")
        return "NO" if right == "OWN" and path.endswith("/changes") and what not in bodies.followed() else right
    if role == "dealer":
        return rights_of("rights_dealer.def", "D").get((what, op), "NO")
    if role in READING and method != "GET":
        return "NO"
    return rights["tenant"]


def for_users(server):
    return {name: entry for name, entry in operations(server).items()
            if entry[2].get("security") != [] and name != "logout" and entry[1] != "/metrics"}


@pytest.mark.parametrize("role", ROLES)
def test_operation_is_refused_where_the_tables_say_so(server, roles, role):
    checked = 0
    for operation_id, (method, path, op) in for_users(server).items():
        answer = roles[role].ask(method, example_path(path), body_for(server, op) and {})
        right = may(role, method, path, operation_id)
        refused = answer.status == 403
        assert refused == (right == "NO") or (refused and right == "OWN"), f"{role} {method} {path}: {answer}"
        checked += 1
    assert checked > 150


def is_of(tenant, text):
    return tenant.id in text or tenant.domain in text or "blue-boss" in text


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_tenant_is_in_any_answer(server, roles, blue, foreign, role):
    """All that is read: whole lists, exports, changes, each object, records and what happens now."""
    read = 0
    for operation_id, (method, path, op) in for_users(server).items():
        if method != "GET" or path in ("/api/events", "/api/status"):
            continue
        if role == "administrator" and path.split("/")[2] in (*OF_THE_SYSTEM, "tenants", "trunks"):
            continue        # the whole system is its own
        answer = roles[role].ask("GET", example_path(path) + ("?limit=500" if any(
            p.get("$ref", "").endswith("/limit") for p in op["parameters"]) else ""))
        assert not is_of(blue, answer.body.decode()), f"{role} {path}"
        read += answer.status == 200
    assert read > {"owner": 5, "dealer": 3}.get(role, 40)
    assert is_of(blue, blue.client.ask("GET", "/api/tenants").body.decode())     # what is looked for can be found


@pytest.mark.parametrize("role", [r for r in ROLES if r != "tenant"])      # test_isolation tries all of the tenant's user
def test_foreign_id_is_answered_like_a_missing_one(server, roles, foreign, role):   # noqa: F811
    client, tried = roles[role], 0
    for _, method, path, op in by_id(server):
        kind = path.split("/")[2]
        if kind not in foreign or (role == "administrator" and kind in ("tenants", "trunks")):
            continue
        body = body_for(server, op)
        theirs = client.ask(method, path.replace("{id}", foreign[kind]), body)
        missing = client.ask(method, path.replace("{id}", MISSING), body)
        assert theirs.status == missing.status and theirs.status in (403, 404), f"{role} {method} {path}: {theirs}"
        assert theirs.body == missing.body and headers_of(theirs) == headers_of(missing)
        tried += 1
    assert tried > 80


@pytest.mark.parametrize("role", [r for r in ROLES if r != "administrator"])
def test_nobody_of_a_tenant_acts_for_another(server, roles, red, blue, role):
    for path in ("/api/extensions", "/api/sessions", "/api/cdrs", "/api/me"):
        answer = roles[role].ask("GET", path, headers={"X-Tenant": blue.domain})
        assert answer.status == (404 if role == "dealer" else 403) and not is_of(blue, answer.body.decode())    # to a dealer it is not there
