# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Teams direct routing (TRK-17) against a simulated far side: TLS both ways with certificates, names instead of addresses, SRTP."""
import base64
import re

import pytest

from harness import wait
from harness.certs import Authority
from harness.server import Server
from harness.tlspeer import TlsPeer

KEY = base64.b64encode(bytes(range(30))).decode()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("root"))


@pytest.fixture
def server(tmp_path, addresses, root):
    s = Server(tmp_path / "server", addresses.new(), args=["--tls-ca", str(root.pem)]).start()
    yield s
    s.stop()


@pytest.fixture
def far(addresses, root):
    ip = addresses.new()
    peer = TlsPeer(ip, root.sign("far", f"IP:{ip}"), ca=root.pem)
    yield peer
    peer.stop()


def certificate(root, name):
    pem, key = root.sign(name.replace(".", "-"), f"DNS:{name}", common=name)
    return {"name": name, "chain": pem.read_text(), "key": key.read_text()}


@pytest.fixture
def trunk(server, far, root):
    """The tenant sets it up all by itself: certificate, trunk, numbers, rules."""
    server.post("/api/certificates", certificate(root, server.domain))
    made = server.post("/api/trunks", {"name": "Teams", "brand": "teams", "host": far.ip})
    assert (made["kind"], made["transport"], made["srtp"], made["port"]) == ("teams", "tls", "required", 5061)
    server.post("/api/did_pools", {"trunk_id": made["id"], "numbers": "442070001***", "caller_id": "442070001000"})
    for n in (101, 102):
        x = next(e for e in server.get("/api/extensions")["items"] if e["number"] == str(n))
        server.post("/api/inbound_rules", {"name": f"to {n}", "trunk_id": made["id"], "did": f"442070001{n}",
                                           "destination": {"kind": "extension", "id": x["id"]}})
    server.post("/api/outbound_rules", {"name": "world", "prefixes": "+49", "routes": [{"trunk_id": made["id"]}]})
    wait.until(lambda: any(t["is_online"] for t in server.get("/api/trunk_states")["items"]), 10, why="the trunk is online")
    return made["id"]


def sdp(ip, profile="RTP/SAVP", crypto=True):
    return (f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 50000 {profile} 8 0 13 101\r\n"
            "a=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            + (f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n" if crypto else ""))


def test_options_show_our_name_and_certificate(server, far, trunk):
    asked = far.options[0]
    assert asked.start == f"OPTIONS sip:{far.ip}:5061;transport=tls SIP/2.0" or asked.start.startswith(f"OPTIONS sip:{far.ip}")
    assert f"@{server.domain}" in asked.get("From") or f"sip:{server.domain}" in asked.get("From")
    assert re.search(rf"<sip:{re.escape(server.domain)}:5061;transport=tls>", asked.get("Contact")), asked.text
    assert ("DNS", server.domain) in far.subjects[0]["subjectAltName"]
    far.connect(server.ip)
    far.request("OPTIONS", f"sip:{server.domain}:5061;transport=tls", from_="<sip:far.example>;tag=1")
    assert far.expect(200)


def test_a_call_to_teams_is_by_name_and_encrypted(server, far, trunk, phone):
    anna = phone(101)
    anna.invite("+4930123456")
    invite = far.expect("INVITE")
    assert invite.start.startswith(f"INVITE sip:+4930123456@{far.ip}")
    assert f"@{server.domain}" in invite.get("From") and "+442070001000" in invite.get("From").replace("sip:442", "sip:+442")
    assert f"@{server.domain}:5061;transport=tls>" in invite.get("Contact"), invite.text
    assert "sips:" not in invite.text and "Replaces" not in (invite.get("Require") or "")
    assert re.search(r"m=audio \d+ RTP/SAVP ", invite.body) and "AES_CM_128_HMAC_SHA1_80" in invite.body
    far.reply(invite, 183, body=sdp(far.ip))
    far.reply(invite, 200, body=sdp(far.ip))
    far.expect("ACK")
    anna.expect(183)
    ok = anna.take(anna.expect(200))
    assert "RTP/AVP" in ok.body and "crypto" not in ok.body      # the phone offered plain
    anna.say("ACK", cseq=anna.invite_cseq)
    anna.say("BYE")
    anna.expect(200)
    far.reply(far.expect("BYE"), 200)


def test_a_plain_answer_ends_the_call(server, far, trunk, phone):
    anna = phone(101)
    anna.invite("+4930123456")
    invite = far.expect("INVITE")
    far.reply(invite, 200, body=sdp(far.ip, "RTP/AVP", crypto=False))
    far.expect("ACK")
    far.reply(far.expect("BYE"), 200)
    assert anna.refused(500).get("Reason")      # why is said


