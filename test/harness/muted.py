# SPDX-License-Identifier: GPL-3.0-or-later
"""Control of all that is heard: a direction that is muted is not."""
from . import wait


def muted_is_noticed(a, b, seconds, heard, **edge):
    """a (440 Hz) and b (1000 Hz) talk; b's microphone is off."""
    b.command("mute")
    wait.talk(seconds)
    a.hangup()
    b.wait_for("CALL_CLOSED")
    assert a.heard(1000, skip_s=1.0) < 0.1
    assert b.heard(440, **edge) >= heard
