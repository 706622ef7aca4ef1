# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over sockets: what the three parties of a REFER hear, message by message (RFC 3515, 3891, 5589)."""
import pytest

from harness.rawcall import hang_up, talk


def refer(by, target, *headers, status=202):
    by.say("REFER", headers=[f"Refer-To: <{target}>", f"Referred-By: <sip:{by.user}@{by.domain}>", *headers])
    return by.expect(status)


def told(by, sipfrag, last=False):
    m = by.expect("NOTIFY")
    assert m.get("Event").startswith("refer") and m.get("Content-Type") == "message/sipfrag;version=2.0"
    assert m.body.startswith(f"SIP/2.0 {sipfrag}"), m.body
    assert m.get("Subscription-State").startswith("terminated" if last else "active")
    by.reply(m, 200)


def escaped(of, params=""):
    """`of` has called; its dialog as the URI of a Refer-To carries it."""
    return f"Replaces={of.call_id}%3Bto-tag%3D{of.remote_tag}%3Bfrom-tag%3D{of.from_tag}{params}".replace("@", "%40")


def introduced(whom, version=2):
    m = whom.expect("INVITE")
    assert "m=audio" in m.body
    whom.reply(m, 200, body=whom.sdp(version))
    whom.expect("ACK")
    return m


def renamed(whom, number):
    """It hears who it talks to now; nothing else is new."""
    m = introduced(whom)
    assert f"<sip:{number}@" in m.get("P-Asserted-Identity")


def bye(phone):
    phone.say("BYE")
    phone.expect(200)


def consult(by, number, target):
    by.invite(number)
    invite = target.called(target.expect("INVITE"))
    target.reply(invite, 180)
    by.take(by.expect(180))
    return invite


def test_blind_with_a_bye_at_the_end(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    refer(b, f"sip:103@{server.domain}")
    told(b, "100")
    invite = c.called(c.expect("INVITE"))
    assert "sip:102@" in invite.get("Referred-By") and "sip:101@" in invite.get("From")
    c.reply(invite, 180)
    told(b, "180")
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    told(b, "200", last=True)
    introduced(a)
    bye(b)
    hang_up(a, c)
    second, first = server.cdrs(2)
    assert (first["transferred_to"], second["transferred_from"]) == (second["id"], first["id"])


def test_a_busy_target_gives_the_call_back(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    refer(b, f"sip:103@{server.domain}")
    told(b, "100")
    invite = c.called(c.expect("INVITE"))
    c.reply(invite, 486)
    c.expect("ACK")
    told(b, "486", last=True)
    a.silent()
    hang_up(b, a)


def test_without_a_subscription_nothing_is_told(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    answer = refer(b, f"sip:103@{server.domain}", "Require: norefersub", "Refer-Sub: false")
    assert answer.get("Refer-Sub") == "false"
    invite = c.called(c.expect("INVITE"))
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    introduced(a)
    b.silent()
    bye(b)
    hang_up(c, a)


def test_attended(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    b2 = phone(102, port=5070)
    consulted = consult(b2, "103", c)
    c.reply(consulted, 200, body=c.sdp())
    c.expect("ACK")
    b2.take(b2.expect(200))
    b2.say("ACK", cseq=b2.invite_cseq)
    refer(b, f"sip:103@{server.domain}?{escaped(b2)}")
    told(b, "200", last=True)
    introduced(a)
    renamed(c, "101")
    bye(b)
    bye(b2)
    a.silent()
    hang_up(a, c)
    second, first = server.cdrs(2)
    assert (second["callee"], second["transferred_by"], second["transferred_from"]) == ("103", "102", first["id"])


def test_attended_while_it_still_rings(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    b2 = phone(102, port=5070)
    consulted = consult(b2, "103", c)
    refer(b, f"sip:103@{server.domain}?{escaped(b2, '%3Bearly-only')}")
    b2.refused(487)
    told(b, "180")
    c.reply(consulted, 200, body=c.sdp())
    c.expect("ACK")
    told(b, "200", last=True)
    introduced(a)
    renamed(c, "101")
    bye(b)
    hang_up(c, a)


def test_no_call_of_others_can_be_named(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    c.invite("*43")
    c.take(c.expect(200))
    c.say("ACK", cseq=c.invite_cseq)
    refer(b, f"sip:103@{server.domain}?{escaped(c)}", status=403)
    refer(b, f"sip:103@{server.domain}?{escaped(c)}X", status=202)
    told(b, "481", last=True)
    a.silent()
    c.silent()
    hang_up(a, b)
    bye(c)


@pytest.mark.parametrize("target, status", [
    ("sip:103@elsewhere.example;method=BYE", 603), ("http://103/", 416), ("nonsense", 400)])
def test_what_is_no_call_is_refused(server, phone, target, status):
    a, b = phone(101), phone(102)
    talk(a, b)
    refer(b, target, status=status)
    b.silent()
    hang_up(a, b)


def test_outside_of_a_call_nobody_is_referred(server, phone):
    a, c = phone(101), phone(103)
    a.send(a.request("REFER", f"sip:103@{a.domain}", user="101", headers=[f"Refer-To: <sip:103@{a.domain}>"]))
    a.expect(407)
    answer = a.transact("REFER", "101", a.password, f"sip:101@{a.domain}", headers=[f"Refer-To: <sip:103@{a.domain}>"])
    assert answer.status == 403
    a.send(a.request("REFER", f"sip:103@{a.domain}", user="101", to_tag="nobody", headers=[f"Refer-To: <sip:103@{a.domain}>"]))
    a.expect(481)
    c.silent()
