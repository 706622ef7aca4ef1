# SPDX-License-Identifier: GPL-3.0-or-later
"""A stolen account calls the world two hundred times at once: it costs what was there to spend and no more, and 112 is answered."""
import re
import select
import socket
import time
import uuid

import pytest

from harness import wait
from harness.rawsip import Message, RawSip

CALLS = 200
PRICE = 10000                   # millionths for each second begun
CREDIT = 3 * CALLS * PRICE // 2


def sdp(ip):
    return f"v=0\r\no=- 7 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Provider:
    """Takes every call at once, and remembers for how long."""

    def __init__(self, ip):
        self.ip, self.began, self.ended, self.numbers = ip, {}, {}, {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((ip, 5060))

    def handle(self):
        data, peer = self.socket.recvfrom(65536)
        m = Message(data.decode())
        call = m.get("Call-ID")
        if m.method == "INVITE":
            self.began.setdefault(call, time.monotonic())
            self.numbers[call] = re.search(r"sip:([^@]+)@", m.start).group(1)
        elif m.method == "BYE":
            self.ended.setdefault(call, time.monotonic())
        elif m.method != "OPTIONS":
            return
        to = m.get("To") + ("" if ";tag=" in m.get("To") else ";tag=p")
        lines = ["SIP/2.0 200 OK"] + [f"Via: {v}" for v in m.all("Via")]
        lines += [f"From: {m.get('From')}", f"To: {to}", f"Call-ID: {call}", f"CSeq: {m.get('CSeq')}",
                  f"Contact: <sip:p@{self.ip}>"]
        body = sdp(self.ip) if m.method == "INVITE" else ""
        if body:
            lines.append("Content-Type: application/sdp")
        self.socket.sendto(("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode(), peer)


class Thief:
    """Many calls of one account from one socket."""

    def __init__(self, ip, server, user="101"):
        self.raw, self.server, self.user = RawSip(ip, server.ip, domain=server.domain), server, user
        self.raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.calls = {}

    def call(self, number):
        one = dict(uri=f"sip:{number}@{self.server.domain}", call_id=uuid.uuid4().hex, from_tag=uuid.uuid4().hex[:8])
        self.calls[one["call_id"]] = {**one, "status": None, "asked": False, "over": False}
        self.raw.send(self.raw.request("INVITE", user=self.user, cseq=1, body=sdp(self.raw.host), **one))
        return one["call_id"]

    def handle(self):
        m = Message(self.raw.socket.recv(65536).decode())
        c = self.calls.get(m.get("Call-ID"))
        if c is None or m.status and m.status < 200:
            return
        if m.method == "BYE":
            c["over"] = True
            lines = ["SIP/2.0 200 OK"] + [f"Via: {v}" for v in m.all("Via")]
            lines += [f"{h}: {m.get(h)}" for h in ("From", "To", "Call-ID", "CSeq")]
            self.raw.send("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n")
        elif m.status and "INVITE" in m.get("CSeq"):
            self.answered(m, c)

    def answered(self, m, c):
        one = {k: c[k] for k in ("uri", "call_id", "from_tag")}
        number = int(m.get("CSeq").split()[0])
        if m.status >= 300:
            self.raw.ack(m, c["uri"], self.user, c["call_id"], c["from_tag"], number)
        else:
            target = re.search(r"<([^>]+)>", m.get("Contact")).group(1)
            self.raw.send(self.raw.request("ACK", target, user=self.user, call_id=c["call_id"], from_tag=c["from_tag"],
                                           cseq=number, to=c["uri"], to_tag=m.to_tag()))
        if m.status == 407 and not c["asked"]:
            c["asked"] = True
            line = self.raw.authorization(m, "INVITE", c["uri"], self.user, self.server.password(self.user))
            self.raw.send(self.raw.request("INVITE", user=self.user, cseq=2, body=sdp(self.raw.host), headers=[line], **one))
        elif m.status != 407:
            c["status"] = c["status"] or m.status


@pytest.fixture
def world(server, addresses):
    provider = Provider(addresses.new())
    thief = Thief(addresses.new(), server)
    acme = {"headers": {"X-Tenant": server.domain}}
    for ip in (provider.ip, thief.raw.host):      # the flood guard is not what is tested
        server.post("/api/address_rules", {"network": ip, "action": "allow"}, who="admin")
    trunk = server.post("/api/trunks", {"name": "P", "host": provider.ip}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "44207000****", "caller_id": "442070000000"}, who="admin", **acme)
    server.post("/api/outbound_rules", {"name": "out", "prefixes": "00", "routes": [{"trunk_id": trunk, "strip": 2}]})
    server.post("/api/allowed_country_codes", {"code": "33"})
    server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunk})
    server.post("/api/call_rates", {"prefix": "33", "price_1": 60 * PRICE, "price_n": 60 * PRICE, "interval_1_seconds": 1,
                                    "interval_n_seconds": 1})
    yield server, provider, thief
    thief.raw.close()
    provider.socket.close()


