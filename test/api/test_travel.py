# SPDX-License-Identifier: GPL-3.0-or-later
"""Time travel: the audit log, one change undone, a tenant's configuration as it was at a moment."""
import datetime

from client import Client
import bodies


def errors(answer):
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def newest(t, **query):
    return t.client.get("/api/audit_logs", limit=1, **query)["items"][0]


def undo(client, change, expect=200):
    return client.post(f"/api/audit_logs/{change['id']}/undo", expect=expect)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def everything(t):
    """All that the tenant has, without revisions."""
    return {plural: [{k: v for k, v in row.items() if k != "revision"} for row in t.client.get(f"/api/{plural}", limit=500)["items"]]
            for plural in ("extensions", "accounts", "ring_groups", "extension_templates", "extension_groups", "users", "holidays", "office_hours")}


def test_a_change_is_shown_with_before_and_after(tenant):
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    tenant.client.patch(path, {"first_name": "Ann"})
    one = tenant.client.get(f"/api/audit_logs/{newest(tenant)['id']}")
    assert one["before"]["first_name"] == "" and one["after"]["first_name"] == "Ann"
    assert one["actor"] == tenant.user["username"] and one["actor_is_administrator"] is False
    tenant.admin.patch(path, {"first_name": "Bea"})
    assert newest(tenant)["actor_is_administrator"] is True and newest(tenant)["actor"] == "local"
    assert newest(tenant, actor=tenant.user["username"])["changes"] == {"first_name": ["", "Ann"]}


def test_an_update_is_undone_and_the_undoing_too(tenant):
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    tenant.client.patch(path, {"first_name": "Ann", "ring_seconds": 11})
    change = newest(tenant)
    tenant.client.patch(path, {"last_name": "Other"})
    undo(tenant.client, change)
    x = tenant.client.get(path)
    assert (x["first_name"], x["ring_seconds"], x["last_name"]) == ("", 30, "Other")
    undo(tenant.client, newest(tenant))
    assert tenant.client.get(path)["first_name"] == "Ann"


def test_what_changed_since_is_not_overwritten(tenant):
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    tenant.client.patch(path, {"first_name": "Ann"})
    change = newest(tenant)
    tenant.client.patch(path, {"first_name": "Bea"})
    answer = tenant.client.ask("POST", f"/api/audit_logs/{change['id']}/undo")
    assert answer.status == 409 and errors(answer) == [("first_name", "changed_since")]
    assert tenant.client.get(path)["first_name"] == "Bea"


def test_what_was_deleted_comes_back_with_its_id_and_its_secret(tenant):
    account = tenant.client.post("/api/accounts", {"username": "desk", "password": "desk secret 1"})
    tenant.client.delete(f"/api/accounts/{account['id']}")
    undo(tenant.client, newest(tenant))
    back = tenant.client.get(f"/api/accounts/{account['id']}")
    assert back["username"] == "desk"
    # the secret is the same: setting it to what it was changes nothing
    assert tenant.client.patch(f"/api/accounts/{account['id']}", {"password": "desk secret 1"})["revision"] == back["revision"]
    assert tenant.client.patch(f"/api/accounts/{account['id']}", {"password": "desk secret 2"})["revision"] != back["revision"]
    undo(tenant.client, newest(tenant))
    again = tenant.client.get(f"/api/accounts/{account['id']}")["revision"]
    assert tenant.client.patch(f"/api/accounts/{account['id']}", {"password": "desk secret 1"})["revision"] == again
    text = tenant.client.ask("GET", "/api/audit_logs?limit=500").body + tenant.client.ask("GET", f"/api/audit_logs/{newest(tenant)['id']}").body
    assert b"desk secret" not in text


def test_a_user_that_comes_back_signs_in_as_before(tenant):
    u = tenant.client.post("/api/users", {"username": "anna", "password": "some secret words"})
    tenant.client.delete(f"/api/users/{u['id']}")
    undo(tenant.client, newest(tenant))
    tenant.server.login("anna", "some secret words", tenant.domain)


