# SPDX-License-Identifier: GPL-3.0-or-later
"""The route simulator says what the live switch does: random calls through both, compared at the provider's socket."""
import base64
import json
import os
import random
import re
import socket
import subprocess
import threading
import uuid

import pytest

from harness import wait
from harness.certs import Authority
from harness.rawcall import talk
from harness.rawsip import Message, RawSip
from harness.server import TEST_BUILD

ROUNDS = int(os.environ.get("OFFHOOK_ROUTE_ROUNDS", "2000"))


class Provider:
    """Refuses every INVITE with a status of its own, and remembers who was called by whom."""

    def __init__(self, ip, status):
        self.status, self.calls = status, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 5060))
        self.socket.settimeout(0.2)
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        seen = set()
        while not self.stopping:
            try:
                data, peer = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            m = Message(data.decode(errors="replace"))
            if m.method != "INVITE":
                continue
            if m.get("Call-ID") not in seen:
                seen.add(m.get("Call-ID"))
                self.last = m
                self.calls.append((re.search(r"sip:([^@]+)@", m.start).group(1), re.search(r"sip:([^@]+)@", m.get("From")).group(1)))
            lines = [f"SIP/2.0 {self.status} No"] + [f"Via: {v}" for v in m.all("Via")]
            lines += [f"{h}: {m.get(h)}" + (";tag=p1" if h == "To" else "") for h in ("From", "To", "Call-ID", "CSeq")]
            self.socket.sendto(("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(), peer)

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.socket.close()


def said(m):
    """An INVITE's headers as the simulator tells them: those of who calls whom first, without what is new in each call."""
    lines = [re.sub(r"^(Via: .*?);branch=.*", r"\1", re.sub(r"^(From: .*);tag=.*", r"\1", line))
             for line in m.text.split("\r\n\r\n")[0].split("\r\n")[1:]]
    lines = [line for line in lines if not re.match("Call-ID:|CSeq:|Content-(Length|Type):", line)]
    who = [line for line in lines if re.match("From:|To:|Contact:", line)]
    return [f"Request-URI: {m.start.split()[1]}"] + who + [line for line in lines if line not in who]


def sdp(ip):
    return f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


@pytest.fixture
def providers(addresses):
    made = [Provider(addresses.new(), 503), Provider(addresses.new(), 404)]
    yield made
    for p in made:
        p.stop()


@pytest.fixture
def rules(server, providers):
    """Rules of every form, made at random, the same each time."""
    rng = random.Random(6)
    acme = {"headers": {"X-Tenant": server.domain}}
    trunks = []
    for i, p in enumerate(providers):
        ip = p.socket.getsockname()[0]
        identity = ("p_asserted_identity", "none")[i]
        header_rules = [{"header": "To", "match": "^<sip:([^@]+)@", "value": f'"T{i} $1" <sip:$1@'},
                        {"header": "From", "match": '"[^"]*" ', "value": "", "condition_header": "To", "condition_match": "<sip:[0-2]"}]
        trunks.append(server.post("/api/trunks", {"name": f"T{i}", "host": ip, "header_rules": header_rules, "send_identity": identity},
                                  who="admin")["id"])
        server.post("/api/did_pools", {"trunk_id": trunks[i], "numbers": f"44207000{i}***", "caller_id": f"44207000{i}000"},
                    who="admin", **acme)
    for i in range(40):
        routes = [{"trunk_id": t, "strip": rng.choice((0, 0, 1, 2)), "prepend": rng.choice(("", "", "9", "+"))}
                  for t in rng.sample(trunks, rng.choice((1, 2)))]
        prefixes = ";".join("".join(rng.choice("0123") for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3)))
        server.post("/api/outbound_rules", {
            "name": f"r{i}", "priority": rng.randint(0, 5), "prefixes": prefixes, "routes": routes,
            "number_length": rng.choice((0, 0, 6)), "extensions": rng.choice(("", "", "102-110", "100-101"))})
    server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunks[1], "caller_id": "442070001112"})
    server.post("/api/disallowed_codes", {"code": "33"})
    return trunks


