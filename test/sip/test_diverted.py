# SPDX-License-Identifier: GPL-3.0-or-later
"""The way a call has come: told to whom it rings, believed of those who are trusted (RFC 5806, RFC 7044)."""
import re

import pytest

from harness.rawcall import hang_up, talk

BROUGHT = ["Diversion: <sip:555@pbx.example>;reason=user-busy;counter=1, <sip:554@pbx.example>;reason=no-answer",
           "History-Info: <sip:554@pbx.example?Reason=SIP%3Bcause%3D408>;index=1",
           "History-Info: <sip:555@pbx.example>;index=1.1;mp=1"]


def forward(server, extension, to, cause):
    rows = {x["number"]: x["id"] for x in server.get("/api/extensions")["items"]}
    server.api("PATCH", f"/api/extensions/{rows[str(extension)]}", {"forwards": [
        {"cause": cause, "destination": {"kind": "extension", "id": rows[str(to)]}}]}, expect=200)


def trust(server, extension):
    mine = next(x for x in server.get("/api/accounts")["items"] if x["username"] == str(extension))
    server.api("PATCH", f"/api/accounts/{mine['id']}", {"trust_identity": True}, expect=200)


def entries(message):
    """[(number, cause, index, mp)] of its History-Info."""
    found = []
    for value in message.all("History-Info"):
        uri, params = re.match(r"<([^>]*)>(.*)", value).groups()
        cause = re.search(r"cause%3D(\d+)", uri)
        given = dict(p.split("=") for p in params.strip(";").split(";"))
        found.append((re.match(r"sips?:([^@]*)@", uri).group(1), cause and int(cause.group(1)), given["index"], given.get("mp")))
    return found


def answer_and_part(a, b, invite):
    b.reply(invite, 200, body=b.sdp())
    b.expect("ACK")
    ok = a.next()
    while ok.status < 200:
        ok = a.next()
    a.take(ok)
    a.say("ACK", cseq=a.invite_cseq)
    hang_up(a, b)


def test_a_call_that_is_sent_on_says_where_from_and_why(server, phone):
    forward(server, 102, 103, "busy")
    a, b, c = phone(101), phone(102), phone(103)
    a.invite("102")
    b.reply(b.expect("INVITE"), 486)
    b.expect("ACK")
    invite = c.called(c.expect("INVITE"))
    assert re.match(r"<sip:102@[^>]*>;reason=user-busy;counter=1$", invite.get("Diversion"))
    assert entries(invite) == [("102", 486, "1", None), ("103", None, "1.1", "1")]
    answer_and_part(a, c, invite)


def test_a_call_that_was_not_sent_on_says_nothing(phone):
    a, b = phone(101), phone(102)
    invite, _ = talk(a, b)
    assert not invite.get("Diversion") and not invite.get("History-Info")
    hang_up(a, b)


def test_what_a_trusted_device_brings_is_passed_and_gone_on_from(server, phone):
    trust(server, 101)
    forward(server, 102, 103, "busy")
    a, b, c = phone(101), phone(102), phone(103)
    a.invite("102", headers=BROUGHT)
    invite = b.called(b.expect("INVITE"))
    assert [v.split(">")[0] for v in invite.all("Diversion")] == ["<sip:555@pbx.example", "<sip:554@pbx.example"]
    assert entries(invite) == [("554", 408, "1", None), ("555", None, "1.1", "1"), ("102", None, "1.1.1", None)]
    b.reply(invite, 486)
    b.expect("ACK")
    invite = c.called(c.expect("INVITE"))
    assert [re.search(r"sip:(\d+)@", v).group(1) for v in invite.all("Diversion")] == ["102", "555", "554"]
    assert entries(invite)[2:] == [("102", 486, "1.1.1", None), ("103", None, "1.1.1.1", "1.1.1")]
    answer_and_part(a, c, invite)


@pytest.mark.parametrize("private", [False, True])
def test_what_is_not_believed_or_not_to_be_named_is_passed_to_nobody(server, phone, private):
    if private:
        trust(server, 101)
    a, b = phone(101), phone(102)
    invite, _ = talk(a, b, invite_headers=BROUGHT + (["Privacy: id"] if private else []))
    assert not invite.get("Diversion") and not invite.get("History-Info")
    hang_up(a, b)


@pytest.mark.parametrize("odd", ["History-Info: <sip:554@pbx.example>;index=1.x", "History-Info: <sip:554@pbx.example>",
                                 "History-Info: " + ", ".join(f"<sip:{i}@x>;index={i}" for i in range(1, 30)),
                                 "History-Info: <sip:" + "5" * 3000 + "@x>;index=1", "History-Info: ;;;<", "Diversion: <<",
                                 "History-Info: <sip:554@x>;index=" + "1." * 100 + "1"])
def test_a_way_that_cannot_be_read_is_left_out(server, phone, odd):
    trust(server, 101)
    forward(server, 102, 103, "busy")
    a, b, c = phone(101), phone(102), phone(103)
    a.invite("102", headers=[odd])
    invite = b.called(b.expect("INVITE"))
    assert not invite.get("Diversion") and not invite.get("History-Info")
    b.reply(invite, 486)
    b.expect("ACK")
    invite = c.called(c.expect("INVITE"))
    assert entries(invite) == [("102", 486, "1", None), ("103", None, "1.1", "1")]
    answer_and_part(a, c, invite)
