# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords and PINs: how strong (EXT-2), who sees them (TEN-1), who changes them (EXT-25); how often one may be signed in (TEN-1)."""
import pytest

from client import Client
from test_people import errors, owner


def show(client, account):
    return client.ask("POST", "/api/shown_passwords", {"account_id": account})


def accounts(client, **filters):
    return {a["username"]: a for a in client.get("/api/accounts", **filters)["items"]}


# ---- TEN-1: shown on demand ----

def test_a_sip_password_is_shown_when_the_tenant_wants_that_and_the_log_tells(tenant):
    x = tenant.client.post("/api/extensions", {"number": "300", "password": "told to nobody 1"})
    account = accounts(tenant.client)["300"]["id"]
    assert errors(show(tenant.client, account)) == [("account_id", "switched_off")]
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"show_sip_passwords": True})
    assert errors(show(tenant.client, "99999")) == [("account_id", "not_found")]
    shown = show(tenant.client, account)
    assert shown.status == 200 and shown.json() == {"account_id": account, "username": "300", "password": "told to nobody 1"}
    line = tenant.client.get("/api/audit_logs", limit=1)["items"][0]
    assert (line["resource"], line["resource_id"], line["changes"], line["actor"]) == ("account", account, {"password": "shown"}, tenant.user["username"])
    assert b"told to nobody" not in tenant.client.ask("GET", f"/api/audit_logs/{line['id']}").body
    answer = tenant.client.ask("POST", f"/api/audit_logs/{line['id']}/undo")
    assert answer.status == 422 and errors(answer) == [("id", "no_change")]
    # a restoration walks over it
    tenant.client.patch(f"/api/extensions/{x['id']}", {"first_name": "Ada"})
    tenant.client.post("/api/restorations", {"at": line["at"]}, expect=200)
    assert tenant.client.get(f"/api/extensions/{x['id']}")["first_name"] == ""


def test_nobody_else_has_a_password_shown(tenant, red):
    red.client.patch(f"/api/tenants/{red.id}", {"show_sip_passwords": True})
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"show_sip_passwords": True})
    theirs = max(int(a["id"]) for a in red.client.get("/api/accounts", limit=500)["items"])
    answer = show(tenant.client, str(theirs + 1000))
    assert errors(answer) == [("account_id", "not_found")]
    _, client = owner(tenant)
    assert show(client, tenant.account["id"]).status == 403
    reader = tenant.client.post("/api/roles", {"name": "reader", "permissions": [{"resource": "*", "access": "read"}]})
    tenant.client.post("/api/users", {"username": "reader", "password": "some secret words", "role_id": reader["id"]})
    assert show(tenant.server.login("reader", "some secret words", tenant.domain), tenant.account["id"]).status == 403


# ---- EXT-25: an owner's own ----

def test_an_owner_changes_its_sip_password_when_the_tenant_lets_it(tenant):
    x, client = owner(tenant, shared_devices=2)
    assert set(accounts(client)) == {"170", "170_2"}
    own, other = accounts(client)["170"], tenant.account
    assert client.ask("GET", f"/api/accounts/{other['id']}").status == 404
    path = f"/api/accounts/{own['id']}"
    assert errors(client.ask("PATCH", path, {"password": "another of mine 1"})) == [("password", "switched_off")]
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"may_change_sip_password": True, "show_sip_passwords": True})
    assert client.ask("PATCH", f"/api/accounts/{other['id']}", {"password": "another of mine 1"}).status == 404
    assert errors(client.ask("PATCH", path, {"password": "short"})) == [("password", "too_short")]
    assert errors(client.ask("PATCH", path, {"max_contacts": 3})) == [("max_contacts", "admin_only")]
    assert client.ask("PATCH", path, {"password": "another of mine 1"}).status == 200
    for account in accounts(client).values():       # all devices have one
        assert show(tenant.client, account["id"]).json()["password"] == "another of mine 1"
    assert client.ask("POST", "/api/accounts", {"username": "more", "extension_id": x["id"]}).status == 403
    assert client.ask("DELETE", path).status == 403


# ---- EXT-2 ----

def test_sip_passwords_have_a_length(tenant):
    for plural, body, field in (("extensions", {"number": "310"}, "password"), ("accounts", {"username": "a310"}, "password")):
        answer = tenant.client.ask("POST", f"/api/{plural}", {**body, "password": "short12"})
        assert answer.status == 422 and errors(answer) == [(field, "too_short")], plural
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"sip_password_length": 12})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "310", "password": "eleven-of-t"})
    assert errors(answer) == [("password", "too_short")] and "12" in answer.json()["errors"][0]["message"]
    made = tenant.client.post("/api/extensions", {"number": "310"})         # generated
    assert len(made["password"]) == 20
    account = accounts(tenant.client)["310"]["id"]
    assert errors(tenant.client.ask("PATCH", f"/api/accounts/{account}", {"password": "eleven-of-t"})) == [("password", "too_short")]
    tenant.client.patch(f"/api/accounts/{account}", {"max_contacts": 2})     # the old one may stay


