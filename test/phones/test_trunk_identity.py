# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls, over trunks with Asterisk, in each way of saying it; a PBX behind a trunk that is called by the world and dials as an extension."""
import pytest

from harness import wait
from harness.asterisk import at

MODES = {"none": "", "p_asserted_identity": "trust_id_inbound=yes\nsend_pai=yes\nfrom_user=account",
         "remote_party_id": "trust_id_inbound=yes\nsend_rpid=yes\nfrom_user=account"}


@pytest.fixture
def peer(server, asterisk):
    """A maker of Asterisks behind a trunk of the server: (Asterisk, id of its trunk)."""
    def make(name, more="", **trunk):
        made = asterisk(at(server.ip, more))
        return made, server.post("/api/trunks", {"name": name, "host": made.ip, **trunk}, who="admin")["id"]
    return make


def pool(server, trunk, **more):
    server.post("/api/did_pools", {"trunk_id": trunk, **more}, who="admin", headers={"X-Tenant": server.domain})


@pytest.mark.parametrize("mode", MODES)
def test_each_side_reads_who_calls(server, peer, phones, mode):
    provider, trunk = peer("Provider", MODES[mode], send_identity=mode, username="account", from_username=mode != "none",
                           trust_identity=mode != "none")
    pool(server, trunk, numbers="4420700001**", caller_id="442070000100")
    x = server.extension("101")
    server.api("PATCH", f"/api/extensions/{x['id']}", {"outbound_caller_id": "442070000101"}, expect=200)
    server.post("/api/inbound_rules", {"name": "desk", "trunk_id": trunk, "did": "442070000101", "destination": {"kind": "extension", "id": x["id"]}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [{"trunk_id": trunk, "strip": 2, "prepend": "+"}]})
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:0033123456789@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    assert "442070000101 calls +33123456789" in provider.text()
    a.hangup()
    a.wait_for("CALL_CLOSED")
    provider.cli("channel originate Local/442070000101@out extension answer@provider")
    a.wait_for("CALL_INCOMING")
    a.answer()
    a.wait_for("CALL_ESTABLISHED", count=2)
    a.hangup()
    a.wait_for("CALL_CLOSED", count=2)
    cdr = next(c for c in server.cdrs(2) if c["direction"] == "inbound")
    assert (cdr["caller"], cdr["callee"], cdr["status"]) == ("4930123456", "442070000101", "answered")


def test_the_world_calls_a_pbx_with_the_number_kept_and_the_pbx_dials_as_an_extension(server, peer, phones):
    provider, trunk = peer("Provider")
    branch, to_branch = peer("Branch")
    pool(server, trunk, numbers="4420700001**", caller_id="442070000100")
    server.api("PATCH", f"/api/tenants/{server.get('/api/me')['tenant_id']}", {"allow_ip_pbx": True}, who="admin", expect=200)
    pool(server, to_branch, is_pbx=True)
    server.post("/api/inbound_rules", {"name": "branch", "trunk_id": trunk, "did": "*", "destination": {"kind": "trunk", "id": to_branch}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "00", "routes": [{"trunk_id": trunk, "strip": 2, "prepend": "+"}]})
    provider.cli("channel originate Local/442070000177@out extension answer@provider")
    wait.until(lambda: "4930123456 calls 442070000177" in branch.text(), 15, why="the branch is called, by the number dialled")
    wait.talk(2)
    provider.cli("channel request hangup all")
    (cdr,) = server.cdrs(1)
    assert (cdr["status"], cdr["final_dest"], cdr["rule"]) == ("answered", "442070000177", "branch")
    legs = server.get(f"/api/cdrs/{cdr['id']}")["legs"]
    assert all(leg["rx_packets"] > 50 and leg["tx_packets"] > 50 for leg in legs)      # heard both ways
    a = phones("101", server, tone_hz=440).registered()
    branch.cli("channel originate Local/101@out extension answer@provider")
    a.wait_for("CALL_INCOMING")
    a.answer()
    a.wait_for("CALL_ESTABLISHED")
    a.hangup()
    a.wait_for("CALL_CLOSED")
    branch.cli("channel originate Local/0033123@out extension answer@provider")      # its caller is nobody of the tenant's: the main number
    wait.until(lambda: "442070000100 calls +33123" in provider.text(), 15, why="the PBX calls the world")
    branch.cli("channel request hangup all")
