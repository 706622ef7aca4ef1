# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation by every role, against the table in src/api/rights.def; an operation without a row fails."""
import os
import re

from client import ROOT, Client
from test_contract import body_for, example_path, operations

OPERATIONS = {"list": "LIST", "create": "CREATE", "get": "GET", "update": "UPDATE", "delete": "DELETE", "destroy": "DELETE", "undo": "UPDATE", "restore": "CREATE", "continue": "CREATE", "complete": "CREATE", "replay": "UPDATE", "export": "LIST", "sync": "LIST", "import": "CREATE",
              "hold": "UPDATE", "unhold": "UPDATE", "refer": "UPDATE", "attended": "UPDATE",
              "logout": "CREATE"}


def table():
    text = open(os.path.join(ROOT, "src/api/rights.def")).read()
    return {(what, op): {"administrator": admin, "tenant": tenant}
            for what, op, admin, tenant in re.findall(r'^R\("(\w+)", (\w+), (\w+), (\w+)\)', text, re.M)}


def row(path, operation_id):
    what = "backup_restores" if operation_id == "restore_backup" else path.removeprefix("/api").split("/")[1]
    return table()[what, OPERATIONS[operation_id.split("_")[0]]]


def test_matrix(server, chief, red):
    roles = {"administrator": Client(server, chief.token, tenant=red.domain), "tenant": red.client}
    checked = 0
    for operation_id, (method, path, op) in operations(server).items():
        if op.get("security") == [] or operation_id == "logout":
            continue
        rights = row(path, operation_id)
        for role, client in roles.items():
            answer = client.ask(method, example_path(path), body_for(server, op) and {},
                                headers={"X-Forwarded-For": "192.0.2.9"})
            refused = answer.status == 403
            is_given = refused and rights[role] == "OWN"      # what administrators have set: only its own is the tenant's to change
            assert is_given or refused == (rights[role] == "NO"), f"{role} {method} {path}: {answer}"
            assert op["x-roles"][role] == (rights[role] != "NO")
            checked += 1
    assert checked >= 2 * (len(operations(server)) - 12)


def test_administrator_of_the_system_is_nobody_within_a_tenant_by_itself(server, chief):
    me = chief.get("/api/me")
    assert me["role"] == "administrator" and me["tenant_id"] is None


def test_users_of_a_tenant_are_not_users_of_the_system(server, chief, red):
    names = {u["username"] for u in chief.get("/api/users", limit=500)["items"]}
    assert "chief" in names and red.user["username"] not in names
    names = {u["username"] for u in red.client.get("/api/users", limit=500)["items"]}
    assert "chief" not in names


def test_local_socket_is_administrator_without_a_password(server, red):
    local = Client(server, local=True)
    assert local.get("/api/me") == {"username": "local", "role": "administrator", "user_id": None, "tenant_id": None,
                                   "dealer_id": None, "extension_id": None, "permissions": None, "expires_at": None,
                                   "company": "", "website": ""}
    assert local.ask("POST", "/api/logout").status == 400
    assert Client(server, red.client.token, local=True).get("/api/me")["role"] == "tenant"
    assert Client(server, "oh_" + "x" * 40, local=True).ask("GET", "/api/me").status == 401


def test_metrics_are_not_public(server, anybody, red, chief):
    assert anybody.ask("GET", "/metrics").status == 200     # from the machine itself
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert anybody.ask("GET", "/metrics", headers={header: "192.0.2.1"}).status == 401
        assert red.client.ask("GET", "/metrics", headers={header: "192.0.2.1"}).status == 403
        assert chief.ask("GET", "/metrics", headers={header: "192.0.2.1"}).status == 200
    text = anybody.ask("GET", "/metrics").body.decode()
    assert "# TYPE offhook_http_requests_total counter" in text
    assert "secret" not in text


def test_answers_carry_the_protecting_headers(server, red, anybody):
    answers = [red.client.ask("GET", "/api/me"), anybody.ask("GET", "/api/me"), anybody.ask("GET", "/nothing"), anybody.ask("GET", "/api/docs")]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] is None
        assert answer.headers["X-Request-Id"]
    assert anybody.ask("GET", "/healthz", headers={"X-Request-Id": "my-own-12"}).headers["X-Request-Id"] == "my-own-12"
    assert anybody.ask("GET", "/healthz", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"] != "<script>"


def test_documentation_page_loads_nothing_from_elsewhere(server, anybody):
    page = anybody.ask("GET", "/api/docs").body.decode()
    assert not re.search(r'(src|href)="(?!/api/)', page)
    assert "<script>" not in page and "style=" not in page      # the policy would block them
    script = anybody.ask("GET", "/api/docs/page.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "innerHTML" not in script.body.decode() and "http" not in script.body.decode().replace("HTTP ", "")


def test_secrets_never_come_back(server, red):
    created = red.client.post("/api/accounts", {"username": "secretive", "password": "hunter2hunter2"})
    text = red.client.ask("GET", f"/api/accounts/{created['id']}").body + red.client.ask("GET", "/api/accounts?limit=500").body
    text += red.client.ask("GET", "/api/audit_logs?limit=500").body + red.client.ask("GET", "/api/users").body
    assert b"hunter2" not in text and b"argon2" not in text and b"secret words" not in text
