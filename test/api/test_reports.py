# SPDX-License-Identifier: GPL-3.0-or-later
"""Call reports from outside: made, listed, downloaded, sent by a real mail server, deleted."""
import csv
import io

import pytest

from harness import wait
from harness.addresses import new_address
from harness.certs import Authority
from harness.mailserver import MailServer

TIME = {"from": "2025-11-01T00:00:00Z", "to": "2025-12-01T00:00:00Z"}      # of the stand-in's calls


@pytest.fixture(scope="module")
def post(tmp_path_factory):
    ip = new_address()
    authority = Authority(tmp_path_factory.mktemp("ca"))
    server = MailServer(ip, authority.sign("mail", f"IP:{ip}"))
    server.settings = {"host": ip, "port": server.port, "sender": "pbx@example.com", "ca": authority.pem.read_text(), "allow_private": True}
    yield server
    server.close()


def complete(client, one):
    return wait.until(lambda: (r := client.get(f"/api/call_reports/{one}"))["state"] != "running" and r, 30, why="the end of a report")


def report(client, **fields):
    return complete(client, client.post("/api/call_reports", {"name": "My CDR", **TIME, **fields}, expect=202)["id"])


def lines(client, one):
    answer = client.ask("GET", f"/api/call_reports/{one['id']}/content")
    assert answer.status == 200, answer
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


def hang_up(t):
    one = t.client.get("/api/sessions")["items"][0]["id"]
    t.client.delete(f"/api/sessions/{one}")
    call = str(int(one) * 1000 + 500)
    wait.until(lambda: any(c["id"] == call for c in t.client.get("/api/cdrs")["items"]), why="the call's record")
    return call


def test_a_report_is_made_and_downloaded_and_deleted(tenant):
    calls = [tenant.cdr()["id"], hang_up(tenant)]
    done = report(tenant.client)
    assert done["state"] == "complete" and done["percent"] == 100 and done["calls"] == 2 and done["mail_delivery_id"] is None
    rows = lines(tenant.client, done)
    assert [r["id"] for r in rows] == sorted(calls, key=int) and rows[0]["caller"] == "101" and rows[0]["started_at"] == "2025-11-20T12:00:00.000Z"
    assert tenant.client.get("/api/call_reports")["items"] == [done]
    tenant.client.delete(f"/api/call_reports/{done['id']}")
    assert tenant.client.ask("GET", f"/api/call_reports/{done['id']}/content").status == 404
    assert tenant.client.get("/api/call_reports")["items"] == []


@pytest.mark.parametrize("filters,n", [({"status": "answered"}, 1), ({"status": "not_answered"}, 0), ({"source": "internal", "destination": "internal"}, 1),
                                       ({"source": "external"}, 0), ({"destination": "external"}, 0), ({"min_duration": 60, "max_duration": 60}, 1),
                                       ({"min_duration": 61}, 0), ({"max_duration": 59}, 0), ({"from": "2025-11-20T12:00:00.001Z"}, 0),
                                       ({"to": "2025-11-20T12:00:00Z"}, 0)])
def test_it_holds_the_calls_that_fit(tenant, filters, n):
    tenant.cdr()
    done = report(tenant.client, **filters)
    assert done["calls"] == n and len(lines(tenant.client, done)) == n


def test_it_is_mailed_and_tried_again_when_that_fails(tenant, post):
    tenant.cdr()
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"company": "Acme"})
    tenant.admin.post("/api/mail_servers", post.settings)
    tenant.client.post("/api/mail_templates", {"kind": "call_report", "subject": "Anrufe für {tenant}: {name} ({calls})"})
    post.set("busy")
    done = report(tenant.client, mail_to="boss@example.com")
    path = f"/api/mail_deliveries/{done['mail_delivery_id']}"
    first = wait.until(lambda: (d := tenant.client.get(path))["attempts"] and d, 30, why="a first try")
    assert first["state"] == "waiting" and first["status"] == 451 and first["answer"] == "451 come back later" and first["next_at"]
    post.set("busy", False)
    wait.until(lambda: tenant.client.get(path)["state"] == "sent", 60, why="it is sent")
    mail = [m for m in post.wait(1) if m["To"] == "boss@example.com"][0]
    assert mail["Subject"] == "Anrufe für Acme: My CDR (1)" and '"My CDR" of Acme is ready: 1 calls' in mail.get_body().get_content()
    attached = list(mail.iter_attachments())
    assert [a.get_filename() for a in attached] == ["My CDR.csv"] and attached[0].get_content_type() == "text/csv"
    assert attached[0].get_payload(decode=True) == tenant.client.ask("GET", f"/api/call_reports/{done['id']}/content").body


def test_a_kind_that_is_switched_off_is_not_sent(tenant, post):
    tenant.admin.post("/api/mail_servers", post.settings)
    tenant.client.post("/api/mail_templates", {"kind": "call_report", "enabled": False})
    assert report(tenant.client, mail_to="off@example.com")["mail_delivery_id"] is None
    assert tenant.client.get("/api/mail_deliveries")["items"] == []


def test_faults_of_a_report_are_named(tenant):
    for body, field, code in (({"name": ""}, "name", "required"), ({"from": "x"}, "from", "bad_time"), ({"to": TIME["from"]}, "to", "out_of_range"),
                              ({"status": "lost"}, "status", "not_in_list"), ({"min_duration": -1}, "min_duration", "out_of_range"),
                              ({"min_duration": 9, "max_duration": 8}, "max_duration", "out_of_range"), ({"mail_to": "x"}, "mail_to", "bad_email"),
                              ({"mail_to": "a@example.com"}, "mail_to", "no_mail_server"), ({"colour": 1}, "colour", "unknown_field"),
                              ({"name": 7}, "name", "wrong_type"), ({"name": "x" * 65}, "name", "too_long")):
        answer = tenant.client.ask("POST", "/api/call_reports", {"name": "x", **TIME, **body})
        assert answer.status == 422 and (field, code) in {(e["field"], e["code"]) for e in answer.json()["errors"]}, (body, answer)


def test_faults_of_a_template_are_named(tenant):
    answer = tenant.client.ask("POST", "/api/mail_templates", {"kind": "call_report", "text": "{name} {password}"})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "unknown_placeholder"
    tenant.client.post("/api/mail_templates", {"kind": "call_report", "text": "{name}: {calls} {}"})
    answer = tenant.client.ask("POST", "/api/mail_templates", {"kind": "call_report"})
    assert answer.status == 409 and answer.json()["errors"][0]["code"] == "taken"
    assert "{calls}" in [d for d in tenant.client.get("/api/mail_defaults")["items"] if d["kind"] == "call_report"][0]["text"]
