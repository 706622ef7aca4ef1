# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers with browsers, JsSIP and SIP.js in Chromium: by them and of them, blind and attended, heard both ways."""
import pytest

from harness import transfers, wait

LIBRARIES = ["jssip", "sipjs"]


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture
def desks(server, phones):
    """Two desk telephones: 101, who says 440 Hz, and 103, who says 1300 Hz."""
    return [phones(n, server, tone_hz=hz).registered() for n, hz in (("101", 440), ("103", 1300))]


def called(web, server, desk, library):
    """A browser, 102, that talks to the desk which has called it."""
    phone = web(102, library=library)
    desk.dial(f"sip:102@{server.domain}")
    phone.wait_for("session", originator="remote")
    phone.answer({"hz": 1000})
    phone.wait_for("confirmed")
    desk.wait_for("CALL_ESTABLISHED")
    phone.hears(440)
    return phone


def heard_each_other(server, a, c, by):
    wait.talk(transfers.TALK_S + 1)
    transfers.hung_up(a, a, c)
    assert transfers.last_of(a.recordings()[-1], 1300) >= 0.8
    assert transfers.last_of(c.recordings()[-1], 440) >= 0.8
    return transfers.records(server, by)


def test_a_browser_transfers_blindly(server, web, desks, library):
    a, c = desks
    phone = called(web, server, a, library)
    phone.refer(f"sip:103@{server.domain}")
    transfers.taken(c)
    phone.wait_for("transfer", what="accepted")
    phone.wait_for("ended")
    _, second = heard_each_other(server, a, c, "102")
    assert (second["caller"], second["callee"], second["status"]) == ("101", "103", "answered")


def test_a_browser_asks_first_and_transfers_then(server, web, desks, library):
    a, c = desks
    phone = called(web, server, a, library)
    phone.hold()
    phone.call({"target": f"sip:103@{server.domain}", "hz": 1000})
    transfers.taken(c)
    wait.until(lambda: len(phone.saw("confirmed")) == 2, why="both calls are up")
    phone.hears(1300)
    phone.join()
    phone.wait_for("transfer", what="accepted")
    wait.until(lambda: len(phone.saw("ended")) == 2, why="it is out of both")
    heard_each_other(server, a, c, "102")


def test_a_browser_is_transferred(server, web, desks, phones, library):
    a, c = desks
    phone = web(102, library=library)
    phone.call({"target": f"sip:101@{server.domain}", "hz": 1000})
    transfers.taken(a)
    phone.hears(440)
    transfers.blind(a, f"sip:103@{server.domain}", c)
    phone.hears(1300)
    phone.hangup()
    c.wait_for("CALL_CLOSED")
    assert transfers.last_of(c.recordings()[-1], 1000) >= 0.8
    transfers.records(server, "101")


def test_a_transfer_that_fails_leaves_the_call_as_it_was(server, web, desks, library):
    a, _ = desks
    phone = called(web, server, a, library)
    phone.refer(f"sip:999@{server.domain}")
    phone.wait_for("transfer", what="failed")
    phone.hears(440)
    phone.hangup()
    a.wait_for("CALL_CLOSED")