def test_a_call_from_teams_rings_the_tenant_it_names(server, far, trunk, phone):
    anna = phone(101)
    far.connect(server.ip)
    far.request("INVITE", f"sip:+442070001101@{server.domain}:5061;user=phone;transport=tls", from_="<sip:+4930123456@far.example>;tag=1",
                body=sdp(far.ip))
    invite = anna.called(anna.expect("INVITE"))
    assert "RTP/AVP" in invite.body and "4930123456" in invite.get("From")
    anna.reply(invite, 200, body=anna.sdp())
    ok = far.expect(200)
    assert f"@{server.domain}:5061;transport=tls>" in ok.get("Contact") and "RTP/SAVP" in ok.body and "a=crypto:1 " in ok.body
    uri = re.search(r"<([^>]+)>", ok.get("Contact")).group(1)
    far.request("ACK", uri, call_id=ok.get("Call-ID"), from_=ok.get("From"), to=ok.get("To"))
    anna.expect("ACK")
    far.request("BYE", uri, call_id=ok.get("Call-ID"), from_=ok.get("From"), to=ok.get("To"), cseq=2)
    anna.reply(anna.expect("BYE"), 200)
    far.expect(200)


@pytest.fixture
def referred(server, far, trunk, phone):
    """Teams calls Anna, they talk; it sends her on to what is asked for."""
    def send(refer_to):
        anna = phone(101)
        far.connect(server.ip)
        far.request("INVITE", f"sip:+442070001101@{server.domain}:5061;transport=tls", from_="<sip:+4930123456@far.example>;tag=1", body=sdp(far.ip))
        invite = anna.called(anna.expect("INVITE"))
        anna.reply(invite, 200, body=anna.sdp())
        ok = far.expect(200)
        uri = re.search(r"<([^>]+)>", ok.get("Contact")).group(1)
        dialog = {"call_id": ok.get("Call-ID"), "from_": ok.get("From"), "to": ok.get("To")}
        far.request("ACK", uri, **dialog)
        anna.expect("ACK")
        far.request("REFER", uri, cseq=2, headers=[f"Refer-To: <{refer_to}>"], **dialog)
    return send


def test_teams_transfers_to_another_number_of_the_tenant(server, far, phone, referred):
    ben = phone(102)
    referred(f"sip:+442070001102@{server.domain}:5061;transport=tls")
    far.expect(202)
    ben.called(ben.expect("INVITE"))


def test_teams_transfers_to_one_of_its_own_users(server, far, referred):
    """Its URI goes back as it came, with what only Teams understands in it, and says who sent the call there."""
    user = f"sip:8%3Aorgid%3A1f2e@{far.ip};x-t=ten%3D1;x-ti=2;transport=tls"
    referred(user + "?Subject=of%20a%20strangers%20choice")
    far.expect(202)
    invite = far.expect("INVITE")
    assert invite.start == f"INVITE {user} SIP/2.0" and invite.get("To") == f"<{user}>" and invite.get("Subject") is None
    assert "4930123456" in invite.get("Referred-By") and "RTP/SAVP" in invite.body


def test_teams_sends_nobody_anywhere_else(server, far, referred):
    referred("sip:+4930999@elsewhere.example;transport=tls")
    far.expect(403)


def test_what_is_plain_or_for_somebody_else_is_refused(server, far, trunk):
    far.connect(server.ip)
    far.request("INVITE", f"sip:+442070001101@{server.domain}:5061", from_="<sip:+49@far.example>;tag=1", body=sdp(far.ip, "RTP/AVP", False))
    far.expect(488)
    far.request("INVITE", "sip:+442070001101@somebody.example:5061", from_="<sip:+49@far.example>;tag=2", body=sdp(far.ip))
    far.expect(403)      # nobody here has that name


def test_several_tenants_share_the_address_of_teams(server, far, trunk, root, phone):
    """One far side, one server, a name for each tenant; the second's numbers are its own."""
    server.post("/api/tenants", {"name": "blue", "domain": "blue.example", "username": "ben", "password": "some secret words"}, who="admin")
    blue = {"headers": {"X-Tenant": "blue.example"}, "who": "admin"}
    server.post("/api/certificates", certificate(root, "blue.example"), **blue)
    tenant = server.get("/api/me", **blue)["tenant_id"]
    other = server.post("/api/trunks", {"name": "Teams of blue", "brand": "teams", "host": far.ip, "owner_id": tenant}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": other, "numbers": "4420700020**"}, **blue)
    wait.until(lambda: any("blue.example" in o.get("Contact") for o in far.options), 10, why="blue asks by its own name")
    anna = phone(101)
    far.connect(server.ip)
    far.request("INVITE", "sip:+442070002001@blue.example:5061", from_="<sip:+49@far.example>;tag=1", body=sdp(far.ip))
    far.expect(404)      # blue's number, and no rule of blue's takes it
    far.request("INVITE", "sip:+442070001101@blue.example:5061", from_="<sip:+49@far.example>;tag=2", body=sdp(far.ip))
    far.expect(404)      # another tenant's number is nothing by that name
    far.request("INVITE", f"sip:+442070001101@{server.domain}:5061", from_="<sip:+49@far.example>;tag=3", body=sdp(far.ip))
    anna.called(anna.expect("INVITE"))
    names = {name for s in far.subjects for kind, name in s["subjectAltName"]}
    assert names == {server.domain, "blue.example"}
