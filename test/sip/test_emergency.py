# SPDX-License-Identifier: GPL-3.0-or-later
"""Help: by a number or by what it is (RFC 5031), whatever limits there are."""
import uuid

import pytest

from harness.device import Device
from harness.rawsip import RawSip


@pytest.fixture
def exit_(server, addresses):
    """The provider of the only trunk, which takes calls."""
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    trunk = server.post("/api/trunks", {"name": "Exit", "host": peer.host}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                headers={"X-Tenant": server.domain})
    server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunk, "caller_id": "442070000199"})
    yield peer
    peer.close()


@pytest.fixture
def alice(server, addresses):
    d = Device(addresses.new(), server, "101")
    yield d
    d.close()


def refused(device, uri):
    """The status of a call that does not come about, challenged or not."""
    call_id = uuid.uuid4().hex
    answer = device.ask("INVITE", uri, call_id=call_id, from_tag="t", body=device.sdp())
    device.sip.ack(answer, uri, device.user, call_id, "t", int(answer.get("CSeq").split()[0]))
    return answer.status


def arrives(peer):
    while True:
        m = peer.receive(5)
        assert m is not None, "no INVITE came"
        if m.method == "INVITE":
            return m


@pytest.mark.parametrize("uri", ["urn:service:sos", "urn:service:sos.fire", "URN:service:SOS", "sip:112@{d}", "sip:112@foreign.test", "tel:112"])
def test_help_is_called_whatever_the_rules(server, exit_, alice, uri):
    server.post("/api/disallowed_codes", {"code": "112"})
    alice.call(uri.format(d=server.domain))
    invite = arrives(exit_)
    assert invite.start.startswith(f"INVITE sip:112@{exit_.host}")
    assert "442070000199" in invite.get("From")


def test_what_else_is_said_keeps_nobody_from_help(server, exit_, alice):
    """A part that must be understood and is not: 415 to others (RFC 5621)."""
    body = f"--b\r\nContent-Type: application/x-where\r\nContent-Disposition: render;handling=required\r\n\r\nhere\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{alice.sdp()}\r\n--b--\r\n"
    for number, status in (("102", 415), ("112", None)):
        uri, call_id = f"sip:{number}@{server.domain}", uuid.uuid4().hex
        one = dict(user="101", call_id=call_id, from_tag="t", body=body, content_type="multipart/mixed;boundary=b")
        alice.sip.send(alice.sip.request("INVITE", uri, **one))
        answer = alice.wait_answer(call_id, 1, "INVITE")
        assert answer.status == (status or 407), answer.text
        alice.sip.ack(answer, uri, "101", call_id, "t", 1)
        if not status:
            line = alice.sip.authorization(answer, "INVITE", uri, "101", alice.password)
            alice.sip.send(alice.sip.request("INVITE", uri, cseq=2, headers=[line], **one))
    assert "m=audio" in arrives(exit_).body


def test_other_services_and_names_are_not_help(server, exit_, alice):
    for uri, status in (("urn:service:counseling", {404, 416}), ("urn:service:sosx", {404, 416}), ("urn:isbn:1", {416}),
                        ("urn:service:", {404, 416})):
        assert refused(alice, uri) in status, uri


def test_where_there_is_no_number_for_help_it_is_said(server, alice):
    assert refused(alice, "urn:service:sos") == 404


def test_help_is_for_who_may_call_here(server, exit_, addresses):
    mallory = RawSip(addresses.new(), server.ip, domain=server.domain)
    mallory.send(mallory.request("INVITE", "urn:service:sos", user="101"))
    assert mallory.final().status == 407
    mallory.send(mallory.request("MESSAGE", "urn:service:sos", user="101"))
    assert mallory.final().status == 416
    mallory.close()
