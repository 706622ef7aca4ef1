# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are kept: no change is seen late, and nobody sees what is for others."""
from client import Client


def test_each_change_is_seen_by_the_next_read(server, tenant):
    one = f"/api/extensions/{tenant.extensions[0]['id']}"
    reader = tenant.client
    etags = set()
    for n in range(40):
        for _ in range(2):      # the second is a kept one
            reader.get(one), reader.get("/api/extensions"), reader.get("/api/extensions", first_name=f"n{n}")
        (tenant.admin if n % 2 else tenant.client).patch(one, {"first_name": f"n{n}"})
        answer = reader.ask("GET", one)
        assert answer.json()["first_name"] == f"n{n}"
        etags.add(answer.headers["ETag"])
        assert [e["first_name"] for e in reader.get("/api/extensions")["items"] if e["number"] == "101"] == [f"n{n}"]
        assert len(reader.get("/api/extensions", first_name=f"n{n}")["items"]) == 1
    assert len(etags) == 40
    assert {e["number"] for e in reader.get("/api/extensions")["items"]} == {"101", "102"}
    more = reader.post("/api/extensions", {"number": "103"})
    assert {e["number"] for e in reader.get("/api/extensions")["items"]} == {"101", "102", "103"}
    reader.get(f"/api/extensions/{more['id']}")
    reader.delete(f"/api/extensions/{more['id']}")
    reader.get(f"/api/extensions/{more['id']}", expect=404)
    assert {e["number"] for e in reader.get("/api/extensions")["items"]} == {"101", "102"}


def test_what_one_may_see_is_not_shown_to_another(server, red, blue, tenant):
    mine = tenant.client.post("/api/extensions", {"number": "105", "web_password": "owner secret words"})
    one = f"/api/extensions/{mine['id']}"
    owner = server.login("105", "owner secret words", tenant.domain)
    for _ in range(2):
        whole = tenant.client.get(one)
        part = tenant.client.get(one, fields="number")
        assert part == {"id": whole["id"], "number": "105"}
        assert tenant.client.get(one) == whole
        assert owner.get(one)["id"] == whole["id"]
        assert [e["number"] for e in owner.get("/api/extensions")["items"]] == ["105"]
        assert {e["number"] for e in tenant.client.get("/api/extensions")["items"]} == {"101", "102", "105"}
        assert owner.ask("GET", f"/api/extensions/{tenant.extensions[1]['id']}").status == 404
        assert owner.ask("GET", "/api/users?limit=500").json()["items"] != tenant.client.get("/api/users", limit=500)["items"]
        trunk = f"/api/trunks/{tenant.trunk['id']}"
        assert tenant.admin.ask("GET", trunk).status == 200 and tenant.client.ask("GET", trunk).status == 404
        for other in (red, blue):
            answer = other.client.ask("GET", one)
            assert answer.status == 404 or answer.json()["id"] != whole["id"] or answer.json() != whole
        assert Client(server).ask("GET", one).status == 401


def test_who_may_no_longer_is_refused_by_the_next_request(server, tenant):
    me = "/api/me"

    def signed_in(name="second"):
        client = server.login(name, "second secret words", tenant.domain)
        for _ in range(2):
            client.get("/api/extensions"), client.get(me)
        return client
    user = tenant.client.post("/api/users", {"username": "second", "password": "second secret words"})
    client = signed_in()
    client.post("/api/logout", expect=204)
    client.get("/api/extensions", expect=401)
    client = signed_in()
    role = tenant.client.post("/api/roles", {"name": "none", "permissions": [{"resource": "users", "access": "read"}]})
    tenant.client.patch(f"/api/users/{user['id']}", {"role_id": role["id"]})
    client.get("/api/extensions", expect=401)       # another role ends sessions
    client = server.login("second", "second secret words", tenant.domain)
    client.get("/api/users"), client.get("/api/users")
    client.get("/api/extensions", expect=403)
    tenant.client.patch(f"/api/roles/{role['id']}", {"permissions": [{"resource": "extensions", "access": "read"}]})
    client.get("/api/extensions")
    client.get("/api/users", expect=403)
    tenant.client.patch(f"/api/users/{user['id']}", {"enabled": False})
    client.get("/api/extensions", expect=401)
    tenant.client.get("/api/extensions"), tenant.client.get("/api/extensions")
    server.root.patch(f"/api/tenants/{tenant.id}", {"enabled": False})
    tenant.client.get("/api/extensions", expect=401)
