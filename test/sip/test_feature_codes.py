# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes that switch something: night mode, the electronic lock.  What they change is seen in the API and obeyed by the next call."""
import uuid

import pytest

from harness import wait
from harness.rawsip import RawSip


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def dial(server, peer, number):
    """The final status; an answered call is acknowledged, and the hanging up answered."""
    call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
    body = f"v=0\r\no=- 7 1 IN IP4 {peer.host}\r\ns=-\r\nc=IN IP4 {peer.host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag, body=body)
    if answer.status != 200:
        peer.ack(answer, uri, "101", call_id, tag, 2)
        return answer.status
    target = answer.get("Contact").split("<")[1].split(">")[0]
    peer.send(peer.request("ACK", target, user="101", call_id=call_id, from_tag=tag, cseq=2, to=uri, to_tag=answer.to_tag()))
    while True:
        m = peer.receive(5)
        assert m, "the service did not hang up"
        if m.method == "BYE":
            break
    lines = ["SIP/2.0 200 OK"] + [f"Via: {v}" for v in m.all("Via")]
    lines += [f"{h}: {m.get(h)}" for h in ("From", "To", "Call-ID", "CSeq")]
    peer.send("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n")
    return 200


def extension(server):
    return next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")


def change(server, **fields):
    server.api("PATCH", f"/api/extensions/{extension(server)['id']}", fields, expect=200)


def test_paging_needs_the_right_of_a_group(server, peer):
    assert dial(server, peer, "*45") == 403


def test_codes_switch_the_night_mode(server, peer):
    tenant = f"/api/tenants/{server.get('/api/me')['tenant_id']}"
    assert dial(server, peer, "*28") == 403
    change(server, may_switch_night=True)
    assert dial(server, peer, "*28") == 200
    wait.until(lambda: server.get(tenant)["night_mode"], 5)
    assert dial(server, peer, "*29") == 200
    wait.until(lambda: not server.get(tenant)["night_mode"], 5)


def test_a_key_switches_the_night_mode_and_its_lamp_shows_it(server, peer, devices):
    """RTE-12: one code for both ways, and what it did is told to who watches it."""
    tenant = f"/api/tenants/{server.get('/api/me')['tenant_id']}"
    lamp = devices("103").watch("dialog", "*27")
    assert lamp.answer.status == 200

    def lit(notify):
        return [s.text for s in notify.xml.iter("{urn:ietf:params:xml:ns:dialog-info}state")]

    def shows(wanted):
        """Also when some other change of the tenant is told in between."""
        return wait.until(lambda: lit(lamp.next()) == wanted, 10, why=f"the lamp: {wanted}")
    shows([])
    assert dial(server, peer, "*27") == 403
    change(server, may_switch_night=True)
    assert dial(server, peer, "*27") == 200
    shows(["confirmed"])
    assert server.get(tenant)["night_mode"]
    assert dial(server, peer, "*27") == 200
    shows(["terminated"])
    assert not server.get(tenant)["night_mode"]
    server.api("PATCH", tenant, {"night_mode": True}, expect=200)    # whoever switches it
    shows(["confirmed"])


def test_an_extension_is_locked_and_unlocked(server, peer, addresses):
    acme = {"headers": {"X-Tenant": server.domain}}
    trunk = server.post("/api/trunks", {"name": "P", "host": addresses.new(), "answer_seconds": 1}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk}, who="admin", **acme)
    server.post("/api/outbound_rules", {"name": "out", "prefixes": "5", "routes": [{"trunk_id": trunk}]})
    assert dial(server, peer, "5551234") in (480, 503, 408)      # nobody is at the far end
    change(server, lock_mode="code_and_pin", service_pin="4711", lock_policy="per_call")
    assert dial(server, peer, "5551234") == 403
    assert dial(server, peer, "*480000") == 403
    assert dial(server, peer, "*484711") == 200
    wait.until(lambda: extension(server)["unlocked_until"], 5)
    assert dial(server, peer, "5551234") in (480, 503, 408)
    wait.until(lambda: not extension(server)["unlocked_until"], 5)   # it was unlocked for one call
    assert dial(server, peer, "5551234") == 403
    change(server, lock_policy="until_locked", lock_mode="code")
    assert dial(server, peer, "*48") == 200
    wait.until(lambda: extension(server)["unlocked_until"], 5)
    for _ in range(2):
        assert dial(server, peer, "5551234") in (480, 503, 408)
    assert dial(server, peer, "*47") == 200
    wait.until(lambda: not extension(server)["unlocked_until"], 5)
    assert dial(server, peer, "5551234") == 403
    assert not any("4711" in c["callee"] or "4711" in c["final_dest"] for c in server.cdrs(8))