def test_a_tenant_is_as_it_was_at_a_moment(tenant):
    template = tenant.client.post("/api/extension_templates", {"name": "T", "ring_seconds": 15})
    follower = tenant.client.post("/api/extensions", {"number": "140", "template_id": template["id"], "max_calls": 7})
    before, at = everything(tenant), now()
    tenant.client.patch(f"/api/extension_templates/{template['id']}", {"ring_seconds": 25})
    tenant.client.patch(f"/api/extensions/{follower['id']}", {"max_calls": None, "number": "141", "shared_devices": 3})
    tenant.client.delete(f"/api/ring_groups/{tenant.group['id']}")
    for e in tenant.extensions:
        tenant.client.delete(f"/api/extensions/{e['id']}")
    tenant.client.post("/api/extensions", {"number": "101"})
    tenant.client.post("/api/ring_groups", {"number": "140", "name": "new", "members": [{"extension_id": follower["id"]}]})
    tenant.client.post("/api/holidays", bodies.new_body(tenant.client, "holidays"))
    assert everything(tenant) != before
    done = tenant.client.post("/api/restorations", {"at": at}, expect=200)
    assert done["changes"] > 8
    assert everything(tenant) == before
    assert tenant.client.post("/api/restorations", {"at": now()}, expect=200) == {"changes": 0, "revision": 0}


def test_a_restoration_is_whole_or_not_there(tenant):
    at = now()
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"first_name": "Ann"})
    tenant.admin.patch(f"/api/did_pools/{tenant.pool['id']}", {"caller_id": "442070000001"})
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"last_name": "Bee"})
    answer = tenant.client.ask("POST", "/api/restorations", {"at": at})    # the pool is the administrator's
    assert answer.status == 422 and errors(answer) == [("resource", "not_yours")]
    x = tenant.client.get(f"/api/extensions/{tenant.extensions[0]['id']}")
    assert (x["first_name"], x["last_name"]) == ("Ann", "Bee")
    tenant.admin.post("/api/restorations", {"at": at}, expect=200)
    assert tenant.client.get(f"/api/extensions/{tenant.extensions[0]['id']}")["first_name"] == ""
    assert tenant.client.get(f"/api/did_pools/{tenant.pool['id']}")["caller_id"] == ""


def test_roles_bind_time_travel_too(tenant):
    row = tenant.client.post("/api/roles", {"name": "logs", "permissions": [{"resource": "audit_logs", "access": "write"}]})
    tenant.client.post("/api/users", {"username": "looker", "password": "some secret words", "role_id": row["id"]})
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"first_name": "Ann"})
    looker = tenant.server.login("looker", "some secret words", tenant.domain)
    answer = looker.ask("POST", f"/api/audit_logs/{newest(tenant)['id']}/undo")
    assert answer.status == 422 and errors(answer) == [("resource", "not_yours")]


def test_a_tenant_is_not_made_or_unmade_by_undoing(server, tenant):
    change = next(c for c in server.root.get("/api/audit_logs", resource="tenant", id=tenant.id)["items"] if c["action"] == "create")
    assert errors(server.root.ask("POST", f"/api/audit_logs/{change['id']}/undo")) == [("resource", "not_yours")]
    assert Client(server, local=True).get(f"/api/tenants/{tenant.id}")["id"] == tenant.id


def test_a_revision_of_the_log_is_a_configuration_to_simulate_by(tenant):
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"first_name": "Ann"})
    body = {"caller": "101", "number": "102"}
    assert tenant.client.post("/api/route_simulations", {**body, "revision": newest(tenant)["revision"]}, expect=200)["caller"] == "101"
    assert tenant.client.post("/api/route_simulations", {**body, "revision": 1}, expect=200)["number"] == "102"
    answer = tenant.client.ask("POST", "/api/route_simulations", {**body, "revision": 10**9})
    assert answer.status == 422 and errors(answer) == [("revision", "not_found")]
