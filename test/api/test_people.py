# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, keys, owners of extensions, and what a tenant asks of passwords."""
import datetime
import os
import re

import pytest

import bodies
from client import ROOT, Client, execute
from test_contract import body_for, example_path, operations
from test_login import login, new_source


def errors(answer):
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def role(t, name, **permissions):
    return t.client.post("/api/roles", {"name": name, "permissions": [{"resource": r.replace("ALL", "*"), "access": a}
                                                                      for r, a in permissions.items()]})


def user(t, name, **fields):
    t.client.post("/api/users", {"username": name, "password": "some secret words", **fields})
    return t.server.login(name, "some secret words", t.domain)


def key(t, **fields):
    row = t.client.post("/api/api_keys", {"name": f"key {fields}", **fields})
    return row, Client(t.server, row["key"])


# ---- roles ----

def test_a_role_lets_read_or_write_what_it_names_and_nothing_else(tenant):
    clerk = user(tenant, "clerk", role_id=role(tenant, "clerk", extensions="write", cdrs="read", users="none")["id"])
    clerk.post("/api/extensions", {"number": "150"})
    assert clerk.ask("GET", "/api/cdrs").status == 200
    assert clerk.get("/api/me")["permissions"]
    for method, path, body in (("GET", "/api/ring_groups", None), ("GET", "/api/users", None), ("POST", "/api/users", {"username": "x", "password": "y" * 9}),
                               ("POST", "/api/extension_templates", {"name": "x"}), ("GET", "/api/audit_logs", None)):
        assert clerk.ask(method, path, body).status == 403, path
    reader = user(tenant, "reader", role_id=role(tenant, "reader", ALL="read", users="none")["id"])
    assert reader.ask("GET", "/api/ring_groups").status == 200
    assert reader.ask("POST", "/api/ring_groups", {"number": "1", "name": "x"}).status == 403
    assert reader.ask("GET", "/api/users").status == 403
    assert reader.ask("GET", f"/api/extensions/{tenant.extensions[0]['id']}").status == 200
    assert reader.ask("DELETE", f"/api/extensions/{tenant.extensions[0]['id']}").status == 403
    reader.post("/api/logout", expect=204)


def test_nobody_gives_more_than_one_has(tenant):
    boss = role(tenant, "boss", ALL="write")
    weak = role(tenant, "weak", users="write", roles="write", api_keys="write")
    helper = user(tenant, "helper", role_id=weak["id"])
    for body in ({"username": "a", "password": "some secret words"}, {"username": "a", "password": "some secret words", "role_id": boss["id"]}):
        assert errors(helper.ask("POST", "/api/users", body)) == [("role_id", "not_yours")]
        assert errors(helper.ask("POST", "/api/api_keys", {"name": "k", **{k: v for k, v in body.items() if k == "role_id"}})) == [("role_id", "not_yours")]
    same = helper.post("/api/users", {"username": "b", "password": "some secret words", "role_id": weak["id"]})
    assert errors(helper.ask("PATCH", f"/api/users/{same['id']}", {"role_id": boss["id"]})) == [("role_id", "not_yours")]
    assert errors(helper.ask("PATCH", f"/api/users/{tenant.user['id']}", {"password": "taken over now"})) == [("role_id", "not_yours")]
    assert errors(helper.ask("DELETE", f"/api/users/{tenant.user['id']}")) == [("role_id", "not_yours")]
    assert errors(helper.ask("PATCH", f"/api/roles/{weak['id']}", {"permissions": [{"resource": "*", "access": "write"}]})) == [("permissions", "not_yours")]
    assert errors(helper.ask("POST", "/api/roles", {"name": "new"})) == [("permissions", "not_yours")]
    assert tenant.client.ask("DELETE", f"/api/roles/{weak['id']}").status == 409


