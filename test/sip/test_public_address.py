# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind a NAT: who is near sees our own address in Via, Contact and SDP, everybody else the public one (SYS-9)."""
import re
import uuid

import pytest

from harness.rawsip import RawSip

PUBLIC = "203.0.113.5"


def sdp(ip):
    return (f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
            "a=rtpmap:0 PCMU/8000\r\n")


class Phone(RawSip):
    def __init__(self, ip, server, user):
        super().__init__(ip, server.ip, domain=server.domain)
        self.user, self.password = user, server.password(user)
        answer = self.transact("REGISTER", user, self.password, f"sip:{self.domain}", to=f"sip:{user}@{self.domain}",
                               headers=["Expires: 600"])
        assert answer.status == 200, answer.text

    def call(self, number):
        uri, call_id, tag = f"sip:{number}@{self.domain}", uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self.send(self.request("INVITE", uri, user=self.user, call_id=call_id, from_tag=tag, body=sdp(self.host)))
        answer = self.final()
        self.ack(answer, uri, self.user, call_id, tag, 1)
        line = self.authorization(answer, "INVITE", uri, self.user, self.password)
        self.send(self.request("INVITE", uri, user=self.user, call_id=call_id, from_tag=tag, cseq=2, headers=[line],
                               body=sdp(self.host)))

    def answers(self):
        """Takes the call that rings here; its INVITE."""
        m = self.receive(5)
        assert m.method == "INVITE", m.text
        lines = ["SIP/2.0 200 OK"] + [f"Via: {v}" for v in m.all("Via")]
        lines += [f"{h}: {m.get(h)}" + (";tag=c1" if h == "To" else "") for h in ("From", "To", "Call-ID", "CSeq")]
        body = sdp(self.host)
        lines += [f"Contact: <sip:{self.user}@{self.host}:{self.port}>", "Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)
        return m


@pytest.fixture
def phones_of(server, addresses):
    """near: 101, 102.  far: 103."""
    ips = {u: addresses.new() for u in ("101", "102", "103")}
    server.post("/api/network_settings", {"public_addresses": PUBLIC, "local_networks": f"{ips['101']}/32, {ips['102']}/32"},
                who="admin")
    made = {u: Phone(ip, server, u) for u, ip in ips.items()}
    yield made
    for p in made.values():
        p.close()


def shows(message, ip):
    """The addresses of ours in a message are all this one."""
    assert re.search(r"@([\d.]+):5060", message.get("Contact")).group(1) == ip, message.text
    assert re.findall(r"(?m)^c=IN IP4 ([\d.]+)", message.body) == [ip], message.text
    assert re.search(r"(?m)^o=\S+ \d+ \d+ IN IP4 ([\d.]+)", message.body).group(1) == ip, message.text
    if message.method:
        assert re.match(r"SIP/2.0/UDP ([\d.]+):5060", message.get("Via")).group(1) == ip, message.text


def test_who_is_near_sees_our_own_address(server, phones_of):
    phones_of["101"].call("102")
    shows(phones_of["102"].answers(), server.ip)
    shows(phones_of["101"].final(cseq=2), server.ip)


def test_who_is_far_sees_the_public_one(server, phones_of):
    phones_of["101"].call("103")
    shows(phones_of["103"].answers(), PUBLIC)
    shows(phones_of["101"].final(cseq=2), server.ip)


def test_each_side_of_a_call_sees_its_own(server, phones_of):
    phones_of["103"].call("101")
    shows(phones_of["101"].answers(), server.ip)
    shows(phones_of["103"].final(cseq=2), PUBLIC)


def test_a_change_holds_for_the_next_call(server, phones_of):
    setting = server.get("/api/network_settings", who="admin")["items"][0]["id"]
    server.api("PATCH", f"/api/network_settings/{setting}", {"public_addresses": ""}, who="admin", expect=200)
    phones_of["101"].call("103")
    shows(phones_of["103"].answers(), server.ip)


@pytest.mark.parametrize("field, value", [
    ("public_addresses", "pbx.example"), ("public_addresses", "203.0.113.5, 203.0.113.6"), ("public_addresses", "0.0.0.0"),
    ("public_addresses", "203.0.113.5, 2001:db8::1, 2001:db8::2"), ("local_networks", "10.0.0.0/8, 10.0.0"), ("local_networks", "lan")])
def test_what_is_no_address_is_refused(server, field, value):
    answer = server.api("POST", "/api/network_settings", {field: value}, who="admin")
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text


def test_credentials_may_name_the_address_that_a_phone_sends_to(server, phones_of):
    """The public one, when it is on the other side of the NAT; nobody else's."""
    def register(user, uri):
        p, one = phones_of[user], dict(user=user, to=f"sip:{user}@{server.domain}", call_id=uuid.uuid4().hex, from_tag="r")
        p.send(p.request("REGISTER", **one))
        line = p.authorization(p.final(), "REGISTER", uri, user, p.password)
        p.send(p.request("REGISTER", cseq=2, headers=[line], **one))
        return p.final(cseq=2).status
    assert register("103", f"sip:{PUBLIC}:5060") == 200
    assert register("103", f"sip:{server.ip}:5060") == 200
    assert register("101", f"sip:{server.ip}:5060") == 200
    assert register("101", f"sip:{PUBLIC}:5060") == 401  # it is near: that is not what it sends to
    assert register("103", "sip:203.0.113.9:5060") == 401
