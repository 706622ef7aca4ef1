# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any instant of writing, telling webhooks and restoring: nothing acknowledged is lost, nothing is half done.

OFFHOOK_KILLS says how often each; a hundred takes some minutes: OFFHOOK_KILLS=100 pytest test/crash/test_kill_often.py"""
import http.server
import json
import os
import random
import threading
import time

import pytest
import requests

from harness import wait

KILLS = int(os.environ.get("OFFHOOK_KILLS", "4"))


def rows_of(server, path, **filters):
    rows, cursor = [], {}
    while cursor is not None:
        page = server.get(path, params={"limit": 500, **filters, **cursor})
        rows += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None
    return rows


def extensions(server):
    return rows_of(server, "/api/extensions")


def numbers(server):
    return sorted(e["number"] for e in extensions(server))


def soon(longest):
    """A moment that nothing determines."""
    wait.idle(random.uniform(0, longest))


def killed_meanwhile(server, work, longest):
    """work() goes on until the server is gone; what it has to say."""
    said = []

    def go():
        try:
            while True:
                said.append(work())
        except (requests.RequestException, AssertionError):
            pass
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    soon(longest)
    server.kill()
    thread.join(30)
    assert not thread.is_alive()
    return said


def test_what_was_acknowledged_is_there(server):
    n, known, whole = 1000, numbers(server), set()
    for _ in range(KILLS):
        def write():
            nonlocal n
            n += 1
            server.post("/api/extensions", {"number": str(n)})
            return str(n)
        server.login()
        known += killed_meanwhile(server, write, 0.5)
        server.start()
        there = numbers(server)
        missing = set(known) - set(there)
        assert not missing, "acknowledged, and gone"
        known = there
        for row in extensions(server):      # made whole: with its account
            if row["number"] in whole:
                continue
            whole.add(row["number"])
            assert row["number"] in [a["username"] for a in server.get("/api/accounts", params={"extension_id": row["id"]})["items"]]


def test_a_restoring_is_done_or_not_begun(server):
    admin = {"who": "admin"}
    (server.data / "voicemails").mkdir(exist_ok=True)
    (server.data / "voicemails" / "kept.wav").write_bytes(b"voice" * 200000)
    for n in range(200, 230):
        server.post("/api/extensions", {"number": str(n)})
    before = numbers(server)
    one = server.post("/api/backups", {"name": "x"}, expect=202, **admin)["id"]
    wait.until(lambda: server.get(f"/api/backups/{one}", **admin)["state"] == "complete", 30, why="the backup")
    (server.data / "voicemails" / "kept.wav").unlink()
    outcomes = set()
    for kill in range(KILLS):
        later = server.post("/api/extensions", {"number": str(500 + kill)})["number"]
        server.post(f"/api/backups/{one}/restore", {}, expect=202, **admin)
        soon(0.4)
        server.kill()
        server.start()
        now = numbers(server)
        assert now == before or set(now) >= {*before, later}, "the old state, or all of the new one"
        is_new = now == before
        outcomes.add(is_new)
        assert not list((server.data / "backups").glob("*.files")), "what was laid aside is moved or thrown away"
        if is_new:
            assert (server.data / "voicemails" / "kept.wav").read_bytes() == b"voice" * 200000
        else:
            assert not (server.data / "voicemails" / "kept.wav").exists()
        (server.data / "voicemails" / "kept.wav").unlink(missing_ok=True)
        server.get(f"/api/backups/{one}", **admin)
        server.post("/api/extensions", {"number": "299"})       # ids go on, nothing is locked
        server.api("DELETE", "/api/extensions/" + next(e["id"] for e in server.get("/api/extensions", params={"number": "299"})["items"]), expect=204)


def test_a_backup_cut_off_is_not_there(server):
    admin = {"who": "admin"}
    for _ in range(KILLS):
        server.post("/api/backups", {"name": "x"}, expect=202, **admin)
        soon(0.2)
        server.kill()
        server.start()
        assert not list((server.data / "backups").glob("*.part"))
        for b in server.get("/api/backups", **admin)["items"]:
            assert b["state"] == "complete" and b["bytes"] > 0


def test_webhooks_hear_of_every_call_that_ended(server, addresses):
    """Perhaps twice, never not at all: the delivery is written with the record."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["X-Offhook-Delivery"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass
    receiver = http.server.ThreadingHTTPServer((addresses.new(), 0), Handler)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    domain = {"headers": {"X-Tenant": server.domain}, "who": "admin"}
    server.post("/api/webhooks", {"url": "http://{}:{}/".format(*receiver.server_address), "allow_private": True, "events": "*"}, **domain)
    for kill in range(KILLS):
        before = time.time()
        server.post("/api/backups", {"name": f"told {kill}", "parts": ["configuration"]}, expect=202, **domain)
        wait.until(lambda: [b for b in server.get("/api/backups")["items"] if b["name"] == f"told {kill}" and b["state"] == "complete"], 30, why="a backup")
        soon(0.4)
        server.kill()
        server.start()
        assert before
    expected = {e["id"] for e in rows_of(server, "/api/event_logs", key="backup_ended")}
    wait.until(lambda: not server.get("/api/webhook_deliveries", params={"state": "waiting"})["items"], 30, why="all is told")
    ended = [d for d in rows_of(server, "/api/webhook_deliveries", state="delivered") if d["event"] == "backup_ended"]
    assert len(ended) == len(expected) > 0
    assert len({g[0] for g in got if g[1]["event_type"] == "backup_ended"}) == len(expected), "each was heard"
    receiver.shutdown()
    receiver.server_close()