def test_a_session_ends_when_the_role_changes_and_permissions_count_at_once(tenant):
    narrow, wide = role(tenant, "narrow", cdrs="read"), role(tenant, "wide", ALL="read")
    client = user(tenant, "anna", role_id=narrow["id"])
    assert client.ask("GET", "/api/extensions").status == 403
    tenant.client.patch(f"/api/roles/{narrow['id']}", {"permissions": [{"resource": "extensions", "access": "read"}]})
    assert client.ask("GET", "/api/extensions").status == 200 and client.ask("GET", "/api/cdrs").status == 403
    anna = tenant.client.get("/api/users", username="anna")["items"][0]
    tenant.client.patch(f"/api/users/{anna['id']}", {"role_id": wide["id"]})
    assert client.ask("GET", "/api/extensions").status == 401


# ---- keys ----

def test_a_key_is_shown_once_and_signs_in(tenant):
    row, client = key(tenant)
    assert re.fullmatch("[A-Za-z0-9]{20}", row["key"])
    shown = tenant.client.get(f"/api/api_keys/{row['id']}")
    assert "key" not in shown and re.fullmatch("[0-9a-f]{64}", shown["fingerprint"])
    client.post("/api/extensions", {"number": "160"})
    assert tenant.client.get("/api/audit_logs", resource="extension", limit=1)["items"][0]["actor"] == row["name"]
    me = client.get("/api/me")
    assert me["tenant_id"] == tenant.id and me["user_id"] is None and me["role"] == "tenant"
    assert client.ask("POST", "/api/logout").status == 400
    tenant.client.patch(f"/api/api_keys/{row['id']}", {"enabled": False})
    assert client.ask("GET", "/api/me").status == 401
    tenant.client.patch(f"/api/api_keys/{row['id']}", {"enabled": True})
    tenant.client.delete(f"/api/api_keys/{row['id']}")
    assert client.ask("GET", "/api/me").status == 401


def test_a_key_is_limited_by_role_and_time(tenant):
    _, client = key(tenant, role_id=role(tenant, "calls", cdrs="read")["id"])
    assert client.ask("GET", "/api/cdrs").status == 200 and client.ask("GET", "/api/extensions").status == 403
    past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert key(tenant, expires_at=past)[1].ask("GET", "/api/me").status == 401
    assert key(tenant, expires_at="2099-01-01T00:00:00Z")[1].ask("GET", "/api/me").status == 200
    for bad in ("short", "x" * 21, "with spaces and more"):
        assert errors(tenant.client.ask("POST", "/api/api_keys", {"name": bad, "key": bad})) == [("key", "bad_text")]


def test_a_key_is_of_its_tenant(tenant, red):
    row, client = key(tenant)
    assert client.ask("GET", "/api/extensions", headers={"X-Tenant": red.domain}).status == 403
    assert errors(red.client.ask("POST", "/api/api_keys", {"name": "same", "key": row["key"]})) == [("fingerprint", "taken")]
    assert Client(tenant.server, "A" * 20).ask("GET", "/api/me").status == 401


# ---- owners of extensions ----

def owner(t, number="170", password="owner secret words", **fields):
    x = t.client.post("/api/extensions", {"number": number, "web_password": password, **fields})
    return x, t.server.login(number, password, t.domain)


def test_an_owner_signs_in_with_number_and_domain_or_email(tenant):
    x, client = owner(tenant, email="Anna.Owner@example.com")
    me = client.get("/api/me")
    assert me["role"] == "extension" and me["extension_id"] == x["id"]
    by_mail = tenant.server.login("anna.owner@example.com", "owner secret words")
    assert by_mail.get("/api/me")["extension_id"] == x["id"]
    assert Client(tenant.server).ask("POST", "/api/login", {"username": "anna.owner@example.com", "password": "wrong words here"}).status == 401
    tenant.client.delete(f"/api/extensions/{x['id']}")
    assert client.ask("GET", "/api/me").status == 401
    assert tenant.client.get("/api/users", username="170")["items"] == []


