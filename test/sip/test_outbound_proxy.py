# SPDX-License-Identifier: GPL-3.0-or-later
"""ACC-8: what goes to the devices of an account goes through its outbound proxy."""
import re

import pytest

from harness import wait
from harness.rawcall import Phone
from harness.rawsip import RawSip
from harness.server import Server


@pytest.fixture
def proxy(addresses, server):
    """Stands where the proxy is; it says what a phone behind it would."""
    made = []

    def make(transport="UDP", port=5090):
        ip = addresses.new()
        if transport == "UDP":
            p = RawSip(ip, server.ip, port=port, domain=server.domain)
        else:
            p = Listening(ip, port)
        made.append(p)
        return p
    yield make
    for p in made:
        p.close()


class Listening(RawSip):
    """Takes one TCP connection that the server opens."""

    def __init__(self, ip, port):
        import socket
        self.listening = socket.create_server((ip, port))
        self.listening.settimeout(10)
        self.socket, self.transport, self._data = None, "TCP", b""
        self.host, self.port, self.domain = ip, port, ""

    def receive(self, timeout=2.0):
        if self.socket is None:
            self.socket, _ = self.listening.accept()
        return super().receive(timeout)

    def close(self):
        self.listening.close()
        if self.socket:
            self.socket.close()


def answer(peer, request, status, contact, body=""):
    head = [f"SIP/2.0 {status} X", *(f"Via: {v}" for v in request.all("Via"))]
    to = request.get("To") + ("" if ";tag=" in request.get("To") else ";tag=behind")
    head += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
    if status < 300 and request.method == "INVITE":
        head += [f"Record-Route: <sip:{peer.host}:{peer.port}{';transport=tcp' if peer.transport == 'TCP' else ''};lr>", f"Contact: {contact}"]
    if body:
        head.append("Content-Type: application/sdp")
    peer.send("\r\n".join(head) + f"\r\nContent-Length: {len(body)}\r\n\r\n{body}")


def heard(peer, method):
    return wait.until(lambda: (m := peer.receive(2)) and m.method == method and m, why=method)


def account(server, user):
    return next(a for a in server.get("/api/accounts")["items"] if a["username"] == user)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_call_goes_through_the_proxy_with_a_route(server, addresses, proxy, transport):
    phone = Phone(addresses.new(), server, 102)
    caller = Phone(addresses.new(), server, 101)
    edge = proxy(transport)
    where = account(server, "102")
    server.api("PATCH", f"/api/accounts/{where['id']}", {"outbound_proxy": f"{edge.host}:{edge.port}",
                                                         "outbound_proxy_transport": transport.lower()}, expect=200)
    caller.invite("102")
    invite = heard(edge, "INVITE")
    assert invite.start.startswith(f"INVITE sip:102@{phone.host}:{phone.port}")
    param = ";transport=tcp" if transport == "TCP" else ""
    assert invite.get("Route") == f"<sip:{edge.host}:{edge.port}{param};lr>"
    assert invite.get("Via").startswith(f"SIP/2.0/{transport} {server.ip}:")
    contact = f"<sip:102@{phone.host}:{phone.port}>"
    answer(edge, invite, 180, contact)
    answer(edge, invite, 200, contact, caller.sdp().replace(caller.host, phone.host))
    ack = heard(edge, "ACK")  # the route set that the answer recorded
    assert ack.start.startswith(f"ACK sip:102@{phone.host}:{phone.port}") and edge.host in ack.get("Route")
    caller.expect(180)
    caller.take(caller.expect(200))
    caller.say("ACK", cseq=caller.invite_cseq)
    caller.say("BYE")
    caller.expect(200)
    answer(edge, heard(edge, "BYE"), 200, contact)
    assert phone.next(0.3) is None  # nothing came to it but through the proxy

    # Off again it rings itself: no restart, no new registration.
    server.api("PATCH", f"/api/accounts/{where['id']}", {"outbound_proxy": ""}, expect=200)
    caller.invite("102")
    invite = phone.expect("INVITE")
    assert invite.get("Route") is None
    phone.reply(invite, 486)
    caller.refused(486)
    phone.leave()
    caller.leave()


def test_what_cannot_be_is_refused_by_field_and_rule(tmp_path, addresses):
    server = Server(tmp_path / "rules", addresses.new()).start()
    try:
        path = f"/api/accounts/{account(server, '101')['id']}"

        def refused(body):
            return {(e["field"], e["code"]) for e in server.api("PATCH", path, body, expect=422).json()["errors"]}
        assert refused({"outbound_proxy": "proxy.example"}) == {("outbound_proxy", "bad_address")}
        assert refused({"outbound_proxy": "0.0.0.0"}) == {("outbound_proxy", "bad_address")}
        tls = next(t for t in server.get("/api/transports", who="admin")["items"] if t["protocol"] == "tls")
        server.api("DELETE", f"/api/transports/{tls['id']}", who="admin", expect=204)
        assert refused({"outbound_proxy": "192.0.2.1", "outbound_proxy_transport": "tls"}) == {("outbound_proxy_transport", "no_transport")}
        server.api("PATCH", path, {"outbound_proxy": "[2001:db8::1]:5080", "outbound_proxy_transport": "tcp"}, expect=200)
        tcp = next(t for t in server.get("/api/transports", who="admin")["items"] if t["protocol"] == "tcp")
        used = server.api("DELETE", f"/api/transports/{tcp['id']}", who="admin", expect=409).json()
        assert re.search("the proxy of account 101", used["errors"][0]["message"])
    finally:
        server.stop()
