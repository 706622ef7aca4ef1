# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over sockets: what the three parties of a REFER hear, message by message (RFC 3515, 3891, 5589)."""
import pytest

from harness import wait
from harness.rawcall import hang_up, talk
from harness.rtp import where


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


def served(whom):
    """A service takes it: it is asked what it offers, and answered.  Gives where its sound goes now."""
    m = whom.expect("INVITE")
    assert not m.body
    whom.reply(m, 200, body=whom.sdp(2))
    answer = whom.expect("ACK").body
    assert "m=audio" in answer and "a=sendonly" not in answer and "a=inactive" not in answer
    return where(answer)


def renamed(whom, number):
    """It hears who it talks to now; nothing else is new."""
    m = introduced(whom)
    assert f"<sip:{number}@" in m.get("P-Asserted-Identity")


def is_put_through(a, b, c, invite):
    """c takes the call of a, whom b has transferred."""
    c.reply(invite, 200, body=c.sdp())
    c.expect("ACK")
    told(b, "200", last=True)
    introduced(a)
    bye(b)
    hang_up(a, c)


def bye(phone):
    phone.say("BYE")
    phone.expect(200)


def test_blind_with_a_bye_at_the_end(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    refer(b, f"sip:103@{server.domain}")
    told(b, "100")
    invite = c.called(c.expect("INVITE"))
    assert "sip:102@" in invite.get("Referred-By") and "sip:101@" in invite.get("From")
    c.reply(invite, 180)
    told(b, "180")
    is_put_through(a, b, c, invite)
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
    consulted = b2.rings(c, "103")
    c.reply(consulted, 200, body=c.sdp())
    c.expect("ACK")
    b2.take(b2.expect(200))
    b2.say("ACK", cseq=b2.invite_cseq)
    refer(b, f"sip:103@{server.domain}?{escaped(b2)}")
    told(b, "100")
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
    consulted = b2.rings(c, "103")
    refer(b, f"sip:103@{server.domain}?{escaped(b2, '%3Bearly-only')}")
    told(b, "100")
    b2.refused(487)
    told(b, "180")
    c.reply(consulted, 200, body=c.sdp())
    c.expect("ACK")
    told(b, "200", last=True)
    introduced(a)
    renamed(c, "101")
    bye(b)
    hang_up(c, a)


def holds(by, other):
    by.say("INVITE", body=by.sdp(2, "sendonly"))
    invite = other.expect("INVITE")
    other.reply(invite, 200, body=other.sdp(2, "recvonly"))
    other.expect("ACK")
    by.expect(200)
    by.say("ACK", cseq=by.cseq)


@pytest.mark.parametrize("transferor", [102, 101])
def test_to_a_service_that_hears_and_is_heard(server, pair, transferor):
    a, b = pair
    talk(a, b)
    by, whom = (b, a) if transferor == 102 else (a, b)
    holds(by, whom)
    refer(by, f"sip:*43@{server.domain}")
    told(by, "100")
    told(by, "200", last=True)
    echo = served(whom)
    said = b"said to the echo".ljust(160, b"\0")
    wait.until(lambda: (whom.media.hears(lambda: whom.media.say(echo, payload=said)) or b"").endswith(said), 10)
    bye(by)
    bye(whom)
    second, first = server.cdrs(2)
    assert (second["callee"], second["status"], first["reason"]) == ("*43", "answered", "transferred")
    assert (second["transferred_from"], second["transferred_by"]) == (first["id"], str(transferor))


def test_who_does_not_hang_up_before_a_service_has_answered_is_hung_up(server, pair):
    a, b = pair
    talk(a, b)
    refer(b, f"sip:*41@{server.domain}", "Refer-Sub: false")
    b.silent()
    served(a)
    assert a.media.got(5), "no tone"
    bye(a)
    b.reply(b.expect("BYE", 10), 200)


def test_attended_to_a_service(server, pair, phone):
    """Who has asked a room in passes its place on."""
    a, b = pair
    talk(a, b)
    b2 = phone(102, port=5070)
    b2.invite("*44")
    b2.take(b2.expect(200))
    b2.say("ACK", cseq=b2.invite_cseq)
    refer(b, f"sip:*44@{server.domain}?{escaped(b2)}")
    b2.reply(b2.expect("BYE"), 200)
    told(b, "100")
    told(b, "200", last=True)
    served(a)
    bye(b)
    bye(a)


def test_a_service_that_refuses_gives_the_call_back(server, phone):
    a, b = phone(101), phone(102)
    talk(a, b)
    refer(b, f"sip:*28@{server.domain}", status=403)
    refer(b, f"sip:*8@{server.domain}")   # nothing rings that could be picked up
    told(b, "100")
    told(b, "480", last=True)
    a.silent()
    hang_up(a, b)


def test_a_service_is_spoken_to_as_before_by_who_is_not_to_be_asked(server, pair):
    """A device that refuses the question has said enough of itself before."""
    a, b = pair
    _, ok = talk(a, b)
    refer(b, f"sip:*43@{server.domain}")
    told(b, "100")
    told(b, "200", last=True)
    a.reply(a.expect("INVITE"), 488)
    a.expect("ACK")
    assert a.media.hears(lambda: a.media.say(where(ok.body)))
    bye(b)
    bye(a)


def test_to_a_group(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    server.post("/api/ring_groups", {"number": "600", "name": "Sales", "members": [{"extension_id": server.extension("103")["id"]}]})
    for answers in False, True:
        if not answers:
            talk(a, b)
        refer(b, f"sip:600@{server.domain}")
        told(b, "100")
        invite = c.called(c.expect("INVITE"))
        c.reply(invite, 180)
        told(b, "180")
        if not answers:
            c.reply(invite, 486)
            c.expect("ACK")
            told(b, "486", last=True)
    is_put_through(a, b, c, invite)


def test_no_call_of_others_can_be_named(server, phone):
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    c.invite("*43")
    c.take(c.expect(200))
    c.say("ACK", cseq=c.invite_cseq)
    refer(b, f"sip:103@{server.domain}?{escaped(c)}", status=403)
    refer(b, f"sip:103@{server.domain}?{escaped(c)}X", status=202)
    told(b, "100")      # RFC 3515 2.4.4: at once, whatever becomes of it
    told(b, "481", last=True)
    a.silent()
    c.silent()
    hang_up(a, b)
    bye(c)


@pytest.mark.parametrize("target, status", [
    ("sip:103@elsewhere.example;method=BYE", 603), ("http://103/", 416), ("nonsense", 400), ("sip:103@elsewhere.example", 404)])
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
    for headers in ([], [f"Refer-To: <sip:103@{a.domain}>", f"Refer-To: <sip:102@{a.domain}>"]):  # RFC 3515 2.4.2
        assert a.transact("REFER", "101", a.password, f"sip:101@{a.domain}", headers=headers).status == 400
    a.send(a.request("REFER", f"sip:103@{a.domain}", user="101", to_tag="nobody", headers=[f"Refer-To: <sip:103@{a.domain}>"]))
    a.expect(481)
    c.silent()


def test_a_refer_outside_of_the_call_that_it_names(server, phone):
    """RFC 4538: whose call it is, and who has proved to be that, may refer it from another dialog; NOTIFYs come there."""
    a, b, c = phone(101), phone(102), phone(103)
    talk(a, b)
    names = f"{b.call_id};local-tag={b.remote_tag};remote-tag={b.from_tag}"  # as we see that dialog

    def ask(by, dialog, call_id, cseq=1):
        headers = [f"Refer-To: <sip:103@{server.domain}>", f"Target-Dialog: {dialog}", "Require: tdialog"]
        return by.transact("REFER", by.user, by.password, f"sip:{by.user}@{by.domain}", headers=headers, call_id=call_id, from_tag="apart", cseq=cseq)
    stranger = b.request("REFER", f"sip:102@{b.domain}", user="102", headers=[f"Refer-To: <sip:103@{b.domain}>", f"Target-Dialog: {names}"])
    b.send(stranger)
    assert b.expect(407)
    for by, dialog in ((c, names), (a, names), (b, names.replace(b.from_tag, "guessed")), (b, b.call_id), (b, "")):
        assert ask(by, dialog, f"no-{by.user}-{len(dialog)}").status == 403, (by.user, dialog)
    ok = ask(b, names, "apart-1")
    assert ok.status == 202 and ok.get("Contact") and "tdialog" in b.alive().get("Supported"), ok.text
    invite = None
    for sipfrag in ("100", "180", "200"):
        m = b.expect("NOTIFY")
        assert m.get("Call-ID") == "apart-1" and ";tag=apart" in m.get("To") and m.body.startswith(f"SIP/2.0 {sipfrag}"), m.text
        b.reply(m, 200)
        if sipfrag == "100":
            invite = c.called(c.expect("INVITE"))
            c.reply(invite, 180)
        elif sipfrag == "180":
            c.reply(invite, 200, body=c.sdp())
            c.expect("ACK")
    assert m.get("Subscription-State").startswith("terminated")
    introduced(a)
    bye(b)
    hang_up(a, c)