def test_simulated_and_live_decisions_are_the_same(server, rules, providers, addresses):
    rng = random.Random(7)
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    names = {f"T{i}": p for i, p in enumerate(providers)}
    kinds = set()
    try:
        for n in range(ROUNDS):
            number = "112" if n == 5 else "".join(rng.choice("012339") for _ in range(rng.choice((4, 6, 8))))
            caller = rng.choice(("101", "102", "103"))
            want = server.post("/api/route_simulations", {"caller": caller, "number": number}, expect=200)["decisions"]
            kinds |= {(d["action"], d["reason"]) for d in want}
            # The first provider fails, so the next decision counts; the second says no, which ends all calls but those for help (RTE-8).
            tried = []
            for d in want:
                if d["action"] != "trunk":
                    break
                tried.append((d["trunk"], d["number"], d["caller_id"]))
                told = d["headers"]
                if names[d["trunk"]].status == 404 and not d["is_emergency"]:
                    break
            before = {name: len(p.calls) for name, p in names.items()}
            call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
            offer = sdp(peer.host) if tried else ""     # with one a refusal is also spoken, which takes seconds
            answer = peer.transact("INVITE", caller, server.password(caller), uri, call_id=call_id, from_tag=tag, body=offer)
            peer.ack(answer, uri, caller, call_id, tag, 2)
            got = [(name, *call) for name, p in names.items() for call in p.calls[before[name]:]]
            assert sorted(got) == sorted(tried), f"{number}: {want}"
            assert answer.status >= 400
            if tried:       # what was said to the last provider is what the simulator has told of it
                m = names[tried[-1][0]].last
                assert said(m) == told, f"{number}: {want}"
                assert m.get("To").startswith('"T')     # the trunk's header rules are obeyed
    finally:
        peer.close()
    assert {("trunk", ""), ("refuse", "not_found"), ("refuse", "forbidden"), ("give_up", "")} <= kinds


def test_the_caller_id_is_sent_as_the_provider_reads_it(server, rules, providers, addresses):
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    number = "12399999"
    server.post("/api/outbound_rules", {"name": "one", "priority": 0, "prefixes": number, "routes": [{"trunk_id": rules[1]}]})

    def invite(**trunk):
        server.api("PATCH", f"/api/trunks/{rules[1]}", trunk, who="admin", expect=200)
        call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
        answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag,
                               headers=["P-Asserted-Identity: <sip:1@liar>", "Remote-Party-ID: <sip:1@liar>"])
        peer.ack(answer, uri, "101", call_id, tag, 2)
        assert answer.status == 404
        return providers[1].last
    m = invite()
    assert "sip:442070001000@" in m.get("From") and "liar" not in m.text
    assert m.get("P-Asserted-Identity") is None and m.get("Remote-Party-ID") is None
    m = invite(send_identity="p_asserted_identity", username="account", from_username=True)
    assert "sip:account@" in m.get("From") and "sip:442070001000@" in m.get("P-Asserted-Identity")
    m = invite(send_identity="remote_party_id", from_username=False)
    assert "sip:442070001000@" in m.get("From") and m.get("P-Asserted-Identity") is None
    assert "sip:442070001000@" in m.get("Remote-Party-ID") and "party=calling" in m.get("Remote-Party-ID")
    peer.close()


def test_the_command_line_says_which_rule_won_and_why_the_others_lost(server, rules):
    def ask(*words):
        return subprocess.run([os.path.join(TEST_BUILD, "offhook"), "--socket", str(server.data / "offhook.sock"), "--tenant",
                               server.domain, "route", "test", *words], stdout=subprocess.PIPE, text=True, check=True).stdout
    out = ask("101", "112")
    assert "> emergency: 112 over trunk T1" in out and "= trunk 112" in out
    out = ask("101", "777777")
    assert "nobody has this number, and no outbound rule takes it" in out and "= refuse" in out


