# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail about calls (EXT-22, RTE-8), read back from a real mail server's mailbox."""
import pytest

from harness.certs import Authority
from harness.mailserver import MailServer
from harness.rawcall import hang_up, record, talk
from harness.rawsip import RawSip


@pytest.fixture
def post(server, addresses, tmp_path):
    ip = addresses.new()
    authority = Authority(tmp_path / "ca")
    m = MailServer(ip, authority.sign("mail", f"IP:{ip}"))
    server.post("/api/mail_servers", {"host": ip, "port": m.port, "sender": "pbx@example.com", "ca": authority.pem.read_text()}, who="admin")
    yield m
    m.close()


def wants_mail(server, number):
    one = server.extension(number)["id"]
    server.api("PATCH", f"/api/extensions/{one}", {"email": f"e{number}@example.com", "missed_call_mail": True}, expect=200)


def nobody_answers(server, caller, callee, number):
    invite = caller.rings(callee, number)
    caller.cancel()
    callee.reply(callee.expect("CANCEL"), 200)
    callee.reply(invite, 487)
    callee.expect("ACK")
    caller.expect(200)
    caller.refused(487)
    return record(server, caller)


def told(post, n):
    return sorted((m["To"], m["Subject"]) for m in post.wait(n))


def test_a_missed_call_is_told_to_who_missed_it_and_an_answered_one_to_nobody(server, phone, post):
    a, b = phone(101), phone(102)
    wants_mail(server, "102")
    talk(a, b)
    hang_up(a, b)
    record(server, a)
    wants_mail(server, "103")       # who has no device misses calls all the same
    a.invite("103")
    a.refused(480)
    record(server, a)
    nobody_answers(server, a, b, "102")
    assert told(post, 2) == [("e102@example.com", "Missed call from 101"), ("e103@example.com", "Missed call from 101")]
    nobody_answers(server, b, a, "101")     # 101 did not ask for mail
    b.invite("103")
    b.refused(480)
    assert told(post, 3)[-1] == ("e103@example.com", "Missed call from 102")


def test_members_of_a_group_are_told_when_none_of_them_answers(server, phone, post):
    a, b = phone(101), phone(102)
    for number in ("102", "103"):
        wants_mail(server, number)
    server.post("/api/ring_groups", {"number": "650", "name": "desk", "members": [{"extension_id": server.extension("102")["id"]}]})
    nobody_answers(server, a, b, "650")
    assert told(post, 1) == [("e102@example.com", "Missed call from 101")]


def test_administrators_hear_of_an_emergency_call(server, phone, addresses, post):
    exit_ = RawSip(addresses.new(), server.ip, domain=server.domain)
    try:
        trunk = server.post("/api/trunks", {"name": "Exit", "host": exit_.host}, who="admin")["id"]
        server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000100"}, who="admin",
                    headers={"X-Tenant": server.domain})
        server.post("/api/emergency_numbers", {"number": "112", "trunk_id": trunk, "caller_id": "442070000199", "location": "Hall 3"})
        server.post("/api/users", {"username": "guard", "password": "some secret words", "email": "guard@example.com"})
        phone(101).invite("112")
        mail = post.wait(1)[0]
        assert (mail["To"], mail["Subject"]) == ("guard@example.com", "Emergency call from 101")
        assert "called 112" in mail.get_body().get_content() and "Hall 3" in mail.get_body().get_content()
    finally:
        exit_.close()


def test_who_wants_mail_needs_an_address_and_a_server(server, phone):
    one = server.extension("101")["id"]
    answer = server.api("PATCH", f"/api/extensions/{one}", {"missed_call_mail": True})
    assert answer.status_code == 422 and {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
        ("email", "required"), ("missed_call_mail", "no_mail_server")}
