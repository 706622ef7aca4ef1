# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone by hand that talks and listens: G.711 by the packet, and keys as events.  What it heard is measured afterwards."""
import contextlib
import struct
import time

import numpy

from . import wait
from .rawcall import Phone, hang_up, talk
from .rtp import Media, packet, where

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
        self.ts, self.says_hz, self.heard, self.presses, self.numbers = 8000, None, [], [], []

    def meets(self, sdp):
        self.to = where(sdp)
        return self

    def calls(self, number):
        p = self.phone
        p.invite(number, body=self.sdp())
        ok = p.take(p.expect(200))
        p.say("ACK", cseq=p.invite_cseq)
        return self.meets(ok.body)

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
            pt, (seq, ts, ssrc) = raw[1] & 0x7f, struct.unpack("!HII", raw[2:12])
            self.numbers.append((ssrc, seq))
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

    def hears(self, hz, last_ms=400):
        """Is that frequency what it heard lately, loud and more than anything else?"""
        frames = self.heard[-last_ms // 20:]
        if not frames:
            return False
        pcm = numpy.concatenate(frames)
        return level_at(pcm, hz) > 500 and level_at(pcm, hz) ** 2 / 2 > 0.5 * numpy.mean(pcm ** 2)

    def hears_one_stream(self):
        """One SSRC since the call began, and each packet the next of its sequence: whoever spoke."""
        ssrc, first = self.numbers[0]
        return self.numbers == [(ssrc, first + i & 0xffff) for i in range(len(self.numbers))]

    def keys(self):
        return "".join(p[0] for p in self.presses)


def tone(hz, at, n=FRAME):
    """n samples of a tone, that sample `at` is the first of."""
    return 8000 * numpy.sin(2 * numpy.pi * hz * (at + numpy.arange(n)) / 8000)


def pass_time(*talkers, frames=25):
    """All talk and listen for so many packets; who has `says_hz` says that."""
    for _ in range(frames):
        began = time.monotonic()
        for t in talkers:
            t.say(tone(t.says_hz, t.ts) if t.says_hz else None)
            t.listen()
        wait.talk(max(0, began + 0.02 - time.monotonic()))


@contextlib.contextmanager
def talking(server, addresses, one=None, two=None):
    """Two talkers in a call: 101 calls 102."""
    a, b = (Talker(Phone(addresses.new(), server, n), **(how or {})) for n, how in ((101, one), (102, two)))
    try:
        invite, ok = talk(a.phone, b.phone, offer=a.sdp(), answer=b.sdp())
        a.meets(ok.body)
        b.meets(invite.body)
        pass_time(a, b)
        yield a, b
        hang_up(a.phone, b.phone)
    finally:
        for t in a, b:
            t.media.close()
            t.phone.close()


def press_key(t, key, other=None, clock=160):
    """A key as events (RFC 4733), 100 ms long, its last packet three times; then as long again nothing."""
    start = t.ts
    for n in range(1, 6):
        began = time.monotonic()
        for _ in range(3 if n == 5 else 1):
            t.send(t.events, struct.pack("!BBH", KEYS.index(key), (0x80 if n == 5 else 0) | 10, clock * n), start, n == 1)
        t.ts += FRAME
        if other:
            other.say()
            other.listen()
        t.listen()
        wait.talk(max(0, began + 0.02 - time.monotonic()))
    pass_time(*[x for x in (t, other) if x], frames=6)
