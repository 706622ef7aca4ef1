# SPDX-License-Identifier: GPL-3.0-or-later
"""Protected media with real phones: SDES-SRTP offered, refused and required (ACC-7).  Who hears whom: test_pairings.py."""
import pytest

from harness import wait
from harness.muted import muted_is_noticed

TALK_S = 3.0
HEARD = 0.9
EDGE = {"skip_s": 0.4, "cut_s": 0.4}
SRTP = {"extra": ";mediaenc=srtp-mand", "modules": ["srtp"]}  # RTP/SAVP, and nothing else
BEST_EFFORT = {"extra": ";mediaenc=srtp", "modules": ["srtp"]}  # keys beside RTP/AVP


def set_srtp(server, extension, use):
    account = next(a for a in server.get("/api/accounts")["items"] if a["username"] == str(extension))
    server.api("PATCH", f"/api/accounts/{account['id']}", {"srtp": use}, expect=200)


def talk(a, b, uri):
    a.dial(uri)
    b.wait_for("CALL_INCOMING")
    b.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    a.hangup()
    b.wait_for("CALL_CLOSED")
    a.wait_for("CALL_CLOSED")


def both_heard(a, b):
    assert a.heard(1000, **EDGE) >= HEARD
    assert b.heard(440, **EDGE) >= HEARD
    assert a.heard(440) == 0 and b.heard(1000) == 0


def is_protected(phone):
    return b"SRTP is Enabled" in (phone.dir / "log").read_bytes()


@pytest.mark.parametrize("b_has", [{}, BEST_EFFORT])
def test_a_phone_that_offers_keys_beside_plain_is_answered_with_keys(server, phones, b_has):
    a = phones("101", server, tone_hz=440, **BEST_EFFORT).registered()
    b = phones("102", server, tone_hz=1000, **b_has).registered()
    talk(a, b, f"sip:102@{server.domain}")
    both_heard(a, b)
    assert is_protected(a)
    assert not is_protected(b), "over UDP it was offered none"


def test_keys_are_offered_where_signalling_is_encrypted(server, phones):
    a = phones("101", server, tone_hz=440).registered()
    b = phones("102", server, tone_hz=1000, transport="tls", **BEST_EFFORT).registered()
    talk(a, b, f"sip:102@{server.domain}")
    both_heard(a, b)
    assert is_protected(b) and not is_protected(a)


def test_required_refuses_a_plain_offer(server, phones):
    set_srtp(server, 101, "required")
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    a.dial(f"sip:102@{server.domain}")
    closed = a.wait_for("CALL_CLOSED")
    assert closed["param"].startswith("488"), closed
    assert not b.saw("CALL_INCOMING")


def test_off_refuses_what_is_protected_only(server, phones):
    set_srtp(server, 101, "off")
    a = phones("101", server, **SRTP).registered()
    a.dial(f"sip:*43@{server.domain}")
    assert a.wait_for("CALL_CLOSED")["param"].startswith("488")


def test_echo_speaks_srtp(server, phones):
    a = phones("101", server, tone_hz=440, **SRTP).registered()
    a.dial(f"sip:*43@{server.domain}")
    a.talks(TALK_S)
    assert a.heard(440, **EDGE) >= HEARD
    assert is_protected(a)


def test_a_required_linphone_is_offered_keys(server, phones, linphones):
    set_srtp(server, 103, "required")
    lin = linphones("103", server, tone_hz=600, media_encryption="srtp").registered()
    a = phones("101", server, tone_hz=440).registered()
    a.dial(f"sip:103@{server.domain}")
    lin.answer()
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    lin.hangup()
    a.wait_for("CALL_CLOSED")
    assert a.heard(600, **EDGE) >= HEARD
    assert a.heard(440) == 0


def test_a_muted_protected_phone_is_not_heard(server, phones):
    """Negative control of the oracle over SRTP."""
    a = phones("101", server, tone_hz=440, **SRTP).registered()
    b = phones("102", server, tone_hz=1000).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    b.wait_for("CALL_ESTABLISHED")
    a.wait_for("CALL_ESTABLISHED")
    muted_is_noticed(a, b, TALK_S, HEARD, **EDGE)
