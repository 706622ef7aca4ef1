# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks from outside: a receiver of a few lines, and a server that is killed between."""
import base64
import hashlib
import hmac
import json

import pytest

from bodies import Receiver
from client import ApiServer
from harness import wait
from harness.addresses import new_address


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


def hook(t, url, **fields):
    t.cdr()     # the call that each tenant begins with is in the records: the webhook is not told of it
    return t.admin.post("/api/webhooks", {"url": url, "allow_private": True, **fields})


def hang_up(t, n=0):
    one = t.client.get("/api/sessions")["items"][n]["id"]
    t.client.delete(f"/api/sessions/{one}")
    return str(int(one) * 1000 + 500)


def test_a_call_is_told_as_the_guide_prints_it_and_signed(tenant, receiver):
    row = hook(tenant, receiver.url)
    call = hang_up(tenant)
    headers, body = receiver.wait(1)[0]
    cdr = json.loads(body)
    assert cdr["call_id"] == call and cdr["caller"] == "101" and cdr["callee"] == "102" and cdr["call_status"] == "answered"
    assert cdr["start_time"] == "1763640000" and cdr["answered_time"] == "1763640005" and cdr["ended_time"] == "1763640065"
    assert cdr["outbound_caller_id"] == "442070000101" and cdr["talk_duration"] == "60" and cdr["tenant_id"] == tenant.id and cdr["callee_domain"] == tenant.domain
    assert all(isinstance(v, str) for v in cdr.values())
    assert set(cdr) >= {"caller_display_name", "caller_domain", "did_cid", "direction", "ended_reason", "fail_code", "final_dest", "outbound_caller_id",
                        "related_callid1", "related_callid2", "ring_duration", "ring_time", "tenant_name"}
    assert headers["X-Offhook-Signature"] == "sha256=" + hmac.new(row["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Offhook-Event"] == "call_cdr" and headers["Content-Type"] == "application/json"
    done = wait.until(lambda: tenant.client.get("/api/webhook_deliveries", state="delivered")["items"], why="the delivery is in the log")[0]
    assert (done["id"], done["status"], done["attempts"], done["error"]) == (headers["X-Offhook-Delivery"], 200, 1, "")


def test_it_is_tried_again_in_order_until_it_is_taken(tenant, receiver):
    receiver.answers = [500, 302]
    hook(tenant, receiver.url)
    calls = [hang_up(tenant), hang_up(tenant)]
    got = [json.loads(body)["call_id"] for _, body in receiver.wait(4)]
    assert got == [calls[0], calls[0], calls[0], calls[1]]
    log = wait.until(lambda: [d for d in tenant.client.get("/api/webhook_deliveries")["items"] if d["attempts"] == 3], why="three attempts in the log")
    assert log[0]["state"] == "delivered"


@pytest.mark.parametrize("kind", ["basic", "digest"])
def test_it_signs_in_there(tenant, receiver, kind):
    receiver.realm = 'Basic realm="x"' if kind == "basic" else 'Digest realm="x", nonce="n1", algorithm=SHA-256, qop="auth"'
    hook(tenant, receiver.url, authentication=kind, username="anna", password="hook secret")
    hang_up(tenant)
    given = receiver.wait(1)[0][0]["Authorization"]
    if kind == "basic":
        assert given == "Basic " + base64.b64encode(b"anna:hook secret").decode()
    else:
        assert given.startswith("Digest ") and 'username="anna"' in given and "hook secret" not in given
    assert b"hook secret" not in tenant.client.ask("GET", "/api/webhooks").body


def test_a_private_address_is_refused_unless_allowed(tenant, receiver):
    tenant.cdr()
    row = tenant.client.post("/api/webhooks", {"url": receiver.url})
    named = tenant.client.post("/api/webhooks", {"url": receiver.url.replace(receiver.server.server_address[0], "localhost")})
    hang_up(tenant)

    def refused():
        return {d["webhook_id"] for d in tenant.client.get("/api/webhook_deliveries", state="waiting")["items"] if "private" in d["error"]}
    wait.until(lambda: refused() == {row["id"], named["id"]}, 20, why="both are refused")
    assert receiver.got == []
    answer = tenant.client.ask("PATCH", f"/api/webhooks/{row['id']}", {"allow_private": True})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "admin_only"


def test_a_delivery_is_replayed(tenant, receiver):
    hook(tenant, receiver.url)
    hang_up(tenant)
    receiver.wait(1)
    done = wait.until(lambda: tenant.client.get("/api/webhook_deliveries", state="delivered")["items"], why="it was taken")[0]
    tenant.client.post(f"/api/webhook_deliveries/{done['id']}/replay", expect=204)
    first, second = receiver.wait(2)
    assert first[1] == second[1] and first[0]["X-Offhook-Delivery"] == second[0]["X-Offhook-Delivery"]


def test_what_was_not_taken_survives_kill_9(tmp_path):
    s = ApiServer(tmp_path / "hooks", new_address()).start()
    s.root.post("/api/tenants", {"name": "kept", "domain": "kept.example", "username": "boss", "password": "some secret words"})
    client = s.login("boss", "some secret words", "kept.example")
    port_of = Receiver()
    ip, port = port_of.server.server_address
    port_of.close()
    wait.until(lambda: client.get("/api/cdrs")["items"], why="the call that the tenant begins with")
    s.root.ask("POST", "/api/webhooks", {"url": f"http://{ip}:{port}/", "allow_private": True}, headers={"X-Tenant": "kept.example"})
    calls = []
    for one in [c["id"] for c in client.get("/api/sessions")["items"]]:
        client.delete(f"/api/sessions/{one}")
        calls.append(str(int(one) * 1000 + 500))
        s.process.kill()        # at once: what the journal has must be enough
        s.process.wait()
        s.start()
    receiver = Receiver(ip, port)
    try:
        def told():     # of the call, too, that the stand-in writes down when it starts
            return [c for c in (json.loads(body)["call_id"] for _, body in receiver.got) if c in calls]
        wait.until(lambda: len(told()) >= 2, 20, why="both calls are told")
        assert told() == calls
    finally:
        receiver.close()
        s.stop()


def test_faults_of_a_webhook_are_named(tenant):
    for body, field in (({"url": "ftp://x"}, "url"), ({"url": "http://"}, "url"), ({"url": "http://x y"}, "url"),
                        ({"url": "http://x", "events": "call_cdr,nothing"}, "events"), ({"url": "http://x", "authentication": "basic"}, "username")):
        answer = tenant.client.ask("POST", "/api/webhooks", body)
        assert answer.status == 422 and answer.json()["errors"][0]["field"] == field, answer


def test_one_that_is_slow_holds_up_no_other(tenant, receiver):
    dead = hook(tenant, "http://192.0.2.1:9/", timeout_seconds=30)
    hook(tenant, receiver.url)
    hang_up(tenant), hang_up(tenant)
    receiver.wait(2)
    tenant.client.delete(f"/api/webhooks/{dead['id']}")
    assert tenant.client.get("/api/webhook_deliveries", webhook_id=dead["id"])["items"] == []
