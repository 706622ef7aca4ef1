# SPDX-License-Identifier: GPL-3.0-or-later
"""Where requests within a dialog go: Record-Route, Route, and targets that move (RFC 3261 12.2.1.1, 16.12.1.2; RFC 3327; RFC 5626)."""
import re
import socket

import pytest

from harness.rawcall import hang_up, talk
from harness.rawsip import Message, RawSip


class Ear:
    """One more UDP socket of a phone: what comes to it."""

    def __init__(self, ip, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.host, self.port = ip, port

    def expect(self, what, timeout=5):
        self.socket.settimeout(timeout)
        while True:
            data, self.peer = self.socket.recvfrom(65536)
            m = Message(data.decode())
            if (m.method or m.status) == what:
                return m

    def reply(self, request, status):
        lines = [f"SIP/2.0 {status} X"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            lines += [f"{name}: {v}" for v in request.all(name)]
        self.socket.sendto(("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(), self.peer)

    def close(self):
        self.socket.close()


@pytest.fixture
def ear(addresses):
    e = Ear(addresses.new(), 5070)
    yield e
    e.close()


def routes(m):
    return [v.strip() for value in m.all("Route") for v in value.split(",")]


def test_record_routes_of_a_caller_are_the_way_back(a, b):
    """Two proxies stand before the caller; the nearest to us wrote the topmost line, and is where the messages come from."""
    one, two = f"<sip:{a.host}:{a.port};lr>", "<sip:far.example.net;lr=on;x=1>"
    _, ok = talk(a, b, invite_headers=[f"Record-Route: {one}, {two}"])
    assert [v for line in ok.all("Record-Route") for v in re.split(r",\s*", line)] == [one, two]
    b.say("BYE")
    bye = a.expect("BYE")
    assert routes(bye) == [one, two]
    assert bye.start == f"BYE sip:101@{a.host}:{a.port} SIP/2.0"
    a.reply(bye, 200)
    b.expect(200)


def test_a_strict_router_gets_itself_as_uri(a, b):
    strict = f"<sip:{a.host}:{a.port};x=y>"
    talk(a, b, invite_headers=[f"Record-Route: {strict}", "Record-Route: <sip:far.example.net;lr>"])
    b.say("BYE")
    bye = a.expect("BYE")
    assert bye.start == f"BYE {strict[1:-1]} SIP/2.0"
    assert routes(bye) == ["<sip:far.example.net;lr>", f"<sip:101@{a.host}:{a.port}>"]
    a.reply(bye, 200)
    b.expect(200)


def test_record_routes_of_a_callee_are_reversed(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    near = f"<sip:{b.host}:{b.port};lr;n=near>"
    b.reply(invite, 200, body=b.sdp(), headers=["Record-Route: <sip:phone.example.net;lr>", f"Record-Route: {near}"])
    ack = b.expect("ACK")
    assert routes(ack) == [near, "<sip:phone.example.net;lr>"]
    assert ack.start == f"ACK sip:102@{b.host}:{b.port} SIP/2.0"
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)
    bye = b.expect("BYE")
    assert routes(bye) == [near, "<sip:phone.example.net;lr>"]
    b.reply(bye, 200)


def test_the_routes_of_the_200_are_taken_not_those_of_the_180(a, b):
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180, headers=[f"Record-Route: <sip:{b.host}:{b.port};lr;old>"])
    a.take(a.expect(180))
    b.reply(invite, 200, body=b.sdp(), headers=[f"Record-Route: <sip:{b.host}:{b.port};lr;new>"])
    assert routes(b.expect("ACK")) == [f"<sip:{b.host}:{b.port};lr;new>"]
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("BYE"), 200)


def test_routes_never_change_within_a_dialog(a, b):
    talk(a, b)
    a.say("INVITE", body=a.sdp(2), headers=[f"Record-Route: <sip:{a.host}:{a.port};lr>"])
    b.reply(b.expect("INVITE"), 200, body=b.sdp(2), headers=[f"Record-Route: <sip:{b.host}:{b.port};lr>"])
    assert not b.expect("ACK").get("Route")
    a.expect(200)
    a.say("ACK", cseq=a.cseq)
    a.say("BYE")
    a.expect(200)
    bye = b.expect("BYE")
    assert not bye.get("Route")
    b.reply(bye, 200)


def test_a_route_through_us_is_ours_to_remove(a, b, shared):
    """A phone with an outbound proxy names us in Route."""
    a.invite("102", headers=[f"Route: <sip:{shared.ip};lr>"])
    invite = b.called(b.expect("INVITE"))
    assert not invite.get("Route")
    b.reply(invite, 486)
    b.expect("ACK")
    a.refused(486)


@pytest.mark.parametrize("by", ["reinvite", "update", "answer"])
def test_a_target_that_moves(a, b, by):
    talk(a, b)
    moved = f"sip:moved@{a.host}:{a.port};gone=no"
    if by == "answer":
        b.say("INVITE", body=b.sdp(2))
        m = a.expect("INVITE")
        a.reply(m, 200, body=a.sdp(2), contact=False, headers=[f"Contact: <{moved}>"])
        assert a.expect("ACK").start == f"ACK {moved} SIP/2.0"
        b.expect(200)
        b.say("ACK", cseq=b.cseq)
    else:
        a.cseq += 1
        text = a.request("INVITE" if by == "reinvite" else "UPDATE", a.target, user=a.user, to=a.remote, call_id=a.call_id,
                         cseq=a.cseq, from_tag=a.from_tag, to_tag=a.remote_tag, contact=False,
                         headers=[f"Contact: \"Moved\" <{moved}>"], body=a.sdp(2) if by == "reinvite" else "")
        a.send(text)
        if by == "reinvite":
            b.reply(b.expect("INVITE"), 200, body=b.sdp(2))
            b.expect("ACK")
        a.expect(200)
        if by == "reinvite":
            a.say("ACK", cseq=a.cseq)
    b.say("BYE")
    bye = a.expect("BYE")
    assert bye.start == f"BYE {moved} SIP/2.0"
    a.reply(bye, 200)
    b.expect(200)


def test_a_target_that_moves_to_another_port_is_reached_there(a, b):
    talk(a, b)
    ear = Ear(a.host, 5099)
    try:
        a.cseq += 1
        a.send(a.request("INVITE", a.target, user=a.user, to=a.remote, call_id=a.call_id, cseq=a.cseq, from_tag=a.from_tag,
                         to_tag=a.remote_tag, contact=False, headers=[f"Contact: <sip:101@{a.host}:5099>"], body=a.sdp(2)))
        b.reply(b.expect("INVITE"), 200, body=b.sdp(2))
        b.expect("ACK")
        a.expect(200)
        a.say("ACK", cseq=a.cseq)
        b.say("BYE")
        bye = ear.expect("BYE")
        assert bye.start == f"BYE sip:101@{a.host}:5099 SIP/2.0"
        ear.reply(bye, 200)
        b.expect(200)
        a.silent()
    finally:
        ear.close()


def test_a_proxy_that_recorded_itself_is_where_requests_go(a, b, ear):
    talk(a, b, invite_headers=[f"Record-Route: <sip:{ear.host}:{ear.port};lr>"])
    b.say("BYE")
    bye = ear.expect("BYE")
    assert routes(bye) == [f"<sip:{ear.host}:{ear.port};lr>"]
    ear.reply(bye, 200)
    b.expect(200)
    a.silent()


def test_a_contact_that_is_elsewhere_is_where_requests_go(a, b, ear):
    """A back-to-back agent may want its requests somewhere else than it sends from."""
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 200, body=b.sdp(), contact=False, headers=[f"Contact: <sip:elsewhere@{ear.host}:{ear.port}>"])
    ear.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)
    bye = ear.expect("BYE")
    assert bye.start == f"BYE sip:elsewhere@{ear.host}:{ear.port} SIP/2.0"
    ear.reply(bye, 200)


