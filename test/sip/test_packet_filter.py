# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is blocked is dropped by the kernel, when that is wanted (SEC-1, SEC-2).  Each test has a network namespace of its own."""
import datetime
import json
import subprocess

import pytest

from harness import wait
from harness.rawsip import RawSip
from harness.server import Server


@pytest.fixture
def guarded(own_network, server):
    """The demo allows loopback addresses; here they are strangers like all others."""
    for rule in server.get("/api/address_rules", who="admin")["items"]:
        server.api("DELETE", f"/api/address_rules/{rule['id']}", who="admin", expect=204)
    return server


def peer_of(server, addresses):
    return RawSip(addresses.new(), server.ip, domain=server.domain)


def guess(peer, server, times=3):
    for i in range(times):
        peer.transact("REGISTER", "102", f"guess-{i}", to=f"sip:102@{peer.domain}")


def kernel_set(name):
    """Elements of a set, as texts."""
    listed = subprocess.run(["nft", "-j", "list", "set", "inet", "offhook", name], capture_output=True, text=True)
    if listed.returncode:
        return None
    found = next(x["set"] for x in json.loads(listed.stdout)["nftables"] if "set" in x)

    def text(e):
        e = e["elem"]["val"] if isinstance(e, dict) and "elem" in e else e
        return f"{e['prefix']['addr']}/{e['prefix']['len']}" if isinstance(e, dict) and "prefix" in e else e
    return [text(e) for e in found.get("elem", [])]


def limits(server, **fields):
    return server.post("/api/flood_limits", fields, who="admin")["id"]


def is_heard(peer):
    return peer.alive() is not None


def test_the_kernel_drops_what_a_blocked_source_sends(guarded, addresses):
    guesser, phone = peer_of(guarded, addresses), peer_of(guarded, addresses)
    one = limits(guarded, wrong_credentials=3, packet_filter=True)
    wait.until(lambda: kernel_set("ports"), 5, why="the table in the kernel")
    assert {tuple(e["concat"]) for e in kernel_set("ports")} >= {("udp", 5060), ("tcp", 5060), ("tcp", 5061)}
    guess(guesser, guarded)
    wait.until(lambda: kernel_set("blocked4") == [guesser.host], 5, why="the guesser in the set")
    unread = guarded.metrics()["offhook_sip_blocked_total"]
    assert not is_heard(guesser) and is_heard(phone)
    assert guarded.metrics()["offhook_sip_blocked_total"] == unread  # nothing came to us
    (row,) = guarded.get("/api/blocked_addresses", who="admin")["items"]
    guarded.api("DELETE", f"/api/blocked_addresses/{row['id']}", who="admin", expect=204)
    wait.until(lambda: kernel_set("blocked4") == [], 5, why="the guesser freed in the kernel")
    assert is_heard(guesser)
    guarded.api("PATCH", f"/api/flood_limits/{one}", {"packet_filter": False}, who="admin", expect=200)
    wait.until(lambda: kernel_set("ports") is None, 5, why="the table is gone")
    for p in (guesser, phone):
        p.close()


def test_a_block_ends_in_the_kernel_too(guarded, addresses):
    guesser = peer_of(guarded, addresses)
    limits(guarded, wrong_credentials=3, block_seconds=2, packet_filter=True)
    guess(guesser, guarded)
    wait.until(lambda: kernel_set("blocked4") == [guesser.host], 5)
    wait.until(lambda: kernel_set("blocked4") == [], 10, why="its time is over")
    assert is_heard(guesser)
    guesser.close()


def test_rules_are_obeyed_by_the_kernel_until_they_end(guarded, addresses):
    stranger, friend = peer_of(guarded, addresses), peer_of(guarded, addresses)

    def rule(**fields):
        return guarded.post("/api/address_rules", fields, who="admin")["id"]
    limits(guarded, packet_filter=True)
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    rule(network=stranger.host + "/32", action="block", expires_at=soon.isoformat())
    wait.until(lambda: kernel_set("forbidden4") == [stranger.host], 5, why="the rule in the kernel")
    assert not is_heard(stranger) and is_heard(friend)
    wait.until(lambda: kernel_set("forbidden4") == [], 10, why="the rule has ended")
    assert is_heard(stranger)
    allowed = rule(network=friend.host, action="allow")
    wait.until(lambda: kernel_set("allowed4") == [friend.host], 5)
    guarded.api("DELETE", f"/api/address_rules/{allowed}", who="admin", expect=204)
    wait.until(lambda: kernel_set("allowed4") == [], 5)
    for p in (stranger, friend):
        p.close()


def test_who_is_blocked_stays_so_over_a_restart(guarded, addresses):
    guesser, other = peer_of(guarded, addresses), peer_of(guarded, addresses)
    limits(guarded, wrong_credentials=3, packet_filter=True)
    guess(guesser, guarded)
    guess(other, guarded)
    before = guarded.get("/api/blocked_addresses", who="admin")["items"]
    assert len(before) == 2
    freed = next(b for b in before if b["network"].startswith(other.host + "/"))
    guarded.api("DELETE", f"/api/blocked_addresses/{freed['id']}", who="admin", expect=204)
    guarded.kill()
    guarded.start()
    (after,) = guarded.get("/api/blocked_addresses", who="admin")["items"]
    was = next(b for b in before if b != freed)
    assert after["network"] == was["network"] and after["cause"] == was["cause"] and after["blocked_at"] == was["blocked_at"]
    assert abs(wait.when(after["until"]) - wait.when(was["until"])) < 1.5
    wait.until(lambda: kernel_set("blocked4") == [guesser.host], 5, why="in the kernel again")
    assert not is_heard(guesser) and is_heard(other)
    for p in (guesser, other):
        p.close()


def test_without_the_capability_it_says_so(own_network, tmp_path, addresses):
    s = Server(tmp_path / "server", addresses.new())
    s.command = ["setpriv", "--bounding-set=-net_admin", *s.command]
    s.start()
    for rule in s.get("/api/address_rules", who="admin")["items"]:
        s.api("DELETE", f"/api/address_rules/{rule['id']}", who="admin", expect=204)
    limits(s, wrong_credentials=3, packet_filter=True)
    wait.until(lambda: "CAP_NET_ADMIN" in s.tail(), 5, why="a line in the log")
    guesser = peer_of(s, addresses)
    guess(guesser, s)
    assert not is_heard(guesser)  # as without
    guesser.close()
    s.stop()
