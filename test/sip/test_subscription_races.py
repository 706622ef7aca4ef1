# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions whose end, refresh, restart and answers cross each other, and requests made to hurt."""
import time

import pytest

from harness import wait


@pytest.fixture
def watcher(devices):
    return devices("103")


def subscriptions(server):
    return server.metrics()["offhook_subscriptions"]


def is_over(server):
    wait.until(lambda: subscriptions(server) == 0, timeout=45, why="no subscription is left")


def test_a_refresh_that_crosses_the_end_is_481(server, watcher):
    s = watcher.watch("dialog", "101")
    s.next()
    s.reply = None  # the last NOTIFY stays without an answer
    assert s.send(0).status == 200
    assert s.next().state == "terminated"
    assert s.send(600).status == 481
    watcher.respond(s.notifies[-1].message, 481)
    is_over(server)
    assert s.send(600).status == 481


def test_an_end_while_a_notify_is_unanswered_is_told_afterwards(server, watcher):
    s = watcher.watch("dialog", "101")
    s.next()
    s.reply = None
    assert s.send(600).status == 200
    first = s.next()
    assert s.send(0).status == 200
    watcher.quiet()
    assert len(s.notifies) == 2, "one NOTIFY at a time"
    s.reply = 200
    watcher.respond(first.message, 200)
    n = s.next()
    assert (n.state, n.params["reason"]) == ("terminated", "timeout") and n.cseq == first.cseq + 1
    is_over(server)


def test_what_is_watched_goes_while_a_notify_is_unanswered(server, watcher):
    made = server.post("/api/extensions", {"number": "177"})
    s = watcher.watch("dialog", "177")
    s.next()
    s.reply = None
    assert s.send(600).status == 200
    first = s.next()
    assert server.api("DELETE", f"/api/extensions/{made['id']}").status_code == 204
    s.reply = 200
    watcher.respond(first.message, 481)
    is_over(server)


def test_an_answer_of_481_while_it_ends(server, watcher):
    s = watcher.watch("dialog", "101")
    s.next()
    s.reply = 481
    assert s.send(0).status == 200
    s.next()
    is_over(server)


def test_after_a_crash_a_refresh_is_481_and_a_new_one_is_told_how_it_stands(server, devices, watcher):
    s = watcher.watch("dialog", "101")
    s.next()
    server.kill()
    server.start()
    assert s.send(600).status == 481
    again = watcher.watch("dialog", "101")
    assert again.answer.status == 200 and again.next().xml.get("version") == "0"


def test_two_subscriptions_of_one_device_are_two(server, watcher):
    one, two = watcher.watch("dialog", "101"), watcher.watch("dialog", "101")
    one.next()
    two.next()
    assert one.remote_tag != two.remote_tag
    assert one.send(0).status == 200
    assert one.next().state == "terminated"
    assert two.send(600).status == 200
    assert two.next().state == "active"


def test_a_copy_that_came_another_way_is_482(server, watcher):
    """RFC 3261 8.2.2.2: the same request by another path of a fork."""
    s = watcher.watch("dialog", "101")
    s.next()
    sip, uri = watcher.sip, watcher.uri("101")
    sip.send(sip.request("SUBSCRIBE", uri, user="103", call_id="fork", from_tag="f", headers=["Event: dialog"]))
    challenge = watcher.wait_answer("fork", 1)
    line = sip.authorization(challenge, "SUBSCRIBE", uri, "103", watcher.password)
    for branch in ("z9hG4bKpathone", "z9hG4bKpathtwo"):
        sip.send(sip.request("SUBSCRIBE", uri, user="103", call_id="fork", from_tag="f", cseq=2, branch=branch,
                             headers=["Event: dialog", line]))
    watcher.until(lambda: len(watcher.answers.get(("fork", 2, "SUBSCRIBE"), [])) >= 2, why="two answers")
    assert sorted(a.status for a in watcher.answers[("fork", 2, "SUBSCRIBE")]) == [200, 482]


def test_expiry_ends_it_and_silence_sooner(server, watcher):
    """In one minute: one that is not refreshed, and one whose device says nothing any more (64*T1)."""
    silent, other = watcher.watch("dialog", "101"), watcher.watch("dialog", "101", expires=60)
    silent.next()
    started = time.monotonic()
    silent.reply = None
    assert silent.send(600).status == 200
    wait.until(lambda: subscriptions(server) == 2, why="both are there")
    watcher.until(lambda: subscriptions(server) == 1, 45, why="the silent one is given up")
    assert 30 < time.monotonic() - started
    assert silent.send(600).status == 481
    n = other.last(lambda n: n.state == "terminated", timeout=45)
    assert n.params["reason"] == "timeout" and 55 < time.monotonic() - started < 65
    assert other.send(600).status == 481
    is_over(server)


@pytest.mark.parametrize("count", [50, 5000])
def test_many_accept_lines_hurt_nobody(server, watcher, count):
    lines = ["Accept: a/b"] * count
    assert count < 300 or len("\r\n".join(lines)) < 65000
    answer = watcher.watch("dialog", "101", headers=lines).answer
    assert answer.status in (400, 406, 413, 493, 513)
    assert watcher.watch("dialog", "101").answer.status == 200


def test_a_dialog_of_another_is_nobodys(server, devices, watcher):
    """Who knows a Call-ID but not our tag ends nothing."""
    s = watcher.watch("dialog", "101")
    s.next()
    mallory = devices("102")
    sip = mallory.sip
    sip.send(sip.request("SUBSCRIBE", s.contact, user="102", from_user="103", to=s.target, call_id=s.call_id, from_tag=s.tag,
                         to_tag="guess", cseq=50, headers=["Event: dialog", "Expires: 0"]))
    assert mallory.wait_answer(s.call_id, 50).status in (401, 403, 407, 481)
    assert s.send(600).status == 200
