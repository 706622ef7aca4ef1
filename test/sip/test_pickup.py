# SPDX-License-Identifier: GPL-3.0-or-later
"""Pick-up over sockets: INVITE with Replaces, as a lamp tells of the call (RFC 3891, RFC 4235), and codes; pickup groups."""
import pytest

from harness.rawcall import hang_up, record, talk


def replaces(of, params=""):
    return f"Replaces: {of.call_id};to-tag={of.tag};from-tag={of.remote_tag}{params}"


def test_a_ringing_call_is_picked_up_and_no_call_is_missed(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    c.invite("102", headers=["Require: replaces", replaces(b, ";early-only")])
    ok = c.take(c.expect(200))
    assert "m=audio" in ok.body
    c.say("ACK", cseq=c.invite_cseq)
    cancel = b.expect("CANCEL")
    assert 'cause=200' in cancel.get("Reason") and "completed elsewhere" in cancel.get("Reason")
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")
    assert "m=audio" in a.take(a.expect(200)).body
    a.say("ACK", cseq=a.invite_cseq)
    c.silent()
    hang_up(a, c)
    (cdr,) = server.cdrs()
    assert (cdr["callee"], cdr["final_dest"], cdr["status"]) == ("102", "103", "answered")


def test_what_may_not_be_taken_is_refused_and_goes_on(phone):
    a, b, c = phone(101), phone(102), phone(103)
    c.invite("102", headers=["Replaces: nobody@nowhere;to-tag=1;from-tag=2"])
    c.refused(481)
    c.invite("102", headers=["Replaces: nobody@nowhere;to-tag=1"])
    c.refused(400)
    talk(a, b)
    c.invite("102", headers=[replaces(b, ";early-only")])
    c.refused(486)
    c.invite("102", headers=[replaces(b)])
    c.refused(403)
    a.silent()
    b.silent()
    hang_up(a, b)


def test_a_call_goes_on_at_another_device_of_its_extension(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    other = phone(102, port=5070)
    other.invite("102", headers=[replaces(b)])
    assert "m=audio" in other.take(other.expect(200)).body
    other.say("ACK", cseq=other.invite_cseq)
    b.reply(b.expect("BYE"), 200)
    again = a.expect("INVITE")
    a.reply(again, 200, body=a.sdp(2))
    a.expect("ACK")
    other.silent()
    hang_up(a, other)
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["ended_by"]) == ("answered", "caller")


# ---- by code ----

@pytest.fixture
def pickup_groups(server):
    """Puts extensions into pickup groups: pickup_groups(desk={"102": {"may_pick_up": False}, "103": {}})."""
    def put(**groups):
        numbers = {e["number"]: e["id"] for e in server.get("/api/extensions")["items"]}
        lines = {}
        for name, members in groups.items():
            one = server.post("/api/pickup_groups", {"name": name})["id"]
            for number, how in members.items():
                lines.setdefault(number, []).append({"group_id": one, **how})
        for number, groups_of_it in lines.items():
            server.api("PATCH", f"/api/extensions/{numbers[number]}", {"pickup_groups": groups_of_it}, expect=200)
    return put


def change_tenant(server, **fields):
    server.api("PATCH", f"/api/tenants/{server.get('/api/me')['tenant_id']}", fields, expect=200)


def is_taken(a, b, c, invite):
    """c has dialled a code, and talks to a; b rings no more."""
    ok = c.take(c.expect(200))
    c.say("ACK", cseq=c.invite_cseq)
    cancel = b.expect("CANCEL")
    assert "completed elsewhere" in cancel.get("Reason")
    b.reply(cancel, 200)
    b.reply(invite, 487)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    return ok


def test_a_code_takes_what_rings(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    invite = a.rings(b, "102")
    c.invite("**102")
    ok = is_taken(a, b, c, invite)
    assert "101" in ok.get("P-Asserted-Identity"), "who one talks to is shown"
    c.silent()
    hang_up(c, a)
    taken, by_code = record(server, a), record(server, c)
    assert (taken["callee"], taken["final_dest"], taken["status"]) == ("102", "103", "answered")
    assert (by_code["callee"], by_code["reason"], by_code["transferred_to"]) == ("**102", "picked_up", taken["id"])


def test_a_held_call_is_taken_by_either_code(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    for code in ("**102", "%23%23102"):
        talk(a, b)
        b.say("INVITE", body=b.sdp(2, "sendonly"))
        a.reply(a.expect("INVITE"), 200, body=a.sdp(2, "recvonly"))
        a.expect("ACK")
        b.expect(200)
        b.say("ACK", cseq=b.cseq)
        c.invite(code)
        ok = c.take(c.expect(200))
        assert not any(f"a={way}" in ok.body for way in ("sendonly", "recvonly", "inactive")), ok.text
        c.say("ACK", cseq=c.invite_cseq)
        b.reply(b.expect("BYE"), 200)
        again = a.expect("INVITE")
        assert not any(f"a={way}" in again.body for way in ("sendonly", "recvonly", "inactive")), again.text
        a.reply(again, 200, body=a.sdp(3))
        a.expect("ACK")
        c.silent()
        hang_up(a, c)


def test_a_code_takes_what_rings_in_ones_groups(server, phone, pickup_groups):
    pickup_groups(desk={"102": {}}, other={"103": {}})
    a, b, c = phone(101), phone(102), phone(103)
    invite = a.rings(b, "102")
    c.invite("*8")
    c.refused(480)                      # it rings, but not for him
    c.invite("**102")
    c.refused(403)
    c.invite("102", headers=[f"Replaces: {b.call_id};to-tag={b.tag};from-tag={b.remote_tag}"])
    c.refused(403)                      # a lamp's key has no more right than a code
    pickup_groups(team={"102": {"may_pick_up": False}, "103": {"is_member": False}})
    c.invite("*8")
    is_taken(a, b, c, invite)
    hang_up(a, c)


def test_codes_are_the_tenants_and_can_be_off(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    change_tenant(server, pickup_code="*55")
    invite = a.rings(b, "102")
    c.invite("**102")
    c.refused(404)
    change_tenant(server, pickup=False)
    c.invite("*55102")
    c.refused(403)
    change_tenant(server, pickup=True)
    c.invite("*55102")
    is_taken(a, b, c, invite)
    hang_up(a, c)
    answer = server.api("PATCH", f"/api/tenants/{server.get('/api/me')['tenant_id']}", {"pickup_code": "*4"})
    assert answer.status_code in (409, 422, 400) and "feature code" in answer.text


def test_nothing_rings_there(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    for code, status in (("**102", 480), ("*8", 480), ("**999", 404), ("**", 404)):
        c.invite(code)
        c.refused(status)
    talk(a, b)
    c.invite("**102")
    c.refused(480)
    hang_up(a, b)


def test_who_dials_a_code_and_cancels_leaves_it_ringing(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    invite = a.rings(b, "102")
    c.invite("**102", body="")           # we offer, and the answer never comes
    c.take(c.expect(200))
    c.say("BYE")
    c.expect(200)
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)
