# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail from outside, through Debian's Exim: what it took lies in its mailbox."""
import re

import pytest

from client import ApiServer
from harness import wait
from harness.addresses import new_address
from harness.certs import Authority
from harness.mailserver import MailServer


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def post(authority):
    """A mail server whose certificate is of its address."""
    ip = new_address()
    server = MailServer(ip, authority.sign("mail", f"IP:{ip}"))
    yield server
    server.close()


def settings(post, authority=None, **more):
    return {"host": post.ip, "port": post.port, "sender": "pbx@example.com", **({"ca": authority.pem.read_text()} if authority else {}), **more}


def ended(client, one):
    """The delivery, when it is over."""
    return wait.until(lambda: (d := client.get(f"/api/mail_deliveries/{one}"))["state"] != "waiting" and d, 30, why="the end of a delivery")


def send_test(client, to="anna@example.com"):
    return ended(client, client.post("/api/mail_tests", {"to": to}, expect=202)["id"])


def test_a_test_is_in_the_mailbox_and_the_servers_answer_is_told(tenant, post, authority):
    tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True, username="anna", password="mail secret", sender_name="Größe & Söhne"))
    post.set("closed")
    done = send_test(tenant.client)
    assert done["state"] == "sent" and done["status"] == 250 and done["answer"].startswith("250 OK id="), done
    mail = post.wait(1)[0]
    assert mail["To"] == "anna@example.com" and mail["From"].addresses[0].display_name == "Größe & Söhne"
    assert mail["From"].addresses[0].addr_spec == "pbx@example.com" and mail["Subject"] == "Offhook: test" and mail["Auto-Submitted"] == "auto-generated"
    assert "test that was asked for" in mail.get_body().get_content() and mail["Message-ID"].endswith("@example.com>") and mail["Date"].datetime
    assert "esmtpsa" in mail["Received"]        # encrypted, and signed in
    assert "mail secret" not in tenant.client.ask("GET", "/api/mail_servers").body.decode()


@pytest.mark.parametrize("security,port", [("ssl", "ssl_port"), ("none", "port")])
def test_it_goes_by_ssl_and_in_clear_when_that_is_set(tenant, post, authority, security, port):
    tenant.admin.post("/api/mail_servers", settings(post, authority if security == "ssl" else None, allow_private=True, security=security, port=getattr(post, port)))
    assert send_test(tenant.client)["state"] == "sent"
    assert ("esmtps" in post.wait(1)[0]["Received"]) == (security == "ssl")


def test_what_is_wrong_is_said_in_the_servers_words(tenant, post, authority):
    row = tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True))
    done = send_test(tenant.client, "nobody@example.com")
    assert done["state"] == "given_up" and done["status"] == 550 and done["answer"] == "550 no such mailbox"
    for change, word in (({"ca": ""}, "certificate"), ({"username": "anna", "password": "wrong", "ca": authority.pem.read_text()}, "denied"),
                         ({"port": 1, "username": ""}, "connect"), ({"allow_private": False}, "private")):
        tenant.admin.patch(f"/api/mail_servers/{row['id']}", change)
        done = send_test(tenant.client)
        assert done["state"] == "given_up" and word in done["error"].lower(), done
    assert post.mails() == []


def test_without_tls_there_nothing_is_sent(tenant, authority):
    ip = new_address()
    post = MailServer(ip, authority.sign("plain", f"IP:{ip}"), tls=False)
    try:
        tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True, username="anna", password="mail secret"))
        done = send_test(tenant.client)
        assert done["state"] == "given_up" and "TLS" in done["error"].upper(), done
        assert "anna" not in post.log() and post.mails() == []
    finally:
        post.close()


def test_without_a_mail_server_the_field_that_needs_one_is_named(tenant):
    answer = tenant.client.ask("POST", "/api/mail_tests", {"to": "anna@example.com"})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "no_mail_server"
    for body, code in (({}, "required"), ({"to": 1}, "wrong_type"), ({"to": "anna"}, "bad_email"), ({"to": "a@b.example", "cc": ""}, "unknown_field")):
        answer = tenant.client.ask("POST", "/api/mail_tests", body)
        assert answer.status == 422 and code in {e["code"] for e in answer.json()["errors"]}, answer


