# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys (DTMF) between two devices that press them in different ways: each is pressed once, in the way the other takes."""
import contextlib
import struct
import time

import numpy
import pytest

from harness import wait
from harness.rawcall import Phone, hang_up, talk
from harness.rtp import Media, packet, where

LOW = {"1": 697, "2": 697, "3": 697, "4": 770, "5": 770, "6": 770, "7": 852, "8": 852, "9": 852, "*": 941, "0": 941, "#": 941}
HIGH = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336, "3": 1477, "6": 1477,
        "9": 1477, "#": 1477}
KEYS = "0123456789*#ABCD"
FRAME = 160


def ulaw(samples):
    """G.711 µ-law of an array of 16 bit samples."""
    x = numpy.clip(numpy.abs(samples), 0, 32635).astype(int) + 132
    exponent = numpy.floor(numpy.log2(x)).astype(int) - 7
    mantissa = (x >> (exponent + 3)) & 15
    return bytes((~(((samples < 0).astype(int) << 7) | (exponent << 4) | mantissa) & 0xff).astype("uint8"))


def linear(data):
    u = ~numpy.frombuffer(data, dtype="uint8").astype(int) & 0xff
    x = (((u & 15) << 3) + 132 << (u >> 4 & 7)) - 132
    return numpy.where(u & 0x80, -x, x).astype(float)


def level_at(pcm, hz):
    t = numpy.arange(len(pcm)) / 8000
    return abs(numpy.sum(pcm * numpy.exp(-2j * numpy.pi * hz * t))) / max(1, len(pcm)) * 2


class Talker:
    """A device whose speech is G.711, a packet each 20 ms, and that presses keys as it is told."""

    def __init__(self, phone, speech=0, events=101, events_hz=8000):
        self.phone, self.media = phone, Media(phone.host, 4000)
        self.speech, self.events, self.hz = speech, events, events_hz
        self.ts, self.heard, self.presses = 8000, [], []

    def meets(self, sdp):
        self.to = where(sdp)
        return self

    def sdp(self):
        line = f"a=rtpmap:{self.events} telephone-event/{self.hz}\r\n" if self.events else ""
        numbers = f"{self.speech}" + (f" {self.events}" if self.events else "")
        return self.phone.sdp(formats=numbers, codecs="") + line

    def send(self, pt, payload, ts, marker=False):
        raw = bytearray(packet(self.media.seq, pt=pt, ts=ts, payload=payload))
        if marker:
            raw[1] |= 0x80
        self.media.seq += 1
        self.media.send(bytes(raw), self.to)

    def say(self, pcm=None):
        self.send(self.speech, ulaw(numpy.zeros(FRAME) if pcm is None else pcm), self.ts)
        self.ts += FRAME

    def listen(self):
        for raw in self.media.all(0.002):
            pt, ts = raw[1] & 0x7f, struct.unpack("!I", raw[4:8])[0]
            if pt == self.events:
                key, end, duration = KEYS[raw[12]], raw[13] >> 7, struct.unpack("!H", raw[14:16])[0]
                if not self.presses or self.presses[-1][:2] != [key, ts]:
                    self.presses.append([key, ts, 0])
                self.presses[-1][2] = max(self.presses[-1][2], duration)
                assert end in (0, 1)
            elif pt == self.speech:
                self.heard.append(linear(raw[12:]))
            else:
                self.heard.append(numpy.full(FRAME, 30000.0))  # what it does not know is noise

    def keys(self):
        return "".join(p[0] for p in self.presses)

    def tone_ms(self, key):
        """How long a key was heard in the voice."""
        pcm = numpy.concatenate(self.heard) if self.heard else numpy.zeros(80)
        pieces = [pcm[i:i + 80] for i in range(0, len(pcm) - 79, 80)]
        return 10 * sum(level_at(p, LOW[key]) > 1500 and level_at(p, HIGH[key]) > 1500 for p in pieces)


def pass_time(*talkers, frames=25):
    for _ in range(frames):
        began = time.monotonic()
        for t in talkers:
            t.say()
            t.listen()
        wait.talk(max(0, began + 0.02 - time.monotonic()))


def press_event(t, other, key, clock=160):
    start = t.ts
    for n in range(1, 6):
        began = time.monotonic()
        for _ in range(3 if n == 5 else 1):
            t.send(t.events, struct.pack("!BBH", KEYS.index(key), (0x80 if n == 5 else 0) | 10, clock * n), start, n == 1)
        t.ts += FRAME
        other.say()
        t.listen()
        other.listen()
        wait.talk(max(0, began + 0.02 - time.monotonic()))
    pass_time(t, other, frames=6)


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


