# SPDX-License-Identifier: GPL-3.0-or-later
"""TRN-4: what sip_settings say of registrations, obeyed from the next message on."""
import uuid

import pytest

from harness import wait
from harness.rawcall import Phone, talk
from harness.rawsip import RawSip


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def settings(server, **fields):
    items = server.get("/api/sip_settings", who="admin")["items"]
    if items:
        return server.api("PATCH", f"/api/sip_settings/{items[0]['id']}", fields, who="admin", expect=200)
    return server.post("/api/sip_settings", fields, who="admin")


def register(peer, server, **more):
    return peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", **more)


def test_a_to_tag_in_register_is_taken_or_not(server, peer):
    assert register(peer, server, to_tag="old").status == 200
    settings(server, register_to_tag=False)
    refused = register(peer, server, to_tag="old")
    assert refused.status == 400 and "To Has a Tag" in refused.start
    assert register(peer, server).status == 200  # control
    settings(server, register_to_tag=True)
    assert register(peer, server, to_tag="old").status == 200


def with_nonce(peer, server, change):
    """A REGISTER whose credentials are right but for the nonce; its answer."""
    uri, call_id = f"sip:{server.domain}", uuid.uuid4().hex
    one = dict(user="101", to=f"sip:101@{server.domain}", call_id=call_id, from_tag="f")
    peer.send(peer.request("REGISTER", uri, **one))
    challenge = peer.final(cseq=1)
    challenge.headers = [(k, change(v) if k == "WWW-Authenticate" else v) for k, v in challenge.headers]
    line = peer.authorization(challenge, "REGISTER", uri, "101", server.password(101))
    peer.send(peer.request("REGISTER", uri, cseq=2, headers=[line], **one))
    return peer.final(cseq=2)


def test_a_bad_nonce_is_challenged_anew_or_refused(server, peer):
    def forged(value):
        return value.replace('nonce="', 'nonce="AAAA')
    again = with_nonce(peer, server, forged)
    assert again.status == 401 and "stale=true" in again.get("WWW-Authenticate").lower()
    settings(server, refuse_bad_nonce=True)
    refused = with_nonce(peer, server, forged)
    assert refused.status == 403 and refused.get("WWW-Authenticate") is None
    assert with_nonce(peer, server, lambda value: value).status == 200  # control
    settings(server, refuse_bad_nonce=False)
    assert with_nonce(peer, server, forged).status == 401


def test_flows_of_a_device_are_known_or_not(server, addresses):
    """Two registrations of one device with two reg-ids: two contacts, or, switched off, the last one only by its own rules."""
    instance = f'"<urn:uuid:{uuid.uuid4()}>"'

    def two_flows():
        answers = []
        for reg_id in 1, 2:
            peer = RawSip(addresses.new(), server.ip, port=0, domain=server.domain, transport="TCP")
            contact = f"<sip:101@{peer.host}:{peer.port};transport=tcp>;+sip.instance={instance};reg-id={reg_id}"
            answers.append(peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", contact=False,
                                         headers=["Supported: outbound", f"Contact: {contact}"]))
            peers.append(peer)
        return answers
    peers = []
    first = two_flows()
    assert all(a.status == 200 and a.get("Require") == "outbound" for a in first)
    assert all(a.get("Flow-Timer") == "120" for a in first)
    assert "reg-id=2" in first[1].text
    settings(server, outbound=False)
    second = two_flows()
    assert all(a.status == 200 and a.get("Require") is None for a in second)
    probe = RawSip(addresses.new(), server.ip, domain=server.domain)
    assert "outbound" not in probe.alive().get("Supported", "")
    settings(server, outbound=True)
    assert "outbound" in probe.alive().get("Supported", "")
    for peer in (*peers, probe):
        peer.close()


def with_qop(peer, server, qop, body="hello", signed=None):
    """A MESSAGE whose credentials cover `signed` (the body, when not said); the challenge, and its final answer."""
    uri, call_id = f"sip:102@{server.domain}", uuid.uuid4().hex
    one = dict(user="101", call_id=call_id, from_tag="f", body=body, content_type="text/plain", contact=False)
    peer.send(peer.request("MESSAGE", uri, **one))
    challenge = peer.final(cseq=1)
    line = peer.authorization(challenge, "MESSAGE", uri, "101", server.password(101), qop=qop,
                              body=body if signed is None else signed)
    peer.send(peer.request("MESSAGE", uri, cseq=2, headers=[line], **one))
    return challenge, peer.final(cseq=2)


