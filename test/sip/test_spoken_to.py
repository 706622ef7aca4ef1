# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that the server itself speaks to: reports of what came and went, and a fax that calls is heard."""
import struct

import pytest

from harness.rawcall import Phone
from harness.rtp import Media
from harness.talker import Talker, pass_time, talking


@pytest.fixture
def caller(server, addresses):
    t = Talker(Phone(addresses.new(), server, 101))
    t.reports = Media(t.phone.host, 4001)
    yield t
    t.media.close()
    t.reports.close()
    t.phone.close()


def hang_up(t):
    t.phone.say("BYE")
    t.phone.expect(200)


def packets(compound):
    """[(type, count, body)] of a compound of RTCP."""
    found = []
    while compound:
        first, kind, words = struct.unpack("!BBH", compound[:4])
        found.append((kind, first & 31, compound[4:4 * words + 4]))
        compound = compound[4 * words + 4:]
    return found


def report_of(t):
    """The first report that comes while it talks."""
    for _ in range(30):
        pass_time(t, frames=20)
        if data := t.reports.got(0.001):
            return packets(data)
    raise AssertionError("no report came")


def test_who_is_spoken_to_gets_reports_and_a_goodbye(server, caller):
    caller.calls("*41")
    (kind, nblocks, sender), *others = report_of(caller)
    assert kind == 200 and nblocks == 1, "a sender report with what was heard of us"
    ssrc, = struct.unpack("!I", sender[:4])
    heard_of, lost, highest = struct.unpack("!III", sender[24:36])
    assert heard_of == 0x1234 and lost & 0xffffff == 0 and 0 < highest < caller.media.seq
    sent, = struct.unpack("!I", sender[16:20])
    assert abs(sent - len(caller.heard)) < 30
    assert [k for k, _, _ in others] == [202]
    hang_up(caller)
    last = caller.reports.got(2)
    assert last and [k for k, _, _ in packets(last)][-1] == 203
    assert struct.unpack("!I", packets(last)[-1][2])[0] == ssrc


def test_who_is_only_relayed_gets_no_reports_of_ours(server, addresses):
    """Control: there the devices report to each other."""
    with talking(server, addresses) as (a, b):
        reports = Media(a.phone.host, 4001)
        pass_time(a, b, frames=450)
        assert not reports.all(0.01)
        reports.close()


def calling_tone(t):
    """CNG: 1100 Hz for half a second, then three of silence, twice."""
    for hz, frames in ((1100, 25), (None, 150), (1100, 25), (None, 25)):
        t.says_hz = hz
        pass_time(t, frames=frames)


def test_a_fax_that_calls_is_answered_as_a_fax_does(server, caller):
    caller.calls("*41")
    pass_time(caller, frames=30)
    assert caller.hears(1000)
    calling_tone(caller)
    assert caller.hears(2100) and not caller.hears(1000)
    hang_up(caller)


def test_another_tone_is_no_fax(server, caller):
    """Control."""
    caller.calls("*41")
    for hz in (440, 1300):
        caller.says_hz = hz
        pass_time(caller, frames=60)
    assert caller.hears(1000) and not caller.hears(2100)
    hang_up(caller)
