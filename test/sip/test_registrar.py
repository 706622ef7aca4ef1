# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration and digest, by hand over a socket."""
import re
import time
import uuid

import pytest

from harness import wait
from harness.rawsip import RawSip


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def register(peer, server, user="101", contact=None, expires="600", **more):
    contact = contact or f"<sip:{user}@{peer.host}:{peer.port}>"
    return peer.transact("REGISTER", user, server.password(user), to=f"sip:{user}@{peer.domain}", contact=False,
                         headers=[f"Contact: {contact}", f"Expires: {expires}"], **more)


def registrations(server):
    return server.get("/api/registrations")["items"]


def test_a_registration_is_challenged_then_bound_then_removed(server, peer):
    answer = register(peer, server)
    assert answer.status == 200
    assert re.search(r"expires=(600|599)", answer.get("Contact"))
    (one,) = registrations(server)
    assert one["username"] == "101" and one["extension"] == "101"
    assert register(peer, server, expires="0").status == 200
    assert registrations(server) == []


def test_star_removes_all_and_needs_expires_zero(server, peer):
    assert register(peer, server).status == 200
    assert register(peer, server, contact="*", expires="60").status == 400
    assert len(registrations(server)) == 1
    assert register(peer, server, contact="*", expires="0").status == 200
    assert registrations(server) == []


def test_a_query_lists_contacts_and_changes_nothing(server, peer):
    assert register(peer, server).status == 200
    answer = peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{peer.domain}", contact=False)
    assert answer.status == 200 and f"{peer.host}:{peer.port}" in answer.get("Contact")


def test_too_short_is_423_with_min_expires_and_too_long_is_shortened(server, peer):
    answer = register(peer, server, expires="10")
    assert answer.status == 423 and answer.get("Min-Expires") == "60"
    assert re.search(r"expires=3600", register(peer, server, expires="999999").get("Contact"))


def test_a_wrong_password_is_challenged_again_and_binds_nothing(server, peer):
    answer = peer.transact("REGISTER", "101", "wrong", to=f"sip:101@{peer.domain}", headers=["Expires: 600"])
    assert answer.status == 401
    assert registrations(server) == []


def test_known_and_unknown_users_get_the_same_answers(server, peer):
    def shape(user):
        """Both answers with what must differ (nonce, tag, ids) blotted out."""
        first = peer.request("REGISTER", user=user, to=f"sip:{user}@{peer.domain}")
        peer.send(first)
        challenge = peer.final()
        line = peer.authorization(challenge, "REGISTER", f"sip:{peer.domain}", user, "wrong")
        peer.send(peer.request("REGISTER", user=user, to=f"sip:{user}@{peer.domain}", cseq=2, headers=[line]))
        second = peer.final(cseq=2)
        blot = [r'nonce="[^"]*"', r"tag=[^;>\s]+", r"branch=[^;\s]+", r"Call-ID: .*", r"Date: .*", re.escape(user)]
        texts = []
        for m in (challenge, second):
            text = m.text
            for pattern in blot:
                text = re.sub(pattern, "*", text)
            texts.append(text)
        return texts
    assert shape("101") == shape("177")


def test_a_nonce_count_is_not_taken_twice(server, peer):
    uri = f"sip:{peer.domain}"
    peer.send(peer.request("REGISTER", user="101", to=f"sip:101@{peer.domain}"))
    challenge = peer.final()
    line = peer.authorization(challenge, "REGISTER", uri, "101", server.password(101))
    for cseq, wanted in ((2, 200), (3, 401)):
        peer.send(peer.request("REGISTER", uri, user="101", to=f"sip:101@{peer.domain}", cseq=cseq, headers=[line]))
        assert peer.final(cseq=cseq).status == wanted


def test_an_answer_for_one_uri_does_not_serve_another(server, peer):
    peer.send(peer.request("REGISTER", user="101", to=f"sip:101@{peer.domain}"))
    challenge = peer.final()
    line = peer.authorization(challenge, "REGISTER", "sip:elsewhere.test", "101", server.password(101))
    peer.send(peer.request("REGISTER", user="101", to=f"sip:101@{peer.domain}", cseq=2, headers=[line]))
    assert peer.final(cseq=2).status in (400, 401)
    assert registrations(server) == []


def test_nobody_registers_for_another(server, peer):
    answer = peer.transact("REGISTER", "101", server.password(101), to=f"sip:102@{peer.domain}", headers=["Expires: 600"])
    assert answer.status == 403
    assert registrations(server) == []


