# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests too large for a datagram go over TCP, and as a datagram where TCP reaches nobody (RFC 3261 18.1.1)."""
import socket
import time
import uuid

import pytest

from harness.rawsip import Message, RawSip


def sdp(ip, large):
    lines = ["v=0", f"o=- 1 1 IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0", "m=audio 4000 RTP/AVP 0 8 96", "a=rtpmap:0 PCMU/8000",
             "a=rtpmap:8 PCMA/8000", "a=rtpmap:96 opus/48000/2"]
    if large:
        lines.append("a=fmtp:96 " + ";".join(f"x-parameter-{i}={i * 7919}" for i in range(80)))
    return "\r\n".join(lines) + "\r\n"


class Callee(RawSip):
    """Registered over UDP; `listens`: TCP on the same address and port."""

    def __init__(self, ip, server, listens):
        super().__init__(ip, server.ip, domain=server.domain)
        self.listener = None
        if listens:
            self.listener = socket.create_server((ip, self.port))
        uri = f"sip:102@{server.domain}"
        answer = self.transact("REGISTER", "102", server.password(102), f"sip:{server.domain}", to=uri, headers=["Expires: 600"])
        assert answer.status == 200, answer.text

    def over_tcp(self, timeout):
        """The first message of a connection to us, and the connection; None: nobody came."""
        self.listener.settimeout(timeout)
        try:
            connection, _ = self.listener.accept()
        except TimeoutError:
            return None
        connection.settimeout(timeout)
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        return Message(data.decode(errors="replace")), connection

    def close(self):
        if self.listener:
            self.listener.close()
        super().close()


@pytest.fixture
def call(server, addresses):
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)

    def make(large=True):
        uri = f"sip:102@{server.domain}"
        call_id, tag, body = uuid.uuid4().hex, uuid.uuid4().hex[:8], sdp(peer.host, large)
        peer.send(peer.request("INVITE", uri, user="101", call_id=call_id, from_tag=tag, body=body))
        answer = peer.final()
        peer.ack(answer, uri, "101", call_id, tag, 1)
        line = peer.authorization(answer, "INVITE", uri, "101", server.password(101))
        peer.send(peer.request("INVITE", uri, user="101", call_id=call_id, from_tag=tag, cseq=2, headers=[line], body=body))
        return peer
    yield make
    peer.close()


@pytest.fixture
def callee(server, addresses):
    made = []

    def make(listens):
        made.append(Callee(addresses.new(), server, listens))
        return made[-1]
    yield make
    for c in made:
        c.close()


def reply(m, status, more=()):
    lines = [f"SIP/2.0 {status} So"] + [f"Via: {v}" for v in m.all("Via")]
    lines += [f"{h}: {m.get(h)}" + (";tag=c1" if h == "To" else "") for h in ("From", "To", "Call-ID", "CSeq")]
    return ("\r\n".join([*lines, *more, "Content-Length: 0"]) + "\r\n\r\n").encode()


def test_a_large_invite_goes_over_tcp(server, callee, call):
    c = callee(True)
    caller = call()
    m, connection = c.over_tcp(5)
    assert m.method == "INVITE" and m.get("Via").startswith("SIP/2.0/TCP ")
    connection.sendall(reply(m, 486))
    assert caller.final(cseq=2).status == 486
    connection.settimeout(5)
    assert b"ACK sip:" in connection.recv(65536)
    assert c.receive(0.3) is None
    connection.close()


def test_a_small_invite_stays_a_datagram(server, callee, call):
    c = callee(True)
    call(large=False)
    m = c.receive(5)
    assert m.method == "INVITE" and m.get("Via").startswith("SIP/2.0/UDP ")


def test_where_nobody_listens_it_is_a_datagram_at_once(server, callee, call):
    c = callee(False)
    began = time.monotonic()
    caller = call()
    m = c.receive(5)
    assert m.method == "INVITE" and m.get("Via").startswith("SIP/2.0/UDP ") and len(m.text) > 1300
    assert time.monotonic() - began < 8  # connecting is given up after ten
    c.send(reply(m, 486))
    assert caller.final(cseq=2).status == 486


def test_where_tcp_says_nothing_it_is_a_datagram_after_two_seconds(server, callee, call):
    c = callee(True)
    caller = call()
    m, connection = c.over_tcp(5)
    datagram = c.receive(5)
    assert datagram.method == "INVITE" and datagram.get("Via").startswith("SIP/2.0/UDP ")
    branches = {v.get("Via").split("branch=")[1].split(";")[0] for v in (m, datagram)}
    assert len(branches) == 1, "who gets both sees one transaction"
    c.send(reply(datagram, 486))
    assert caller.final(cseq=2).status == 486
    connection.close()
