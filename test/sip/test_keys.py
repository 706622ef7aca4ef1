# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys (DTMF) between two devices that press them in different ways: each is pressed once, in the way the other takes."""
import time

import numpy
import pytest

from harness import wait
from harness.talker import FRAME, level_at, pass_time, press_key, talking

LOW = {"1": 697, "2": 697, "3": 697, "4": 770, "5": 770, "6": 770, "7": 852, "8": 852, "9": 852, "*": 941, "0": 941, "#": 941}
HIGH = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336, "3": 1477, "6": 1477,
        "9": 1477, "#": 1477}


def tone_ms(t, key):
    """How long a key was heard in the voice."""
    pcm = numpy.concatenate(t.heard) if t.heard else numpy.zeros(80)
    pieces = [pcm[i:i + 80] for i in range(0, len(pcm) - 79, 80)]
    return 10 * sum(level_at(p, LOW[key]) > 1500 and level_at(p, HIGH[key]) > 1500 for p in pieces)


def press_tone(t, other, key):
    n = numpy.arange(FRAME * 5) + 0
    tone = 6000 * (numpy.sin(2 * numpy.pi * LOW[key] * n / 8000) + numpy.sin(2 * numpy.pi * HIGH[key] * n / 8000))
    for i in range(5):
        began = time.monotonic()
        t.say(tone[i * FRAME:(i + 1) * FRAME])
        other.say()
        t.listen()
        other.listen()
        wait.talk(max(0, began + 0.02 - time.monotonic()))
    pass_time(t, other, frames=6)


def press_info(phone, key, kind="application/dtmf-relay"):
    body = f"Signal={key}\r\nDuration=160\r\n" if kind.endswith("relay") else key
    phone.cseq += 1
    text = phone.request("INFO", phone.target, user=phone.user, to=phone.remote, call_id=phone.call_id, cseq=phone.cseq,
                         from_tag=phone.from_tag, to_tag=phone.remote_tag, headers=phone.routes, body=body)
    phone.send(text.replace("Content-Type: application/sdp", f"Content-Type: {kind}"))


