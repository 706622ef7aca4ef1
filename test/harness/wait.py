# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for something to become true, never for a time to pass."""
import datetime
import time


def until(what, timeout=10.0, every=0.02, why=""):
    """The first true value of what(); AssertionError after `timeout` seconds.  `why`: a text, or a function asked for it at the end."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain: {(why() if callable(why) else why) or what}")
        time.sleep(every)


def talk(seconds):
    """Lets so much of a call pass: its length is what is recorded, heard and measured afterwards.  No condition is waited for."""
    time.sleep(seconds)


def idle(seconds):
    """Lets so much time pass in which nothing happens, where the test is about what is left after it."""
    time.sleep(seconds)


def when(text):
    """An RFC 3339 time as seconds since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