def test_cost_and_what_the_provider_is_told_are_shown(server, rules):
    server.post("/api/call_rates", {"prefix": "1239", "connect_fee": 100000, "price_1": 600000, "price_n": 60000, "interval_1_seconds": 60,
                                    "interval_n_seconds": 6})
    server.post("/api/outbound_rules", {"name": "paid", "priority": 0, "prefixes": "12398", "routes": [{"trunk_id": rules[1]}]})

    def ask(**more):
        return server.post("/api/route_simulations", {"caller": "101", "number": "12398765", **more}, expect=200)["decisions"][0]
    assert ask()["cost"] == {"seconds": 60, "amount": 700000, "prefix": "1239", "paid_by": "101"}
    assert ask(seconds=67)["cost"]["amount"] == 700000 + 2 * 6000
    assert ask(number="112")["cost"] is None
    assert ask()["headers"][0].startswith("Request-URI: sip:12398765@") and "442070001000" in ask()["headers"][1]
    server.api("POST", "/api/route_simulations", {"caller": "101", "number": "1", "seconds": 0}, expect=422)
    out = subprocess.run([os.path.join(TEST_BUILD, "offhook"), "--socket", str(server.data / "offhook.sock"), "--tenant", server.domain,
                          "route", "test", "101", "12398765", "seconds=120"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "costs 0.760000 for 120 s, by the rate of 1239" in out and "From: " in out


def test_a_call_from_a_trunk_is_simulated(server, rules, addresses):
    extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")
    server.post("/api/inbound_rules", {"name": "uk", "trunk_id": rules[0], "did": "442070000101", "caller_mask": "0044******",
                                       "destination": {"kind": "extension", "id": extension["id"]}})
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    contact = peer.transact("REGISTER", "101", server.password(101), headers=["Expires: 300"], to=f"sip:101@{server.domain}")
    assert contact.status == 200

    def ask(caller):
        body = {"caller": caller, "number": "+442070000101", "trunk_id": rules[0]}
        return server.post("/api/route_simulations", body, expect=200)["decisions"][0]
    wait.until(lambda: ask("0044123456")["action"] == "ring", 5)
    assert ask("0044123456")["rule"] == "uk"
    assert [(d["account"], d["extension"]) for d in ask("0044123456")["devices"]] == [("101", "101")]
    assert (ask("0033123456")["action"], ask("0033123456")["reason"]) == ("refuse", "not_found")
    peer.close()


def test_forwards_are_simulated_as_they_happen(server, rules, providers, addresses):
    extension = next(e for e in server.get("/api/extensions")["items"] if e["number"] == "102")
    number = "98765432"
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": number, "extensions": "102",
                                        "routes": [{"trunk_id": rules[1]}]})
    bad = server.api("PATCH", f"/api/extensions/{extension['id']}", {
        "forwards": [{"cause": "busy", "destination": {"kind": "external_number"}}]}, expect=422).json()
    assert bad["errors"][0]["field"] == "forwards[0].destination_number"
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"forwards": [
        {"cause": "unavailable", "destination": {"kind": "external_number"}, "destination_number": number}]}, expect=200)
    body = {"caller": "101", "number": "102", "at": "2026-11-21T03:00:00Z", "outcome": "busy"}
    want = server.post("/api/route_simulations", body, expect=200)["decisions"]
    assert [(d["action"], d["number"], d["forwards"]) for d in want] == [("trunk", number, ["102"]), ("give_up", "", [])]
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:102@{server.domain}"
    answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag)
    peer.ack(answer, uri, "101", call_id, tag, 2)
    assert answer.status == 404 and providers[1].calls[-1][0] == number
    assert "reason=unavailable;counter=1" in providers[1].last.get("Diversion")
    told = [h for h in want[0]["headers"] if not h.startswith("Supported:")]    # it was asked without an offer: no 100rel
    assert told == [h for h in said(providers[1].last) if not h.startswith("Supported:")]
    assert any(h.startswith("History-Info:") for h in told)
    (cdr,) = server.cdrs()
    assert (cdr["forwards"], cdr["final_dest"], cdr["rule"]) == ("102 unavailable", number, "mine")
    assert cdr["outbound_caller_id"] and f"sip:{cdr['outbound_caller_id']}@" in providers[1].last.get("From")     # CDR-1
    # registered: its device is rung first
    contact = peer.transact("REGISTER", "102", server.password(102), headers=["Expires: 300"], to=f"sip:102@{server.domain}")
    assert contact.status == 200
    want = server.post("/api/route_simulations", {**body, "outcome": "unavailable"}, expect=200)["decisions"]
    assert [d["action"] for d in want] == ["ring", "trunk", "give_up"]
    peer.close()