def serve(provider, thief, until, timeout):
    end = time.monotonic() + timeout
    while not until():
        assert time.monotonic() < end, "it never came to an end"
        for s in select.select([provider.socket, thief.raw.socket], [], [], 0.05)[0]:
            (provider if s is provider.socket else thief).handle()


def burst(server, provider, thief):
    """All calls at once, 112 among them, until the last of the paid ones is over."""
    calls = [thief.call(f"0033{n:06}") for n in range(CALLS)]
    emergency = thief.call("112")
    serve(provider, thief, lambda: all(c["status"] for c in thief.calls.values()), 60)
    paid = [thief.calls[c] for c in calls if thief.calls[c]["status"] == 200]
    serve(provider, thief, lambda: all(c["over"] for c in paid) and len(provider.ended) >= len(paid), 60)
    assert thief.calls[emergency]["status"] == 200 and not thief.calls[emergency]["over"]
    assert "112" in provider.numbers.values()
    assert {thief.calls[c]["status"] for c in calls} <= {200, 403, 503}
    return paid


def all_over(server):
    """Every record, once all calls but that to 112 have ended."""
    cdrs, cursor = [], None
    while True:
        page = server.get("/api/cdrs", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
        cdrs, cursor = cdrs + page["items"], page["next"]
        if not cursor:
            break
    return cdrs if len(cdrs) > CALLS and sum(not c["ended_at"] for c in cdrs) == 1 else None


def check_cost(server, provider, paid, budget, reason):
    cdrs = wait.until(lambda: all_over(server), 30, why="a record of each call")
    cost = sum(c["cost"] for c in cdrs)
    assert paid and budget - PRICE < cost <= budget, cost
    assert {c["reason"] for c in cdrs if c["status"] == "answered"} == {reason}
    seconds = sum(provider.ended[c] - provider.began[c] for c in provider.ended)
    assert len(provider.ended) == len(paid)
    return seconds


def test_a_burst_never_costs_more_than_the_balance(world):
    server, provider, thief = world
    server.api("PATCH", f"/api/tenants/{server.get('/api/me')['tenant_id']}", {"bill_outbound": True}, who="admin", expect=200)
    extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"credit": CREDIT}, expect=200)
    paid = burst(server, provider, thief)
    seconds = check_cost(server, provider, paid, CREDIT, "balance")
    assert seconds < CREDIT / PRICE + len(paid)     # each was up for the seconds it paid, and the moment of its set-up and end
    (balance,) = [b for b in server.get("/api/balances")["items"] if b["number"] == "101"]
    assert 0 <= balance["balance"] < PRICE


def test_a_burst_never_costs_more_than_the_day_may(world):
    server, provider, thief = world
    budget = CALLS * PRICE // 2
    extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"max_spend_per_day": budget}, expect=200)
    paid = burst(server, provider, thief)
    check_cost(server, provider, paid, budget, "spend_limit")
    again = thief.call("0033999")
    serve(provider, thief, lambda: thief.calls[again]["status"], 20)
    assert thief.calls[again]["status"] == 403
