# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS-SRTP with phones that do not speak ICE: baresip and linphone, as who calls and as who is called, beside plain and SDES."""
import pytest

from harness import tones, wait

TALK_S = 3.0
HEARD = 0.9
EDGE = {"skip_s": 0.6, "cut_s": 0.5}
PLAIN = {}
SDES = {"extra": ";mediaenc=srtp-mand", "modules": ["srtp"]}
DTLS = {"extra": ";mediaenc=dtls_srtp", "modules": ["dtls_srtp"]}


def set_account(server, extension, **fields):
    account = next(a for a in server.get("/api/accounts")["items"] if a["username"] == str(extension))
    server.api("PATCH", f"/api/accounts/{account['id']}", fields, expect=200)


def wants(server, extension, how):
    """What is offered to who is called."""
    if how is DTLS:
        set_account(server, extension, srtp_keys="dtls")
    elif how is SDES:
        set_account(server, extension, srtp="required")


def has_dtls(phone):
    return b"DTLS-SRTP complete" in (phone.dir / "log").read_bytes()


@pytest.mark.parametrize("a_has, b_has", [(DTLS, PLAIN), (PLAIN, DTLS), (DTLS, DTLS), (DTLS, SDES), (SDES, DTLS)],
                         ids=["dtls-plain", "plain-dtls", "dtls-dtls", "dtls-sdes", "sdes-dtls"])
def test_phones_hear_each_other(server, phones, a_has, b_has):
    wants(server, 102, b_has)
    a = phones("101", server, tone_hz=440, **a_has).registered()
    b = phones("102", server, tone_hz=1000, **b_has).registered()
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    a.hangup()
    b.wait_for("CALL_CLOSED")
    a.wait_for("CALL_CLOSED")
    assert a.heard(1000, **EDGE) >= HEARD
    assert b.heard(440, **EDGE) >= HEARD
    assert has_dtls(a) == (a_has is DTLS) and has_dtls(b) == (b_has is DTLS)


@pytest.mark.parametrize("caller", ["linphone", "baresip"])
def test_linphone_with_dtls_and_a_plain_baresip_hear_each_other(server, phones, linphones, caller):
    wants(server, 103, DTLS)
    lin = linphones("103", server, tone_hz=600, media_encryption="dtls").registered()
    b = phones("102", server, tone_hz=1000).registered()
    if caller == "linphone":
        lin.dial(f"sip:102@{server.domain}")
        b.wait_for("CALL_INCOMING")
        b.answer()
    else:
        b.dial(f"sip:103@{server.domain}")
        lin.answer()
    b.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    b.hangup()
    b.wait_for("CALL_CLOSED")
    server.cdrs()
    lin.stop()
    assert b.heard(600, **EDGE) >= HEARD
    assert tones.pattern(lin.heard_path, 1000).count("1") >= HEARD * (TALK_S - 1.0) * 10
