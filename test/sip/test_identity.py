# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is believed to be who, over sockets: what a phone may say of itself, and what others are told (RFC 3325, RFC 3323)."""
import pytest

from harness.rawcall import hang_up, talk

SPOOFED = ["P-Asserted-Identity: \"Boss\" <sip:103@{0}>", "P-Preferred-Identity: <sip:103@{0}>", "Remote-Party-ID: <sip:103@{0}>;party=calling",
           "Diversion: <sip:103@{0}>;reason=unconditional", "History-Info: <sip:103@{0}>;index=1", "X-Internal: 103"]


def test_what_a_phone_says_of_others_reaches_nobody(server, phone):
    a, b = phone(101), phone(102)
    invite, ok = talk(a, b, invite_headers=[h.format(server.domain) for h in SPOOFED])
    assert "sip:101@" in invite.get("From") and "103" not in invite.text.split("\r\n\r\n")[0]
    assert "<sip:102@" in ok.get("P-Asserted-Identity")
    hang_up(a, b)


@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "PUBLISH", "MESSAGE", "REFER"])
def test_from_is_who_has_signed(server, phone, method):
    a, b = phone(101), phone(103)
    headers = {"SUBSCRIBE": ["Event: presence", "Expires: 60"], "PUBLISH": ["Event: presence", "Expires: 60"],
               "REFER": [f"Refer-To: <sip:103@{a.domain}>"]}.get(method, [])
    answer = a.transact(method, "101", a.password, f"sip:103@{a.domain}", from_user="102", headers=headers,
                        body=a.sdp() if method == "INVITE" else "")
    assert answer.status == 403, answer.text
    b.silent()


def test_nobody_registers_for_another(server, phone):
    a = phone(101)
    answer = a.transact("REGISTER", "101", a.password, f"sip:{a.domain}", to=f"sip:102@{a.domain}", headers=["Expires: 60"])
    assert answer.status == 403, answer.text


@pytest.mark.parametrize("account", [{}, {"trust_identity": True}])
def test_a_trusted_account_speaks_for_others(server, phone, account):
    mine = next(x for x in server.get("/api/accounts")["items"] if x["username"] == "101")
    server.api("PATCH", f"/api/accounts/{mine['id']}", account, expect=200)
    a, b = phone(101), phone(102)
    invite, _ = talk(a, b, invite_headers=["P-Asserted-Identity: \"Desk 7\" <sip:7007@pbx.example>"])
    assert ("7007@" in invite.get("From")) == bool(account)
    assert ("101@" in invite.get("From")) == (not account)
    hang_up(a, b)


@pytest.mark.parametrize("header", ["Privacy: id", "Privacy: header", "Privacy: user"])
def test_who_wants_not_to_be_named_is_not(server, phone, header):
    a, b = phone(101), phone(102)
    invite, _ = talk(a, b, invite_headers=[header])
    head = invite.text.split("\r\n\r\n")[0]
    assert "sip:anonymous@anonymous.invalid" in invite.get("From") and "101@" not in head and "Ada" not in head, head
    hang_up(a, b)
    (cdr,) = server.cdrs()
    assert cdr["caller"] == "101"  # its own tenant's records know


def test_an_anonymous_from_calls_with_the_credentials_of_its_account(server, phone):
    a, b = phone(101), phone(102)
    user, a.user = a.user, "anonymous"
    domain, a.domain = a.domain, "anonymous.invalid"
    uri = f"sip:102@{domain}"
    a.send(a.request("INVITE", uri, call_id="anon", from_tag="x", body=a.sdp(), from_user="anonymous"))
    challenge = a.expect(407)
    a.ack(challenge, uri, "anonymous", "anon", "x", 1)
    line = a.authorization(challenge, "INVITE", uri, user, a.password)
    a.send(a.request("INVITE", uri, call_id="anon", from_tag="x", cseq=2, body=a.sdp(), from_user="anonymous", headers=[line]))
    invite = b.called(b.expect("INVITE"))
    assert "anonymous@anonymous.invalid" in invite.get("From")
    b.reply(invite, 486)
    b.expect("ACK")
    a.expect(486)


def test_the_phone_is_told_who_it_talks_to_after_a_transfer(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    b.say("REFER", headers=[f"Refer-To: <sip:103@{server.domain}>", "Refer-Sub: false"])
    b.expect(202)
    invite = c.called(c.expect("INVITE"))
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    again = a.expect("INVITE")
    assert "<sip:103@" in again.get("P-Asserted-Identity")
    a.reply(again, 200, body=a.sdp(2))
    a.expect("ACK")
    c.silent()
    hang_up(a, c)