def test_an_owner_changes_its_own_extension_in_the_fields_that_are_for_it(tenant):
    x, client = owner(tenant)
    assert [e["id"] for e in client.get("/api/extensions")["items"]] == [x["id"]]
    assert client.patch(f"/api/extensions/{x['id']}", {"status": "lunch", "mobile": "0170"})["status"] == "lunch"
    answer = client.ask("PATCH", f"/api/extensions/{x['id']}", {"number": "999", "max_calls": 5})
    assert answer.status == 422 and errors(answer) == [("number", "admin_only"), ("max_calls", "admin_only")]
    other = tenant.extensions[0]["id"]
    assert client.ask("GET", f"/api/extensions/{other}").status == 404
    assert client.ask("PATCH", f"/api/extensions/{other}", {"status": "away"}).status == 404
    me = client.get("/api/me")["user_id"]
    assert client.ask("PATCH", f"/api/users/{me}", {"role_id": None}).status == 422
    client.patch(f"/api/users/{me}", {"password": "another secret"})
    assert client.ask("GET", "/api/me").status == 401      # who knew the old one is out
    tenant.server.login("170", "another secret", tenant.domain)


def test_owners_may_what_the_table_says_and_nothing_else(server, tenant):
    text = open(os.path.join(ROOT, "src/api/rights_extension.def")).read()
    table = {(what, op) for what, op in re.findall(r'^E\("(\w+)", (\w+), ', text, re.M)}
    table |= {(what, "SYNC") for what, op, right in re.findall(r'^E\("(\w+)", (\w+), (\w+)\)', text, re.M)
              if op == "LIST" and (right == "ALL" or what in bodies.followed())}
    words = {"list": "LIST", "export": "LIST", "create": "CREATE", "import": "CREATE", "get": "GET", "update": "UPDATE", "delete": "DELETE",
             "destroy": "DELETE", "logout": "CREATE", "sync": "SYNC", "hold": "UPDATE", "unhold": "UPDATE", "refer": "UPDATE", "attended": "UPDATE"}
    x, client = owner(tenant)
    checked = 0
    for operation_id, (method, path, op) in operations(server).items():
        if op.get("security") == [] or operation_id == "logout" or path == "/metrics":
            continue
        what = path.removeprefix("/api").split("/")[1]
        allowed = (what, words.get(operation_id.split("_")[0], "CREATE")) in table
        answer = client.ask(method, example_path(path), body_for(server, op) and {})
        assert (answer.status != 403) == allowed, f"{method} {path}: {answer}"
        assert op["x-roles"]["extension"] == allowed
        checked += 1
    assert checked > 100


def test_groups_decide_who_signs_in_and_who_is_seen(tenant):
    silent = tenant.client.post("/api/extension_groups", {"name": "silent", "may_see_members": False, "may_use_console": False})
    x, client = owner(tenant)
    assert {m["number"] for m in client.get("/api/members")["items"]} == {"101", "102", "170"}
    assert len(client.get("/api/members", limit=2)["items"]) == 2
    y = tenant.client.post("/api/extensions", {"number": "171", "web_password": "owner secret words", "member_of": [{"group_id": silent["id"]}]})
    assert "171" not in {m["number"] for m in client.get("/api/members")["items"]}
    login = {"username": "171", "password": "owner secret words", "domain": tenant.domain}
    assert Client(tenant.server).ask("POST", "/api/login", login).status == 401
    default = next(g["id"] for g in tenant.client.get("/api/extension_groups")["items"] if g["is_default"])
    tenant.client.patch(f"/api/extensions/{x['id']}", {"member_of": [{"group_id": silent["id"]}]})
    assert client.ask("GET", "/api/me").status == 401
    tenant.client.patch(f"/api/extensions/{y['id']}", {"member_of": [{"group_id": silent["id"]}, {"group_id": default}]})
    assert Client(tenant.server).ask("POST", "/api/login", login).status == 200
    tenant.client.patch(f"/api/extensions/{y['id']}", {"enabled": False})
    assert Client(tenant.server).ask("POST", "/api/login", login).status == 401