def test_a_templates_failover_is_obeyed_at_once(server, rules, providers, addresses):
    """EXT-13, EXT-16: by the calls of all that follow it, until they have lines of their own."""
    extension = f"/api/extensions/{server.extension('102')['id']}"
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": "9876", "routes": [{"trunk_id": rules[1]}]})
    template = server.post("/api/extension_templates", {"name": "staff"})
    server.api("PATCH", extension, {"template_id": template["id"]}, expect=200)
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)

    def to(number):
        return {"forwards": [{"cause": "unavailable", "destination": {"kind": "external_number"}, "destination_number": number}]}

    def call():
        call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:102@{server.domain}"
        answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag)
        peer.ack(answer, uri, "101", call_id, tag, 2)
        return answer.status, providers[1].calls[-1][0] if providers[1].calls else None
    assert call() == (480, None)
    for path, number, reached in ((f"/api/extension_templates/{template['id']}", "98761", "98761"), (extension, "98762", "98762"),
                                  (f"/api/extension_templates/{template['id']}", "98763", "98762")):
        server.api("PATCH", path, to(number), expect=200)
        assert call() == (404, reached)
    server.api("PATCH", extension, {"forwards": None}, expect=200)
    assert call() == (404, "98763")
    peer.close()


def test_failovers_of_every_kind_are_simulated(server, rules, providers):
    """EXT-16: a time check, a number dialled inside, a group with a number outside, and a number that is keyed in."""
    number = "98765432"
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": number, "routes": [{"trunk_id": rules[1]}]})
    group = server.post("/api/ring_groups", {"name": "Sales", "number": "600", "no_answer": {"kind": "external_number"}, "no_answer_number": number})
    hours = server.post("/api/office_hours", {"name": "mornings", "periods": [{"weekday": "monday", "opens_at": "08:00", "closes_at": "12:00"}]})
    check = server.post("/api/time_checks", {
        "name": "mornings", "office_hours_id": hours["id"], "open_destination": {"kind": "custom_dial"}, "open_destination_number": "600",
        "closed_destination": {"kind": "ask_number"}})
    server.api("PATCH", f"/api/extensions/{server.extension('102')['id']}", {"forwards": [
        {"cause": "unavailable", "destination": {"kind": "time_check", "id": check["id"]}}]}, expect=200)

    def ask(**more):
        want = server.post("/api/route_simulations", {"caller": "101", "number": "102", **more}, expect=200)["decisions"]
        return [(d["action"], d["service"], d["number"]) for d in want]
    assert ask(at="2026-11-23T09:00:00Z") == [("service", "ring_group", "600"), ("trunk", "", number), ("give_up", "", "")]
    night = "2026-11-23T20:00:00Z"
    assert ask(at=night) == [("service", "ask_number", "102")]
    assert ask(at=night, keyed=number) == [("service", "ask_number", "102"), ("trunk", "", number), ("give_up", "", "")]
    server.api("PATCH", f"/api/extensions/{server.extension('101')['id']}", {"speed_dials": [{"key": "07", "number": number}]}, expect=200)
    assert ask(at=night, keyed="*007")[1] == ("trunk", "", number)
    server.post("/api/inbound_rules", {"name": "in", "trunk_id": rules[0], "did": "442070000102", "destination": {"kind": "time_check", "id": check["id"]}})
    outside = {"caller": "0033123", "number": "442070000102", "trunk_id": rules[0], "at": night}
    assert ask(**outside, keyed=number) == [("service", "ask_number", ""), ("refuse", "", "")]    # not without a PIN
    assert ask(**outside, keyed="600")[1] == ("service", "ring_group", "600")
    # what is in use stays, and a time check does not lead to itself
    for path in (f"/api/time_checks/{check['id']}", f"/api/office_hours/{hours['id']}"):
        assert server.api("DELETE", path, expect=409).json()["errors"][0]["code"] == "in_use"
    for fields, field, code in (
            ({"closed_destination": {"kind": "time_check", "id": check["id"]}}, "closed_destination", "loop"),
            ({"open_destination_number": "*43"}, "open_destination_number", "feature_code"),
            ({"open_destination_number": ""}, "open_destination_number", "bad_number")):
        bad = server.api("PATCH", f"/api/time_checks/{check['id']}", fields, expect=422).json()
        assert [(e["field"], e["code"]) for e in bad["errors"]] == [(field, code)]
    bad = server.api("PATCH", f"/api/ring_groups/{group['id']}", {"no_answer_number": ""}, expect=422).json()
    assert bad["errors"][0]["field"] == "no_answer_number"