def test_the_service_pin_is_wanted_where_the_extension_or_its_template_says_so(server, peer):
    """EXT-12, EXT-13: behind the code; no record, event or session has it."""
    tenant = f"/api/tenants/{server.get('/api/me')['tenant_id']}"
    template = server.post("/api/extension_templates", {"name": "PIN", "may_switch_night": True, "pin_to_switch_night": True, "pin_to_page": True})
    server.post("/api/webhooks", {"url": "http://192.0.2.9/", "events": "*"})      # so that events of calls are in the log
    change(server, template_id=template["id"])
    assert dial(server, peer, "*28") == dial(server, peer, "*280815") == 403       # it has none
    change(server, service_pin="0815")
    assert dial(server, peer, "*280816") == dial(server, peer, "*450816") == 403
    assert dial(server, peer, "*280815") == 200 and server.get(tenant)["night_mode"]
    assert dial(server, peer, "*290815") == 200 and not server.get(tenant)["night_mode"]
    server.api("PATCH", f"/api/extension_templates/{template['id']}", {"pin_to_switch_night": False}, expect=200)
    assert dial(server, peer, "*28") == 200 and server.get(tenant)["night_mode"]
    assert {c["reason"] for c in server.cdrs(7)} == {"normal", "forbidden", "wrong_pin"}
    starts = wait.until(lambda: len(e := server.get("/api/event_logs?key=call_start")["items"]) >= 7 and e, 10, why="events")
    for kept in (server.cdrs(7), starts):
        assert not any("081" in str(value) for row in kept for name, value in row.items() if name in ("callee", "final_dest", "number", "peer"))


# ---- EXT-19 ----

def called(device, server, number):
    """What a device of 102 is asked to ring for when 101 dials."""
    caller = device("101")
    call = caller.call(number)
    return caller, call


def test_do_not_disturb_by_code_and_calls_get_the_busy_rule(server, peer, devices):
    other = devices("102")
    other.register()
    assert dial(server, peer, "*78") == 200
    wait.until(lambda: extension(server)["status"] == "do_not_disturb", 5)
    devices("101").register()
    call = other.call("101")
    assert other.wait_answer(call["call_id"], 2, "INVITE").status == 486
    other.sip.ack(other.responses(call)[-1], call["uri"], "102", call["call_id"], call["tag"], 2)
    change(server, forwards=[{"status": "do_not_disturb", "cause": "busy", "destination": {"kind": "extension", "id": number_id(server, "103")}}])
    third = devices("103")
    third.register()
    other.call("101")
    third.is_called()
    assert dial(server, peer, "*79") == 200
    wait.until(lambda: extension(server)["status"] == "available", 5)


def number_id(server, number):
    return next(e["id"] for e in server.get("/api/extensions")["items"] if e["number"] == number)


def test_speed_dials_are_set_and_dialled_by_code(server, peer, devices):
    callee = devices("102")
    callee.register()
    assert dial(server, peer, "5") in (404, 484)
    assert dial(server, peer, "*745102") == 200
    wait.until(lambda: extension(server)["speed_dials"] == [{"key": "5", "number": "102", "name": ""}], 5)
    assert dial(server, peer, "*7507102") == 200
    wait.until(lambda: len(extension(server)["speed_dials"]) == 2, 5)
    caller = devices("101")
    for n, keys in enumerate(("5", "*007"), 1):
        call = caller.call(keys)
        invite = callee.is_called(count=n)
        assert "101" in invite.get("From")
        callee.pick_up(invite)
        caller.answered(call)
        caller.hang_up(call)
    wait.until(lambda: [c["callee"] for c in server.get("/api/cdrs")["items"] if c["status"] == "answered"][:2] == ["102", "102"], 10)
    assert dial(server, peer, "*745103") == 200         # another number in its place
    wait.until(lambda: {s["key"]: s["number"] for s in extension(server)["speed_dials"]} == {"5": "103", "07": "102"}, 5)
    assert dial(server, peer, "*745") == 200            # and none
    wait.until(lambda: [s["key"] for s in extension(server)["speed_dials"]] == ["07"], 5)
    assert dial(server, peer, "*741102") == 403 and dial(server, peer, "*0" + "08") == 404


def test_speed_dials_over_rest_name_what_is_wrong(server):
    def told(*rows):
        answer = server.api("PATCH", f"/api/extensions/{extension(server)['id']}", {"speed_dials": [{"key": k, "number": n} for k, n in rows]})
        return [(e["field"], e["code"]) for e in answer.json().get("errors", [])]
    assert told(("2", "102"), ("00", "+44 1".replace(" ", "")), ("99", "*43")) == []
    assert told(("1", "102")) == [("speed_dials[0].key", "bad_key")]
    assert told(("2", "102"), ("a", "102")) == [("speed_dials[1].key", "bad_key")]
    assert told(("2", "3")) == told(("2", "*001")) == told(("2", "1-2")) == [("speed_dials[0].number", "bad_number")]
    assert [code for _, code in told(("2", "102"), ("2", "103"))] == ["repeated"]


