# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys from the telephone network, Asterisk's: a mobile that rings beside the desk takes the call with one; a DISA is told a PIN and a number."""
import pytest

from harness import wait
from harness.asterisk import at


@pytest.fixture
def provider(server, asterisk):
    """It has the numbers 00…, of the tenant are 4420700001…"""
    made = asterisk(at(server.ip))
    made.trunk = server.post("/api/trunks", {"name": "Provider", "host": made.ip}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": made.trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                headers={"X-Tenant": server.domain})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [{"trunk_id": made.trunk, "strip": 2}]})
    return made


@pytest.mark.parametrize("has_desk", [True, False])
def test_a_mobile_takes_the_call_with_a_key(server, provider, phones, has_desk):
    callee = server.extension("102")
    server.api("PATCH", f"/api/extensions/{callee['id']}", {"mobile": "0033777", "fork_to_mobile": True}, expect=200)
    desk = phones("102", server).registered() if has_desk else None
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:102@{server.domain}")
    if desk:
        desk.wait_for("CALL_INCOMING")
    if desk:
        desk.wait_for("CALL_CLOSED")
    a.talks(2)
    assert a.heard(1000, skip_s=0.8, cut_s=0.4) >= 0.8
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["callee"], cdr["final_dest"]) == ("answered", "102", "33777")
    mobile = next(leg for leg in server.get(f"/api/cdrs/{cdr['id']}")["legs"] if leg["number"] == "33777")
    assert mobile["rx_packets"] > 50 and mobile["tx_packets"] > 50


def test_a_caller_with_the_pin_dials_on(server, provider):
    extension = server.extension("101")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"outbound_caller_id": "442070000101"}, expect=200)
    disa = server.post("/api/disas", {"name": "way in", "extension_id": extension["id"], "pin": "471147"})["id"]
    server.post("/api/inbound_rules", {"name": "disa", "trunk_id": provider.trunk, "did": "442070000150",
                                       "destination": {"kind": "disa", "id": disa}})
    provider.cli("dialplan set global KEYS D(471147#ww0033123#)")
    provider.cli("channel originate Local/442070000150@out extension answer@provider")
    wait.until(lambda: "442070000101 calls 33123" in provider.text(), 30, why="the number is called with the extension's caller ID")
    wait.talk(3)
    provider.cli("channel request hangup all")
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["callee"], cdr["final_dest"]) == ("answered", "442070000150", "33123")
    assert all(leg["rx_packets"] > 50 and leg["tx_packets"] > 50 for leg in server.get(f"/api/cdrs/{cdr['id']}")["legs"])


def test_a_caller_without_the_pin_does_not(server, provider):
    disa = server.post("/api/disas", {"name": "way in", "extension_id": server.extension("101")["id"], "pin": "471147"})["id"]
    server.post("/api/inbound_rules", {"name": "disa", "trunk_id": provider.trunk, "did": "442070000150",
                                       "destination": {"kind": "disa", "id": disa}})
    provider.cli("dialplan set global KEYS D(1#ww2#ww3#ww0033123#)")
    provider.cli("channel originate Local/442070000150@out extension answer@provider")
    (cdr,) = server.cdrs(timeout=30)
    assert (cdr["status"], cdr["reason"], cdr["ended_by"]) == ("answered", "forbidden", "system")
    assert "calls 33123" not in provider.text()
    assert server.get(f"/api/disas/{disa}")["wrong_calls"] == 1


def test_a_caller_who_is_asked_for_a_number_reaches_an_extension_and_nobody_outside(server, provider, phones):
    """EXT-16: 101 has no device; who calls it from outside keys in a number."""
    extension = server.extension("101")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {
        "forwards": [{"origin": "external", "cause": "unavailable", "destination": {"kind": "ask_number"}}]}, expect=200)
    server.post("/api/inbound_rules", {"name": "in", "trunk_id": provider.trunk, "did": "442070000150",
                                       "destination": {"kind": "extension", "id": extension["id"]}})
    b = phones("102", server, answer="auto", tone_hz=440).registered()
    provider.cli("dialplan set global KEYS D(0033123#wwww102#)")
    provider.cli("channel originate Local/442070000150@out extension answer@provider")
    b.wait_for("CALL_ESTABLISHED", 30)
    b.talks(2)
    assert b.heard(1000, skip_s=0.8, cut_s=0.4) >= 0.8
    (cdr,) = server.cdrs()
    assert (cdr["status"], cdr["callee"], cdr["forwards"], cdr["final_dest"]) == ("answered", "442070000150", "101 unavailable", "102")
    assert "calls 33123" not in provider.text()
    assert all(leg["rx_packets"] > 50 and leg["tx_packets"] > 50 for leg in server.get(f"/api/cdrs/{cdr['id']}")["legs"])