def test_a_mobile_that_would_ring_too_is_shown(server, rules):
    number = "98765432"
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": number, "extensions": "102",
                                        "routes": [{"trunk_id": rules[1]}]})
    server.api("PATCH", f"/api/extensions/{server.extension('102')['id']}", {"mobile": number, "fork_to_mobile": True}, expect=200)
    body = {"caller": "101", "number": "102"}
    (ring, *_) = server.post("/api/route_simulations", body, expect=200)["decisions"]
    assert (ring["action"], [(d["extension"], d["contact"], d["address"]) for d in ring["devices"]]) == ("ring", [("102", number, "T1")])
    server.post("/api/disallowed_codes", {"code": number})
    (refused, *_) = server.post("/api/route_simulations", body, expect=200)["decisions"]
    assert (refused["action"], refused["reason"]) == ("refuse", "unavailable")
    assert any(s["rule"] == "mobile" and "may not be called" in s["verdict"] for s in refused["steps"])


def test_a_call_is_decided_by_the_configuration_of_any_revision(server, rules, providers):
    body = {"caller": "101", "number": "98765432"}

    def ask(**more):
        return server.post("/api/route_simulations", {**body, **more}, expect=200)

    def won(**more):
        first = ask(**more)["decisions"][0]
        return first["action"], first["trunk"], first["number"], first["rule"]
    nobody = ask()["revision"]
    rule = server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": "9876", "routes": [{"trunk_id": rules[1]}]})
    assert won() == ("trunk", "T1", "98765432", "mine")
    plain = ask()["revision"]
    server.api("PATCH", f"/api/outbound_rules/{rule['id']}", {"routes": [{"trunk_id": rules[0], "strip": 4}]}, expect=200)
    stripped = ask()["revision"]
    server.api("PATCH", f"/api/trunks/{rules[0]}", {"name": "renamed"}, who="admin", expect=200)
    server.api("DELETE", f"/api/outbound_rules/{rule['id']}", expect=204)
    assert won()[0] == "refuse" and nobody < plain < stripped < ask()["revision"]
    # the tenant as it was after each change, and the system as it was then; again and again, in any order
    assert won(revision=stripped) == ("trunk", "T0", "5432", "mine") and ask(revision=stripped)["revision"] == stripped
    assert won(revision=str(plain)) == ("trunk", "T1", "98765432", "mine")
    assert won(revision=nobody)[0] == "refuse"
    assert won(revision=plain, number="112")[:2] == ("trunk", "T1")
    assert won(revision=plain, at="2026-11-21T03:00:00Z")[1] == "T1"
    assert ask(revision=plain)["decisions"][0]["headers"][0].startswith("Request-URI: sip:98765432@")
    # nothing of it is in force
    assert won()[0] == "refuse" and not any(p.calls for p in providers)
    for wrong, code in ((10**9, "not_found"), (0, "bad_revision"), ("x", "bad_revision")):
        answer = server.api("POST", "/api/route_simulations", {**body, "revision": wrong}, expect=422).json()
        assert [(e["field"], e["code"]) for e in answer["errors"]] == [("revision", code)]
    out = subprocess.run([os.path.join(TEST_BUILD, "offhook"), "--socket", str(server.data / "offhook.sock"), "--tenant", server.domain,
                          "route", "test", "101", "98765432", "--revision", str(stripped)], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "= trunk 5432" in out


def test_a_transfer_is_simulated_as_it_happens(server, rules, providers, phone):
    """101 talks to 102, who sends it to a number that only 102 may call; the caller that is shown is 102's too."""
    number = "98765432"
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": number, "extensions": "102",
                                        "routes": [{"trunk_id": rules[0]}]})
    server.api("PATCH", f"/api/extensions/{server.extension('102')['id']}", {"outbound_caller_id": "442070000102"}, expect=200)
    question = {"caller": "101", "number": number, "transferred_by": "102"}
    (want, *_) = server.post("/api/route_simulations", question, expect=200)["decisions"]
    assert (want["action"], want["trunk"], want["rule"], want["caller_id"]) == ("trunk", "T0", "mine", "442070000102")
    alone = server.post("/api/route_simulations", {**question, "transferred_by": None}, expect=200)["decisions"][0]
    assert alone["rule"] != "mine"
    a, b = phone(101), phone(102)
    talk(a, b)
    b.say("REFER", headers=[f"Refer-To: <sip:{number}@{server.domain}>", "Refer-Sub: false"])
    b.expect(202)
    wait.until(lambda: providers[0].calls, 10, why="the call to the provider")
    got, told = said(providers[0].last), want["headers"]
    assert "sip:442070000102@" in told[1]

    def but(lines):     # what was put through has come further, and is asked for an offer
        return [h for h in lines if not h.startswith(("Max-Forwards:", "Supported:"))]
    assert but(got) == but(told)


