# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over a trunk, both ways, with Asterisk on the other side: who hears whom afterwards."""
import pytest

from harness import tones, wait
from harness.asterisk import Asterisk

PJSIP = """[offhook]
type=endpoint
context=provider
disallow=all
allow=ulaw
direct_media=no
aors=offhook
[offhook]
type=aor
contact=sip:{ip}:5060
[offhook]
type=identify
endpoint=offhook
match={ip}
"""
TALK_S = 3.0


@pytest.fixture
def world(server, tmp_path, addresses):
    """Asterisk behind a trunk: it has the numbers 00…, and calls 442070000101 and …103."""
    provider = Asterisk(tmp_path, addresses.new(), PJSIP.format(ip=server.ip)).start()
    trunk = server.post("/api/trunks", {"name": "Provider", "host": provider.ip}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                headers={"X-Tenant": server.domain})
    for number in "101", "103":
        extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == number)
        server.post("/api/inbound_rules", {"name": number, "trunk_id": trunk, "did": f"442070000{number}",
                                           "destination": {"kind": "extension", "id": extension["id"]}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [{"trunk_id": trunk, "strip": 2}]})
    provider.calls = lambda number: provider.cli(
        f"channel originate PJSIP/offhook/sip:{number}@{server.ip}:5060 extension answer@provider")
    yield provider
    provider.remove()


def hears(phone, hz=1000):
    """In its last seconds."""
    last = tones.pattern(phone.recordings()[-1], hz)[-int(TALK_S * 10):]
    assert last.count("1") >= 0.8 * len(last), last


def joined(server):
    second, first = server.cdrs(2)
    assert (first["reason"], first["transferred_to"]) == ("transferred", second["id"])
    assert second["transferred_from"] == first["id"]
    return first, second


def test_a_call_from_the_world_is_transferred_inside(server, world, phones):
    a, c = phones("101", server, tone_hz=440).registered(), phones("103", server, tone_hz=1300).registered()
    world.calls("442070000101")
    a.wait_for("CALL_INCOMING")
    a.answer()
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(1)
    a.command("transfer", f"sip:103@{server.domain}")
    c.wait_for("CALL_INCOMING")
    c.answer()
    c.wait_for("CALL_ESTABLISHED")
    a.wait_for("CALL_CLOSED")
    wait.talk(TALK_S + 1)
    c.hangup()
    c.wait_for("CALL_CLOSED")
    hears(c)
    first, second = joined(server)
    assert (first["direction"], second["callee"], second["transferred_by"]) == ("inbound", "103", "101")


def test_who_was_called_in_the_world_is_transferred_inside(server, world, phones):
    a, c = phones("101", server, tone_hz=440).registered(), phones("103", server, tone_hz=1300).registered()
    a.dial(f"sip:0033123456@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(1)
    a.command("transfer", f"sip:103@{server.domain}")
    c.wait_for("CALL_INCOMING")
    c.answer()
    c.wait_for("CALL_ESTABLISHED")
    a.wait_for("CALL_CLOSED")
    wait.talk(TALK_S + 1)
    c.hangup()
    c.wait_for("CALL_CLOSED")
    hears(c)
    joined(server)


def test_a_colleague_is_transferred_to_the_world(server, world, phones):
    a, c = phones("101", server, tone_hz=440).registered(), phones("103", server, tone_hz=1300).registered()
    c.dial(f"sip:101@{server.domain}")
    a.wait_for("CALL_INCOMING")
    a.answer()
    c.wait_for("CALL_ESTABLISHED")
    wait.talk(1.2)
    a.command("transfer", f"sip:0033123456@{server.domain}")
    a.wait_for("CALL_CLOSED")
    wait.talk(TALK_S + 2)
    c.hangup()
    c.wait_for("CALL_CLOSED")
    hears(c)
    first, second = joined(server)
    assert (second["callee"], second["trunk"], second["transferred_by"]) == ("0033123456", "Provider", "101")


def test_an_attended_transfer_of_a_call_from_the_world(server, world, phones, linphones):
    a, c = linphones("101", server, tone_hz=440).registered(), phones("103", server, tone_hz=1300).registered()
    world.calls("442070000101")
    a.answer()
    a.wait_for("Media streams established")
    a.command("pause")
    a.dial(f"sip:103@{server.domain}")
    c.wait_for("CALL_INCOMING")
    c.answer()
    c.wait_for("CALL_ESTABLISHED")
    a.wait_for("Call 2 to")
    a.command("transfer 1 --to-call 2")
    wait.until(lambda: any(r["reason"] == "transferred" for r in server.get("/api/cdrs")["items"]), 15, why="the transfer")
    wait.talk(TALK_S + 1)
    c.hangup()
    c.wait_for("CALL_CLOSED")
    hears(c)
    joined(server)