def test_a_tenants_own_server_goes_before_that_of_the_system(tenant, post, authority, server):
    system = server.root.post("/api/mail_servers", settings(post, authority, sender="system@example.com"))
    try:
        answer = server.root.ask("POST", "/api/mail_servers", settings(post))
        assert answer.status == 422 and answer.json()["errors"][0]["code"] == "limit"
        assert tenant.client.get("/api/mail_servers")["items"] == []         # whose password and user are not the tenant's
        assert send_test(tenant.client)["state"] == "sent" and send_test(server.root)["state"] == "sent"
        own = tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True, sender="own@example.com"))
        send_test(tenant.client)
        tenant.client.patch(f"/api/mail_servers/{own['id']}", {"enabled": False})
        send_test(tenant.client)
        senders = [m["From"].addresses[0].username for m in post.wait(4)]
        assert senders == ["system", "system", "own", "system"]
    finally:
        server.root.delete(f"/api/mail_servers/{system['id']}")


def test_a_mail_waits_for_its_server_and_survives_kill_9(tmp_path, authority):
    """A server that is away refuses nothing for good; what waits goes on after a crash, once."""
    s = ApiServer(tmp_path / "mail", new_address()).start()
    ip = new_address()
    post = MailServer(ip, authority.sign("late", f"IP:{ip}"))
    try:
        s.root.post("/api/mail_servers", settings(post, authority))
        post.set("busy")
        assert send_test(s.root)["status"] == 451       # a test is tried once
        post.set("busy", False)
        s.root.post(f"/api/mail_deliveries/{s.root.get('/api/mail_deliveries')['items'][0]['id']}/replay", expect=204)
        s.process.kill()
        s.process.wait()
        s.start()
        done = ended(s.root, s.root.get("/api/mail_deliveries")["items"][0]["id"])
        assert done["state"] == "sent" and s.root.get("/api/mail_deliveries", state="sent")["items"][0] == done
        assert {m["Message-ID"] for m in post.wait(1)} == {post.mails()[0]["Message-ID"]}
    finally:
        s.stop()
        post.close()


def test_faults_of_a_mail_server_are_named(tenant):
    for more, field in (({"host": ""}, "host"), ({"sender": "x"}, "sender"), ({"ca": "x"}, "ca"),
                        ({"ca": "x", "security": "none"}, "ca"), ({"port": 0}, "port"), ({"allow_private": True}, "allow_private")):
        answer = tenant.client.ask("POST", "/api/mail_servers", {"host": "mail.example.com", "sender": "a@example.com", **more})
        assert answer.status == 422 and field in {e["field"] for e in answer.json()["errors"]}, answer


def test_a_new_extension_is_welcomed_and_again_when_that_is_asked_for(tenant, post, authority):
    network = tenant.server.root.get("/api/network_settings")["items"]     # of the whole system: others may have made them
    host = network and network[0]["web_domain"] or tenant.domain
    early = tenant.client.post("/api/extensions", {"number": "301", "email": f"early@{tenant.domain}"})     # before there is a server
    answer = tenant.client.ask("POST", "/api/welcome_mails", {"extension_id": early["id"]})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "no_mail_server"
    tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True))
    late = tenant.client.post("/api/extensions", {"number": "302", "first_name": "Ada", "email": f"ada@{tenant.domain}"})
    mail = post.wait(1)[0]
    assert mail["To"] == f"ada@{tenant.domain}" and mail["Subject"] == "Your extension 302"
    text = mail.get_body().get_content()
    assert "Welcome, Ada" in text and "302" in text and re.search(rf"SIP domain +{tenant.domain}\n +server +{re.escape(host)}\n", text)
    for one in (early, late):
        assert ended(tenant.client, tenant.client.post("/api/welcome_mails", {"extension_id": one["id"]}, expect=202)["id"])["state"] == "sent"
    assert [m["To"] for m in post.wait(3)[1:]] == [f"early@{tenant.domain}", f"ada@{tenant.domain}"]
    for body, code in (({"extension_id": tenant.extensions[0]["id"]}, "no_email"), ({"extension_id": "99999"}, "not_found"), ({}, "required")):
        answer = tenant.client.ask("POST", "/api/welcome_mails", body)
        assert answer.status == 422 and answer.json()["errors"][0]["code"] == code
    tenant.client.post("/api/mail_templates", {"kind": "welcome", "enabled": False})
    answer = tenant.client.ask("POST", "/api/welcome_mails", {"extension_id": late["id"]})
    assert answer.json()["errors"][0]["code"] == "switched_off"
