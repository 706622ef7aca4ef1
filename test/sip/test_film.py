# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls with pictures are recorded into an AVI that other programs decode: frames, sound of both, their lengths."""
import time

import pytest

from harness import film, tones, wait

SECONDS = 5
TONES = (440, 1000)


@pytest.fixture
def engine(addresses):
    e = film.Engine(addresses.new(), addresses.new())
    yield e
    e.stop()


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_both_pictures_and_both_voices_are_in_the_file(engine, tmp_path, codec):
    path = tmp_path / "call.avi"
    engine.say(f"record {path}")
    senders = [engine.sender(leg, codec, hz, SECONDS) for leg, hz in enumerate(TONES)]
    assert [s.wait(60) for s in senders] == [0, 0]
    engine.say("end")
    recorded = engine.wait_for("recorded").split()
    assert recorded[1] == "0" and int(recorded[3]) == path.stat().st_size
    sound, *pictures = film.streams(path)
    assert sound[0] == "pcm_s16le"
    assert len(pictures) == 2
    for name, width, height, *_, count in pictures:
        assert (name, width, height) == (codec, "320", "240")
        assert int(count) >= 15 * SECONDS * 0.6
    assert film.complaints(path) == ""
    for channel, hz in enumerate(TONES):
        heard = film.sound(path, channel, tmp_path / f"{channel}.wav")
        assert tones.share(heard, hz, skip_s=2, cut_s=1) >= 0.6
        assert tones.share(heard, TONES[1 - channel]) == 0


def test_what_was_held_is_left_out_of_sound_and_picture(engine, tmp_path):
    path = tmp_path / "held.avi"
    sender = engine.sender(0, "vp8", 440, 9)
    wait.talk(1)
    begun = time.monotonic()
    engine.say(f"record {path}")
    wait.talk(2)
    engine.say("hold")
    held = time.monotonic()
    wait.talk(2)
    held = time.monotonic() - held
    engine.say("go")
    wait.talk(2)
    engine.say("end")
    recorded_s = int(engine.wait_for("recorded").split()[2]) / 1000
    assert recorded_s <= time.monotonic() - begun - held + 0.1
    assert sender.wait(60) == 0
    assert film.complaints(path) == ""
    (_, picture) = film.streams(path)
    assert float(picture[3]) <= recorded_s + 0.5, "pictures end with the sound"
