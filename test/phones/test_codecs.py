# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones that share no codec hear each other; those that share one are passed through."""
import pytest

from harness import wait
from harness.muted import muted_is_noticed

HEARD = 0.9
EDGE = {"skip_s": 0.8, "cut_s": 0.3}
TALK_S = 4


def only(codec):
    return {"modules": {"G722": ("g722",), "opus": ("opus",), "GSM": ("gsm",), "G726": ("g726",)}.get(codec.split("/")[0].split("-")[0], ()),
            "extra": f";audio_codecs={codec}"}


@pytest.mark.parametrize("caller,callee", [("PCMU", "PCMA"), ("PCMU", "G722/16000/1"), ("opus/48000/2", "PCMA"), ("PCMA", "GSM")])
def test_phones_without_a_common_codec_hear_each_other(server, phones, caller, callee):
    a = phones("101", server, tone_hz=440, **only(caller)).registered()
    b = phones("102", server, tone_hz=1000, answer="auto", **only(callee)).registered()
    a.dial(f"sip:102@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    wait.talk(TALK_S)
    a.hangup()
    b.wait_for("CALL_CLOSED")
    assert a.heard(1000, **EDGE) >= HEARD
    assert b.heard(440, **EDGE) >= HEARD
    assert a.heard(440) == 0 and b.heard(1000) == 0
    (cdr,) = server.cdrs()
    assert cdr["status"] == "answered"


def test_a_muted_phone_is_not_heard_through_the_conversion(server, phones):
    """Control: the measure fails when a direction is muted."""
    a = phones("101", server, tone_hz=440, **only("PCMU")).registered()
    b = phones("102", server, tone_hz=1000, answer="auto", **only("G722/16000/1")).registered()
    a.dial(f"sip:102@{server.domain}")
    a.wait_for("CALL_ESTABLISHED")
    muted_is_noticed(a, b, TALK_S, HEARD, **EDGE)
