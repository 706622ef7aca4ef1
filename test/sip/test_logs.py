# SPDX-License-Identifier: GPL-3.0-or-later
"""WEB-4: the event log tells of the server and its listeners; log files are listed and read by administrators of the system, and nothing else is."""
import csv
import io
import time

import pytest

from harness import wait
from harness.server import Server


@pytest.fixture
def logging(tmp_path, addresses):
    folder = tmp_path / "log"
    folder.mkdir()
    s = Server(tmp_path / "server", addresses.new(), args=["--log-file", str(folder / "offhook.log")]).start()
    s.folder = folder
    yield s
    s.stop()


def files(server):
    return {f["name"]: f for f in server.get("/api/log_files", who="admin")["items"]}


def content(server, one, offset=0, expect=200):
    return server.api("GET", f"/api/log_files/{one}/content", params={"offset": offset}, who="admin", expect=expect).content


def test_log_files_are_listed_and_read_in_pieces(logging):
    old = b"older\n" * 200000
    (logging.folder / "offhook.log.1").write_bytes(old)
    (logging.folder / "offhook.logs").write_text("not of this server")
    (logging.folder / "other.log").write_text("not of this server")
    (logging.folder / "offhook.log.2").symlink_to("/etc/passwd")
    (logging.folder / "offhook.log.3").mkdir()
    there = files(logging)
    assert set(there) == {"offhook.log", "offhook.log.1"}
    assert there["offhook.log.1"]["bytes"] == len(old)
    got, one = b"", there["offhook.log.1"]["id"]
    while piece := content(logging, one, len(got)):
        assert len(piece) <= 524288
        got += piece
    assert got == old
    now = there["offhook.log"]["id"]
    wait.until(lambda: b"runs, node" in content(logging, now), why="what was just logged")
    assert logging.password(101).encode() not in content(logging, now) and logging.login("admin").encode() not in content(logging, now)
    (logging.folder / "offhook.log.1").rename(logging.folder / "offhook.log.4")       # turned over: the same file
    assert content(logging, one) == old[:524288]


def test_nothing_but_log_files_is_read_and_by_nobody_else(logging):
    (logging.folder / "offhook.log.2").symlink_to("/etc/passwd")
    for path in ("offhook.log.2", "secret"):
        target = logging.folder / path
        if not target.exists():
            target.write_text("x")
        content(logging, target.stat().st_ino, expect=404)
        content(logging, target.lstat().st_ino, expect=404)
    for bad in ("..%2foffhook.log", "offhook.log", "0"):
        assert logging.api("GET", f"/api/log_files/{bad}/content", who="admin").status_code in (400, 404)
    assert logging.api("GET", "/api/log_files").status_code == 403
    one = files(logging)["offhook.log"]["id"]
    assert logging.api("GET", f"/api/log_files/{one}/content").status_code == 403
    assert logging.api("GET", f"/api/log_files/{one}/content", params={"offset": "x"}, who="admin").status_code == 400


def test_there_are_none_where_the_log_goes_elsewhere(server):
    assert server.get("/api/log_files", who="admin")["items"] == []


def happened(server, key):
    return server.get("/api/event_logs", params={"key": key}, who="admin")["items"]


def test_the_event_log_tells_of_the_server_and_of_transports(server):
    wait.until(lambda: happened(server, "server_started"), why="it has started")
    made = server.post("/api/transports", {"protocol": "tcp", "port": 5099}, who="admin")
    (one,) = wait.until(lambda: [e for e in happened(server, "transport_made") if e["address"].endswith(":5099")], why="it is made")
    assert one["peer"] == "TCP"
    server.api("DELETE", f"/api/transports/{made['id']}", who="admin", expect=204)
    wait.until(lambda: [e for e in happened(server, "transport_lost") if e["address"].endswith(":5099")], why="it is gone")
    assert server.get("/api/event_logs", params={"key": "transport_made"})["items"] == [], "of the system, not of a tenant"
    server.stop()
    server.start()
    wait.until(lambda: len(happened(server, "server_started")) == 2 and happened(server, "server_stopped"), why="it was stopped and has started")


