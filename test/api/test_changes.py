# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that meet: revisions, repeated requests, many at once, restarts, and parts that do not answer."""
import concurrent.futures
import os
import stat
import time

import pytest

from client import ApiServer, Client
from harness.addresses import new_address


def test_etag_guards_against_lost_updates(tenant):
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    tag = tenant.client.ask("GET", path).headers["ETag"]
    first = tenant.client.ask("PATCH", path, {"first_name": "Ann"}, headers={"If-Match": tag})
    assert first.status == 200 and first.headers["ETag"] != tag
    second = tenant.client.ask("PATCH", path, {"first_name": "Bob"}, headers={"If-Match": tag})
    assert second.status == 412
    assert tenant.client.get(path)["first_name"] == "Ann"
    for bad in ("17", '"x"', 'W/"' + tag.strip('"') + '"', '""', f"{tag}, {tag}"):
        assert tenant.client.ask("PATCH", path, {"first_name": "C"}, headers={"If-Match": bad}).status == 412
        assert tenant.client.ask("DELETE", path, headers={"If-Match": bad}).status == 412
        assert tenant.client.ask("POST", path + "/destroy", headers={"If-Match": bad}).status == 412
    assert tenant.client.ask("PATCH", path, {"first_name": "D"}, headers={"If-Match": "*"}).status == 200
    tag = tenant.client.ask("GET", path).headers["ETag"]
    tenant.client.delete(f"/api/ring_groups/{tenant.group['id']}")
    assert tenant.client.ask("DELETE", path, headers={"If-Match": tag}).status in (204, 409)


@pytest.mark.parametrize("plural", ["tenants", "users", "extensions", "accounts", "ring_groups"])
def test_if_match_of_every_resource(tenant, plural):
    path = f"/api/{plural}/{tenant.ids()[plural]}"
    for method, target in (("PATCH", path), ("DELETE", path), ("POST", path + "/destroy")):
        answer = tenant.admin.ask(method, target, {} if method == "PATCH" else None, headers={"If-Match": '"999999999"'})
        assert answer.status == 412, answer
    answer = tenant.admin.ask("GET", path)
    assert answer.headers["ETag"] == f'"{answer.json()["revision"]}"'


def test_location_of_what_was_created(tenant):
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "150"})
    assert answer.status == 201
    location = answer.headers["Location"]
    assert location == f"/api/extensions/{answer.json()['id']}"
    assert tenant.client.get(location)["number"] == "150"


def test_repeated_post_creates_once(tenant):
    key = {"Idempotency-Key": "create 160"}
    first = tenant.client.ask("POST", "/api/extensions", {"number": "160"}, headers=key)
    again = tenant.client.ask("POST", "/api/extensions", {"number": "160"}, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Idempotency-Replayed"] is None and again.headers["Idempotency-Replayed"] == "true"
    other = tenant.client.ask("POST", "/api/extensions", {"number": "161"}, headers=key)
    assert other.status == 422 and other.json()["type"].endswith("idempotency-key")
    without = tenant.client.ask("POST", "/api/extensions", {"number": "160"})
    assert without.status == 409 and without.json()["errors"][0]["code"] == "taken"


def test_key_is_of_one_user_and_one_path(tenant, red):
    key = {"Idempotency-Key": "shared"}
    assert tenant.client.ask("POST", "/api/extensions", {"number": "170"}, headers=key).status == 201
    assert tenant.client.ask("POST", "/api/ring_groups", {"number": "171", "name": "x"}, headers=key).status == 201
    assert tenant.admin.ask("POST", "/api/extensions", {"number": "172"}, headers=key).status == 201
    assert red.client.ask("POST", "/api/extensions", {"number": "1700"}, headers=key).status == 201


def test_failed_post_may_be_repeated_with_its_key(tenant):
    key = {"Idempotency-Key": "fails first"}
    assert tenant.client.ask("POST", "/api/extensions", {"number": "101"}, headers=key).status == 409
    tenant.client.post("/api/extensions", {"number": "180"}, expect=201, headers=key)


def test_keys_that_cannot_be_are_400(tenant):
    for key in ("", "x" * 129):
        assert tenant.client.ask("POST", "/api/extensions", {"number": "190"}, headers={"Idempotency-Key": key}).status == 400


def in_parallel(n, fn):
    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        return list(pool.map(fn, range(n)))


def test_hundred_creates_of_one_number_make_one(server, tenant):
    def one(_):
        answer = Client(server, tenant.client.token).ask("POST", "/api/extensions", {"number": "500"})
        if answer.status != 201:
            assert answer.json()["errors"][0]["code"] == "taken"
        return answer.status
    got = in_parallel(100, one)
    assert got.count(201) == 1 and got.count(409) == 99, got
    assert len(tenant.client.get("/api/extensions", number="500")["items"]) == 1


def test_hundred_posts_with_one_key_make_one(server, tenant):
    def one(_):
        answer = Client(server, tenant.client.token).ask("POST", "/api/extensions", {"number": "510"}, headers={"Idempotency-Key": "storm"})
        assert answer.status == 201, answer
        return answer.json()["id"]
    assert len(set(in_parallel(100, one))) == 1


def test_of_parallel_changes_with_one_etag_one_wins(server, tenant):
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    tag = tenant.client.ask("GET", path).headers["ETag"]
    got = in_parallel(20, lambda i: Client(server, tenant.client.token).ask("PATCH", path, {"first_name": f"n{i}"},
                                                                           headers={"If-Match": tag}).status)
    assert got.count(200) == 1 and got.count(412) == 19, got


def test_number_is_taken_across_kinds(tenant):
    answer = tenant.client.ask("POST", "/api/ring_groups", {"number": "101", "name": "x"})
    assert answer.status == 409
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("number", "taken")]


