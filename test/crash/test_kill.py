# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle: an answered call never vanishes, phones stay registered."""
import sqlite3
import time

from harness import wait
from harness.wait import when


def test_a_call_cut_off_by_kill_is_interrupted_and_phones_stay_registered(server, phones):
    a = phones("101", server).registered()
    b = phones("102", server, answer="auto").registered()
    a.dial(f"sip:102@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    # The journal marks who is alive when the gauges are sampled, each second: two marks.
    established = server.metrics()["offhook_uptime_seconds"]
    wait.until(lambda: server.metrics()["offhook_uptime_seconds"] >= established + 2, why="two marks of being alive")
    server.kill()
    killed = time.time()
    server.start()

    (cdr,) = server.cdrs()
    assert cdr["status"] == "interrupted" and cdr["reason"] == "interrupted"
    assert cdr["answered_at"]
    assert killed - 2.5 < when(cdr["last_alive_at"]) <= killed + 0.1
    assert when(cdr["ended_at"]) <= killed + 0.1

    usernames = sorted(r["username"] for r in server.get("/api/registrations")["items"])
    assert usernames == ["101", "102"], "both contacts survived"
    # The devices of the cut-off call are told, so nobody sits in a dead call.
    a.wait_for("CALL_CLOSED", 10)
    b.wait_for("CALL_CLOSED", 10)
    # And they can be called without registering again.
    seen = len(b.events)
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_ESTABLISHED", after=seen)
    a.hangup()
    wait.until(lambda: len(b.saw("CALL_CLOSED", seen)) >= 1, why="the second call ends")


def test_passwords_survive_a_restart(server):
    before = server.demo["accounts"]
    server.stop()
    assert not (server.data / "demo.json").exists(), "removed at stop"
    server.start()
    assert server.demo["accounts"] == before
    assert (server.data / "demo.json").stat().st_mode & 0o777 == 0o600


def test_who_looks_into_the_database_takes_nothing_with_him(server):
    """Somebody with the sqlite3 shell, a tool that makes backups: what is committed while and after they look outlives a kill."""
    log = server.data / "offhook.db-wal"
    before = log.stat().st_ino
    for number in ("771", "772"):
        looked = sqlite3.connect(server.data / "offhook.db", timeout=20)
        assert looked.execute("SELECT count(*) FROM extensions").fetchone()[0] >= 3
        looked.close()
        assert log.stat().st_ino == before, "the log that is written to is the one that is found"
        server.post("/api/extensions", {"number": number})
    server.kill()
    server.start()
    assert {"771", "772"} <= {e["number"] for e in server.get("/api/extensions", params={"limit": 500})["items"]}


def test_a_recording_to_be_heard_back_is_gone_after_a_kill(server, phones):
    """*42 in the middle: its file lives as long as the call, and nobody else's file is touched."""
    def left():
        return sorted(path.name for path in server.data.glob("heard-back-*"))
    kept = server.data / "notes.wav"
    kept.write_bytes(b"kept")
    a = phones("101", server).registered()
    a.dial(f"sip:*42@{server.domain}")
    wait.until(left, 15, why="it is being recorded")
    server.kill()
    assert left(), "there is something to sweep"
    server.start()
    assert not left() and kept.exists()
