# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers asked for by real phones: who hears whom afterwards, and what is written down."""
import pytest

from harness import tones, wait

TALK_S = 3.0


def heard_last(phone, hz, seconds=TALK_S):
    """The share of the last seconds of its recording in which it heard that."""
    pattern = tones.pattern(phone.recordings()[-1], hz)
    last = pattern[-int(seconds * 10):]
    return last.count("1") / max(1, len(last))


def talking(a, b, uri):
    a.dial(uri)
    b.wait_for("CALL_INCOMING")
    b.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_ESTABLISHED")


@pytest.mark.parametrize("transferor_called", [False, True])
def test_a_blind_transfer_is_heard_both_ways(server, phones, transferor_called):
    a = phones("101", server, tone_hz=440).registered()
    b = phones("102", server, tone_hz=1000).registered()
    c = phones("103", server, tone_hz=1300).registered()
    by, whom = (a, b) if transferor_called else (b, a)
    tone = 1000 if transferor_called else 440
    talking(a, b, f"sip:102@{server.domain}")
    wait.talk(1)
    by.command("transfer", f"sip:103@{server.domain}")
    c.wait_for("CALL_INCOMING")
    c.answer()
    c.wait_for("CALL_ESTABLISHED")
    by.wait_for("CALL_CLOSED")
    wait.talk(TALK_S + 1)
    whom.hangup()
    c.wait_for("CALL_CLOSED")
    assert heard_last(whom, 1300) >= 0.8
    assert heard_last(c, tone) >= 0.8
    second, first = server.cdrs(2)
    assert (first["reason"], first["transferred_to"]) == ("transferred", second["id"])
    assert (second["transferred_from"], second["transferred_by"]) == (first["id"], by.user)
    assert (second["caller"], second["callee"], second["status"]) == (whom.user, "103", "answered")


def test_an_attended_transfer_by_linphone_is_heard_both_ways(server, phones, linphones):
    a = linphones("101", server, tone_hz=440).registered()
    b = linphones("102", server, tone_hz=1000).registered()
    c = phones("103", server, tone_hz=1300).registered()
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    a.wait_for("Media streams established")
    b.command("pause")
    b.dial(f"sip:103@{server.domain}")
    c.wait_for("CALL_INCOMING")
    c.answer()
    c.wait_for("CALL_ESTABLISHED")
    b.wait_for("Call 2 to")
    b.command("transfer 1 --to-call 2")
    wait.until(lambda: any(r["reason"] == "transferred" for r in server.get("/api/cdrs")["items"]), 15, why="the transfer")
    wait.talk(TALK_S + 1)
    c.hangup()
    c.wait_for("CALL_CLOSED")
    last = tones.pattern(a.heard_path, 1300)[-int(TALK_S * 10):]
    assert last.count("1") >= 0.7 * len(last), last
    assert heard_last(c, 440) >= 0.8
    second, first = server.cdrs(2)
    assert (first["reason"], first["transferred_to"]) == ("transferred", second["id"])
    assert (second["transferred_from"], second["transferred_by"]) == (first["id"], "102")