def test_owners_see_their_calls_and_managers_those_of_members(tenant):
    cdr = tenant.cdr()                      # 101 called 102
    x, client = owner(tenant)
    assert client.get("/api/cdrs")["items"] == []
    assert client.ask("GET", f"/api/cdrs/{cdr['id']}").status == 404
    team = tenant.client.post("/api/extension_groups", {"name": "team"})
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"member_of": [{"group_id": team["id"]}]})
    tenant.client.patch(f"/api/extensions/{x['id']}", {"member_of": [{"group_id": team["id"]}]})
    assert client.get("/api/cdrs")["items"] == []
    tenant.client.patch(f"/api/extensions/{x['id']}", {"member_of": [{"group_id": team["id"], "role": "manager"}]})
    assert [c["id"] for c in client.get("/api/cdrs")["items"]] == [cdr["id"]]
    assert client.get(f"/api/cdrs/{cdr['id']}")["caller"] == "101"
    callee = tenant.server.login("102", "owner secret words", tenant.domain) if tenant.client.post(
        "/api/users", {"username": "102", "password": "owner secret words", "extension_id": tenant.extensions[1]["id"]}) else None
    assert [c["id"] for c in callee.get("/api/cdrs")["items"]] == [cdr["id"]]


# ---- passwords ----

@pytest.mark.parametrize("password,code", [("Ab1!Ab1!", "too_short"), ("abcdefghijkl", "too_simple"), ("Abcdefghijkl", "too_simple")])
def test_passwords_are_as_the_tenant_asks(tenant, password, code):
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"password_length": 12, "password_classes": 3})
    answer = tenant.client.ask("POST", "/api/users", {"username": "weak", "password": password})
    assert answer.status == 422 and errors(answer) == [("password", code)]
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "180", "web_password": password})
    assert errors(answer) == [("web_password", code)]
    tenant.client.post("/api/users", {"username": "strong", "password": "Abcdefghijk1"})


def test_a_web_password_is_never_kept_in_clear(tenant):
    raw = b'{"number":"181","web\\u005fpassword":"owner secret words"}'
    answer = tenant.client.ask("POST", "/api/extensions", raw=raw, headers={"Content-Type": "application/json"})
    assert answer.status == 201, answer
    assert tenant.server.login("181", "owner secret words", tenant.domain).get("/api/me")["role"] == "extension"
    text = tenant.client.ask("GET", "/api/audit_logs?limit=500").body
    assert b"owner secret" not in text and b"argon2" not in text


def used(tenant, password):
    """A user, and how it signs in."""
    user = tenant.client.post("/api/users", {"username": "ann", "password": password})

    def sign_in(word, **more):
        return Client(tenant.server).ask("POST", "/api/login", {"username": "ann", "password": word, "domain": tenant.domain, **more})
    return user, sign_in


def test_password_is_none_of_the_last_ones(tenant):
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"password_reuse": 2})
    user, sign_in = used(tenant, "first secret words")
    change = lambda word: tenant.client.ask("PATCH", f"/api/users/{user['id']}", {"password": word})      # noqa: E731
    assert errors(change("first secret words")) == [("password", "used_before")]
    assert change("second secret words").status == 200
    assert errors(change("first secret words")) == [("password", "used_before")]
    assert change("third secret words").status == 200
    assert change("first secret words").status == 200      # two others lie between
    assert sign_in("first secret words").status == 200


def test_sign_in_takes_a_new_password(tenant):
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"password_length": 12, "password_reuse": 1})
    user, sign_in = used(tenant, "first secret words")
    old = Client(tenant.server, sign_in("first secret words").json()["access_token"])
    assert errors(sign_in("first secret words", new_password="short one")) == [("new_password", "too_short")]
    assert errors(sign_in("first secret words", new_password="first secret words")) == [("new_password", "used_before")]
    assert sign_in("wrong", new_password="short one").status == 401      # nothing is said of it to who does not know the old one
    assert old.ask("GET", "/api/me").status == 200
    new = sign_in("first secret words", new_password="second secret words")
    assert Client(tenant.server, new.json()["access_token"]).get("/api/me")["username"] == "ann"
    assert old.ask("GET", "/api/me").status == 401      # who knew the old one is out
    assert sign_in("first secret words").status == 401
    change = tenant.client.get("/api/audit_logs", resource="user", id=user["id"], limit=1)["items"]
    assert not change or "argon2" not in str(change)