@pytest.mark.parametrize("trusts", [False, True])
@pytest.mark.parametrize("headers", [
    ["Privacy: id"],
    ['P-Asserted-Identity: "Reception" <sip:442070001177@acme.example>'],
    ['P-Asserted-Identity: "Reception" <sip:442070001177@acme.example>', "Privacy: id"],
    ["Diversion: <sip:442070001155@acme.example>;reason=user-busy", "History-Info: <sip:155@acme.example>;index=1"],
    ["X-Outbound-Cli: rewrite-from=442070001144; rewrite-pai=442070001155"],
])
def test_what_the_callers_invite_says_is_simulated(server, rules, providers, addresses, headers, trusts):
    """Of an account that is believed, and of one that is not; over a trunk that is, and one that is not."""
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"trust_identity": trusts, "allow_outbound_cli": trusts}, expect=200)
    server.post("/api/outbound_rules", {"name": "mine", "priority": 0, "prefixes": "98", "routes": [{"trunk_id": rules[1]}]})
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    for number, believes in (("98765432", False), ("98765433", True)):
        server.api("PATCH", f"/api/trunks/{rules[1]}", {"trust_identity": believes, "send_identity": "p_asserted_identity", "header_rules": []},
                   who="admin", expect=200)
        want = server.post("/api/route_simulations", {"caller": "101", "number": number, "headers": headers}, expect=200)["decisions"][0]
        call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
        answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag, headers=headers, body=sdp(peer.host))
        peer.ack(answer, uri, "101", call_id, tag, 2)
        assert said(providers[1].last) == want["headers"]
        text = "\n".join(want["headers"])
        if "Privacy: id" in headers:
            assert "anonymous@anonymous.invalid" in text and ("\nP-Asserted-Identity" in text) == believes
        elif trusts:
            assert any(n in text for n in ("442070001177", "442070001155", "442070001144"))
        else:
            assert not any(n in text for n in ("442070001177", "442070001155", "442070001144"))
    peer.close()