@contextlib.contextmanager
def call(server, addresses, one, two, settings=(None, None)):
    """Two talkers in a call: one calls two."""
    for user, dtmf in zip(("101", "102"), settings):
        if dtmf:
            (account,) = server.get(f"/api/accounts?username={user}")["items"]
            server.api("PATCH", f"/api/accounts/{account['id']}", {"dtmf": dtmf}, expect=200)
    a, b = (Talker(Phone(addresses.new(), server, n), **how) for n, how in ((101, one), (102, two)))
    try:
        invite, ok = talk(a.phone, b.phone, offer=a.sdp(), answer=b.sdp())
        a.meets(ok.body), b.meets(invite.body)
        pass_time(a, b)
        yield a, b
        hang_up(a.phone, b.phone)
    finally:
        for t in a, b:
            t.media.close()
            t.phone.close()


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
    with call(server, addresses, {"events": 96, "events_hz": 48000}, {"events": 101}) as (a, b):
        for key in "5#":
            press_event(a, b, key, clock=960)
        press_event(b, a, "7")
    assert b.keys() == "5#" and a.keys() == "7"
    assert 700 <= b.presses[0][2] <= 900 and 4200 <= a.presses[0][2] <= 5400  # 100 ms in either clock
    assert b.tone_ms("5") == 0 and a.tone_ms("7") == 0


def test_a_device_that_presses_by_its_own_number_is_understood(server, addresses):
    """RFC 3264 5.1 lets each side number as it likes; some send by their own number all the same."""
    with call(server, addresses, {"events": 96}, {"events": 101}) as (a, b):
        press_event(a, b, "4")
        press_event(b, a, "6")
    assert b.keys() == "4" and a.keys() == "6"


def test_events_are_heard_by_one_who_knows_none_and_its_tones_come_as_events(server, addresses):
    with call(server, addresses, {"events": 101}, {"events": None}) as (a, b):
        for key in "15":
            press_event(a, b, key)
        for key in "9*":
            press_tone(b, a, key)
    assert [80 <= b.tone_ms(k) <= 140 for k in "15"] == [True, True]
    assert b.tone_ms("3") == 0  # control: what was not pressed
    assert a.keys() == "9*"
    assert all(a.tone_ms(k) < 40 for k in "9*"), "what came as an event is not heard as well"


def test_keys_go_as_they_come_where_that_is_set(server, addresses):
    """Control: without converting, one who knows no events hears no key, and tones stay tones."""
    with call(server, addresses, {"events": 101}, {"events": None}, ("pass", None)) as (a, b):
        press_event(a, b, "1")
        press_tone(b, a, "9")
    assert b.tone_ms("1") == 0 and a.keys() == ""
    assert a.tone_ms("9") >= 80


@pytest.mark.parametrize("kind", ["application/dtmf-relay", "application/dtmf"])
def test_info_becomes_events_once(server, addresses, kind):
    with call(server, addresses, {"events": None}, {"events": 101}) as (a, b):
        for key in "27":
            press_info(a.phone, key, kind)
            a.phone.expect(200)
            pass_time(a, b, frames=12)
    assert b.keys() == "27"


def test_info_and_events_of_one_press_are_one_key(server, addresses):
    with call(server, addresses, {"events": 101}, {"events": 101}) as (a, b):
        for key in "38":
            press_event(a, b, key)
            press_info(a.phone, key)
            a.phone.expect(200)
            pass_time(a, b, frames=12)
        b.phone.silent()
    assert b.keys() == "38"


def test_events_become_info_for_one_set_so_in_order(server, addresses):
    with call(server, addresses, {"events": 101}, {"events": None}, (None, "info")) as (a, b):
        for key in "1234":
            press_event(a, b, key)
        assert infos(b.phone, 4) == "1234"
        press_info(b.phone, "0")
        b.phone.expect(200)
        pass_time(a, b, frames=12)
    assert a.keys() == "0"
    assert b.tone_ms("1") == 0


def test_tones_become_info_for_one_set_so(server, addresses):
    with call(server, addresses, {"events": None}, {"events": None}, ("inband", "info")) as (a, b):
        press_tone(a, b, "6")
        assert infos(b.phone, 1) == "6"
    assert b.tone_ms("6") < 40