@pytest.mark.parametrize("word,code", [("password123", "common"), ("anna.smith", "own_name"), ("htims.anna", "own_name"), ("aaaaaaaaaa", "repeated"), ("123456789", "sequence")])
def test_a_web_password_that_is_guessed_first_is_refused(tenant, word, code):
    answer = tenant.client.ask("POST", "/api/users", {"username": "anna.smith", "password": word})
    assert errors(answer) == [("password", code)]
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "3301234567", "web_password": "3301234567" if code == "own_name" else word})
    assert errors(answer) == [("web_password", code)]
    user = tenant.client.post("/api/users", {"username": "other", "password": "some secret words"})
    answer = tenant.client.ask("PATCH", f"/api/users/{user['id']}", {"password": "OTHER.other"})
    assert errors(answer) == [("password", "own_name")]


def weak(client, **query):
    return [(w["kind"], w["name"], w["reason"]) for w in client.get("/api/weak_secrets", **query)["items"]]


def test_weak_secrets_are_listed_with_the_reason(tenant, red):
    for number, password, pin in (("320", "320320320", "1234"), ("321", "Good-Enough-77", "4711"), ("322", "password", ""), ("323", "Good-Enough-78", "7294")):
        tenant.client.post("/api/extensions", {"number": number, "password": password, "service_pin": pin})
    tenant.client.post("/api/disas", {"name": "in", "extension_id": tenant.extensions[0]["id"], "pin": "111111"})
    found = [("sip_password", "320", "own_name"), ("sip_password", "322", "common"), ("service_pin", "320", "sequence"), ("disa_pin", "in", "repeated")]
    assert weak(tenant.client) == found
    paged, cursor = [], None
    while True:
        page = tenant.client.get("/api/weak_secrets", limit=1, **({"cursor": cursor} if cursor else {}))
        paged += [(w["kind"], w["name"], w["reason"]) for w in page["items"]]
        assert len(page["items"]) <= 1
        cursor = page["next"]
        if not cursor:
            break
    assert paged == found
    assert not [w for w in weak(red.client) if w[1] in ("320", "322")]
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"sip_password_length": 15})
    assert ("sip_password", "321", "too_short") in weak(tenant.client)     # by the rule of today
    one = accounts(tenant.client)["320"]
    tenant.client.patch(f"/api/accounts/{one['id']}", {"password": "Long-enough-by-now"})
    assert "320" not in [n for k, n, _ in weak(tenant.client) if k == "sip_password"]
    assert b"Good-Enough" not in tenant.client.ask("GET", "/api/weak_secrets").body


def test_a_web_password_of_long_ago_is_judged_at_sign_in(tenant):
    tenant.client.post("/api/users", {"username": "ann", "password": "nine-of-it"})
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"password_length": 16})
    assert not [w for w in weak(tenant.client) if w[0] == "web_password"]
    tenant.server.login("ann", "nine-of-it", tenant.domain)
    assert ("web_password", "ann", "too_short") in weak(tenant.client)
    answer = Client(tenant.server).ask("POST", "/api/login", {"username": "ann", "password": "nine-of-it", "domain": tenant.domain,
                                                              "new_password": "many more words than that"})
    assert answer.status == 200
    assert not [w for w in weak(tenant.client) if w[0] == "web_password"]


# ---- TEN-1: once or several times ----

def test_a_new_sign_in_ends_the_older_where_the_tenant_wants_that(tenant, red):
    tenant.client.post("/api/users", {"username": "ann", "password": "some secret words"})
    sign_in = lambda: tenant.server.login("ann", "some secret words", tenant.domain)     # noqa: E731
    first, second = sign_in(), sign_in()
    assert [c.ask("GET", "/api/me").status for c in (first, second)] == [200, 200]
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"concurrent_logins": False})
    assert first.ask("GET", "/api/me").status == 200         # until somebody signs in anew
    assert Client(tenant.server).ask("POST", "/api/login", {"username": "ann", "password": "wrong words", "domain": tenant.domain}).status == 401
    assert first.ask("GET", "/api/me").status == 200         # a wrong password ends nobody's
    third = sign_in()
    assert [c.ask("GET", "/api/me").status for c in (first, second, third)] == [401, 401, 200]
    assert tenant.client.ask("GET", "/api/me").status == 200     # another user
    a, b = (red.server.login(red.user["username"], "red secret words", red.domain) for _ in range(2))
    assert [c.ask("GET", "/api/me").status for c in (a, b)] == [200, 200]
