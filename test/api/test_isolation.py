# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant never sees another's data: every operation is tried with every kind of foreign id, and what comes back is byte for
byte what a missing id gives."""
import pytest

from bodies import OF_THE_SYSTEM
from test_contract import MISSING, body_for, by_id, operations


def requests_with(server, path, method, op, plural):
    """With the document's example, an empty change, and preconditions that hold or not."""
    body = body_for(server, op)
    yield body, {}
    if method == "PATCH":
        yield {}, {}
    if any(p.get("$ref", "").endswith("/if_match") for p in op["parameters"]):
        for tag in ('"1"', '"999999"', "*", "nonsense"):
            yield body, {"If-Match": tag}


def test_foreign_id_is_answered_like_a_missing_one_by_every_operation(server, red, blue, foreign):
    tried = 0
    for _, method, path, op in by_id(server):
        own_kind = path.split("/")[2]
        for plural, one in foreign.items():
            if plural != own_kind and red.client.ask("GET", f"/api/{own_kind}/{one}").status == 200:
                continue    # a number that names something of red's own in this resource
            for body, headers in requests_with(server, path, method, op, plural):
                theirs = red.client.ask(method, path.replace("{id}", one), body, headers=headers)
                missing = red.client.ask(method, path.replace("{id}", MISSING), body, headers=headers)
                assert theirs.status == missing.status and theirs.status in (403, 404), f"{method} {path} {plural}: {theirs}"
                assert theirs.body == missing.body
                assert headers_of(theirs) == headers_of(missing)
                tried += 1
    assert tried > 100
    for plural, one in foreign.items():     # and nothing happened to them
        assert blue.client.ask("GET", f"/api/{plural}/{one}").status == 200


def headers_of(answer):
    return {k: v for k, v in answer.headers.items() if k not in ("Date", "X-Request-Id")}


def test_lists_hold_only_own_rows(server, red, blue, foreign):
    for _, (method, path, op) in operations(server).items():
        if method != "GET" or "{id}" in path or not any(p.get("$ref", "").endswith("/cursor") for p in op["parameters"]):
            continue
        red_page = red.client.ask("GET", path + "?limit=500")
        if path.split("/")[2] in OF_THE_SYSTEM:
            assert red_page.status == 403
            continue
        assert red_page.status == 200
        text = red_page.body.decode()
        assert blue.id not in text and blue.domain not in text and "blue" not in text, path
        plural = path.split("/")[2]
        if plural in foreign:
            assert foreign[plural] not in {row["id"] for row in red_page.json()["items"]}


def test_foreign_cursor_leads_nowhere_else(server, red, blue, foreign):
    cursor = blue.client.get("/api/extensions", limit=1)["next"]
    answer = red.client.ask("GET", f"/api/extensions?limit=500&cursor={cursor}")
    assert answer.status in (200, 400)
    if answer.status == 200:
        own = {e["id"] for e in red.client.get("/api/extensions", limit=500)["items"]}
        assert {e["id"] for e in answer.json()["items"]} <= own


def test_references_to_foreign_objects_are_refused_like_missing_ones(server, red, foreign):
    def errors(answer):
        assert answer.status == 422, answer
        return [(e["field"], e["code"]) for e in answer.json()["errors"]]
    for plural in ("extensions", "users", "accounts"):
        for make in (lambda i: ("/api/accounts", {"username": "x", "extension_id": i}),
                     lambda i: ("/api/ring_groups", {"number": "800", "name": "x", "members": [{"extension_id": i}]}),
                     lambda i: ("/api/ring_groups", {"number": "800", "name": "x", "no_answer": {"kind": "extension", "id": i}}),
                     lambda i: ("/api/ring_groups", {"number": "800", "name": "x", "no_answer": {"kind": "ring_group", "id": i}})):
            theirs, missing = make(foreign[plural]), make(MISSING)
            got = red.client.ask("POST", *theirs)
            assert errors(got) == errors(red.client.ask("POST", *missing))


def test_user_of_a_tenant_cannot_act_for_another(server, red, blue):
    exists = red.client.ask("GET", "/api/extensions", headers={"X-Tenant": blue.domain})
    missing = red.client.ask("GET", "/api/extensions", headers={"X-Tenant": "nowhere.example"})
    assert exists.status == missing.status == 403
    assert exists.body == missing.body
    assert red.client.ask("GET", "/api/extensions", headers={"X-Tenant": red.domain}).status == 200


def test_tenant_sees_and_changes_itself_and_only_itself(server, red, blue):
    assert [t["id"] for t in red.client.get("/api/tenants", limit=500)["items"]] == [red.id]
    assert red.client.get("/api/tenants", q="blue")["items"] == []
    assert red.client.get("/api/tenants", name="blue")["items"] == []
    assert red.client.patch(f"/api/tenants/{red.id}", {"company": "Red & Co"})["company"] == "Red & Co"
    for field, value in (("max_extensions", 5), ("domain", "elsewhere.example"), ("name", "other"), ("enabled", False)):
        answer = red.client.ask("PATCH", f"/api/tenants/{red.id}", {field: value})
        assert answer.status == 422 and answer.json()["errors"][0]["code"] == "admin_only", field


def test_names_taken_elsewhere_are_free_here(server, red, blue):
    number = "5551"
    red.client.post("/api/extensions", {"number": number})
    blue.client.post("/api/extensions", {"number": number})
    for t in (red, blue):
        t.client.post("/api/users", {"username": "same", "password": "some secret words"})
