# SPDX-License-Identifier: GPL-3.0-or-later
"""Session timers and UPDATE over sockets (RFC 4028, RFC 3311)."""
import pytest

from harness import wait
from harness.rawcall import hang_up, talk

KNOWS = "Supported: timer"
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"


@pytest.fixture
def a(phone):
    return phone(101)


@pytest.fixture
def b(phone):
    return phone(102)


def test_too_short_is_422_and_what_is_asked_for_is_given(a, b):
    a.send(a.request("INVITE", f"sip:102@{a.domain}", user="101", headers=[KNOWS, "Session-Expires: 30"], body=a.sdp()))
    assert a.expect(422).get("Min-SE") == "90"
    invite, ok = talk(a, b, invite_headers=[KNOWS, "Session-Expires: 100;refresher=uac"])
    assert ok.get("Session-Expires") == "100;refresher=uac" and ok.get("Require") == "timer"
    assert invite.get("Session-Expires") == "120" and "timer" in invite.get("Supported")
    a.say("UPDATE", headers=[KNOWS, "Session-Expires: 100;refresher=uac"])
    assert a.expect(200).get("Session-Expires") == "100;refresher=uac"
    b.silent()
    hang_up(a, b)


def test_a_callee_that_wants_longer_sessions_is_asked_again(a, b):
    a.invite("102")
    b.reply(b.called(b.expect("INVITE")), 422, headers=["Min-SE: 1800"])
    b.expect("ACK")
    again = b.called(b.expect("INVITE"))
    assert again.get("Session-Expires") == "1800" and again.get("CSeq") == "2 INVITE" and again.body
    b.reply(again, 486)
    b.expect("ACK")
    a.refused(486)


def test_a_refresh_that_never_comes_ends_the_call_and_a_peer_without_timers_is_left_alone(server, a, b):
    talk(a, b, invite_headers=[KNOWS, "Session-Expires: 90;refresher=uac"])
    a.silent(50)
    b.silent(1)
    bye = a.expect("BYE", 15)  # 90 - 30
    a.reply(bye, 200)
    b.reply(b.expect("BYE"), 200)
    assert server.cdrs()[0]["reason"] == "peer_lost"


def test_update_with_a_description_passes_as_the_other_side_takes_it(a, b):
    talk(a, b, invite_headers=[UPDATES], answer_headers=[UPDATES])
    a.say("UPDATE", body=a.sdp(2, "sendonly"))
    update = b.expect("UPDATE")
    assert "a=sendonly" in update.body
    b.reply(update, 200, body=b.sdp(2, "recvonly"))
    assert "a=recvonly" in a.expect(200).body
    hang_up(a, b)
    talk(a, b)
    a.say("UPDATE", body=a.sdp(2, "sendonly"))
    reinvite = b.expect("INVITE")
    b.reply(reinvite, 200, body=b.sdp(2, "recvonly"))
    b.expect("ACK")
    assert "a=recvonly" in a.expect(200).body
    hang_up(a, b)


def test_the_settings_are_obeyed_at_once(server, a, b):
    one = server.post("/api/sip_settings", {"session_seconds": 900, "reliable": False}, who="admin")
    a.invite("102", headers=["Supported: 100rel"])
    invite = b.called(b.expect("INVITE"))
    assert invite.get("Session-Expires") == "900" and "100rel" not in invite.get("Supported", "")
    b.reply(invite, 180)
    assert not a.take(a.expect(180)).get("RSeq")
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)
    refused = server.api("PATCH", f"/api/sip_settings/{one['id']}", {"session_seconds": 60}, who="admin")
    assert refused.status_code == 422, refused.text
    server.api("PATCH", f"/api/sip_settings/{one['id']}", {"session_timer": False}, who="admin", expect=200)
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    assert not invite.get("Session-Expires")
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)
    wait.until(lambda: len(server.cdrs(2)) >= 2, 10, why="both are recorded")