def test_password_that_is_too_old_wants_a_new_one(tenant):
    """TEN-5: from when it was set; who does not know it learns nothing of its age."""
    user, sign_in = used(tenant, "first secret words")
    first = Client(tenant.server, sign_in("first secret words").json()["access_token"])
    key = Client(tenant.server, tenant.client.post("/api/api_keys", {"name": "k"})["key"])

    def older(days):
        execute(tenant.server, f"UPDATE user_sign_in SET changed_at = changed_at - {days} * CAST(86400000000 AS BIGINT) "
                               f"WHERE tenant_id = {tenant.id} AND user_id = {user['id']}")
    older(30)
    assert sign_in("first secret words").status == 200, "passwords last for ever unless the tenant says otherwise"
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"password_days": 31})
    assert sign_in("first secret words").status == 200
    older(1)
    answer = sign_in("first secret words")
    assert answer.status == 403 and answer.json()["type"].endswith("#problem-password-expired") and "new_password" in answer.body.decode()
    assert sign_in("wrong").status == 401
    assert first.get("/api/me")["username"] == "ann" and key.ask("GET", "/api/extensions").status == 200, "who is in stays in"
    assert errors(sign_in("first secret words", new_password="first")) == [("new_password", "too_short")]
    assert sign_in("first secret words", new_password="second secret words").status == 200
    assert first.ask("GET", "/api/me").status == 401
    assert sign_in("second secret words").status == 200 and sign_in("first secret words").status == 401
    older(31)
    assert sign_in("second secret words").status == 403
    tenant.client.patch(f"/api/users/{user['id']}", {"password": "third secret words"})
    assert sign_in("third secret words").status == 200, "set anew by somebody else it is new"


def test_user_is_locked_after_wrong_passwords_wherever_they_come_from(tenant):
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"lock_after": 3})
    user, sign_in = used(tenant, "first secret words")

    def tries(word, n=1):
        return [login(tenant.server, new_source(), "ann", word, tenant.domain).status for _ in range(n)]
    assert tries("wrong", 2) == [401] * 2 and tries("first secret words") == [200]      # two in a row, then none
    assert tries("wrong", 3) == [401] * 3
    locked = login(tenant.server, new_source(), "ann", "first secret words", tenant.domain)
    wrong = login(tenant.server, new_source(), "ann", "wrong", tenant.domain)
    assert locked.status == 401 and locked.body == wrong.body       # who guesses does not learn that it was right
    assert tenant.client.get("/api/me")["username"] == tenant.user["username"]      # nobody else is locked
    tenant.client.patch(f"/api/users/{user['id']}", {"password": "second secret words"})
    assert tries("second secret words") == [200]


@pytest.fixture
def asked_of_all(server):
    """Sets what is asked of administrators and dealers, and takes it back."""
    bodies.make_room(server.root, "sign_in_settings")
    path = f"/api/sign_in_settings/{server.root.post('/api/sign_in_settings', {})['id']}"
    yield lambda **fields: server.root.patch(path, fields)
    server.root.delete(path)


@pytest.mark.parametrize("is_dealer", [False, True])
def test_administrators_and_dealers_are_asked_as_users_of_a_tenant(server, asked_of_all, is_dealer):
    """TEN-1, TEN-5, TEN-6"""
    n = bodies.new_number()
    body = {"username": f"chief{n}", "password": "Some secret words"}
    if is_dealer:
        body["dealer_id"] = bodies.create(server.root, "dealers")["id"]
    user = server.root.post("/api/users", body)

    def sign_in(word, **more):
        return login(server, new_source(), user["username"], word, **more)

    def change(word):
        return server.root.ask("PATCH", f"/api/users/{user['id']}", {"password": word})
    asked_of_all(password_length=14, password_classes=3, password_reuse=1, lock_after=2, concurrent_logins=False)
    assert errors(change("Ab1!")) == [("password", "too_short")]
    assert errors(change("some secret words")) == [("password", "too_simple")]
    assert errors(change("Some secret words")) == [("password", "used_before")]
    assert change("Other secret words").status == 200
    first, second = (Client(server, sign_in("Other secret words").json()["access_token"]) for _ in range(2))
    assert [c.ask("GET", "/api/me").status for c in (first, second)] == [401, 200]
    assert [sign_in(w).status for w in ("wrong", "wrong", "Other secret words")] == [401] * 3     # locked
    assert second.ask("GET", "/api/me").status == 200
    assert change("Third secret words").status == 200
    assert sign_in("Third secret words").status == 200
    # a tenant's first user is asked what its tenant asks
    answer = server.root.ask("POST", "/api/tenants", {"name": f"t{n}", "domain": f"t{n}.example", "password": "short words"})
    assert answer.status == 201, answer
    answer = server.root.ask("POST", "/api/tenants", {"name": f"u{n}", "domain": f"u{n}.example", "password": "short words", "password_length": 12})
    assert errors(answer) == [("password", "too_short")]


