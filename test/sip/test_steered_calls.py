# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that REST holds and transfers for an extension (PBX-2, WEB-5): what its device and the others hear of it, message by message."""
import pytest

from harness import wait
from harness.rawcall import hang_up, talk
from harness.talker import pass_time, talking
from test_music_on_hold import MUSIC, VOICE, music  # noqa: F401


def steer(server, what, expect=204, who="tenant", **body):
    answer = server.api("POST", f"/api/extensions/{what}", {"extension_number": "101", **body}, who=who)
    assert answer.status_code == expect, answer.text
    return answer.json() if answer.content else None


def error(answer):
    return [(e["field"], e["code"]) for e in answer["errors"]]


def sessions(server, number="101", **more):
    return server.get("/api/extensions/sessions", params={"extension_number": number}, **more)["items"]


def offered(phone, direction, answer):
    """It is offered that, and answers this; version 1 was what it said before."""
    m = phone.expect("INVITE")
    said = next((d for d in ("sendonly", "recvonly", "inactive") if f"a={d}" in m.body), "sendrecv")
    assert said == direction, m.text
    phone.reply(m, 200, body=phone.sdp(3, answer))
    phone.expect("ACK")


def renewed(phone):
    """It is offered who it talks to now."""
    m = phone.expect("INVITE")
    phone.reply(m, 200, body=phone.sdp(4))
    phone.expect("ACK")
    return m


def bye(phone):
    phone.reply(phone.expect("BYE"), 200)


