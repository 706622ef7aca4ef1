# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to sips: URIs: TLS on every hop, or no call (RFC 3261 26.2.2, RFC 5630)."""
import pytest

from harness.rawcall import Gateway, Phone, TlsPhone, hang_up, record, talk
from harness.rawsip import RawSip


@pytest.fixture
def tls(shared, addresses):
    """A maker of telephones by hand that speak TLS."""
    made = []

    def make(extension):
        made.append(TlsPhone(addresses.new(), shared, extension))
        return made[-1]
    yield make
    for p in made:
        p.leave()


def test_only_devices_over_tls_ring(shared, tls, b):
    """102 has two: one over UDP, one over TLS."""
    a, secure = tls(101), tls(102)
    a.scheme = "sips"
    invite, ok = talk(a, secure)
    assert ok.get("Contact").startswith("<sips:102@") and "transport" not in ok.get("Contact"), ok.text
    assert invite.get("Via").startswith("SIP/2.0/TLS ")
    b.silent()
    hang_up(a, secure)  # its BYE goes to the sips: URI
    a.scheme = "sip"    # control: without the s both ring
    a.invite("102")
    b.called(b.expect("INVITE"))
    secure.called(secure.expect("INVITE"))
    a.cancel()


def test_without_one_the_call_is_refused(shared, tls, b):
    a = tls(101)
    a.scheme = "sips"
    a.invite("102")
    refused = a.refused(480)
    assert refused.get("Warning").startswith("380 "), refused.text
    b.silent()
    call = record(shared, a)
    assert (call["status"], call["reason"]) == ("failed", "not_secure")


def test_what_came_in_the_clear_is_refused(a, tls):
    secure = tls(102)
    a.scheme = "sips"
    a.invite("102")
    a.refused(403)
    secure.silent()


def test_a_sips_contact_registers_over_tls_only(shared, tls, b):
    """It would be called in the clear."""
    def bind(peer, contact, expires=60):
        return peer.transact("REGISTER", "102", shared.password(102), to=f"sip:102@{peer.domain}", contact=False,
                             headers=[f"Contact: <{contact}>;expires={expires}"]).status
    assert bind(b, f"sips:102@{b.host}:5061") == 403
    secure = tls(102)
    contact = f"sips:102@{secure.host}:{secure.port}"
    assert bind(secure, contact) == 200 and bind(secure, contact, 0) == 200


def test_a_text_goes_over_tls_or_not_at_all(shared, tls, b):
    def text(peer):
        return peer.transact("MESSAGE", peer.user, peer.password, f"sips:102@{peer.domain}", body="hello", content_type="text/plain",
                             contact=False).status
    a = tls(101)
    assert text(b) == 403  # it came in the clear
    assert text(a) == 480
    b.silent()  # nor is it kept for later
    secure = tls(102)
    a.send(a.request("MESSAGE", f"sips:102@{a.domain}", user="101", call_id="t1", from_tag="t", body="hello", content_type="text/plain"))
    line = a.authorization(a.expect(407), "MESSAGE", f"sips:102@{a.domain}", "101", a.password)
    a.send(a.request("MESSAGE", f"sips:102@{a.domain}", user="101", call_id="t1", from_tag="t", cseq=2, headers=[line], body="hello",
                     content_type="text/plain"))
    secure.reply(secure.expect("MESSAGE"), 200, contact=False)
    assert a.next().status in (200, 202)
    b.silent()


def test_who_is_transferred_there_gets_there_over_tls(shared, tls, b, addresses):
    """Refer-To: sips:103, whom a telephone over UDP and then one over TLS stand for."""
    plain = Phone(addresses.new(), shared, 103)
    talk(b, a := tls(101), "101")

    def refer(by):
        by.say("REFER", headers=[f"Refer-To: <sips:103@{by.domain}>"])
        by.expect(202)
        while not (m := by.expect("NOTIFY")).get("Subscription-State").startswith("terminated"):
            by.reply(m, 200)
            if "100 Trying" in m.body and secure:
                return m
        by.reply(m, 200)
        return m
    secure = None
    assert "SIP/2.0 480" in refer(a).body
    plain.silent()
    secure = tls(103)
    refer(a)
    invite = secure.called(secure.expect("INVITE"))
    assert invite.get("Via").startswith("SIP/2.0/TLS "), invite.text
    plain.silent()
    secure.reply(invite, 486)
    secure.expect("ACK")
    assert "SIP/2.0 486" in a.expect("NOTIFY").body
    plain.leave()


def test_our_own_services_have_it(shared, tls):
    a = tls(101)
    a.scheme = "sips"
    a.invite("*43")
    ok = a.take(a.expect(200))
    assert ok.get("Contact").startswith("<sips:")
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)


def test_no_trunk_without_it_is_taken(server, addresses):
    far = Gateway(addresses.new(), server)
    trunk = server.post("/api/trunks", {"name": "far", "host": far.host, "keep_alive": False}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "555*", "caller_id": "5550"}, who="admin",
                headers={"X-Tenant": server.domain})
    server.post("/api/outbound_rules", {"name": "out", "prefixes": "00", "routes": [{"trunk_id": trunk}]})
    a = TlsPhone(addresses.new(), server, 101)
    a.scheme = "sips"
    a.invite("0049301")
    assert a.refused(480).get("Warning").startswith("380 ")
    far.silent()
    a.scheme = "sip"  # control
    a.invite("0049301")
    far.expect("INVITE")
    a.cancel()
    a.close()
    far.close()


def test_nor_does_a_group_ring_others(server, addresses):
    """RFC 3261 26.2.2: a group called by sips: says which of the two it was: nobody there, or nobody there safely."""
    members = [{"extension_id": server.extension("102")["id"]}]
    server.post("/api/ring_groups", {"number": "620", "name": "safe", "members": members, "ring_seconds": 5})
    a = TlsPhone(addresses.new(), server, 101)
    b = Phone(addresses.new(), server, 102)
    a.scheme = "sips"
    a.invite("620")
    assert a.refused(480)
    b.silent()
    a.scheme = "sip"  # control
    a.invite("620")
    b.called(b.expect("INVITE"))
    a.cancel()
    a.close()
    b.close()


def test_help_is_called_all_the_same(gateway, phone, server):
    """RTE-8: nothing blocks an emergency number, not even a sips: URI that comes in the clear."""
    far = gateway()
    trunk = server.get("/api/trunks", who="admin")["items"][0]["id"]
    server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunk})
    a = phone(101)
    a.scheme = "sips"
    a.invite("9112")
    a.refused(403)  # control: no emergency number
    a.invite("112")
    far.expect("INVITE")
    a.cancel()