def test_the_audit_log_is_exported(server):
    server.post("/api/phone_books", {"name": "=2+3", "description": 'a "quoted", one'})
    for n in range(60):
        server.post("/api/phone_books", {"name": f"book {n}"})
    answer = server.api("GET", "/api/audit_logs/export", params={"resource": "phone_book"}, expect=200)
    assert answer.headers["Content-Type"].startswith("text/csv") and "changes.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 61 and {r["action"] for r in rows} == {"create"} and {r["resource"] for r in rows} == {"phone_book"}
    assert all(r["actor"] and r["actor_from"] and r["at"] for r in rows)
    assert rows[-1]["changes"].count("quoted") == 1
    ids = [int(r["id"]) for r in rows]
    assert ids == sorted(ids, reverse=True)


def failed(server, who="tenant", **filters):
    return server.get("/api/audit_logs", params={"outcome": "failed", "limit": 500, **filters}, who=who)["items"]


def test_what_somebody_could_not_change_is_in_the_audit_log(server):
    """WEB-4: who, from where, what, and by which rule it failed; of the tenant it was in, and never what was sent."""
    made = server.get("/api/extensions", params={"number": "101"})["items"][0]
    server.api("POST", "/api/extensions", {"number": "101", "password": "some secret words"}, expect=409)
    (one,) = wait.until(lambda: failed(server), why="it is told")
    assert {k: one[k] for k in ("outcome", "action", "resource", "resource_id", "request", "status", "reason", "field", "code", "revision", "changes")} == {
        "outcome": "failed", "action": "create", "resource": "extension", "resource_id": None, "request": "POST /api/extensions", "status": 409,
        "reason": "conflict", "field": "number", "code": "taken", "revision": 0, "changes": {}}
    assert one["actor"] == server.get("/api/me")["username"] and one["actor_from"] and not one["actor_is_administrator"]
    server.api("GET", "/api/extensions/999", expect=404)
    server.api("GET", "/api/backup_settings", expect=403)
    server.api("PATCH", f"/api/extensions/{made['id']}", {"some secret words": "some secret words"}, expect=422)
    server.api("PATCH", f"/api/extensions/{made['id']}", {"first_name": "Ann"}, expect=200)
    server.api("DELETE", "/api/extensions/999", expect=404)
    server.api("POST", "/api/dealers", {"name": "x"}, expect=403)
    wait.until(lambda: len(failed(server)) == 4, why="those that change something are told")
    assert [(e["request"], e["status"], e["reason"], e["field"], e["code"]) for e in failed(server)[:3]] == [
        ("POST /api/dealers", 403, "forbidden", "", ""), ("DELETE /api/extensions/{id}", 404, "not-found", "", ""),
        ("PATCH /api/extensions/{id}", 422, "invalid", "", "unknown_field")]
    assert failed(server, who="admin") == [], "of the tenant, not of the system"
    assert "secret words" not in str(server.get("/api/audit_logs")) + str(server.get(f"/api/audit_logs/{one['id']}"))
    assert [e["resource_id"] for e in failed(server, resource="extension", id=made["id"])] == [made["id"]]
    assert failed(server, actor="nobody") == [] and len(failed(server, actor=one["actor"], resource="dealer")) == 1

    mixed = server.get("/api/audit_logs", params={"limit": 3})["items"]
    assert [e["outcome"] for e in mixed] == ["failed", "failed", "completed"], "one log, newest first"
    assert mixed[2]["changes"]["first_name"][1] == "Ann" and mixed[2]["status"] is None
    paged, cursor = [], {}
    while cursor is not None:
        page = server.get("/api/audit_logs", params={"limit": 1, **cursor})
        paged += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert paged == server.get("/api/audit_logs", params={"limit": 500})["items"], "each once, in the same order"
    assert all(e["outcome"] == "completed" for e in server.get("/api/audit_logs", params={"outcome": "completed"})["items"])
    for wrong in ({"outcome": "perhaps"}, {"cursor": "1-x"}, {"cursor": "x"}):
        assert server.api("GET", "/api/audit_logs", params=wrong, expect=400).json()["errors"][0]["field"] in wrong
    whole = server.get(f"/api/audit_logs/{one['id']}")
    assert {k: whole[k] for k in one} == one and whole["before"] is None and whole["after"] is None
    answer = server.api("POST", f"/api/audit_logs/{one['id']}/undo", expect=422)
    assert answer.json()["errors"][0]["code"] == "refused"
    server.api("POST", f"/api/audit_logs/{int(one['id']) + 1}/undo", expect=404)
    rows = list(csv.DictReader(io.StringIO(server.api("GET", "/api/audit_logs/export", expect=200).text)))
    assert [(r["id"], r["outcome"], r["code"]) for r in rows if r["outcome"] == "failed"] == [(e["id"], "failed", e["code"]) for e in failed(server)]
    server.kill()
    server.start()
    assert [e for e in failed(server) if e["id"] == one["id"]] == [one], "it is there after a crash"


