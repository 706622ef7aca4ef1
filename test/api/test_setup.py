# SPDX-License-Identifier: GPL-3.0-or-later
"""The first administrator, and the last."""
import threading

import pytest

from client import ApiServer, Client
from harness.addresses import new_address

TOKEN = "su_0123456789"
BODY = {"token": TOKEN, "username": "first", "password": "first secret words"}


@pytest.fixture
def new(tmp_path):
    s = ApiServer(tmp_path / "new", new_address(), TOKEN).start()
    yield s
    s.stop()


def test_token_makes_the_first_administrator_once(new):
    anybody = Client(new)
    assert anybody.get("/api/setup") == {"is_needed": True}
    assert anybody.ask("POST", "/api/login", {"username": "admin", "password": "admin"}).status == 401
    anybody.post("/api/setup", BODY)
    assert anybody.get("/api/setup") == {"is_needed": False}
    assert anybody.ask("POST", "/api/setup", {**BODY, "username": "second"}).status == 401
    chief = new.login("first", BODY["password"])
    assert chief.get("/api/me")["role"] == "administrator"
    assert chief.get("/api/audit_logs", resource="admin")["items"][0]["actor"] == "set-up"
    chief.post("/api/network_settings", {})      # the wizard goes on with ordinary calls


def test_wrong_tokens_and_weak_passwords_make_nobody(new):
    anybody = Client(new)
    for token in ("x", TOKEN + "0", TOKEN[:-1]):
        assert anybody.ask("POST", "/api/setup", {**BODY, "token": token}).status == 401
    assert anybody.ask("POST", "/api/setup", {**BODY, "password": "short"}).status == 422
    assert anybody.ask("POST", "/api/setup", {"token": TOKEN}).status == 422
    assert anybody.ask("POST", "/api/setup", {**BODY, "role_id": "1"}).status == 422
    assert anybody.get("/api/setup") == {"is_needed": True}
    anybody.post("/api/setup", BODY)


def test_guessing_is_slowed(new):
    anybody = Client(new)
    answers = [anybody.ask("POST", "/api/setup", {**BODY, "token": str(n)}).status for n in range(7)]
    assert answers.count(429) == 2
    assert int(anybody.ask("POST", "/api/setup", BODY).headers["Retry-After"]) > 0


def test_of_many_at_once_one_is_made(new):
    done = []

    def go(n):
        done.append(Client(new).ask("POST", "/api/setup", {**BODY, "username": f"u{n}"}).status)
    threads = [threading.Thread(target=go, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(done) == [201, 401, 401, 401]
    assert len(new.root.get("/api/users")["items"]) == 1


def test_administrator_made_on_the_machine_voids_the_token(new):
    new.root.post("/api/users", {"username": "local", "password": "local secret words"})
    assert Client(new).get("/api/setup") == {"is_needed": False}
    assert Client(new).ask("POST", "/api/setup", BODY).status == 401


def test_last_administrator_of_the_system_stays(new):
    first = Client(new).post("/api/setup", BODY)
    chief = new.login("first", BODY["password"])
    path = f"/api/users/{first['id']}"
    role = chief.post("/api/roles", {"name": "reader", "permissions": [{"resource": "*"}]})
    for change in ({"enabled": False}, {"role_id": role["id"]}):
        assert chief.ask("PATCH", path, change).json()["errors"][0]["code"] == "last_one"
    assert chief.ask("DELETE", path).json()["errors"][0]["code"] == "last_one"
    second = chief.post("/api/users", {"username": "second", "password": "second secret words"})
    chief.delete(path)
    other = new.login("second", "second secret words")
    assert other.ask("DELETE", f"/api/users/{second['id']}").status == 422


def test_last_user_of_a_tenant_is_removed_by_administrators_only(tenant):
    path = f"/api/users/{tenant.user['id']}"
    assert tenant.client.ask("DELETE", path).json()["errors"][0]["code"] == "last_one"
    tenant.admin.delete(path)


def test_the_wizards_calls_in_order_and_again(new, tmp_path):
    """SYS-1: network, SIP domain, transport, certificate; mail is left out; what was answered once can be answered anew."""
    from harness.certs import Authority
    Client(new).post("/api/setup", BODY)
    chief = new.login("first", BODY["password"])

    def told(method, path, body):
        answer = chief.ask(method, path, body)
        return [(e["field"], e["code"]) for e in answer.json().get("errors", [])]
    for body, error in (({"public_addresses": "127.0.0.1"}, ("public_addresses", "bad_address")), ({"public_addresses": "::1"}, ("public_addresses", "bad_address")),
                        ({"web_domain": "localhost"}, ("web_domain", "bad_hostname")), ({"web_domain": "127.0.0.5"}, ("web_domain", "bad_hostname")),
                        ({"public_addresses": "pbx.example"}, ("public_addresses", "bad_address"))):
        assert told("POST", "/api/network_settings", body) == [error]
    network = chief.post("/api/network_settings", {"public_addresses": ""})                       # in a LAN only
    path = f"/api/network_settings/{network['id']}"
    chief.patch(path, {"web_domain": "pbx.example", "public_addresses": "192.168.0.16", "local_networks": "192.168.0.0/16"})    # both are one
    tenant = chief.post("/api/tenants", {"name": "first", "domain": "sip.first.example"})
    udp = chief.post("/api/transports", {"protocol": "udp", "port": 15060, "enabled": False})
    pem, key = Authority(tmp_path).sign("pbx", "DNS:pbx.example")
    certificate = chief.post("/api/certificates", {"name": "pbx", "chain": pem.read_text(), "key": key.read_text()})
    chief.post("/api/transports", {"protocol": "wss", "port": 15065, "enabled": False, "certificate_id": certificate["id"]})
    assert chief.get("/api/mail_servers")["items"] == []
    assert told("POST", "/api/network_settings", {})[0][1] == "limit"                             # again: what is there is changed
    chief.patch(path, {"public_addresses": "203.0.113.9"})
    chief.patch(f"/api/tenants/{tenant['id']}", {"domain": "sip2.first.example"})
    chief.patch(f"/api/transports/{udp['id']}", {"port": 15061})