def test_who_lies_behind_a_nat_is_reached_where_it_came_from(shared, addresses, b):
    """What it says of itself is known to be wrong: its Via names another address than it came from."""
    from harness.rawcall import Phone
    a = Phone(addresses.new(), shared, 101)
    try:
        a.host = "192.168.77.5"
        talk(a, b)
        b.say("BYE")
        a.reply(a.expect("BYE"), 200)
        b.expect(200)
    finally:
        a.leave()


def test_too_many_routes_are_refused(a):
    lines = [f"Record-Route: <sip:r{i}.example.net;lr>" for i in range(60)]
    a.invite("102", headers=lines)
    m = a.next()
    assert 400 <= m.status < 500, m.text
    assert a.alive()


# ---- Path and outbound ----

def register(peer, server, headers, contact, user="103", **more):
    return peer.transact("REGISTER", user, server.password(user), to=f"sip:{user}@{peer.domain}", contact=False,
                         headers=[f"Contact: {contact}", "Expires: 600", *headers], **more)


@pytest.fixture
def edge(shared, addresses):
    """A proxy by hand before a phone of 103."""
    p = RawSip(addresses.new(), shared.ip, domain=shared.domain)
    yield p
    register(p, shared, [], "*", cseq=900) if False else None
    p.transact("REGISTER", "103", shared.password("103"), to=f"sip:103@{p.domain}", contact=False,
               headers=["Contact: *", "Expires: 0"])
    p.close()


