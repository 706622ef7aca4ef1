# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones behind an edge proxy (Kamailio): Path, Record-Route, CANCEL and ACK across it (RFC 3327, RFC 3261 16)."""
import pytest

from harness.addresses import Addresses
from harness.kamailio import Kamailio
from harness.rawcall import Phone, hang_up, record, talk


@pytest.fixture(scope="module")
def edge(tmp_path_factory, shared):
    addresses = Addresses()
    k = Kamailio(tmp_path_factory.mktemp("edge") / "k", addresses.new(), shared).start(addresses)
    yield k
    k.stop()


@pytest.fixture
def a(edge, addresses):
    p = Phone(addresses.new(), edge, 101)
    yield p
    p.leave()


@pytest.fixture
def b(edge, addresses):
    p = Phone(addresses.new(), edge, 102)
    yield p
    p.leave()


@pytest.fixture
def inside(shared, addresses):
    """A phone that stands before the server itself."""
    p = Phone(addresses.new(), shared, 103)
    yield p
    p.leave()


def test_two_phones_behind_the_edge_talk_and_hold_and_part(shared, edge, a, b):
    invite, _ = talk(a, b)
    assert edge.ip in invite.get("Record-Route")
    b.say("INVITE", body=b.sdp(2, "sendonly"))
    held = a.expect("INVITE")
    a.reply(held, 200, body=a.sdp(2, "recvonly"))
    a.expect("ACK")
    assert "a=recvonly" in b.expect(200).body
    b.say("ACK", cseq=b.cseq)
    a.say("UPDATE")
    a.expect(200)
    a.say("INFO", body="x")
    b.reply(b.expect("INFO"), 200)
    a.expect(200)
    b.say("BYE")
    b.expect(200)
    a.reply(a.expect("BYE"), 200)
    assert record(shared, a)["reason"] == "normal"


@pytest.mark.parametrize("caller_is_inside", [True, False])
def test_one_behind_the_edge_and_one_not(a, inside, caller_is_inside):
    if caller_is_inside:
        talk(inside, a, "101")
        hang_up(inside, a)
    else:
        talk(a, inside, "103")
        hang_up(a, inside)


def test_two_devices_of_one_extension_behind_the_edge_call_each_other(edge, addresses, a):
    other = Phone(addresses.new(), edge, 101)
    try:
        a.invite("101")
        invite = other.called(other.expect("INVITE"))
        a.silent()
        other.reply(invite, 486)
        other.expect("ACK")
        a.refused(486)
    finally:
        other.leave()


def test_a_call_given_up(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.expect(180)
    a.cancel()
    m = a.next()
    if m.status == 200:  # which of the two the proxy forwards first is its own affair
        a.refused(487)
    else:
        assert m.status == 487 and a.expect(200).get("CSeq").endswith("CANCEL")
        a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                         to_tag=m.to_tag(), branch=a.branch, contact=False))
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    b.expect("ACK")


def test_a_call_refused(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


def test_a_reliable_183_and_an_update_across_the_edge(a, b):
    headers = ["Require: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK"]
    a.invite("102", headers=headers)
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 183, headers=["RSeq: 5", *headers], body=b.sdp())
    b.reply(b.expect("PRACK"), 200)
    early = a.take(a.expect(183))
    a.say("PRACK", headers=[f"RAck: {early.get('RSeq')} {early.get('CSeq')}"])
    a.expect(200)
    a.say("UPDATE", body=a.sdp(2, "inactive"))
    b.reply(b.expect("UPDATE"), 200, body=b.sdp(2, "inactive"))
    a.expect(200)
    b.reply(invite, 200)
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_the_registration_keeps_its_path_over_a_restart(shared, edge, a, b):
    shared.stop()
    shared.start()
    talk(a, b)
    hang_up(a, b)
