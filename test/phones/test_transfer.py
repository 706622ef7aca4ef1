# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers asked for by real phones: who hears whom afterwards, and what is written down."""
import pytest

from harness import transfers

PROTECTED = {"extra": ";mediaenc=srtp-mand", "modules": ["srtp"]}


@pytest.mark.parametrize("transport, transferor_called", [("udp", False), ("tcp", True), ("tls", False)])
def test_a_blind_transfer_is_heard_both_ways(server, phones, transport, transferor_called):
    """Over TLS with keys that all insist on (ACC-7): what we offer anew leaves those in force."""
    how = {"transport": transport, **(PROTECTED if transport == "tls" else {})}
    for account in server.get("/api/accounts")["items"] if transport == "tls" else []:
        server.api("PATCH", f"/api/accounts/{account['id']}", {"srtp": "required"}, expect=200)
    a = phones("101", server, tone_hz=440, **how).registered()
    b = phones("102", server, tone_hz=1000, **how).registered()
    c = phones("103", server, tone_hz=1300, **how).registered()
    by, whom = (a, b) if transferor_called else (b, a)
    tone = 1000 if transferor_called else 440
    a.dial(f"sip:102@{server.domain}")
    transfers.taken(b)
    a.wait_for("CALL_ESTABLISHED")
    transfers.blind(by, f"sip:103@{server.domain}", c)
    transfers.hung_up(whom, c)
    assert transfers.last_of(whom.recordings()[-1], 1300) >= 0.8
    assert transfers.last_of(c.recordings()[-1], tone) >= 0.8
    first, second = transfers.records(server, by.user)
    assert (second["caller"], second["callee"], second["status"]) == (whom.user, "103", "answered")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_an_attended_transfer_by_linphone_is_heard_both_ways(server, phones, linphones, transport):
    a = linphones("101", server, tone_hz=440, transport=transport).registered()
    b = linphones("102", server, tone_hz=1000, transport=transport).registered()
    c = phones("103", server, tone_hz=1300, transport=transport).registered()
    assert [r["transport"] for r in server.get("/api/registrations")["items"]] == [transport] * 3
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    a.wait_for("Media streams established")
    transfers.attended(server, b, c)
    transfers.hung_up(c)
    assert transfers.last_of(a.heard_path, 1300) >= 0.7
    assert transfers.last_of(c.recordings()[-1], 440) >= 0.8
    transfers.records(server, "102")
