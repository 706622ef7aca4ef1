# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of real phones that REST holds, takes back and transfers (PBX-2, WEB-5): what is heard."""
from harness import tones, transfers, wait


def steer(server, what, **body):
    server.api("POST", f"/api/extensions/{what}", {"extension_number": "101", **body}, expect=204)


def sessions(server):
    return server.get("/api/extensions/sessions", params={"extension_number": "101"})["items"]


def is_held(server):
    return sessions(server)[0]["is_held"]


def test_a_call_is_held_taken_back_and_transferred(server, phones, linphones):
    """Linphone, as baresip 1.0 stops recording for good once a call was held."""
    a = linphones("101", server, tone_hz=440).registered()
    b = linphones("102", server, tone_hz=1000).registered()
    c = phones("103", server, tone_hz=1300).registered()
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    a.wait_for("Media streams established")
    wait.talk(2)
    steer(server, "hold")
    wait.until(lambda: is_held(server), 10, why="it is held")
    wait.talk(2)
    steer(server, "unhold")
    wait.until(lambda: not is_held(server), 10, why="it is taken back")
    wait.talk(2)
    steer(server, "refer", refer_to="103")
    transfers.taken(c)
    wait.until(lambda: not sessions(server), 10, why="who transferred is hung up on")
    wait.talk(transfers.TALK_S + 1)
    transfers.hung_up(c)
    heard = tones.pattern(a.heard_path, 1000).strip("0")
    assert heard.count("1") >= 25 and "00000000" in heard, f"before and after the hold, not while it holds: {heard}"
    assert transfers.last_of(b.heard_path, 1300) >= 0.7 and transfers.last_of(c.recordings()[-1], 1000) >= 0.8
    transfers.records(server, "101")