def test_a_path_is_the_route_of_calls(shared, a, edge):
    path = f"<sip:token@{edge.host}:{edge.port};lr;ob>"
    ok = register(edge, shared, ["Supported: path", f"Path: {path}, <sip:inner.example.net;lr>"], "<sip:103@192.168.1.9:5060>")
    assert ok.status == 200 and path in ", ".join(ok.all("Path")), ok.text
    a.invite("103")
    invite = None
    while not (invite and invite.method == "INVITE"):
        invite = edge.receive(5)
    assert invite.start == "INVITE sip:103@192.168.1.9:5060 SIP/2.0"
    assert routes(invite) == [path, "<sip:inner.example.net;lr>"]
    a.cancel()


@pytest.mark.parametrize("path", ["foo", "<mailto:a@b>", "<sip:>", "sip:edge.example.net;lr", "<sip:edge.example.net;lr>, <"])
def test_a_path_that_no_request_could_go_is_refused(shared, edge, path):
    """RFC 3327 5.3: it would be told back, and become a Route."""
    answer = register(edge, shared, ["Supported: path", f"Path: {path}"], "<sip:103@192.168.1.9:5060>")
    assert answer.status == 400 and not answer.get("Path"), answer.text


def test_a_path_from_who_does_not_know_it_is_refused(shared, edge):
    assert register(edge, shared, ["Path: <sip:edge.example.net;lr>"], "<sip:103@192.168.1.9:5060>").status in (420, 200)


def test_a_flow_needs_a_first_hop_that_keeps_it(shared, edge):
    """RFC 5626 6: Path without ;ob means that the edge did not make a flow: 439."""
    inst = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\""
    two_hops = ["Supported: path, outbound", f"Path: <sip:{edge.host}:{edge.port};lr>",
                "Via: SIP/2.0/UDP 192.168.1.9:5060;branch=z9hG4bKinner"]
    m = register(edge, shared, two_hops, f"<sip:103@192.168.1.9:5060>;reg-id=1;{inst}")
    assert m.status == 439, m.text
    with_flow = [two_hops[0], f"Path: <sip:flow1@{edge.host}:{edge.port};lr;ob>", two_hops[2]]
    m = register(edge, shared, with_flow, f"<sip:103@192.168.1.9:5060>;reg-id=1;{inst}")
    assert m.status == 200 and "outbound" in m.get("Require", ""), m.text


def test_the_same_instance_and_flow_number_replace_and_another_number_adds(shared, edge):
    inst = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEE00>\""

    def bind(port, reg_id):
        return register(edge, shared, ["Supported: path, outbound", f"Path: <sip:f{port}@{edge.host}:{edge.port};lr;ob>"],
                        f"<sip:103@192.168.1.9:{port}>;reg-id={reg_id};{inst}")
    assert bind(6001, 1).status == 200
    m = bind(6002, 1)
    contacts = ", ".join(m.all("Contact"))
    assert "6002" in contacts and "6001" not in contacts, m.text
    contacts = ", ".join(bind(6003, 2).all("Contact"))
    assert "6002" in contacts and "6003" in contacts
    # One device: it rings once, over the flow registered last (RFC 5626 5.3: the other is for when that fails).


def test_hang_up_after_all_this(a, b):
    talk(a, b)
    hang_up(a, b)
