# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes that switch something: night mode, the electronic lock.  What they change is seen in the API and obeyed by the next call."""
import uuid

import pytest

from harness import wait
from harness.rawsip import RawSip


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def dial(server, peer, number):
    """The final status; an answered call is acknowledged, and the hanging up answered."""
    call_id, tag, uri = uuid.uuid4().hex, uuid.uuid4().hex[:8], f"sip:{number}@{server.domain}"
    body = f"v=0\r\no=- 7 1 IN IP4 {peer.host}\r\ns=-\r\nc=IN IP4 {peer.host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    answer = peer.transact("INVITE", "101", server.password(101), uri, call_id=call_id, from_tag=tag, body=body)
    if answer.status != 200:
        peer.ack(answer, uri, "101", call_id, tag, 2)
        return answer.status
    target = answer.get("Contact").split("<")[1].split(">")[0]
    peer.send(peer.request("ACK", target, user="101", call_id=call_id, from_tag=tag, cseq=2, to=uri, to_tag=answer.to_tag()))
    while True:
        m = peer.receive(5)
        assert m, "the service did not hang up"
        if m.method == "BYE":
            break
    lines = ["SIP/2.0 200 OK"] + [f"Via: {v}" for v in m.all("Via")]
    lines += [f"{h}: {m.get(h)}" for h in ("From", "To", "Call-ID", "CSeq")]
    peer.send("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n")
    return 200


def extension(server):
    return next(e for e in server.get("/api/extensions")["items"] if e["number"] == "101")


def change(server, **fields):
    server.api("PATCH", f"/api/extensions/{extension(server)['id']}", fields, expect=200)


def test_paging_needs_the_right_of_a_group(server, peer):
    assert dial(server, peer, "*45") == 403


def test_codes_switch_the_night_mode(server, peer):
    tenant = f"/api/tenants/{server.get('/api/me')['tenant_id']}"
    assert dial(server, peer, "*28") == 403
    change(server, may_switch_night=True)
    assert dial(server, peer, "*28") == 200
    wait.until(lambda: server.get(tenant)["night_mode"], 5)
    assert dial(server, peer, "*29") == 200
    wait.until(lambda: not server.get(tenant)["night_mode"], 5)


def test_a_key_switches_the_night_mode_and_its_lamp_shows_it(server, peer, devices):
    """RTE-12: one code for both ways, and what it did is told to who watches it."""
    tenant = f"/api/tenants/{server.get('/api/me')['tenant_id']}"
    lamp = devices("103").watch("dialog", "*27")
    assert lamp.answer.status == 200

    def lit(notify):
        return [s.text for s in notify.xml.iter("{urn:ietf:params:xml:ns:dialog-info}state")]

    def shows(wanted):
        """Also when some other change of the tenant is told in between."""
        return wait.until(lambda: lit(lamp.next()) == wanted, 10, why=f"the lamp: {wanted}")
    shows([])
    assert dial(server, peer, "*27") == 403
    change(server, may_switch_night=True)
    assert dial(server, peer, "*27") == 200
    shows(["confirmed"])
    assert server.get(tenant)["night_mode"]
    assert dial(server, peer, "*27") == 200
    shows(["terminated"])
    assert not server.get(tenant)["night_mode"]
    server.api("PATCH", tenant, {"night_mode": True}, expect=200)    # whoever switches it
    shows(["confirmed"])


def test_an_extension_is_locked_and_unlocked(server, peer, addresses):
    acme = {"headers": {"X-Tenant": server.domain}}
    trunk = server.post("/api/trunks", {"name": "P", "host": addresses.new(), "answer_seconds": 1}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk}, who="admin", **acme)
    server.post("/api/outbound_rules", {"name": "out", "prefixes": "5", "routes": [{"trunk_id": trunk}]})
    assert dial(server, peer, "5551234") in (480, 503, 408)      # nobody is at the far end
    change(server, lock_mode="code_and_pin", service_pin="4711", lock_policy="per_call")
    assert dial(server, peer, "5551234") == 403
    assert dial(server, peer, "*480000") == 403
    assert dial(server, peer, "*484711") == 200
    wait.until(lambda: extension(server)["unlocked_until"], 5)
    assert dial(server, peer, "5551234") in (480, 503, 408)
    wait.until(lambda: not extension(server)["unlocked_until"], 5)   # it was unlocked for one call
    assert dial(server, peer, "5551234") == 403
    change(server, lock_policy="until_locked", lock_mode="code")
    assert dial(server, peer, "*48") == 200
    wait.until(lambda: extension(server)["unlocked_until"], 5)
    for _ in range(2):
        assert dial(server, peer, "5551234") in (480, 503, 408)
    assert dial(server, peer, "*47") == 200
    wait.until(lambda: not extension(server)["unlocked_until"], 5)
    assert dial(server, peer, "5551234") == 403
    assert not any("4711" in c["callee"] or "4711" in c["final_dest"] for c in server.cdrs(8))
