# SPDX-License-Identifier: GPL-3.0-or-later
"""WEB-3: who calls from outside is shown with the name that a phone book of the called extension has."""
from harness import wait

THEIRS = "00441632960001"


def contact(server, groups=(), **fields):
    book = server.post("/api/phone_books", {"name": f"book {len(fields)}", "groups": [{"group_id": g} for g in groups]})
    return server.post("/api/contacts", {"phone_book_id": book["id"], "number": "+44 1632 960001", **fields})


def rung_by(gate, phone, name="Provider's name"):
    """What the phone is shown of a call from outside."""
    gate.invite("442070000101", headers=[f'P-Asserted-Identity: "{name}" <sip:+441632960001@{gate.host}>'])
    invite = phone.called(phone.expect("INVITE"))
    phone.reply(invite, 486)
    phone.expect("ACK")
    gate.refused(486)
    return invite


def test_the_name_of_the_phone_book_is_shown_and_the_record_keeps_what_came(server, gateway, phone):
    a = phone(101)
    gate = gateway(trust_identity=True)
    before = rung_by(gate, a)
    assert '"Provider\'s name"' in before.get("From")
    made = contact(server, first_name="Ada", last_name="Long")
    invite = rung_by(gate, a)
    assert '"Ada Long"' in invite.get("From") and "1632960001" in invite.get("From")
    (cdr, _) = server.cdrs(2)
    assert cdr["caller_name"] == "Provider's name"
    server.api("DELETE", f"/api/contacts/{made['id']}", expect=204)
    assert '"Provider\'s name"' in rung_by(gate, a).get("From")


def test_who_does_not_see_the_phone_book_is_not_shown_it(server, gateway, phone):
    a = phone(101)
    gate = gateway(trust_identity=True)
    group = server.post("/api/extension_groups", {"name": "others"})["id"]
    contact(server, groups=[group], last_name="Hidden")
    assert "Hidden" not in rung_by(gate, a).text
    extension = server.extension("101")
    server.api("PATCH", f"/api/extensions/{extension['id']}", {"member_of": [{"group_id": group}]}, expect=200)
    assert '"Hidden"' in rung_by(gate, a).get("From")


def test_who_asks_for_privacy_is_not_named(server, gateway, phone):
    a = phone(101)
    gate = gateway(trust_identity=True)
    contact(server, last_name="Hidden")
    gate.invite("442070000101", headers=[f'P-Asserted-Identity: <sip:+441632960001@{gate.host}>', "Privacy: id"])
    invite = a.called(a.expect("INVITE"))
    assert "Hidden" not in invite.text and "Anonymous" in invite.get("From")
    a.reply(invite, 486)
    a.expect("ACK")
    gate.refused(486)


def test_who_is_called_outside_is_named_when_it_answers(server, gateway, phone):
    a = phone(101)
    gate = gateway()
    contact(server, company="Acme", mobile="9 01632 960 777")
    a.invite("901632960777")
    gate.called(invite := gate.expect("INVITE"))
    gate.reply(invite, 200, body=gate.sdp())
    gate.expect("ACK")
    ok = a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    assert '"Acme"' in ok.get("P-Asserted-Identity", "")
    a.say("BYE")
    a.expect(200)
    gate.reply(gate.expect("BYE"), 200)