def test_what_was_done_without_a_change_is_in_the_audit_log(server):
    """WEB-4: who deleted a report, made and deleted a backup; what configuration changed is there once, as ever."""
    def done(resource, who="tenant", **filters):
        return server.get("/api/audit_logs", params={"resource": resource, **filters}, who=who)["items"]
    report = server.post("/api/call_reports", {"name": "all", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}, expect=202)["id"]
    wait.until(lambda: server.get(f"/api/call_reports/{report}")["state"] == "complete", why="it is made")
    server.api("DELETE", f"/api/call_reports/{report}", expect=204)
    server.api("DELETE", f"/api/call_reports/{report}", expect=404)
    rows = wait.until(lambda: len(r := done("call_reports")) == 3 and r, why="all is told")
    assert [(e["outcome"], e["request"], e["status"], e["resource_id"]) for e in rows] == [
        ("failed", "DELETE /api/call_reports/{id}", 404, None), ("completed", "DELETE /api/call_reports/{id}", 204, report),
        ("completed", "POST /api/call_reports", 202, None)]
    assert all(e["actor"] == server.get("/api/me")["username"] and e["actor_from"] for e in rows)
    assert done("call_reports", outcome="completed") == rows[1:] and done("call_reports", outcome="failed") == rows[:1]
    answer = server.api("POST", f"/api/audit_logs/{rows[1]['id']}/undo", expect=422)
    assert answer.json()["errors"][0]["code"] == "no_change"
    one = server.post("/api/backups", {"name": "x", "parts": ["configuration"]}, who="admin", expect=202)["id"]
    wait.until(lambda: server.get(f"/api/backups/{one}", who="admin")["state"] == "complete", why="the backup")
    server.api("DELETE", f"/api/backups/{one}", who="admin", expect=204)
    rows = wait.until(lambda: len(r := done("backups", "admin")) == 2 and r, why="all is told")
    assert [(e["action"], e["outcome"], e["resource_id"]) for e in rows] == [("delete", "completed", one), ("create", "completed", None)]
    assert done("backups") == []
    server.post("/api/phone_books", {"name": "b"})
    assert len(done("phone_book")) == 1 and server.get("/api/event_logs", params={"key": "request_refused"})["items"] == []


def test_a_user_that_fails_without_end_fills_no_log(server):
    def told(action):
        return sum(e["action"] == action for e in failed(server))

    def last():
        server.api("POST", "/api/dealers", {"name": "x"}, expect=403)
        return told("create")
    began = time.monotonic()
    for _ in range(200):
        server.api("DELETE", "/api/extensions/999", expect=404)
    seconds = int(time.monotonic() - began) + 2
    wait.until(last, why="what came after them is told, so they are")
    assert 0 < told("delete") <= 20 * seconds
    assert server.get("/api/event_logs", params={"key": "request_refused"})["items"] == []
