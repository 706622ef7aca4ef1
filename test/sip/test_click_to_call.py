# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that the API asks for (WEB-5): the caller's devices ring, then the number is called for the one that answered."""
from harness import wait
from harness.rawcall import Phone


def place(server, caller="101", callee="102", expect=201):
    answer = server.api("POST", "/api/call_sessions/create", {"caller": caller, "callee": callee})
    assert answer.status_code == expect, answer.text
    return answer.json()


def caller_answers(a):
    """a's device is rung without a description, offers one and hears ours in the ACK."""
    invite = a.called(a.expect("INVITE"))
    assert not invite.body
    a.reply(invite, 180)
    a.reply(invite, 200, body=a.sdp())
    ack = a.expect("ACK")
    assert "m=audio" in ack.body
    return invite


def joined(a, b):
    """b is called with what a said, and a hears of what b answers."""
    invite = b.called(b.expect("INVITE"))
    assert "m=audio" in invite.body
    b.reply(invite, 180)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    again = a.expect("INVITE")
    a.reply(again, 200, body=a.sdp(version=2))
    a.expect("ACK")
    return invite


def ended(server, session):
    return wait.until(lambda: next((c for c in server.get("/api/cdrs")["items"] if c["id"] == session["cdr_id"] and c["ended_at"]), None),
                      10, why="the call's record has ended")


def test_both_are_rung_one_after_the_other_and_joined(shared, a, b):
    session = place(shared)
    assert (session["caller"], session["callee"], session["status"]) == ("101", "102", "in_progress")
    invite = caller_answers(a)
    assert "102" in invite.get("From")      # the device shows who will be called
    assert "101" in joined(a, b).get("From")
    assert shared.get(f"/api/sessions/{session['id']}")["answered_at"]
    b.say("BYE")
    b.expect(200)
    a.reply(a.expect("BYE"), 200)
    record = ended(shared, session)
    assert (record["caller"], record["callee"], record["status"], record["ended_by"]) == ("101", "102", "answered", "callee")
    legs = shared.get(f"/api/cdrs/{record['id']}")["legs"]
    assert [(leg["side"], leg["number"]) for leg in legs] == [("caller", "101"), ("callee", "102")]


def test_caller_who_hangs_up_while_the_other_rings_cancels(shared, a, b):
    session = place(shared)
    caller_answers(a)
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert ended(shared, session)["status"] == "cancelled"


def test_callee_who_declines_ends_it(shared, a, b):
    session = place(shared)
    caller_answers(a)
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 603)
    b.expect("ACK")
    a.reply(a.expect("BYE"), 200)
    assert ended(shared, session)["status"] == "busy"


def test_caller_who_declines_ends_it_and_nobody_else_is_rung(shared, a, b):
    session = place(shared)
    invite = a.called(a.expect("INVITE"))
    a.reply(invite, 486)
    a.expect("ACK")
    assert ended(shared, session)["status"] == "busy"
    b.silent()


def test_first_device_that_answers_calls_and_the_others_stop(shared, a, b, addresses):
    other = Phone(addresses.new(), shared, 101)
    try:
        session = place(shared)
        second = other.called(other.expect("INVITE"))
        other.reply(second, 180)
        caller_answers(a)
        other.reply(other.expect("CANCEL"), 200)
        other.reply(second, 487)
        other.expect("ACK")
        joined(a, b)
        a.say("BYE")
        a.expect(200)
        b.reply(b.expect("BYE"), 200)
        assert ended(shared, session)["status"] == "answered"
    finally:
        other.leave()


def test_hung_up_by_the_api_while_the_caller_rings(shared, a, b):
    session = place(shared)
    invite = a.called(a.expect("INVITE"))
    a.reply(invite, 180)
    shared.api("DELETE", f"/api/sessions/{session['id']}", expect=204)
    a.reply(a.expect("CANCEL"), 200)
    a.reply(invite, 487)
    a.expect("ACK")
    assert ended(shared, session)["reason"] == "administrator"


def test_caller_without_a_device_or_unknown_is_refused(shared, a):
    assert "registered" in place(shared, "102", "101", expect=409)["detail"]
    assert place(shared, "9999", "101", expect=422)["errors"][0]["code"] == "not_found"
    assert place(shared, "", "101", expect=422)["errors"][0]["field"] == "caller"


def test_device_that_answers_without_an_offer_is_given_up(shared, a, b):
    session = place(shared)
    invite = a.called(a.expect("INVITE"))
    a.reply(invite, 200)
    a.expect("ACK")
    a.reply(a.expect("BYE"), 200)
    assert ended(shared, session)["status"] == "failed"
    b.silent()


def test_number_of_a_service_may_be_called(shared, a):
    """The echo is heard: what a says comes back once the ringing tone has ended."""
    session = place(shared, callee="*43")
    caller_answers(a)
    wait.until(lambda: shared.get(f"/api/sessions/{session['id']}")["answered_at"], 5, why="the service has answered")
    a.say("BYE")
    a.expect(200)
    assert ended(shared, session)["status"] == "answered"


def test_ring_group_may_be_called(shared, a, b):
    members = [{"extension_id": e["id"]} for e in shared.get("/api/extensions", params={"number": "102"})["items"]]
    group = shared.post("/api/ring_groups", {"number": "688", "name": "click", "members": members})
    try:
        session = place(shared, callee="688")
        caller_answers(a)
        joined(a, b)
        b.say("BYE")
        b.expect(200)
        a.reply(a.expect("BYE"), 200)
        assert ended(shared, session)["status"] == "answered"
    finally:
        shared.api("DELETE", f"/api/ring_groups/{group['id']}", expect=204)