def test_what_a_trunks_invite_says_is_simulated(server, rules, providers):
    number = "98765432"
    server.post("/api/outbound_rules", {"name": "back", "priority": 0, "prefixes": number, "routes": [{"trunk_id": rules[1]}]})
    server.post("/api/inbound_rules", {"name": "out", "trunk_id": rules[0], "did": "*", "destination": {"kind": "external_number"},
                                       "destination_number": number})
    question = {"caller": "33123", "number": "442070000101", "trunk_id": rules[0],
                "headers": ["P-Asserted-Identity: <sip:33999@provider>", "Privacy: id", "Diversion: <sip:33155@provider>;reason=deflection"]}
    for trusts in (False, True):
        server.api("PATCH", f"/api/trunks/{rules[0]}", {"trust_identity": trusts}, who="admin", expect=200)
        (told, *_) = server.post("/api/route_simulations", question, expect=200)["decisions"]
        assert any("Anonymous" in h or "anonymous" in h for h in told["headers"])     # to a trunk that is not trusted
        assert not any(h.startswith("Diversion:") for h in told["headers"])     # who is not to be named brings none
    question["headers"] = question["headers"][2:]
    (told, *_) = server.post("/api/route_simulations", question, expect=200)["decisions"]
    assert any(h.startswith("Diversion: <sip:33155@provider>;reason=deflection") for h in told["headers"])
    for bad, code in ((["Via: x"], "bad_header"), (["Privacy: id\r\nVia: x"], "bad_header"), (["Privacy: " + "x" * 500, "Privacy: id"], "too_long"),
                      ("Privacy: id", "wrong_type")):
        answer = server.api("POST", "/api/route_simulations", {**question, "headers": bad}, expect=422).json()
        assert [(e["field"], e["code"]) for e in answer["errors"]] == [("headers", code)]


def test_a_signed_call_is_simulated(server, rules, providers, addresses, tmp_path):
    """The Identity is that of the call but for the second and the random part of ES256."""
    ca = Authority(tmp_path)
    server.post("/api/stir_certificates", {"name": "ours", "kind": "signer", "url": "https://certs.example/c.pem",
                                           "chain": ca.pem.read_text(), "key": ca.key.read_text()}, who="admin")
    server.api("PATCH", f"/api/trunks/{rules[1]}", {"stir_sign": True}, who="admin", expect=200)
    number = "12399999"
    server.post("/api/outbound_rules", {"name": "one", "priority": 0, "prefixes": number, "routes": [{"trunk_id": rules[1], "prepend": "+"}]})
    (want, *_) = server.post("/api/route_simulations", {"caller": "101", "number": number}, expect=200)["decisions"]

    def claims(headers):
        (token,) = [h for h in headers if h.startswith("Identity: ")]
        part = token.split(": ")[1].split(";")[0].split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return {k: v for k, v in payload.items() if k not in ("iat", "origid")}
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
    answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag, body=sdp(peer.host))
    peer.ack(answer, uri, "101", call_id, tag, 2)
    peer.close()
    assert claims(want["headers"]) == claims(said(providers[1].last))
    assert claims(want["headers"])["attest"] == "A"