def test_nobody_else_says_that_an_account_is_here(server, peer):
    """Security 15: From is who registers (RFC 3261 10.2), To whom."""
    answer = register(peer, server, from_user="102")
    assert answer.status == 403, answer.text
    assert registrations(server) == []


def test_over_the_contact_limit(server, peer, addresses):
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    path = f"/api/accounts/{account['id']}"
    server.api("PATCH", path, {"max_contacts": 2}, expect=200)
    for port in (6001, 6002):
        assert register(peer, server, contact=f"<sip:101@{peer.host}:{port}>").status == 200
    assert register(peer, server, contact=f"<sip:101@{peer.host}:6003>").status == 403
    assert sorted(re.search(r":(600\d)", r["contact"]).group(1) for r in registrations(server)) == ["6001", "6002"]
    server.api("PATCH", path, {"max_contacts": 1}, expect=200)
    assert register(peer, server, contact="*", expires="0").status == 200
    assert register(peer, server, contact=f"<sip:101@{peer.host}:6001>").status == 200
    assert register(peer, server, contact=f"<sip:101@{peer.host}:6004>").status == 200
    (one,) = registrations(server)
    assert ":6004" in one["contact"], "with a limit of 1 the last registration replaces"


def test_expiry_removes_the_contact(server, peer):
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"min_expires": 10}, expect=200)
    assert register(peer, server, expires="10").status == 200
    start = time.monotonic()
    wait.until(lambda: registrations(server) == [], 15, why="the contact lapses")
    assert time.monotonic() - start > 8


