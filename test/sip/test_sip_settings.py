# SPDX-License-Identifier: GPL-3.0-or-later
"""TRN-4: what sip_settings say of registrations, obeyed from the next message on."""
import uuid

import pytest

from harness.rawsip import RawSip


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def settings(server, **fields):
    items = server.get("/api/sip_settings", who="admin")["items"]
    if items:
        return server.api("PATCH", f"/api/sip_settings/{items[0]['id']}", fields, who="admin", expect=200)
    return server.post("/api/sip_settings", fields, who="admin")


def register(peer, server, **more):
    return peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", **more)


def test_a_to_tag_in_register_is_taken_or_not(server, peer):
    assert register(peer, server, to_tag="old").status == 200
    settings(server, register_to_tag=False)
    refused = register(peer, server, to_tag="old")
    assert refused.status == 400 and "To Has a Tag" in refused.start
    assert register(peer, server).status == 200  # control
    settings(server, register_to_tag=True)
    assert register(peer, server, to_tag="old").status == 200


def with_nonce(peer, server, change):
    """A REGISTER whose credentials are right but for the nonce; its answer."""
    uri, call_id = f"sip:{server.domain}", uuid.uuid4().hex
    one = dict(user="101", to=f"sip:101@{server.domain}", call_id=call_id, from_tag="f")
    peer.send(peer.request("REGISTER", uri, **one))
    challenge = peer.final(cseq=1)
    challenge.headers = [(k, change(v) if k == "WWW-Authenticate" else v) for k, v in challenge.headers]
    line = peer.authorization(challenge, "REGISTER", uri, "101", server.password(101))
    peer.send(peer.request("REGISTER", uri, cseq=2, headers=[line], **one))
    return peer.final(cseq=2)


def test_a_bad_nonce_is_challenged_anew_or_refused(server, peer):
    def forged(value):
        return value.replace('nonce="', 'nonce="AAAA')
    again = with_nonce(peer, server, forged)
    assert again.status == 401 and "stale=true" in again.get("WWW-Authenticate").lower()
    settings(server, refuse_bad_nonce=True)
    refused = with_nonce(peer, server, forged)
    assert refused.status == 403 and refused.get("WWW-Authenticate") is None
    assert with_nonce(peer, server, lambda value: value).status == 200  # control
    settings(server, refuse_bad_nonce=False)
    assert with_nonce(peer, server, forged).status == 401


def test_flows_of_a_device_are_known_or_not(server, addresses):
    """Two registrations of one device with two reg-ids: two contacts, or, switched off, the last one only by its own rules."""
    instance = f'"<urn:uuid:{uuid.uuid4()}>"'

    def two_flows():
        answers = []
        for reg_id in 1, 2:
            peer = RawSip(addresses.new(), server.ip, port=0, domain=server.domain, transport="TCP")
            contact = f"<sip:101@{peer.host}:{peer.port};transport=tcp>;+sip.instance={instance};reg-id={reg_id}"
            answers.append(peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", contact=False,
                                         headers=["Supported: outbound", f"Contact: {contact}"]))
            peers.append(peer)
        return answers
    peers = []
    first = two_flows()
    assert all(a.status == 200 and a.get("Require") == "outbound" for a in first)
    assert "reg-id=2" in first[1].text
    settings(server, outbound=False)
    second = two_flows()
    assert all(a.status == 200 and a.get("Require") is None for a in second)
    probe = RawSip(addresses.new(), server.ip, domain=server.domain)
    assert "outbound" not in probe.alive().get("Supported", "")
    settings(server, outbound=True)
    assert "outbound" in probe.alive().get("Supported", "")
    for peer in (*peers, probe):
        peer.close()
