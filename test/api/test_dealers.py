# SPDX-License-Identifier: GPL-3.0-or-later
"""TEN-6: dealers make and manage tenants of their own within their limits; of others they learn nothing."""
import re
import os

import pytest

from client import ROOT, Client
from test_contract import body_for, example_path, operations
from test_events import Stream

PASSWORD = "dealer secret words"


class Dealer:
    def __init__(self, server, name, **limits):
        self.row = server.root.post("/api/dealers", {"name": name, "password": PASSWORD, **limits})
        self.path, self.id, self.server = f"/api/dealers/{self.row['id']}", self.row["id"], server
        self.client = server.login(name, PASSWORD)

    def tenant(self, name, **more):
        return self.client.post("/api/tenants", {"name": name, "domain": f"{name}.example", **more})

    def within(self, tenant):
        return Client(self.server, self.client.token, tenant=tenant["domain"])


@pytest.fixture(scope="module")
def north(server):
    return Dealer(server, "north")


@pytest.fixture(scope="module")
def south(server):
    return Dealer(server, "south")


def errors(answer, status=422):
    assert answer.status == status, answer
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def test_a_dealer_signs_in_makes_tenants_and_works_within_them(server, north):
    me = north.client.get("/api/me")
    assert (me["role"], me["dealer_id"], me["tenant_id"]) == ("dealer", north.id, None)
    t = north.tenant("north-one", username="boss", password="boss secret words", max_extensions=5)
    assert t["dealer_id"] == north.id and t["max_extensions"] == 5
    north.client.patch(f"/api/tenants/{t['id']}", {"max_extensions": 3, "company": "One", "enabled": True})
    inside = north.within(t)
    assert (inside.get("/api/me")["role"], inside.get("/api/me")["tenant_id"]) == ("tenant", t["id"])
    for number in ("101", "102", "103"):
        inside.post("/api/extensions", {"number": number})
    assert errors(inside.ask("POST", "/api/extensions", {"number": "104"})) == [("max_extensions", "limit")]
    log = inside.get("/api/audit_logs", resource="extension")["items"][0]
    assert log["actor"] == "north"
    boss = server.login("boss", "boss secret words", "north-one.example")
    assert len(boss.get("/api/extensions")["items"]) == 3
    # what administrators have set is not the tenant's to change, nor the dealer's while it is within
    for client in (boss, inside):
        assert errors(client.ask("PATCH", f"/api/tenants/{t['id']}", {"max_extensions": 50})) == [("max_extensions", "admin_only")]
    north.client.delete(f"/api/tenants/{t['id']}")
    boss.get("/api/me", expect=401)


def test_a_dealer_sees_and_changes_nothing_of_others(server, north, south, red):
    mine, theirs = north.tenant("north-two"), south.tenant("south-two")
    assert [t["id"] for t in north.client.get("/api/tenants", limit=500)["items"]] == [mine["id"]]
    assert north.client.get("/api/tenants", dealer_id=south.id)["items"] == [mine]
    for foreign in (theirs["id"], red.id):
        for method, body in (("GET", None), ("PATCH", {"company": "x"}), ("DELETE", None)):
            got = north.client.ask(method, f"/api/tenants/{foreign}", body)
            missing = north.client.ask(method, "/api/tenants/4611686018427387000", body)
            assert got.status == missing.status == 404 and got.body == missing.body
    for domain in (theirs["domain"], red.domain, "nobody.example"):
        answer = Client(server, north.client.token, tenant=domain).ask("GET", "/api/extensions")
        assert answer.status == 404
    assert server.root.get(f"/api/tenants/{theirs['id']}")["company"] == ""
    assert errors(north.client.ask("PATCH", f"/api/tenants/{mine['id']}", {"dealer_id": south.id})) == [("dealer_id", "admin_only")]
    assert errors(north.client.ask("PATCH", f"/api/tenants/{mine['id']}", {"dealer_id": None})) == [("dealer_id", "admin_only")]
    assert errors(north.client.ask("POST", "/api/tenants", {"name": "n", "domain": "n.example", "dealer_id": south.id})) == [("dealer_id", "admin_only")]
    assert errors(red.client.ask("PATCH", f"/api/tenants/{red.id}", {"dealer_id": north.id})) == [("dealer_id", "admin_only")]
    assert red.client.ask("GET", "/api/dealers").status == 403
    north.client.delete(f"/api/tenants/{mine['id']}")


def test_a_dealer_may_what_the_table_says_and_nothing_else(server, north):
    text = open(os.path.join(ROOT, "src/api/rights_dealer.def")).read()
    table = {(what, op) for what, op in re.findall(r'^D\("(\w+)", (\w+), ', text, re.M)}
    words = {"list": "LIST", "create": "CREATE", "get": "GET", "update": "UPDATE", "delete": "DELETE", "destroy": "DELETE"}
    checked = 0
    for operation_id, (method, path, op) in operations(server).items():
        if op.get("security") == [] or operation_id == "logout" or path == "/metrics":
            continue
        allowed = (path.removeprefix("/api").split("/")[1], words.get(operation_id.split("_")[0])) in table
        answer = north.client.ask(method, example_path(path), body_for(server, op) and {})
        assert (answer.status != 403) == allowed, f"{method} {path}: {answer}"
        assert op["x-roles"]["dealer"] == allowed
        checked += 1
    assert checked > 150