def test_a_disabled_account_is_refused_and_loses_its_contacts(server, peer):
    assert register(peer, server).status == 200
    (account,) = server.get("/api/accounts", params={"username": "101"})["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"enabled": False}, expect=200)
    assert registrations(server) == []
    assert register(peer, server).status == 403
    server.api("PATCH", f"/api/accounts/{account['id']}", {"enabled": True}, expect=200)
    assert register(peer, server).status == 200


def test_an_unknown_domain_is_refused(server, peer):
    answer = peer.transact("REGISTER", "101", server.password(101), "sip:nowhere.test", to="sip:101@nowhere.test",
                           headers=["Expires: 600"])
    assert answer.status in (403, 404)


def test_an_address_of_another_domain_is_not_registered(server, peer, addresses):
    """RFC 3261 10.3 step 5, after the password.  What may be a name of ours that nobody wrote down is taken; so is what is called by it."""
    def bind(uri, host, password=None):
        return peer.transact("REGISTER", "101", password or server.password(101), uri, to=f"sip:101@{host}", contact=False,
                             headers=[f"Contact: <sip:101@{peer.host}:{peer.port}>", "Expires: 600"])
    domain = server.domain
    assert bind(f"sip:{domain}", "foreign.test", "wrong").status == 401, "nothing is told before the password"
    refused = bind(f"sip:{domain}", "foreign.test")
    assert refused.status == 404 and registrations(server) == [], refused.text
    for uri, host in ((f"sip:{domain}", server.ip), (f"sip:{server.ip}", domain), (f"sip:{domain}", "localhost"), ("sip:pbx.test", domain)):
        assert bind(uri, host).status == 200, (uri, host)
    for name, seen in ((domain, True), ("pbx.test", True), ("foreign.test", False)):
        answer = peer.transact("MESSAGE", "101", server.password(101), f"sip:102@{name}", body="x", content_type="text/plain")
        assert (answer.status != 404) == seen, (name, answer.text)


def test_the_listening_address_serves_the_demo_tenant(server, addresses):
    peer = RawSip(addresses.new(), server.ip)
    try:
        assert register(peer, server).status == 200
    finally:
        peer.close()


def test_an_unauthenticated_invite_never_rings_anyone(server, peer):
    for target in ("102", "00441234567", "+88123", "*43", "user%31"):
        call_id, tag = uuid.uuid4().hex, "x1"
        uri = f"sip:{target}@{peer.domain}"
        peer.send(peer.request("INVITE", uri, user="101", call_id=call_id, from_tag=tag))
        answer = peer.final()
        assert answer.status == 407, target
        peer.ack(answer, uri, "101", call_id, tag, 1)


def test_the_from_of_another_is_refused(server, peer):
    assert register(peer, server).status == 200
    uri = f"sip:102@{peer.domain}"
    call_id = uuid.uuid4().hex
    peer.send(peer.request("INVITE", uri, user="101", from_user="103", call_id=call_id, from_tag="a"))
    challenge = peer.final()
    peer.ack(challenge, uri, "101", call_id, "a", 1)
    line = peer.authorization(challenge, "INVITE", uri, "101", server.password(101))
    peer.send(peer.request("INVITE", uri, user="101", from_user="103", call_id=call_id, from_tag="a", cseq=2, headers=[line]))
    assert peer.final(cseq=2).status == 403


def test_sha256_when_the_tenant_asks_for_it(server, peer):
    (tenant,) = server.get("/api/tenants", who="admin")["items"]
    server.api("PATCH", f"/api/tenants/{tenant['id']}", {"sip_digest": "sha-256"}, who="admin", expect=200)
    peer.send(peer.request("REGISTER", user="101", to=f"sip:101@{peer.domain}"))
    assert "SHA-256" in peer.final().get("WWW-Authenticate")
    assert register(peer, server).status == 200


def test_a_flow_over_udp_is_one_too(server, addresses):
    """RFC 5626 6, 5.3: what is registered with reg-id is reached where it came from, whatever its Contact says; one flow at a time."""
    flow, elsewhere = RawSip(addresses.new(), server.ip, domain=server.domain), RawSip(addresses.new(), server.ip)
    caller = RawSip(addresses.new(), server.ip, domain=server.domain)
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEE01>"'
    contact = f"<sip:102@{elsewhere.host}:{elsewhere.port};ob>;reg-id=%d;{instance}"

    def bind(*reg_ids):
        return flow.transact("REGISTER", "102", server.password(102), to=f"sip:102@{flow.domain}", contact=False,
                             headers=["Supported: path, outbound", *(f"Contact: {contact % i}" for i in reg_ids)])
    assert bind(1, 2).status == 400 and not registrations(server)
    ok = bind(1)
    assert ok.status == 200 and ok.get("Require") == "outbound" and "reg-id=1" in ok.get("Contact"), ok.text
    assert ok.get("Flow-Timer") is None  # it knows best what its NAT wants
    uri, call_id = f"sip:102@{server.domain}", uuid.uuid4().hex
    caller.send(caller.request("INVITE", uri, user="101", call_id=call_id, from_tag="n", body=SDP))
    challenge = caller.final(cseq=1)
    caller.ack(challenge, uri, "101", call_id, "n", 1)
    line = caller.authorization(challenge, "INVITE", uri, "101", server.password(101))
    caller.send(caller.request("INVITE", uri, user="101", call_id=call_id, from_tag="n", cseq=2, headers=[line], body=SDP))
    assert wait.until(lambda: flow.receive(0.2), 5, why="the flow gets the INVITE").method == "INVITE"
    for peer in (flow, elsewhere, caller):
        peer.close()


def test_a_contact_elsewhere_is_meant_unless_the_device_is_behind_a_nat(server, addresses):
    """ACC-5: registered from one socket, reached at another; but not when its Via shows that it does not know its address."""
    elsewhere, behind = RawSip(addresses.new(), server.ip), RawSip(addresses.new(), server.ip)
    callee, caller = RawSip(addresses.new(), server.ip, domain=server.domain), RawSip(addresses.new(), server.ip, domain=server.domain)
    try:
        assert register(callee, server, "102", contact=f"<sip:102@{elsewhere.host}:{elsewhere.port}>").status == 200
        behind.domain = server.domain
        behind.host = "192.168.77.7"
        assert register(behind, server, "103", contact="<sip:103@192.168.77.7:5060>").status == 200
        for number, reached in (("102", elsewhere), ("103", behind)):
            uri, call_id = f"sip:{number}@{server.domain}", uuid.uuid4().hex
            caller.send(caller.request("INVITE", uri, user="101", call_id=call_id, from_tag="n", body=SDP))
            challenge = caller.final(cseq=1)
            caller.ack(challenge, uri, "101", call_id, "n", 1)
            line = caller.authorization(challenge, "INVITE", uri, "101", server.password(101))
            caller.send(caller.request("INVITE", uri, user="101", call_id=call_id, from_tag="n", cseq=2, headers=[line], body=SDP))
            invite = wait.until(lambda r=reached: r.receive(0.2), 5, why=f"{number} gets the INVITE")
            assert invite.method == "INVITE"
            caller.send(caller.request("CANCEL", uri, user="101", call_id=call_id, from_tag="n", cseq=2))
    finally:
        for peer in (elsewhere, behind, callee, caller):
            peer.close()


SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
