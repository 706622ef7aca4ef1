# SPDX-License-Identifier: GPL-3.0-or-later
"""Forks, refusals, hold and groups, with real phones."""
import time

from harness import tones, wait

HEARD = 0.9
EDGE = {"skip_s": 0.4, "cut_s": 0.4}


def test_every_device_rings_and_the_first_answer_wins(server, phones):
    a = phones("101", server).registered()
    b1 = phones("102", server, tone_hz=1000).registered()
    b2 = phones("102", server, tone_hz=1300).registered()
    a.dial(f"sip:102@{server.domain}")
    b1.wait_for("CALL_INCOMING")
    b2.wait_for("CALL_INCOMING")
    b2.answer()
    a.wait_for("CALL_ESTABLISHED")
    b1.wait_for("CALL_CLOSED")
    wait.talk(2)
    a.hangup()
    b2.wait_for("CALL_CLOSED")
    assert a.heard(1300, **EDGE) >= HEARD
    (cdr,) = server.cdrs()
    assert cdr["status"] == "answered"
    detail = server.get(f"/api/cdrs/{cdr['id']}")
    reasons = sorted(leg["reason"] for leg in detail["legs"] if leg["side"] == "callee")
    assert reasons == ["answered_elsewhere", "normal"]


def test_a_device_that_registers_while_it_rings_is_rung_too(server, phones):
    a = phones("101", server).registered()
    b1 = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    b1.wait_for("CALL_INCOMING")
    late = phones("102", server, tone_hz=1300)
    late.rings()  # maybe before it could be asked
    late.answer()
    a.wait_for("CALL_ESTABLISHED")
    b1.wait_for("CALL_CLOSED")
    a.hangup()
    late.wait_for("CALL_CLOSED")


def test_the_caller_gives_up(server, phones):
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    a.hangup()
    b.wait_for("CALL_CLOSED")
    (cdr,) = server.cdrs()
    assert cdr["status"] == "cancelled" and not cdr["answered_at"]


def test_a_refused_call_is_busy(server, phones):
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.hangup()
    closed = a.wait_for("CALL_CLOSED")
    assert "486" in closed["param"], closed
    (cdr,) = server.cdrs()
    assert cdr["status"] == "busy"


def test_nobody_registered_is_unavailable(server, phones):
    a = phones("101", server).registered()
    a.dial(f"sip:102@{server.domain}")
    assert "480" in a.wait_for("CALL_CLOSED")["param"]


def test_an_unknown_number_is_not_found(server, phones):
    a = phones("101", server).registered()
    a.dial(f"sip:999999@{server.domain}")
    assert "404" in a.wait_for("CALL_CLOSED")["param"]


def test_nobody_answers_within_the_ring_time(server, phones):
    (extension,) = server.get("/api/extensions", params={"number": "102"})["items"]
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"ring_seconds": 5}, expect=200)
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    start = time.monotonic()
    assert "480" in a.wait_for("CALL_CLOSED", 25)["param"]  # not given a time it would ring for half a minute
    assert 3 < time.monotonic() - start
    b.wait_for("CALL_CLOSED")
    (cdr,) = server.cdrs()
    assert cdr["status"] == "missed" and cdr["reason"] == "no_answer"


def test_hold_and_resume(server, linphones):
    """With linphone, which plays its file to the one it holds; baresip 1.0 stops recording for good once a call was held,
    also between two baresips alone.  Without our music, which would stand in its place."""
    (tenant,) = [t for t in server.get("/api/tenants", who="admin")["items"] if t["domain"] == server.domain]
    server.api("PATCH", f"/api/tenants/{tenant['id']}", {"music_on_hold": False}, who="admin", expect=200)
    a = linphones("101", server, tone_hz=440).registered()
    b = linphones("102", server, tone_hz=1000).registered()
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    a.wait_for("connected")
    wait.talk(2.5)
    a.command("pause")
    wait.talk(3)
    a.command("resume 1")
    wait.talk(3)
    a.hangup()
    (cdr,) = server.cdrs()
    assert cdr["status"] == "answered"
    a.stop()
    b.stop()
    by_holder = tones.pattern(a.heard_path, 1000).count("1") / 10
    by_held = tones.pattern(b.heard_path, 440).count("1") / 10
    assert 4.2 <= by_holder <= 6.5, f"the holder hears the other before and after, not while it holds: {by_holder} s"
    assert by_held >= 7.2, f"the one held hears what the holder plays to it: {by_held} s"


def test_a_ring_group_rings_all_members(server, phones):
    ids = {e["number"]: e["id"] for e in server.get("/api/extensions")["items"]}
    server.post("/api/ring_groups", {"number": "600", "name": "Sales", "members": [
        {"extension_id": ids["102"]}, {"extension_id": ids["103"]}]})
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    c = phones("103", server, tone_hz=1300).registered()
    a.dial(f"sip:600@{server.domain}")
    b.wait_for("CALL_INCOMING")
    c.wait_for("CALL_INCOMING")
    c.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_CLOSED")
    wait.talk(2)
    a.hangup()
    c.wait_for("CALL_CLOSED")
    assert a.heard(1300, **EDGE) >= HEARD
    (cdr,) = server.cdrs()
    assert cdr["callee"] == "600" and cdr["final_dest"] == "103"


def test_a_call_is_hung_up_through_the_api(server, phones):
    a = phones("101", server).registered()
    b = phones("102", server, answer="auto").registered()
    a.dial(f"sip:102@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    (session,) = wait.until(lambda: server.get("/api/sessions")["items"], why="a live session")
    server.api("DELETE", f"/api/sessions/{session['id']}", expect=204)
    a.wait_for("CALL_CLOSED")
    b.wait_for("CALL_CLOSED")
    (cdr,) = server.cdrs()
    assert cdr["ended_by"] == "system" and cdr["reason"] == "administrator"


def test_a_change_is_obeyed_by_the_next_call(server, phones):
    """SYS-8: no restart, no apply."""
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    (extension,) = server.get("/api/extensions", params={"number": "102"})["items"]
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"enabled": False}, expect=200)
    a.dial(f"sip:102@{server.domain}")
    assert "480" in a.wait_for("CALL_CLOSED")["param"]
    assert not b.saw("CALL_INCOMING")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"enabled": True}, expect=200)
    seen = len(a.events)
    again = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    again.wait_for("CALL_INCOMING")
    a.hangup()
    a.wait_for("CALL_CLOSED", after=seen)