def test_hold_and_unhold_are_offered_to_both(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    (one,) = sessions(server)
    assert (one["state"], one["is_held"], one["is_caller"], one["peer_number"], one["sip_call_id"]) == ("talking", False, True, "102", a.call_id)
    steer(server, "hold")
    offered(b, "sendonly", "recvonly")
    offered(a, "recvonly", "sendonly")
    wait.until(lambda: sessions(server)[0]["is_held"], why="it is held")
    steer(server, "hold", session_id=one["id"])     # it is already
    a.silent()
    steer(server, "hold", expect=422)               # nothing that could be held
    steer(server, "unhold", session_id=one["id"])
    offered(b, "sendrecv", None)
    offered(a, "sendrecv", None)
    wait.until(lambda: not sessions(server)[0]["is_held"], why="it is taken back")
    hang_up(a, b)
    assert sessions(server) == []


def test_a_hold_that_the_other_refuses_changes_nothing(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    steer(server, "hold")
    b.reply(b.expect("INVITE"), 488)
    b.expect("ACK")
    a.silent()
    assert not sessions(server)[0]["is_held"]
    steer(server, "hold")                           # and it can be tried again
    offered(b, "sendonly", "recvonly")
    offered(a, "recvonly", "sendonly")
    hang_up(a, b)


def test_the_callee_holds_too(server, phone):
    a, b = phone(102), phone(101)
    talk(a, b, "101")
    steer(server, "hold")
    offered(a, "sendonly", "recvonly")
    offered(b, "recvonly", "sendonly")
    wait.until(lambda: sessions(server)[0]["is_held"], why="it is held")
    hang_up(a, b)


def test_who_is_held_hears_music(server, addresses, music):    # noqa: F811
    with talking(server, addresses) as (a, b):
        a.says_hz = VOICE
        pass_time(a, b)
        assert b.hears(VOICE)
        steer(server, "hold")
        for p, answer in ((b, "recvonly"), (a, "sendonly")):
            m = p.phone.expect("INVITE")
            p.phone.reply(m, 200, body=p.sdp() + f"a={answer}\r\n")
            p.phone.expect("ACK")
        a.heard.clear()
        b.heard.clear()
        pass_time(a, b)
        assert b.hears(MUSIC) and not b.hears(VOICE)
        steer(server, "unhold")
        for p in (b, a):
            m = p.phone.expect("INVITE")
            p.phone.reply(m, 200, body=p.sdp())
            p.phone.expect("ACK")
        b.heard.clear()
        pass_time(a, b)
        assert b.hears(VOICE) and not b.hears(MUSIC)


def test_refer_calls_the_target_and_hangs_up_on_who_transfers(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    steer(server, "refer", refer_to="103")
    invite = c.called(c.expect("INVITE"))
    assert "102" in invite.get("From") and "101@" in invite.get("Referred-By")
    a.silent()
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    renewed(b)
    bye(a)
    (row,) = sessions(server, "103")
    assert row["peer_number"] == "102"
    hang_up(c, b)
    second, first = server.cdrs(2)
    assert (first["reason"], first["transferred_to"], second["transferred_by"]) == ("transferred", second["id"], "101")


def test_a_target_that_declines_takes_nothing_from_anybody(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    steer(server, "refer", refer_to="103")
    c.reply(c.called(c.expect("INVITE")), 486)
    c.expect("ACK")
    assert steer(server, "refer", refer_to="4711", expect=409)["type"].endswith("conflict")
    assert len(sessions(server)) == 1
    hang_up(a, b)


def two_calls(server, phone):
    """101 talks to 102, and with another device of its own to 103."""
    a, b, c, d = phone(101), phone(102), phone(103), phone(101, port=5070)
    talk(a, b)
    talk(d, c, "103")
    return a, b, c, d


def test_attended_refer_joins_the_two(server, phone):
    a, b, c, d = two_calls(server, phone)
    assert error(steer(server, "hold", expect=422)) == [("session_id", "required")]
    assert error(steer(server, "refer", refer_to="102", expect=422)) == [("session_id", "required")]
    steer(server, "attended_refer")
    bye(a)
    bye(d)
    assert "<sip:103@" in renewed(b).get("P-Asserted-Identity") and "<sip:102@" in renewed(c).get("P-Asserted-Identity")
    (row,) = sessions(server, "102")
    assert row["state"] == "talking" and [s["peer_number"] for s in sessions(server, "103")]
    assert sessions(server) == []


def test_attended_refer_names_its_calls(server, phone):
    a, b, c, d = two_calls(server, phone)
    first, second = sessions(server)
    theirs = sessions(server, "102")[0]["id"]
    assert theirs == first["id"]
    assert error(steer(server, "attended_refer", session_id=first["id"], target_session_id="4711", expect=422)) == [("session_id", "not_found")]
    steer(server, "attended_refer", session_id=first["id"], target_session_id=first["id"], expect=409)
    steer(server, "attended_refer", session_id=second["id"], target_session_id=first["id"])
    bye(d)
    bye(a)


def test_a_target_that_rings_goes_on_ringing_for_the_other(server, phone):
    a, b, c, d = phone(101), phone(102), phone(103), phone(101, port=5070)
    talk(a, b)
    invite = d.rings(c, "103")
    steer(server, "attended_refer")
    d.refused(487)
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    renewed(b)
    bye(a)
    assert "<sip:102@" in renewed(c).get("P-Asserted-Identity")     # it hears who it talks to now
    hang_up(c, b)


def test_what_is_not_there_is_named(server, phone):
    assert error(steer(server, "hold", expect=422)) == [("extension_number", "not_found")]
    assert error(steer(server, "hold", expect=422, session_id="17")) == [("session_id", "not_found")]
    assert error(steer(server, "hold", expect=422, extension_number="999")) == [("extension_number", "not_found")]
    assert error(steer(server, "hold", expect=422, session_id="x")) == [("session_id", "bad_id")]
    a, b = phone(101), phone(102)
    invite = a.rings(b, "102")
    (one,) = sessions(server)
    assert one["state"] == "ringing"
    steer(server, "hold", expect=409, session_id=one["id"])
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


def test_an_owner_steers_its_own_calls_and_a_tenant_its_own(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    server.add_owner("101")
    server.add_owner("103")
    (one,) = sessions(server, who="101")
    assert error(steer(server, "hold", expect=422, who="103")) == [("extension_number", "not_found")]
    assert error(steer(server, "hold", expect=422, who="103", extension_number="103", session_id=one["id"])) == [("session_id", "not_found")]
    foreign = server.api("GET", "/api/extensions/sessions", params={"extension_number": "101"}, who="103")
    missing = server.api("GET", "/api/extensions/sessions", params={"extension_number": "777"}, who="103")
    assert foreign.status_code == missing.status_code == 400 and foreign.json()["errors"] == missing.json()["errors"]
    server.post("/api/tenants", {"name": "far", "domain": "far.example"}, who="admin")
    far = {"headers": {"X-Tenant": "far.example"}, "who": "admin"}
    answers = [server.api("POST", "/api/extensions/hold", {"extension_number": n, "session_id": i}, **far).json()["errors"]
               for n, i in (("101", one["id"]), ("101", "4711"))]
    assert answers[0] == answers[1] and answers[0][0]["field"] == "extension_number"
    steer(server, "hold", who="101")
    offered(b, "sendonly", "recvonly")
    offered(a, "recvonly", "sendonly")
    hang_up(a, b)


@pytest.mark.parametrize("what", ["hold", "unhold", "refer", "attended_refer"])
def test_nobody_who_may_only_read_steers(server, what):
    role = server.post("/api/roles", {"name": "reads", "permissions": [{"resource": "*", "access": "read"}]})["id"]
    user = {"username": "reader", "password": "secret words of reader"}
    server.post("/api/users", user | {"role_id": role})
    server._sign_in("reader", user | {"domain": server.domain})
    steer(server, what, expect=403, who="reader")