def test_object_in_use_is_kept_and_said_by_whom(tenant):
    answer = tenant.client.ask("DELETE", f"/api/extensions/{tenant.extensions[0]['id']}")
    assert answer.status == 409, answer
    assert answer.json()["errors"][0]["code"] == "in_use"


def test_every_fault_of_a_body_is_named(tenant):
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "", "email": "nonsense", "ring_seconds": 4, "enabled": "yes", "colour": "red"})
    assert answer.status == 422
    assert {(e["field"], e["code"]) for e in answer.json()["errors"]} >= {
        ("number", "required"), ("email", "bad_email"), ("ring_seconds", "out_of_range"), ("enabled", "wrong_type"), ("colour", "unknown_field")}


def test_limit_of_the_tenant_is_named(tenant):
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"max_extensions": 2})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "199"})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "limit", answer


def test_hung_up_session_is_gone(tenant):
    ids = [s["id"] for s in tenant.client.get("/api/sessions")["items"]]
    tenant.client.delete(f"/api/sessions/{ids[0]}")
    assert tenant.client.ask("GET", f"/api/sessions/{ids[0]}").status == 404
    assert tenant.client.ask("DELETE", f"/api/sessions/{ids[0]}").status == 404
    tenant.client.post(f"/api/sessions/{ids[1]}/destroy", expect=204)
    assert tenant.client.get("/api/sessions")["items"] == []


def test_changes_are_in_the_log_with_their_author(tenant):
    tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"first_name": "Ann"})
    newest = tenant.client.get("/api/audit_logs", resource="extension", limit=1)["items"][0]
    assert newest["actor"] == tenant.user["username"] and newest["action"] == "update"
    assert newest["changes"] == {"first_name": ["", "Ann"]}
    assert newest["actor_from"].startswith("127.")


def test_restart_keeps_objects_and_sessions(tmp_path):
    s = ApiServer(tmp_path / "again", new_address()).start()
    s.root.post("/api/tenants", {"name": "kept", "domain": "kept.example", "username": "boss", "password": "some secret words"})
    client = s.login("boss", "some secret words", "kept.example")
    extension = client.post("/api/extensions", {"number": "101"})
    token = client.token
    s.stop()
    assert not os.path.exists(s.socket)
    s.start()
    try:
        after = Client(s, token).get(f"/api/extensions/{extension['id']}")
        assert after == {k: v for k, v in extension.items() if k in after}
        assert stat.S_IMODE(os.stat(s.socket).st_mode) == 0o600
    finally:
        s.stop()


def test_call_manager_that_does_not_answer_is_503_in_time(tmp_path):
    s = ApiServer(tmp_path / "deaf", new_address(), "deaf").start()
    try:
        for method, path in (("GET", "/api/sessions"), ("DELETE", "/api/sessions/1"), ("GET", "/api/status"), ("GET", "/readyz")):
            start = time.monotonic()
            answer = s.root.ask(method, path)
            assert answer.status == 503 and answer.headers["Retry-After"], answer
            assert 1.5 < time.monotonic() - start < 10
        assert s.root.ask("GET", "/healthz").status == 200
        assert s.root.get("/api/tenants")["items"] == []
    finally:
        s.stop()