def passes_as_it_is(a, b):
    """Is what a says relayed, bit for bit?  Minus zero does not outlive a decoder."""
    before, came = bytes([0x7f, 0xff] * (FRAME // 2)), []
    for _ in range(20):
        a.send(a.speech, before, a.ts)
        a.ts += FRAME
        came += [raw[12:] for raw in b.media.all(0.02)]
    return before in came


def set_dtmf(server, user, how):
    (account,) = server.get(f"/api/accounts?username={user}")["items"]
    server.api("PATCH", f"/api/accounts/{account['id']}", {"dtmf": how}, expect=200)


def infos(phone, n):
    """The keys that came by INFO, each acknowledged."""
    keys = ""
    for _ in range(n):
        m = phone.expect("INFO")
        assert m.get("Content-Type") == "application/dtmf-relay"
        keys += m.body.split("Signal=")[1].split("\r")[0]
        phone.reply(m, 200)
    phone.silent()
    return keys


def test_events_of_another_number_and_clock_are_made_the_others(server, addresses):
    with talking(server, addresses, {"events": 96, "events_hz": 48000}, {"events": 101}) as (a, b):
        for key in "5#":
            press_key(a, key, b, clock=960)
        press_key(b, "7", a)
    assert b.keys() == "5#" and a.keys() == "7"
    assert 700 <= b.presses[0][2] <= 900 and 4200 <= a.presses[0][2] <= 5400  # 100 ms in either clock
    assert tone_ms(b, "5") == 0 and tone_ms(a, "7") == 0


def test_a_device_that_presses_by_its_own_number_is_understood(server, addresses):
    """RFC 3264 5.1 lets each side number as it likes; some send by their own number all the same."""
    with talking(server, addresses, {"events": 96}, {"events": 101}) as (a, b):
        press_key(a, "4", b)
        press_key(b, "6", a)
    assert b.keys() == "4" and a.keys() == "6"


def test_events_are_heard_by_one_who_knows_none_and_nothing_is_decoded_for_it(server, addresses):
    with talking(server, addresses, {"events": 101}, {"events": None}) as (a, b):
        assert passes_as_it_is(a, b) and passes_as_it_is(b, a)
        for key in "155":
            press_key(a, key, b)
            pass_time(a, b, frames=6)
        press_tone(b, a, "9")
        assert passes_as_it_is(a, b) and passes_as_it_is(b, a)
    assert 80 <= tone_ms(b, "1") <= 140 and 180 <= tone_ms(b, "5") <= 260
    assert tone_ms(b, "3") == 0  # control: what was not pressed
    assert a.keys() == "" and tone_ms(a, "9") >= 80


def test_events_are_heard_by_one_set_to_tones_and_its_tones_come_as_events(server, addresses):
    set_dtmf(server, "102", "inband")
    with talking(server, addresses, {"events": 101}, {"events": None}) as (a, b):
        assert not passes_as_it_is(a, b)  # control of the measure: keys are looked for in the voice
        for key in "15":
            press_key(a, key, b)
        for key in "9*":
            press_tone(b, a, key)
    assert [80 <= tone_ms(b, k) <= 140 for k in "15"] == [True, True]
    assert tone_ms(b, "3") == 0  # control: what was not pressed
    assert a.keys() == "9*"
    assert all(tone_ms(a, k) < 40 for k in "9*"), "what came as an event is not heard as well"


def test_keys_go_as_they_come_where_that_is_set(server, addresses):
    """Control: without converting, one who knows no events hears no key, and tones stay tones."""
    set_dtmf(server, "101", "pass")
    with talking(server, addresses, {"events": 101}, {"events": None}) as (a, b):
        press_key(a, "1", b)
        press_tone(b, a, "9")
    assert tone_ms(b, "1") == 0 and a.keys() == ""
    assert tone_ms(a, "9") >= 80


@pytest.mark.parametrize("kind", ["application/dtmf-relay", "application/dtmf"])
def test_info_becomes_events_once(server, addresses, kind):
    with talking(server, addresses, {"events": None}, {"events": 101}) as (a, b):
        for key in "27":
            press_info(a.phone, key, kind)
            a.phone.expect(200)
            pass_time(a, b, frames=12)
        assert passes_as_it_is(a, b) and passes_as_it_is(b, a)
    assert b.keys() == "27"


def test_info_is_heard_by_one_who_knows_no_events(server, addresses):
    with talking(server, addresses, {"events": None}, {"events": None}) as (a, b):
        for key in "27":
            press_info(a.phone, key)
            a.phone.expect(200)
            pass_time(a, b, frames=12)
        assert passes_as_it_is(a, b)
    assert [80 <= tone_ms(b, k) <= 140 for k in "27"] == [True, True]


def test_info_and_events_of_one_press_are_one_key(server, addresses):
    with talking(server, addresses, {"events": 101}, {"events": 101}) as (a, b):
        for key in "38":
            press_key(a, key, b)
            press_info(a.phone, key)
            a.phone.expect(200)
            pass_time(a, b, frames=12)
        b.phone.silent()
    assert b.keys() == "38"


def test_events_become_info_for_one_set_so_in_order(server, addresses):
    set_dtmf(server, "102", "info")
    with talking(server, addresses, {"events": 101}, {"events": None}) as (a, b):
        for key in "1234":
            press_key(a, key, b)
        assert infos(b.phone, 4) == "1234"
        assert passes_as_it_is(a, b) and passes_as_it_is(b, a)
        press_info(b.phone, "0")
        b.phone.expect(200)
        pass_time(a, b, frames=12)
    assert a.keys() == "0"
    assert tone_ms(b, "1") == 0


def test_tones_become_info_for_one_set_so(server, addresses):
    set_dtmf(server, "101", "inband")
    set_dtmf(server, "102", "info")
    with talking(server, addresses, {"events": None}, {"events": None}) as (a, b):
        press_tone(a, b, "6")
        assert infos(b.phone, 1) == "6"
    assert tone_ms(b, "6") < 40
