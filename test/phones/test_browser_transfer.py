# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers with browsers, JsSIP and SIP.js in Chromium: by them and of them, blind and attended, heard both ways.

All three are browsers: what each hears can be asked while the call goes on, so nothing depends on how fast the machine is.
"""
import pytest

from harness import transfers, wait

PATIENCE_S = 60  # three pages with sound of their own on a busy machine
HEARD = {"timeout": PATIENCE_S, "share": 0.5}
A_HZ, BY_HZ, C_HZ = 440, 1000, 1300


@pytest.fixture(params=["jssip", "sipjs"])
def library(request):
    return request.param


def takes(phone, hz):
    phone.wait_for("session", PATIENCE_S, originator="remote")
    phone.answer({"hz": hz})
    phone.wait_for("confirmed", PATIENCE_S)


@pytest.fixture
def three(server, web, library):
    """101 and 102, which talk, and 103; who transfers and who is transferred has the library, in turn."""
    a, by, c = web(101, library=library), web(102, library=library), web(103)
    a.call({"target": f"sip:102@{server.domain}", "hz": A_HZ})
    takes(by, BY_HZ)
    a.wait_for("confirmed", PATIENCE_S)
    by.hears(A_HZ, **HEARD)
    a.hears(BY_HZ, **HEARD)
    # From its first receiver report on a browser no longer says in each packet to which m-line it belongs (RFC 9143 15).
    wait.until(lambda: a.stat("remote-inbound-rtp"), PATIENCE_S, why="101 is told that it is heard")
    return a, by, c


def ends(server, a, c):
    a.hears(C_HZ, **HEARD)
    c.hears(A_HZ, **HEARD)
    c.hangup()
    a.wait_for("ended", PATIENCE_S)
    return transfers.records(server, "102")


def test_a_browser_transfers_a_browser_blindly(server, three):
    a, by, c = three
    by.refer(f"sip:103@{server.domain}")
    takes(c, C_HZ)
    by.wait_for("transfer", PATIENCE_S, what="accepted")
    by.wait_for("ended", PATIENCE_S)
    _, second = ends(server, a, c)
    assert (second["caller"], second["callee"], second["status"]) == ("101", "103", "answered")


def test_a_browser_asks_first_and_transfers_then(server, three):
    a, by, c = three
    by.hold()
    by.call({"target": f"sip:103@{server.domain}", "hz": BY_HZ})
    takes(c, C_HZ)
    wait.until(lambda: len(by.saw("confirmed")) == 2, PATIENCE_S, why="both calls are up")
    by.hears(C_HZ, **HEARD)
    by.join()
    by.wait_for("transfer", PATIENCE_S, what="accepted")
    wait.until(lambda: len(by.saw("ended")) == 2, PATIENCE_S, why="it is out of both")
    ends(server, a, c)


def test_a_transfer_that_fails_leaves_the_call_as_it_was(server, three):
    a, by, _ = three
    by.refer(f"sip:999@{server.domain}")
    by.wait_for("transfer", PATIENCE_S, what="failed")
    by.hears(A_HZ, **HEARD)
    a.hears(BY_HZ, **HEARD)
    by.hangup()
    a.wait_for("ended", PATIENCE_S)


def test_a_browser_is_transferred_to_the_echo(server, three):
    a, by, _ = three
    by.refer(f"sip:*43@{server.domain}")
    by.wait_for("transfer", PATIENCE_S, what="accepted")
    a.hears(A_HZ, **HEARD)
    a.hangup()
    first, second = transfers.records(server, "102")
    assert second["callee"] == "*43" and first["callee"] == "102"


def test_a_browser_asks_a_desk_and_leaves_it_to_another(server, web, phones, library):
    one, other = phones("102", server, tone_hz=BY_HZ).registered(), phones("103", server, tone_hz=C_HZ).registered()
    by = web(101, library=library)
    one.dial(f"sip:101@{server.domain}")
    takes(by, A_HZ)
    by.hears(BY_HZ, **HEARD)
    by.hold()
    by.call({"target": f"sip:103@{server.domain}", "hz": A_HZ})
    transfers.taken(other)
    wait.until(lambda: len(by.saw("confirmed")) == 2, PATIENCE_S, why="both calls are up")
    by.hears(C_HZ, **HEARD)
    by.join()
    by.wait_for("transfer", PATIENCE_S, what="accepted")
    wait.until(lambda: len(by.saw("ended")) == 2, PATIENCE_S, why="it is out of both")
    wait.talk(transfers.TALK_S)
    transfers.hung_up(other, one)
    transfers.records(server, "101")
    assert transfers.last_of(other.recordings()[-1], BY_HZ, 2) >= 0.7


def test_a_desk_asks_and_leaves_one_to_a_browser(server, web, phones, linphones, library):
    one = phones("101", server, tone_hz=A_HZ).registered()
    by = linphones("102", server, tone_hz=BY_HZ).registered()
    to = web(103, library=library)
    one.dial(f"sip:102@{server.domain}")
    by.answer()
    one.wait_for("CALL_ESTABLISHED")
    by.wait_for("Media streams established")
    by.command("pause")
    by.dial(f"sip:103@{server.domain}")
    takes(to, C_HZ)
    by.wait_for("Call 2 to")
    to.hears(BY_HZ, **HEARD)
    by.command("transfer 1 --to-call 2")
    to.hears(A_HZ, **HEARD)
    to.hangup()
    one.wait_for("CALL_CLOSED")
    transfers.records(server, "102")
