# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is held hears music, and nothing of it when the two talk again; who holds hears none."""
import pathlib

import pytest

from harness.talker import pass_time, talking
from harness.tones import write_tone

MUSIC, VOICE, TONE = 530, 1000, 425


def held_sdp(talker, how, version):
    sdp = talker.sdp().replace("o=- 77 1 ", f"o=- 77 {version} ")
    if how == "c=0.0.0.0":
        return sdp.replace(f"c=IN IP4 {talker.phone.host}", "c=IN IP4 0.0.0.0")
    return sdp + f"a={how}\r\n"


def reinvite(who, other, body):
    """A re-INVITE, answered by the other as it was asked; what the other was offered, and what was answered."""
    p = who.phone
    p.say("INVITE", body=body)
    cseq = p.cseq
    offer = other.phone.expect("INVITE")
    asked = next((d for d in ("sendonly", "recvonly", "inactive") if f"a={d}" in offer.body), "sendrecv")
    answer = {"sendonly": "recvonly", "inactive": "inactive", "recvonly": "sendonly", "sendrecv": "sendrecv"}[asked]
    other.phone.reply(offer, 200, body=other.sdp() + f"a={answer}\r\n")
    other.phone.expect("ACK")
    ok = p.expect(200)
    p.say("ACK", cseq=cseq)
    return asked, ok.body


@pytest.fixture
def music(server):
    """The tenant's own music."""
    tenant = server.get("/api/tenants", who="admin")["items"]
    (t,) = [x for x in tenant if x["domain"] == server.domain]
    folder = pathlib.Path(server.data) / "music" / t["id"]
    folder.mkdir(parents=True)
    write_tone(folder / "wait.wav", MUSIC, 3)

    def choose(**fields):
        server.api("PATCH", f"/api/tenants/{t['id']}", fields, who="admin", expect=200)
    choose(music_file="wait.wav")
    return choose


@pytest.mark.parametrize("how", ["sendonly", "inactive", "c=0.0.0.0"])
def test_who_is_held_hears_music_until_it_is_taken_back(server, addresses, music, how):
    with talking(server, addresses) as (a, b):
        a.says_hz = VOICE
        pass_time(a, b)
        assert b.hears(VOICE) and not b.hears(MUSIC)
        asked, answered = reinvite(a, b, held_sdp(a, how, 2))
        assert asked == "sendonly"
        assert ("a=inactive" in answered) == (how == "inactive")
        a.says_hz = None
        a.heard.clear()
        pass_time(a, b, frames=60)
        assert b.hears(MUSIC) and not b.hears(VOICE)
        assert not a.hears(MUSIC)
        assert reinvite(a, b, held_sdp(a, "sendrecv", 3))[0] == "sendrecv"
        a.says_hz, b.says_hz = VOICE, 1400
        pass_time(a, b, frames=40)
        assert b.hears(VOICE) and not b.hears(MUSIC)
        assert a.hears(1400)
        assert b.hears_one_stream()


def test_a_second_stream_would_be_noticed(server, addresses):
    """Control of the oracle above."""
    with talking(server, addresses) as (a, b):
        b.numbers.append((b.numbers[-1][0] ^ 1, b.numbers[-1][1] + 1 & 0xffff))
        assert not b.hears_one_stream()


def test_without_music_who_is_held_hears_silence(server, addresses, music):
    """Control: and is told of it as the holder said."""
    music(music_on_hold=False)
    with talking(server, addresses) as (a, b):
        asked, _ = reinvite(a, b, held_sdp(a, "inactive", 2))
        assert asked == "inactive"
        b.heard.clear()
        pass_time(b, frames=40)
        assert not b.hears(MUSIC) and not b.hears(TONE)


def test_a_file_that_is_not_there_makes_way_for_the_servers(server, addresses, music):
    music(music_file="gone.wav")
    with talking(server, addresses) as (a, b):
        reinvite(a, b, held_sdp(a, "sendonly", 2))
        b.heard.clear()
        pass_time(b, frames=80)
        assert sum(abs(f).mean() > 50 for f in b.heard) > 5
        assert not b.hears(MUSIC)