def test_digests_over_the_body_are_offered_taken_or_neither(server, peer):
    challenge, answer = with_qop(peer, server, "auth-int")
    assert 'qop="auth"' in challenge.get("Proxy-Authenticate") and answer.status == 202  # taken
    assert with_qop(peer, server, "auth-int", signed="goodbye")[1].status == 407
    settings(server, auth_int="offered")
    challenge, answer = with_qop(peer, server, "auth-int")
    assert 'qop="auth,auth-int"' in challenge.get("Proxy-Authenticate") and answer.status == 202
    assert with_qop(peer, server, "auth-int", signed="goodbye")[1].status == 407
    assert with_qop(peer, server, "auth")[1].status == 202
    settings(server, auth_int="off")
    challenge, answer = with_qop(peer, server, "auth-int")
    assert 'qop="auth"' in challenge.get("Proxy-Authenticate") and answer.status == 407
    assert with_qop(peer, server, "auth")[1].status == 202  # control


def challenged(phone, method, **more):
    """A request within the phone's call that is challenged, and taken with credentials."""
    phone.say(method, **more)
    line = phone.authorization(phone.expect(407), method, phone.target, phone.user, phone.password)
    phone.say(method, **{**more, "headers": [*more.get("headers", ()), line]})


def test_requests_within_calls_are_challenged_when_wanted(server, addresses):
    a, b = Phone(addresses.new(), server, 101), Phone(addresses.new(), server, 102)
    talk(a, b)
    a.say("INFO")
    a.expect(200)  # control
    settings(server, challenge_in_dialog=True)
    challenged(a, "INFO")
    a.expect(200)
    challenged(b, "INFO")  # the one that was called too
    b.expect(200)
    b.say("BYE")
    line = b.authorization(b.expect(407), "BYE", b.target, "101", server.password(101))
    b.say("BYE", headers=[line])  # the password of another
    b.expect(407)
    a.silent()
    challenged(a, "INVITE", body=a.sdp(version=2, direction="sendonly"))
    b.reply(b.expect("INVITE"), 200, body=b.sdp(version=2, direction="recvonly"))
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.cseq)
    challenged(b, "BYE")
    b.expect(200)
    a.reply(a.expect("BYE"), 200)
    a.close()
    b.close()


def test_subscriptions_are_challenged_again_when_wanted(server, devices):
    settings(server, challenge_in_dialog=True)
    sub = devices(101).watch("dialog", "102")
    sub.next()
    refused = sub.send(600)
    assert refused.status == 407
    assert sub.send(600, authorize=refused).status == 200


WRITTEN_S = 0.5  # the log is written ten times a second


def log_has(server, text):
    return text in (server.dir / "server.log").read_text(errors="replace")


def test_the_log_is_as_loud_as_wanted(server, peer):
    def said():
        """Something of each level that this makes is written, or not."""
        mark = uuid.uuid4().hex
        peer.send(peer.request("OPTIONS", call_id=mark, user=mark))
        peer.final()
        return mark
    mark = said()
    wait.idle(WRITTEN_S)
    assert not log_has(server, mark)
    settings(server, log_level="trace")
    mark = said()
    wait.until(lambda: log_has(server, f"< Call-ID: {mark}") and log_has(server, f"> Call-ID: {mark}"), 5)
    assert register(peer, server).status == 200
    server.logs('response="..."', "> WWW-Authenticate: Digest")
    with_qop(peer, server, "auth", body="nobody's business")
    server.logs("bytes of text/plain)")
    assert not log_has(server, "nobody's business")
    settings(server, log_level="none")
    wait.idle(WRITTEN_S)
    mark = said()
    wait.idle(WRITTEN_S)
    assert not log_has(server, mark)
    size = (server.dir / "server.log").stat().st_size
    assert register(peer, server).status == 200  # a line at info
    wait.idle(WRITTEN_S)
    assert (server.dir / "server.log").stat().st_size == size
    settings(server, log_level="configured")
    assert peer.transact("REGISTER", "101", server.password(101), to=f"sip:101@{server.domain}", headers=["Expires: 0"]).status == 200
    wait.until(lambda: (server.dir / "server.log").stat().st_size > size, 5)


def test_counters_are_written_as_often_as_wanted(server, peer):
    settings(server, statistics_seconds=1)
    wait.until(lambda: log_has(server, "STATISTICS: "), 10, why="the counters in the log")
    settings(server, statistics_seconds=0)
    wait.idle(WRITTEN_S)
    size = (server.dir / "server.log").stat().st_size
    wait.idle(2.2)
    assert (server.dir / "server.log").stat().st_size == size


def test_without_reliability_a_405_within_a_call_promises_no_prack(server, phone):
    """RFC 3261 21.4.6: Allow says what is true."""
    a, b = phone(101), phone(102)
    for reliable in (True, False):
        settings(server, reliable=reliable)
        talk(a, b)
        a.say("SUBSCRIBE", headers=["Event: dialog"])
        assert ("PRACK" in a.expect(405).get("Allow")) == reliable
        a.say("BYE")
        a.expect(200)
        b.reply(b.expect("BYE"), 200)
