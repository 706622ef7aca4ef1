# SPDX-License-Identifier: GPL-3.0-or-later
"""A device with two flows (RFC 5626 5.3): what finds one of them dead goes over the other."""
import pytest

from harness import wait
from harness.rawcall import Phone, TlsPhone, answered, hang_up, talk

INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEE5F>"'


class Flow(Phone):
    """One connection of 102's telephone."""

    def __init__(self, ip, server, reg_id):
        self.reg_id = reg_id
        super().__init__(ip, server, 102, "TCP", 0)

    def transact(self, method, *args, **more):
        if method == "REGISTER":
            more["headers"] = [f"Contact: <sip:102@{self.host}:{self.port};ob;transport=tcp>;reg-id={self.reg_id};{INSTANCE}",
                               "Supported: path, outbound", "Expires: 3600"]
            more["contact"] = False
        return super().transact(method, *args, **more)


def bound(server):
    return len([r for r in server.get("/api/registrations")["items"] if r["username"] == "102"])


@pytest.fixture
def flows(shared, addresses):
    """The one registered first, and the one that calls go to."""
    ip = addresses.new()
    both = [Flow(ip, shared, 1), Flow(ip, shared, 2)]
    assert bound(shared) == 2
    yield both
    for flow in both:
        flow.close()
    wait.until(lambda: not bound(shared), 5, why="a flow goes with its connection")


def talks_over(a, flow):
    invite = flow.called(flow.expect("INVITE"))
    flow.reply(invite, 180)
    a.take(a.expect(180))
    answered(a, flow, invite)
    hang_up(a, flow)


def test_430_sends_the_call_over_the_other_flow(shared, a, flows):
    first, second = flows
    a.invite("102")
    second.reply(second.expect("INVITE"), 430)
    second.expect("ACK")
    talks_over(a, first)
    assert bound(shared) == 1, "the flow that failed is no contact any more"
    second.silent()


def test_other_refusals_are_the_devices(a, shared, flows):
    first, second = flows
    a.invite("102")
    second.reply(second.expect("INVITE"), 486)
    second.expect("ACK")
    a.refused(486)
    first.silent()
    assert bound(shared) == 2


def test_without_another_flow_430_is_not_passed_on(shared, a, flows):
    first, second = flows
    a.invite("102")
    second.reply(second.expect("INVITE"), 430)
    second.expect("ACK")
    first.reply(first.expect("INVITE"), 430)
    first.expect("ACK")
    a.refused(480)
    assert bound(shared) == 0


def test_a_connection_that_ends_before_a_word_sends_the_call_over_the_other_flow(shared, a, flows):
    first, second = flows
    a.invite("102")
    second.expect("INVITE")
    second.close()
    talks_over(a, first)
    assert bound(shared) == 1


def test_a_dead_connection_is_not_called(shared, a, flows):
    first, second = flows
    second.close()
    wait.until(lambda: bound(shared) == 1, 5, why="it is no contact any more")
    a.invite("102")
    talks_over(a, first)


def test_a_message_goes_over_the_other_flow(shared, a, flows):
    first, second = flows
    uri = f"sip:102@{shared.domain}"
    a.send(a.request("MESSAGE", uri, user="101", call_id="m", from_tag="m", contact=False, body="x", content_type="text/plain"))
    line = a.authorization(a.expect(407), "MESSAGE", uri, "101", a.password)
    a.send(a.request("MESSAGE", uri, user="101", call_id="m", from_tag="m", cseq=2, headers=[line], contact=False, body="x",
                     content_type="text/plain"))
    second.reply(second.expect("MESSAGE"), 430, contact=False)
    first.reply(first.expect("MESSAGE"), 200, contact=False)
    a.expect(200)
    assert bound(shared) == 1


class Roamer(TlsPhone):
    """A telephone over TCP or TLS whose Contact names the port that its connection happens to have, as linphone's does."""

    def __init__(self, ip, server, user, password, transport, instance):
        self.how, self.server, self.seen = transport, server, set()
        self.user, self.password, self.instance = user, password, instance
        self.come(ip)

    def come(self, ip):
        if self.how == "TLS":
            self.connect(ip, self.server, "TLS", 0)
        else:
            Phone.connect(self, ip, self.server, self.how, 0)
        uri = f"sip:{self.domain}"
        contact = f"Contact: <sip:{self.user}@{self.host}:{self.port};transport={self.how.lower()}>;+sip.instance=\"<urn:uuid:{self.instance}>\""
        ok = self.transact("REGISTER", self.user, self.password, uri, to=f"sip:{self.user}@{self.domain}", contact=False, headers=[contact, "Expires: 600"])
        assert ok.status == 200, ok.text
        return self


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_telephone_that_comes_back_from_another_port_is_in_its_call(shared, b, addresses, transport):
    """Its connection ended; what the far side asks for then reaches it by the new one.  Another device of its account is not taken for it."""
    ip, how = addresses.new(), ("101", shared.password(101), transport)
    a = Roamer(ip, shared, *how, "one")
    talk(a, b)
    before = a.port
    a.socket.close()
    other = Roamer(addresses.new(), shared, *how, "two")
    assert a.come(ip).port != before
    b.say("INVITE", body=b.sdp(2, "sendonly"))
    held = a.expect("INVITE")
    assert f":{a.port};transport={transport.lower()} SIP/2.0" in held.start
    a.tag = a.from_tag
    a.reply(held, 200, body=a.sdp(2, "recvonly"))
    a.expect("ACK")
    b.expect(200)
    b.say("ACK", cseq=b.cseq)
    b.say("BYE")
    a.reply(a.expect("BYE"), 200)
    b.expect(200)
    other.silent(0.1)
    for p in (a, other):
        p.leave()


def test_so_is_one_of_no_extension_that_has_called_for_help(server, gateway, addresses):
    """It may call nobody else (account.extension_id)."""
    far, password, ip = gateway(), "Zj7-kk2-Pq9-xx1", addresses.new()
    (trunk,) = server.get("/api/trunks", who="admin")["items"]
    server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunk["id"]})
    server.post("/api/accounts", {"username": "lobby", "password": password})
    a = Roamer(ip, server, "lobby", password, "TLS", "one")
    a.invite("112")
    invite = far.called(far.expect("INVITE"))
    answered(a, far, invite)
    a.socket.close()
    a.come(ip)
    far.say("BYE")
    a.reply(a.expect("BYE"), 200)
    far.expect(200)
    a.leave()
