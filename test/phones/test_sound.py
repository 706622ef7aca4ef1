# SPDX-License-Identifier: GPL-3.0-or-later
"""Test numbers: what the engine plays, mixes and records is heard by real phones."""
import glob

from harness import wait

HEARD = 0.9
EDGE = {"skip_s": 0.6, "cut_s": 0.2}
TALK_S = 3


def joined(phone, server, number):
    phone.dial(f"sip:{number}@{server.domain}")
    phone.wait_for("CALL_ESTABLISHED")
    return phone


def gone(*phones):
    for p in phones:
        p.hangup()
        p.wait_for("CALL_CLOSED")


def test_tone_is_heard_until_the_caller_hangs_up(server, phones):
    a = joined(phones("101", server, tone_hz=440).registered(), server, "*41")
    wait.talk(TALK_S)
    gone(a)
    assert a.heard(1000, **EDGE) >= HEARD
    assert a.heard(440, **EDGE) == 0
    (cdr,) = server.cdrs()
    assert cdr["callee"] == "*41" and cdr["status"] == "answered" and cdr["ended_by"] == "caller"


def test_all_in_a_room_hear_the_others_and_not_themselves(server, phones):
    a = joined(phones("101", server, tone_hz=440).registered(), server, "*44")
    b = joined(phones("102", server, tone_hz=1300).registered(), server, "*44")
    wait.talk(TALK_S)
    gone(b, a)
    assert a.heard(1300, **EDGE) >= 0.6  # alone in the room at first
    assert b.heard(440, **EDGE) >= HEARD
    assert a.heard(440) == 0 and b.heard(1300) == 0


def test_a_muted_member_is_not_heard(server, phones):
    """Control: the measure above fails when a direction is muted."""
    a = joined(phones("101", server, tone_hz=440).registered(), server, "*44")
    b = joined(phones("102", server, tone_hz=1300).registered(), server, "*44")
    a.command("mute")
    wait.talk(TALK_S)
    gone(b, a)
    assert b.heard(440, skip_s=1.0) < 0.1
    assert a.heard(1300, **EDGE) >= 0.6


def test_one_pages_and_the_others_listen(server, phones):
    a = joined(phones("101", server, tone_hz=440).registered(), server, "*46")
    b = joined(phones("102", server, tone_hz=1300).registered(), server, "*46")
    group = server.post("/api/extension_groups", {"name": "pagers", "may_page": True})
    pager = server.get("/api/extensions", params={"number": "103"})["items"][0]
    server.api("PATCH", f"/api/extensions/{pager['id']}", {"member_of": [{"group_id": group["id"]}]}, expect=200)
    c = joined(phones("103", server, tone_hz=700).registered(), server, "*45")
    wait.talk(TALK_S)
    gone(c, b, a)
    assert a.heard(700) >= 0.5 and b.heard(700) >= 0.5
    assert a.heard(1300) == 0 and b.heard(440) == 0
    assert c.heard(440) == 0 and c.heard(1300) == 0


def test_what_was_said_is_heard_back_and_forgotten(server, linphones):
    phone = linphones("101", server, tone_hz=600).registered()
    phone.dial(f"sip:*42@{server.domain}")
    wait.talk(TALK_S)
    assert glob.glob(str(server.dir / "**" / "heard-back-*"), recursive=True)
    phone.press("5")
    (cdr,) = server.cdrs(timeout=20)  # it hangs up when it has played
    assert cdr["status"] == "answered" and cdr["ended_by"] == "system"
    phone.stop()
    assert phone.heard(600) > 0.3
    wait.until(lambda: not glob.glob(str(server.dir / "**" / "heard-back-*"), recursive=True), why="the file is removed")
