# SPDX-License-Identifier: GPL-3.0-or-later
"""Trunks whose host is a name: found through a real name server socket, with failover between its addresses (RFC 3263)."""
import re
import socket
import threading
import time
import uuid

import pytest

from harness import wait
from harness.nameserver import NameServer
from harness.rawsip import Message, RawSip

HOST = "sip.provider.example"


class Peer:
    """One host of a provider: answers OPTIONS and REGISTER with 200, INVITE with `status`; mute: nothing at all."""

    def __init__(self, ip, port=5060, status=486):
        self.ip, self.port, self.status, self.mute, self.got, self.lines = ip, port, status, False, [], []
        self.service_route = []  # told with the 200 to a REGISTER
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.2)
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            try:
                data, peer = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            m = Message(data.decode(errors="replace"))
            if not m.method:
                continue
            self.got.append(m)
            if self.mute or m.method == "ACK":
                continue
            status = self.status if m.method == "INVITE" else 200
            lines = [f"SIP/2.0 {status} So"] + [f"Via: {v}" for v in m.all("Via")]
            lines += [f"{h}: {m.get(h)}" + (";tag=p1" if h == "To" else "") for h in ("From", "To", "Call-ID", "CSeq")]
            if m.method == "REGISTER":
                lines += [f"Contact: {m.get('Contact')};expires=3600", *(f"Service-Route: {r}" for r in self.service_route)]
            if status >= 400:
                lines += [line.format(n=len(self.got)) for line in self.lines]
            self.socket.sendto(("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(), peer)

    def of(self, method):
        return {m.get("Call-ID") + m.get("CSeq"): m for m in self.got if m.method == method}

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def peers(addresses):
    made = []

    def make(**more):
        made.append(Peer(addresses.new(), **more))
        return made[-1]
    yield make
    for p in made:
        p.stop()


@pytest.fixture
def names(server, addresses):
    ns = NameServer(addresses.new(), {})
    server.post("/api/network_settings", {"dns_servers": ns.address}, who="admin")
    yield ns
    ns.stop()


def srv(names, *peers, host=HOST, weight=0):
    """`peers` in this order of priority."""
    names.records[("_sip._udp." + host, "SRV")] = [(10 * i, weight, p.port, f"h{i}.{host}") for i, p in enumerate(peers)]
    for i, p in enumerate(peers):
        names.records[(f"h{i}.{host}", "A")] = [p.ip]


def trunk(server, **more):
    made = server.post("/api/trunks", {"name": "Provider", "host": HOST, **more}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": made, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                headers={"X-Tenant": server.domain})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "9", "routes": [{"trunk_id": made}]})
    return made


def state(server):
    return server.get("/api/trunk_states", who="admin")["items"][0]


def is_online(server, yes=True):
    wait.until(lambda: state(server)["is_online"] == yes, 15, why=f"online is {yes}")


class Caller:
    def __init__(self, server, ip):
        self.server, self.raw = server, RawSip(ip, server.ip, domain=server.domain)

    def call(self, number="9123"):
        """The status that a call ends with."""
        call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{self.server.domain}"
        answer = self.raw.transact("INVITE", "101", self.server.password(101), uri, call_id=call_id, from_tag=tag)
        while answer is None or answer.status < 200:
            answer = self.raw.final(20)
        self.raw.ack(answer, uri, "101", call_id, tag, 2)
        return answer.status


@pytest.fixture
def caller(server, addresses):
    c = Caller(server, addresses.new())
    yield c
    c.raw.close()


def test_a_call_goes_where_srv_says_and_keeps_the_name_in_its_uri(server, names, peers, caller):
    first, second = peers(port=5070), peers()
    srv(names, first, second)
    trunk(server)
    is_online(server)
    assert caller.call() == 486
    assert len(first.of("INVITE")) == 1 and not second.of("INVITE")
    m = next(iter(first.of("INVITE").values()))
    assert re.match(rf"INVITE sip:9?123@{re.escape(HOST)} SIP/2.0", m.start), m.start
    assert f"@{HOST}" in m.get("To")


def test_the_call_goes_on_when_the_first_host_says_503(server, names, peers, caller):
    first, second = peers(status=503), peers()
    srv(names, first, second)
    trunk(server)
    is_online(server)
    assert caller.call() == 486
    assert len(first.of("INVITE")) == 1 and len(second.of("INVITE")) == 1
    # left out from now on: the next call goes straight to the second
    assert caller.call() == 486
    assert len(first.of("INVITE")) == 1 and len(second.of("INVITE")) == 2


def test_the_call_goes_on_when_the_first_host_is_silent(server, names, peers, caller):
    first, second = peers(), peers()
    first.mute = True
    srv(names, first, second)
    trunk(server)
    is_online(server)
    began = time.monotonic()
    assert caller.call() == 486
    assert len(second.of("INVITE")) == 1
    assert time.monotonic() - began < 25  # Timer B would be 32
    # it is asked whether it is back, and is used again when it answers
    first.mute = False
    wait.until(lambda: first.of("OPTIONS"), 30, why="the host left out is asked")
    wait.until(lambda: caller.call() == 486 and len(first.of("INVITE")) > 1, 15, why="the first host is used again")


def test_a_busy_callee_is_no_failed_host(server, names, peers, caller):
    first, second = peers(status=486), peers()
    srv(names, first, second)
    trunk(server)
    is_online(server)
    assert caller.call() == 486
    assert caller.call() == 486
    assert len(first.of("INVITE")) == 2 and not second.of("INVITE")


def test_a_trunk_that_is_never_content_is_answered_once(server, names, peers, caller):
    """A new nonce in every 407: one answer to it, and then the call has failed."""
    provider = peers(status=407)
    provider.lines = ['Proxy-Authenticate: Digest realm="provider", nonce="n{n}", algorithm=MD5, qop="auth"']
    srv(names, provider)
    trunk(server, username="u1", password="secret-of-u1")
    is_online(server)
    for calls in 1, 2:
        assert caller.call() == 480
        sent = provider.of("INVITE").values()
        assert len(sent) == 2 * calls
        assert sum(bool(m.get("Proxy-Authorization")) for m in sent) == calls


def test_a_registration_moves_to_the_host_that_answers(server, names, peers):
    first, second = peers(), peers()
    first.mute = True
    srv(names, first, second)
    trunk(server, kind="register", username="u1", password="secret-of-u1")
    is_online(server)
    assert first.of("REGISTER") and second.of("REGISTER")


def test_requests_of_every_address_of_the_host_are_the_trunks(server, names, peers, addresses):
    first, second = peers(port=5070), peers(port=5071)
    srv(names, first, second)
    made = trunk(server)
    extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")
    server.post("/api/inbound_rules", {"name": "desk", "trunk_id": made, "did": "442070000101",
                                       "destination": {"kind": "extension", "id": extension["id"]}})
    is_online(server)
    for ip, known in ((first.ip, True), (second.ip, True), (addresses.new(), False)):
        raw = RawSip(ip, server.ip, domain=server.domain)
        uri = f"sip:442070000101@{server.ip}"
        call_id, tag = uuid.uuid4().hex, "t1"
        raw.send(raw.request("INVITE", uri, user="0044", call_id=call_id, from_tag=tag))
        answer = raw.final()
        raw.ack(answer, uri, "0044", call_id, tag, 1)
        raw.close()
        # 480: nobody has registered; a stranger is asked who he is, or is told that there is no such domain
        assert (answer.status == 480) == known, answer.text


def test_a_name_that_moves_is_followed(server, names, peers, caller):
    first, second = peers(), peers()
    names.records[(HOST, "A")] = [first.ip]
    trunk(server, port=5060)
    is_online(server)
    assert caller.call() == 486
    names.records[(HOST, "A")] = [second.ip]
    wait.until(lambda: caller.call() == 486 and second.of("INVITE"), 15, why="calls go to the new address")


def test_naptr_chooses_the_transport(server, names, peers, caller):
    only = peers(port=5075)
    names.records[(HOST, "NAPTR")] = [(10, 10, "SIP+D2U", "_sip._udp." + HOST)]
    srv(names, only)
    trunk(server, transport="auto")
    is_online(server)
    assert caller.call() == 486
    assert len(only.of("INVITE")) == 1
    assert (HOST, "NAPTR") in names.asked


def test_a_host_that_does_not_exist_is_offline_and_comes_when_it_does(server, names, peers, caller):
    only = peers()
    trunk(server)
    wait.until(lambda: "no host" in state(server)["reason"], 10, why="the reason is told")
    assert caller.call() in (480, 500, 502, 503, 404)
    srv(names, only)
    # another name server is a reason to look again at once
    setting = server.get("/api/network_settings", who="admin")["items"][0]["id"]
    server.api("PATCH", f"/api/network_settings/{setting}", {"dns_servers": names.address + ", " + names.address}, who="admin",
               expect=200)
    is_online(server)
    assert caller.call() == 486


def test_what_was_found_holds_while_name_servers_are_silent(server, names, peers, caller):
    only = peers()
    srv(names, only)
    trunk(server)
    is_online(server)
    names.silent = True
    asked = len(names.asked)
    wait.until(lambda: len(names.asked) > asked, 15, why="the name is asked for again")
    assert caller.call() == 486 and state(server)["is_online"]


def test_an_outbound_proxy_gets_the_request_with_a_route(server, names, peers, caller):
    proxy = peers(port=5080)
    names.records[("proxy.example", "A")] = [proxy.ip]
    trunk(server, outbound_proxy="proxy.example:5080")
    is_online(server)
    assert caller.call() == 486
    m = next(iter(proxy.of("INVITE").values()))
    assert m.start.endswith(f"@{HOST} SIP/2.0") and m.get("Route") == "<sip:proxy.example:5080;lr>"


# ---- Service-Route (RFC 3608) ----

def registers(server, registrar, *service_route, **more):
    """A trunk that registers and is told a way."""
    registrar.service_route = service_route
    made = trunk(server, kind="register", username="line", password="secret words", **{"host": registrar.ip, **more})
    is_online(server)
    assert not any(m.get("Route") for m in registrar.of("REGISTER").values())
    return made


def last_invite(peer):
    return list(peer.of("INVITE").values())[-1]


def test_calls_take_the_way_that_the_registrar_tells(server, peers, caller):
    registrar, edge = peers(), peers(port=5070)
    way = [f"<sip:edge@{edge.ip}:5070;lr>", "<sip:core.provider.example;lr;x=1>"]
    made = registers(server, registrar, ", ".join(way))
    assert caller.call() == 486
    assert not registrar.of("INVITE")
    m = last_invite(edge)
    assert m.all("Route") == way and f"@{registrar.ip}" in m.start, m.text
    # who is asked there for the trunk's password is on the trunk's own way
    edge.status, edge.lines = 407, ['Proxy-Authenticate: Digest realm="x", nonce="n{n}", qop="auth"']
    caller.call()
    m = last_invite(edge)
    assert 'username="line"' in m.get("Proxy-Authorization", "") and m.all("Route") == way, m.text
    # each registration says it anew
    registrar.service_route = []
    server.api("PATCH", f"/api/trunks/{made}", {"register_seconds": 700}, who="admin", expect=200)
    wait.until(lambda: any(m.get("Expires") == "700" for m in registrar.of("REGISTER").values()), 10, why="it registers anew")
    is_online(server)
    assert caller.call() == 486
    assert last_invite(registrar).get("Route") is None


@pytest.mark.parametrize("way", ["<sip:192.0.2.1>", "<http://192.0.2.1>;lr", "<sip:192.0.2.1;lr;transport=sctp>", "<sip:"])
def test_a_way_that_nobody_can_go_is_left_out(server, peers, caller, way):
    registrar = peers()
    registers(server, registrar, way)
    assert caller.call() == 486
    assert last_invite(registrar).get("Route") is None
    server.logs("its Service-Route cannot be taken")


def test_the_way_begins_at_a_name(server, names, peers, caller):
    registrar, edge = peers(), peers()
    srv(names, edge, host="edge.provider.example")
    registers(server, registrar, "<sip:edge.provider.example;lr>")
    wait.until(lambda: caller.call() == 486 and edge.of("INVITE"), 10, why="a call by the edge")
    assert last_invite(edge).all("Route") == ["<sip:edge.provider.example;lr>"]


def test_the_way_begins_behind_the_outbound_proxy(server, peers, caller):
    """RFC 3608 6.1: it has a Route already and gets no second one."""
    proxy = peers(port=5070)
    own, core = f"<sip:{proxy.ip}:5070;lr>", "<sip:core.provider.example;lr>"
    proxy.service_route = [own, core]
    trunk(server, kind="register", host="provider.example", outbound_proxy=f"{proxy.ip}:5070", username="line", password="secret words")
    is_online(server)
    assert caller.call() == 486
    assert last_invite(proxy).all("Route") == [own, core]