def test_of_itself_a_dealers_user_changes_the_password(server):
    d = Dealer(server, "east")
    me = d.client.get("/api/me")["user_id"]
    assert [u["id"] for u in d.client.get("/api/users", limit=500)["items"]] == [me]
    assert errors(d.client.ask("PATCH", f"/api/users/{me}", {"dealer_id": None})) == [("dealer_id", "admin_only")]
    others = [u["id"] for u in server.root.get("/api/users", limit=500)["items"] if u["id"] != me]
    assert others and all(d.client.ask("GET", f"/api/users/{u}").status == 404 for u in others)
    d.client.patch(f"/api/users/{me}", {"password": "another secret words"})
    d.client.get("/api/me", expect=401)
    server.login("east", "another secret words")


def test_limits_hold_for_all_of_its_tenants_together(server):
    d = Dealer(server, "west", max_tenants=2, max_extensions=10, max_calls=6)
    new = {"name": "west-one", "domain": "west-one.example"}
    assert errors(d.client.ask("POST", "/api/tenants", new)) == [("max_extensions", "limit"), ("max_calls", "limit")]
    one = d.tenant("west-one", max_extensions=6, max_calls=3)
    assert errors(d.client.ask("POST", "/api/tenants", {"name": "w", "domain": "w.example", "max_extensions": 5, "max_calls": 4})) == [
        ("max_extensions", "limit"), ("max_calls", "limit")]
    two = d.tenant("west-two", max_extensions=4, max_calls=3)
    assert errors(d.client.ask("PATCH", f"/api/tenants/{two['id']}", {"max_extensions": 5})) == [("max_extensions", "limit")]
    d.client.patch(f"/api/tenants/{one['id']}", {"max_extensions": 5})
    d.client.patch(f"/api/tenants/{two['id']}", {"max_extensions": 5})
    third = {"name": "west-three", "domain": "west-three.example", "max_extensions": 1, "max_calls": 1}
    assert ("dealer_id", "limit") in errors(d.client.ask("POST", "/api/tenants", third))
    # an administrator is held to them too, and cannot take away what has been given
    t = server.root.post("/api/tenants", third)
    assert ("dealer_id", "limit") in errors(server.root.ask("PATCH", f"/api/tenants/{t['id']}", {"dealer_id": d.id}))
    assert errors(server.root.ask("PATCH", d.path, {"max_tenants": 1})) == [("max_tenants", "limit")]
    assert errors(server.root.ask("PATCH", d.path, {"max_extensions": 9})) == [("max_extensions", "limit")]
    server.root.patch(d.path, {"max_tenants": 3, "max_extensions": 11, "max_calls": 7})
    server.root.patch(f"/api/tenants/{t['id']}", {"dealer_id": d.id})
    assert len(d.client.get("/api/tenants")["items"]) == 3


def test_tenants_are_given_and_taken_by_administrators_and_that_holds_at_once(server, north, tenant):
    inside = Client(server, north.client.token, tenant=tenant.domain)
    inside.get("/api/extensions", expect=404)
    server.root.patch(f"/api/tenants/{tenant.id}", {"dealer_id": north.id})
    assert len(inside.get("/api/extensions")["items"]) == 2
    stream = Stream(server, north.client.token, headers={"X-Tenant": tenant.domain})
    assert set(errors(server.root.ask("DELETE", north.path), 409)) == {("id", "in_use")}
    server.root.patch(f"/api/tenants/{tenant.id}", {"dealer_id": None})
    inside.get("/api/extensions", expect=404)
    stream.socket.settimeout(60)
    op, payload = stream.frame()
    assert (op, payload[:2]) == (8, (4401).to_bytes(2, "big"))      # who may no longer hears nothing more
    stream.close()


def test_a_dealer_that_is_off_or_gone_is_out_and_its_tenants_go_on(server):
    d = Dealer(server, "middle")
    t = d.tenant("middle-one", username="boss", password="boss secret words")
    boss = server.login("boss", "boss secret words", t["domain"])
    server.root.patch(d.path, {"enabled": False})
    d.client.get("/api/me", expect=401)
    assert boss.get("/api/me")["role"] == "tenant"
    login = {"username": "middle", "password": PASSWORD}
    server.root.patch(d.path, {"enabled": True})
    client = server.login("middle", PASSWORD)
    assert errors(server.root.ask("DELETE", d.path), 409) == [("id", "in_use")]
    server.root.patch(f"/api/tenants/{t['id']}", {"dealer_id": None})
    server.root.delete(d.path)
    client.get("/api/me", expect=401)
    assert Client(server).ask("POST", "/api/login", login).status == 401
    assert "middle" not in {u["username"] for u in server.root.get("/api/users", limit=500)["items"]}
    assert boss.get("/api/me")["role"] == "tenant"


def test_users_of_dealers_are_of_the_system_only_and_are_no_administrators(server, north, red):
    admin = Client(server, local=True, tenant=red.domain)
    body = {"username": "mole", "password": PASSWORD, "dealer_id": north.id}
    assert errors(admin.ask("POST", "/api/users", body)) == [("dealer_id", "not_here")]
    assert errors(red.client.ask("POST", "/api/users", body)) == [("dealer_id", "admin_only")]
    user = server.root.post("/api/users", {"username": "second of north", "password": PASSWORD})
    client = server.login("second of north", PASSWORD)
    assert client.get("/api/me")["role"] == "administrator"
    server.root.patch(f"/api/users/{user['id']}", {"dealer_id": north.id})
    client.get("/api/me", expect=401)       # another role ends sessions
    assert server.login("second of north", PASSWORD).get("/api/me")["role"] == "dealer"
    server.root.delete(f"/api/users/{user['id']}")
