# SPDX-License-Identifier: GPL-3.0-or-later
"""What one trunk is told of where we are, whatever the others are told (TRK-2): our_address, via_public, single_via."""
import re

import pytest

from harness.rawcall import hang_up, talk

PUBLIC = "203.0.113.5"
DID = "442070000101"


@pytest.fixture
def exit_(server, gateway):
    """A maker of trunks that are near, or far: near ones are in the only local network."""
    def make(near=True, **fields):
        def first(g):
            networks = f"{g.host if near else '10.9.9.9'}/32"
            server.post("/api/network_settings", {"public_addresses": PUBLIC, "local_networks": networks}, who="admin")
        return gateway(first, **fields)
    return make


def told(m):
    """(Via, Contact, c= of SDP) as far as the message has them; of a response not Via, which is the other's."""
    via = re.match(r"SIP/2.0/UDP ([\d.]+):5060", m.get("Via")) if m.method else None
    contact = re.search(r"@?([\d.]+):5060", m.get("Contact", ""))
    media = re.search(r"(?m)^c=IN IP4 ([\d.]+)", m.body or "")
    return tuple(found and found.group(1) for found in (via, contact, media))


@pytest.mark.parametrize("near, fields, via, rest", [
    (True, {}, "own", "own"), (False, {}, "public", "public"),
    (False, {"our_address": "private"}, "own", "own"), (True, {"our_address": "public"}, "public", "public"),
    (True, {"our_address": "private", "via_public": True}, "public", "own"), (True, {"via_public": True}, "public", "own")])
def test_a_trunk_is_told_the_address_that_it_is_to_know(server, phone, exit_, near, fields, via, rest):
    g = exit_(near, **fields)
    of = {"own": server.ip, "public": PUBLIC}
    a = phone(101)
    invite, _ = talk(a, g, "9123")
    assert told(invite) == (of[via], of[rest], of[rest])
    a.say("BYE")
    a.expect(200)
    bye = g.expect("BYE")
    assert told(bye)[0] == of[via]
    g.reply(bye, 200)
    # a call from there: our answers, and our requests in its dialog
    g.invite(DID)
    invite = a.called(a.expect("INVITE"))
    assert told(invite) == (PUBLIC,) * 3    # the phone is in no local network, whatever the trunk is told
    a.reply(invite, 200, body=a.sdp())
    a.expect("ACK")
    ok = g.next()
    while ok.status < 200:
        ok = g.next()
    g.take(ok)
    assert told(ok)[1:] == (of[rest], of[rest])
    g.say("ACK", cseq=g.invite_cseq)
    a.say("BYE")
    a.expect(200)
    bye = g.expect("BYE")
    assert told(bye)[0] == of[via]
    g.reply(bye, 200)


@pytest.mark.parametrize("fields, via, contact", [
    ({"our_address": "private"}, "own", "own"), ({"our_address": "private", "via_public": True}, "public", "own"), ({}, "public", "public")])
@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
def test_so_it_is_when_we_register_and_ask(server, exit_, method, fields, via, contact):
    more = {"keep_alive": True} if method == "OPTIONS" else {"kind": "register", "username": "us", "password": "secret"}
    g = exit_(False, **more, **fields)
    of = {"own": server.ip, "public": PUBLIC}
    m = g.receive(10)
    assert m and m.method == method, m and m.text
    assert told(m)[:2] == (of[via], of[contact]), m.text


@pytest.mark.parametrize("single", [True, False])
def test_the_vias_of_the_caller_go_along_only_where_they_are_wanted(server, phone, exit_, single):
    g = exit_(single_via=single)
    a = phone(101)
    invite, _ = talk(a, g, "9123")      # the provider answers with all that it was sent
    vias = invite.all("Via")
    assert server.ip in vias[0]
    assert [a.host in v for v in vias[1:]] == ([] if single else [True]), vias
    hang_up(a, g)


@pytest.mark.parametrize("value", ["our_address", "public_address"])
def test_an_outbound_parameter_names_either_address(server, phone, exit_, value):
    g = exit_(False, outbound_parameters=[{"header": "from", "part": "host", "value": value}])
    a = phone(101)
    invite, _ = talk(a, g, "9123")
    assert f"@{server.ip if value == 'our_address' else PUBLIC}>" in invite.get("From")
    hang_up(a, g)