def test_a_password_of_an_administrator_lasts_as_long_as_is_set(server, asked_of_all):
    n = bodies.new_number()
    server.root.post("/api/users", {"username": f"old{n}", "password": "some secret words"})
    asked_of_all(password_days=1)
    assert login(server, new_source(), f"old{n}", "some secret words").status == 200     # its days count from now


def test_without_a_policy_nobody_is_locked(tenant):
    used(tenant, "first secret words")
    assert [login(tenant.server, new_source(), "ann", "wrong", tenant.domain).status for _ in range(8)] == [401] * 8
    assert login(tenant.server, new_source(), "ann", "first secret words", tenant.domain).status == 200


def test_an_owner_chooses_its_caller_id_among_those_for_it(tenant):
    """EXT-25"""
    x, client = owner(tenant)
    path = f"/api/extensions/{x['id']}"
    assert client.ask("PATCH", path, {"outbound_caller_id": "442070001234"}).status == 200     # none are named: any
    assert errors(client.ask("PATCH", path, {"caller_ids": []})) == [("caller_ids", "admin_only")]
    tenant.client.patch(path, {"caller_ids": [{"number": "442070000001"}, {"number": "+442070000002"}]})
    assert client.ask("PATCH", path, {"status": "away"}).status == 200                          # the one it has may stay
    assert errors(client.ask("PATCH", path, {"outbound_caller_id": "442070000003"})) == [("outbound_caller_id", "not_in_list")]
    for number in ("442070000001", "442070000002", ""):
        assert client.patch(path, {"outbound_caller_id": number})["outbound_caller_id"] == number
    tenant.client.patch(path, {"outbound_caller_id": "442070000003"})
    assert errors(tenant.client.ask("PATCH", path, {"caller_ids": [{"number": "x"}]})) == [("caller_ids[0].number", "bad_number")]
    assert client.patch(path, {"speed_dials": [{"key": "2", "number": "102"}]})["speed_dials"] == [{"key": "2", "number": "102", "name": ""}]


def test_an_owner_sees_company_and_website_of_its_tenant_and_changes_neither(tenant):
    """EXT-23"""
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"company": "Test & Sons", "website": "https://test.example"})
    x, client = owner(tenant)
    me = client.get("/api/me")
    assert (me["company"], me["website"]) == ("Test & Sons", "https://test.example")
    assert client.ask("PATCH", f"/api/tenants/{tenant.id}", {"company": "Mine"}).status == 403
    answer = client.ask("PATCH", f"/api/extensions/{x['id']}", {"company": "Mine"})
    assert errors(answer) == [("company", "unknown_field")]


def test_who_is_not_in_the_phone_book_is_seen_by_itself_and_by_the_tenants_people(tenant):
    """EXT-17"""
    x, client = owner(tenant)
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"in_phone_book": False})
    numbers = lambda c: {m["number"] for m in c.get("/api/members")["items"]}     # noqa: E731
    assert numbers(client) == {"102", "170"} and numbers(tenant.client) == {"101", "102", "170"}
    tenant.client.patch(f"/api/extensions/{x['id']}", {"in_phone_book": False})
    assert numbers(client) == {"102", "170"}
