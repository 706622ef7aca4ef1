# SPDX-License-Identifier: GPL-3.0-or-later
"""What the records say of a call's media: how it sounded, and who was not heard and why."""
import contextlib
import os
import sqlite3
import time

import pytest

from harness import wait
from harness.rawcall import hang_up, talk
from harness.rtp import packet, where

TALK_S = 3.4
ICE = ["a=setup:active", "a=rtcp-mux", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)]


def sound(seq):
    return packet(seq)


def talk_for(server, a, b, *, says_a=sound, says_b=sound, seconds=TALK_S, **how):
    """They send every 20 ms for a while; the records of the call and of its legs."""
    invite, ok = talk(a, b, **how)
    to_a, to_b = where(ok.body), where(invite.body)
    begin = time.monotonic()
    for i in range(int(seconds * 50)):
        if says_a:
            a.media.send(says_a(i), to_a)
        if says_b:
            b.media.send(says_b(i), to_b)
        time.sleep(max(0, begin + 0.02 * (i + 1) - time.monotonic()))  # the pace of a phone
    hang_up(a, b)
    legs = wait.until(lambda: closed_legs(server), why="the records of both legs")
    (call,) = server.cdrs()
    return call, legs


def closed_legs(server):
    """By side, from the database: once both are written with their counters, the call is too."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'offhook.db'}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        legs = {leg["side"]: dict(leg) for leg in db.execute("SELECT * FROM cdr_legs WHERE ended_at > 0")}
    return legs if len(legs) == 2 else None


def test_a_clean_call_has_numbers_and_no_fault(server, pair):
    call, legs = talk_for(server, *pair)
    assert call["media_fault"] == ""
    for leg in legs.values():
        assert leg["rx_packets"] >= 150 and leg["tx_packets"] >= 150
        assert leg["r_factor"] >= 80 and leg["mos_x100"] >= 400 and leg["media_fault"] == ""


def test_lost_packets_are_counted_and_judged(server, pair):
    a, b = pair
    call, legs = talk_for(server, a, b, says_a=lambda i: packet(i if i % 5 else i + 1))
    assert legs["caller"]["mos_x100"] < legs["callee"]["mos_x100"]


def dtls(phone, *lines):
    return phone.sdp(formats="0").replace("RTP/AVP", "UDP/TLS/RTP/SAVPF") + "\r\n".join([*ICE, *lines, ""])


def sdes(phone):
    return phone.sdp(formats="0").replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"


@pytest.mark.parametrize("fault, how", [
    ("no_packets", lambda a: dict(says_a=None)),
    ("private_address", lambda a: dict(says_a=None, offer=a.sdp().replace(f"c=IN IP4 {a.host}", "c=IN IP4 10.9.8.7"))),
    ("codec_mismatch", lambda a: dict(says_a=lambda i: packet(i, pt=3))),
    ("bad_keys", lambda a: dict(says_a=lambda i: packet(i, payload=os.urandom(170)), offer=sdes(a))),
    ("no_ice", lambda a: dict(says_a=sound, offer=dtls(a, "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"))),
    ("dtls_stalled", lambda a: dict(says_a=sound, offer=dtls(a))),
], ids=lambda v: v if isinstance(v, str) else "")
def test_who_is_not_heard_is_told_with_the_reason(server, pair, fault, how):
    a, b = pair
    call, legs = talk_for(server, a, b, **how(a))
    assert legs["caller"]["media_fault"] == fault and legs["callee"]["media_fault"] == ""
    expected = f"{fault}: caller" if fault == "codec_mismatch" else f"one_way: caller {fault}"
    assert call["media_fault"] == expected


def test_a_call_that_nobody_hears_is_silent(server, pair):
    call, legs = talk_for(server, *pair, says_a=None, says_b=None)
    assert call["media_fault"].startswith("silent: ")
    assert {leg["media_fault"] for leg in legs.values()} == {"no_packets"}


def test_a_short_call_is_not_judged(server, pair):
    call, _ = talk_for(server, *pair, says_a=None, seconds=0.5)
    assert call["media_fault"] == ""