# ---- ACC-14 ----

@pytest.mark.parametrize("alerting,tone,line", [("ring", "urn:x", None), ("light", "", "<http://127.0.0.1/silent>;info=silent"),
                                                ("ring_tone", "http://pbx.example/bell.wav", "<http://pbx.example/bell.wav>"),
                                                ("ring_tone", "info=alert-group", "<http://127.0.0.1>;info=alert-group"),
                                                ("ring_tone", "Bellcore-dr3", "<http://127.0.0.1/Bellcore-dr3>")])
def test_each_device_is_alerted_in_its_own_way(server, devices, alerting, tone, line):
    """Extension 102 has two devices: one rings as it is set, the other as always."""
    two = number_id(server, "102")
    server.api("PATCH", f"/api/extensions/{two}", {"shared_devices": 2}, expect=200)
    accounts = {a["username"]: a for a in server.get("/api/accounts?limit=500")["items"]}
    server.api("PATCH", f"/api/accounts/{accounts['102_2']['id']}", {"alerting": alerting, "ring_tone": tone}, expect=200)
    first, second = devices("102"), devices("102_2", password=server.password(102))
    first.register(), second.register()
    devices("101").call("102")
    assert first.is_called().get("Alert-Info") is None
    assert second.is_called().get("Alert-Info") == line


def test_a_ring_tone_is_nothing_but_a_ring_tone(server):
    one = server.get("/api/accounts")["items"][0]["id"]
    for body, code in (({"ring_tone": "a>b"}, "bad_text"), ({"ring_tone": "a b"}, "bad_text"), ({"alerting": "ring_tone"}, "required")):
        answer = server.api("PATCH", f"/api/accounts/{one}", body)
        assert answer.status_code == 422 and answer.json()["errors"][0]["code"] == code


# ---- EXT-26 ----

def busy(caller, number):
    call = caller.call(number)
    assert caller.wait_answer(call["call_id"], 2, "INVITE").status == 486
    caller.sip.ack(caller.responses(call)[-1], call["uri"], caller.user, call["call_id"], call["tag"], 2)


def test_a_callback_is_booked_by_code_and_rings_both(server, peer, devices):
    server.api("PATCH", f"/api/extensions/{number_id(server, '102')}", {"busy_level": 1}, expect=200)
    one, two, three = devices("101"), devices("102"), devices("103")
    for d in (one, two, three):
        d.register()
    assert dial(server, peer, "*37") == 480 and dial(server, peer, "*38") == 480      # nothing has failed yet
    talk = three.call("102")
    two.pick_up(two.is_called())
    three.answered(talk)
    busy(one, "102")
    assert dial(server, peer, "*37") == 200
    assert dial(server, peer, "*38") == 200 and dial(server, peer, "*38") == 480      # taken back
    assert dial(server, peer, "*37102") == 200      # by its number
    three.hang_up(talk)
    first = one.is_called(timeout=10)               # 101 first, and then 102
    assert "102" in first.get("From") and len(two.calls) == 1
    one.pick_up(first)
    second = two.is_called(count=2)
    assert "101" in second.get("From")
    two.pick_up(second)
    one.until(lambda: any(m.method == "ACK" for m in one.others), why="the ACK of its 200")
    one.quiet(0.5)                                  # it is told of the other
    session = server.get("/api/sessions")["items"][0]
    assert (session["caller"], session["callee"]) == ("101", "102") and session["answered_at"]


# ---- EXT-8 ----

def test_a_status_follows_office_hours_until_it_is_set_by_hand(server):
    """Its own week opens and closes under it; what is set by hand stays until then."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    always = [{"weekday": d, "opens_at": "00:00", "closes_at": "24:00"} for d in days]
    week = server.post("/api/office_hours", {"name": "mine", "periods": always})["id"]

    def opens(periods):
        server.api("PATCH", f"/api/office_hours/{week}", {"periods": periods}, expect=200)

    def becomes(status, seen):
        wait.until(lambda: (lambda x: (x["status"], x["office_seen"]) == (status, seen))(extension(server)), 10, why=f"{status}, {seen}")
    change(server, follows_office_hours=True, office_hours_id=week, status="lunch")
    becomes("lunch", "open")                # from the next change on
    opens([])
    becomes("away", "closed")
    change(server, status="business_trip")  # holds
    change(server, first_name="Ada")
    opens(always)
    becomes("available", "open")
    change(server, follows_office_hours=False)
    opens([])
    assert extension(server)["office_seen"] == "unknown"
    change(server, follows_office_hours=True)
    becomes("available", "closed")
    assert {r["actor"] for r in server.get("/api/audit_logs?resource=extension&limit=20")["items"]} >= {"office hours"}
