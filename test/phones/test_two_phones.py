# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: real phones register, call each other, are heard both ways, and the call is in the records."""
import time

import pytest

from harness import tones, wait
from harness.wait import when
from harness.muted import muted_is_noticed
from harness.pipe import Pipe

TALK_S = 4.0
HEARD = 0.9  # of the 100 ms windows
EDGE = {"skip_s": 0.4, "cut_s": 0.4}  # set-up and hang-up: the phones' own buffers


def talk(caller, callee, uri, seconds=TALK_S):
    """caller dials, callee answers, both talk, caller hangs up."""
    caller.dial(uri)
    callee.wait_for("CALL_INCOMING")
    callee.answer()
    caller.wait_for("CALL_ESTABLISHED")
    callee.wait_for("CALL_ESTABLISHED")
    wait.talk(seconds)
    caller.hangup()
    callee.wait_for("CALL_CLOSED")
    caller.wait_for("CALL_CLOSED")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_two_baresips_hear_each_other_and_the_call_is_recorded(server, phones, transport):
    a = phones("101", server, tone_hz=440, transport=transport).registered()
    b = phones("102", server, tone_hz=1000, transport=transport).registered()
    assert [r["transport"] for r in server.get("/api/registrations")["items"]] == [transport] * 2
    before = time.time()
    talk(a, b, f"sip:102@{server.domain}")
    after = time.time()

    assert a.heard(1000, **EDGE) >= HEARD
    assert b.heard(440, **EDGE) >= HEARD
    assert a.heard(440) == 0, "the caller hears itself"
    assert b.heard(1000) == 0, "the callee hears itself"

    (cdr,) = server.cdrs()
    assert (cdr["caller"], cdr["callee"], cdr["status"], cdr["direction"]) == ("101", "102", "answered", "internal")
    started, answered, ended = (when(cdr[k]) for k in ("started_at", "answered_at", "ended_at"))
    assert before - 0.1 <= started <= answered <= ended <= after + 0.1
    assert abs((ended - answered) - TALK_S) < 1.5
    assert cdr["ended_by"] == "caller"
    assert cdr["reason"] == "normal"


def test_linphone_and_baresip_hear_each_other(server, phones, linphones):
    lin = linphones("101", server, tone_hz=600).registered()
    b = phones("102", server, tone_hz=1000).registered()
    lin.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    b.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    b.hangup()
    b.wait_for("CALL_CLOSED")
    server.cdrs()
    lin.stop()
    assert b.heard(600, **EDGE) >= HEARD
    assert b.heard(1000) == 0
    assert tones.pattern(lin.heard_path, 1000).count("1") >= HEARD * (TALK_S - 0.8) * 10
    assert lin.heard(600) == 0


def test_baresip_calls_linphone_over_tcp(server, phones, linphones):
    lin = linphones("103", server, tone_hz=600, transport="tcp").registered()
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:103@{server.domain}")
    lin.answer()
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    lin.hangup()
    a.wait_for("CALL_CLOSED")
    assert a.heard(600, **EDGE) >= HEARD
    assert a.heard(440) == 0
    (cdr,) = server.cdrs()
    assert cdr["ended_by"] == "callee"


def test_echo_lets_the_caller_hear_itself(server, phones):
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:*43@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    a.hangup()
    a.wait_for("CALL_CLOSED")
    assert a.heard(440, **EDGE) >= HEARD
    (cdr,) = server.cdrs()
    assert cdr["callee"] == "*43" and cdr["status"] == "answered"


def test_the_oracle_fails_when_one_direction_is_muted(server, phones):
    """Negative control: a phone that sends no tone must not be heard."""
    a = phones("101", server, tone_hz=440).registered()
    b = phones("102", server, tone_hz=1000).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    b.wait_for("CALL_ESTABLISHED")
    muted_is_noticed(a, b, TALK_S, HEARD, **EDGE)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_linphone_whose_connection_is_cut_is_still_in_its_call(server, phones, linphones, addresses, transport):
    """It registers anew from another port; hold and the end of the call reach it there."""
    way = Pipe(addresses.new(), 5061, (server.ip, server.demo["sip"]["tls_port" if transport == "tls" else "port"]))

    def contact():
        return [r["contact"] for r in server.get("/api/registrations")["items"] if r["username"] == "101"]
    try:
        b = phones("102", server, tone_hz=1000).registered()
        a = linphones("101", server, tone_hz=440, transport=transport, through=f"{way.ip}:5061").registered()
        a.dial(f"sip:102@{server.domain}")
        b.rings()
        b.answer()
        a.wait_for("Media streams established")
        before = contact()
        way.cut()
        wait.until(lambda: contact() not in ([], before), 20, why="it registers anew")
        b.command("hold")
        a.wait_for("has been paused")
        b.hangup()
        a.wait_for("ended")
    finally:
        way.stop()
    assert server.cdrs()[0]["reason"] == "normal"
