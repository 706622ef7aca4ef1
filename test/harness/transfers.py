# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers by real phones, step by step, and what is heard and written down afterwards."""
from . import tones, wait

TALK_S = 3.0


def last_of(path, hz, seconds=TALK_S):
    """The share of the last seconds of a recording that holds that tone."""
    last = tones.pattern(path, hz)[-int(seconds * 10):]
    return last.count("1") / max(1, len(last))


def taken(phone):
    """The phone, a baresip, takes the call that comes."""
    phone.wait_for("CALL_INCOMING")
    phone.answer()
    phone.wait_for("CALL_ESTABLISHED")


def blind(by, uri, to=None):
    """`by`, a baresip, sends whom it talks to there; `to` takes the call."""
    wait.talk(1.2)
    by.command("transfer", uri)
    if to:
        taken(to)
    by.wait_for("CALL_CLOSED")
    wait.talk(TALK_S + (1 if to else 2))


def attended(server, by, to):
    """`by`, a linphone that talks, asks `to`, a baresip, and leaves the two alone."""
    by.wait_for("Media streams established")
    by.command("pause")
    by.dial(f"sip:{to.user}@{server.domain}")
    taken(to)
    by.wait_for("Call 2 to")
    by.command("transfer 1 --to-call 2")
    wait.until(lambda: any(r["reason"] == "transferred" for r in server.get("/api/cdrs")["items"]), 15, why="the transfer")
    wait.talk(TALK_S + 1)


def hung_up(phone, *others):
    phone.hangup()
    for one in others or (phone,):
        one.wait_for("CALL_CLOSED")


def records(server, by):
    """(the call that was transferred, the one it became)"""
    second, first = server.cdrs(2)
    assert (first["reason"], first["transferred_to"]) == ("transferred", second["id"])
    assert (second["transferred_from"], second["transferred_by"]) == (first["id"], by)
    return first, second
