# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over a trunk, both ways, with Asterisk on the other side: who hears whom afterwards."""
import pytest

from harness import transfers, wait
from harness.asterisk import at


@pytest.fixture
def world(server, asterisk):
    """Asterisk behind a trunk: it has the numbers 00…, and calls 442070000101 and …103."""
    provider = asterisk(at(server.ip))
    trunk = server.post("/api/trunks", {"name": "Provider", "host": provider.ip}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                headers={"X-Tenant": server.domain})
    for number in "101", "103":
        server.post("/api/inbound_rules", {"name": number, "trunk_id": trunk, "did": f"442070000{number}",
                                           "destination": {"kind": "extension", "id": server.extension(number)["id"]}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [{"trunk_id": trunk, "strip": 2}]})
    provider.calls = lambda number, then="answer": provider.cli(
        f"channel originate PJSIP/offhook/sip:{number}@{server.ip}:5060 extension {then}@provider")
    return provider


def hears(phone):
    assert transfers.last_of(phone.recordings()[-1], 1000) >= 0.8


@pytest.fixture
def colleague(server, phones):
    return phones("103", server, tone_hz=1300).registered()


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_the_world_is_transferred_inside(server, world, phones, colleague, direction):
    a = phones("101", server, tone_hz=440).registered()
    if direction == "inbound":
        world.calls("442070000101")
        transfers.taken(a)
    else:
        a.dial(f"sip:0033123456@{server.domain}")
        a.wait_for("CALL_ESTABLISHED")
    transfers.blind(a, f"sip:103@{server.domain}", colleague)
    transfers.hung_up(colleague)
    hears(colleague)
    first, second = transfers.records(server, "101")
    assert (first["direction"], second["callee"]) == (direction, "103")


def test_a_colleague_is_transferred_to_the_world(server, world, phones, colleague):
    a = phones("101", server, tone_hz=440).registered()
    colleague.dial(f"sip:101@{server.domain}")
    transfers.taken(a)
    colleague.wait_for("CALL_ESTABLISHED")
    transfers.blind(a, f"sip:0033123456@{server.domain}")
    transfers.hung_up(colleague)
    hears(colleague)
    first, second = transfers.records(server, "101")
    assert (second["callee"], second["trunk"]) == ("0033123456", "Provider")


def test_an_attended_transfer_of_a_call_from_the_world(server, world, linphones, colleague):
    a = linphones("101", server, tone_hz=440).registered()
    world.calls("442070000101")
    a.answer()
    transfers.attended(server, a, colleague)
    transfers.hung_up(colleague)
    hears(colleague)
    transfers.records(server, "101")


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_the_other_pbx_transfers_whom_it_talks_to_to_a_number_of_ours(server, world, phones, colleague, direction):
    """By Asterisk's Transfer(): a REFER over the trunk, to a DID of the tenant that has it."""
    world.cli(f"dialplan set global TARGET sip:442070000103@{server.ip}:5060")
    a = phones("101", server, tone_hz=440).registered()
    if direction == "inbound":
        world.calls("442070000101", then="33888")
        transfers.taken(a)
    else:
        a.dial(f"sip:0033888@{server.domain}")
        a.wait_for("CALL_ESTABLISHED")
    transfers.taken(colleague)
    wait.talk(transfers.TALK_S + 1)
    transfers.hung_up(colleague, a)
    assert transfers.last_of(colleague.recordings()[-1], 440) >= 0.8
    assert transfers.last_of(a.recordings()[-1], 1300) >= 0.8
    second, first = server.cdrs(2)
    assert (first["direction"], first["reason"], first["transferred_to"]) == (direction, "transferred", second["id"])
    assert (second["callee"], second["final_dest"], second["status"]) == ("442070000103", "103", "answered")


def test_the_other_pbx_transfers_nobody_to_a_number_that_is_not_ours(server, world, phones):
    world.cli(f"dialplan set global TARGET sip:0033123@{server.ip}:5060")
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:0033888@{server.domain}")
    a.wait_for("CALL_CLOSED", timeout=20)  # the far side hangs up when its REFER is refused
    assert "transfer: FAILURE" in world.text()
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["transferred_to"]) == ("answered", None)
