# SPDX-License-Identifier: GPL-3.0-or-later
"""TRN-5 from outside: a server that is stopped for a while finds messages that have waited."""
import os
import signal

import pytest

from harness import wait
from harness.rawsip import RawSip

WAIT_S = 0.3  # what the messages wait: more than is tolerated, and than an interval
CROWD = 24    # messages that wait with it: few are no congestion, however long they wait


@pytest.fixture
def peer(server, addresses):
    p = RawSip(addresses.new(), server.ip, domain=server.domain)
    yield p
    p.close()


def after_waiting(server, peer, text, crowd=CROWD, may_be_dropped=False):
    """The final response to a request that waited in the server's queue; None: it was dropped."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        for _ in range(crowd):
            peer.send(peer.request("OPTIONS"))
        peer.send(text)
        wait.idle(WAIT_S)  # this is what they wait
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    answer = peer.final()
    while answer and f"Call-ID: {answer.get('Call-ID')}\r\n" not in text:
        answer = peer.final()
    assert answer or may_be_dropped, "no answer"
    return answer


def is_congested(server, peer):
    return after_waiting(server, peer, peer.request("OPTIONS")).status == 503


def level(server):
    return server.metrics()["offhook_sip_congestion_level"]


def test_new_requests_are_refused_and_emergency_calls_are_not(server, peer):
    trunk = server.api("POST", "/api/trunks", {"name": "exit", "host": "127.0.0.9"}, who="admin")
    assert trunk.status_code == 201, trunk.text
    pool = server.api("POST", "/api/did_pools", {"trunk_id": trunk.json()["id"], "numbers": "555000*", "caller_id": "5550000"},
                      who="admin", headers={"X-Tenant": server.domain})
    assert pool.status_code == 201, pool.text
    made = server.api("POST", "/api/emergency_numbers", {"number": "112", "trunk_id": trunk.json()["id"]})
    assert made.status_code == 201, made.text
    assert peer.alive().status == 200
    wait.until(lambda: is_congested(server, peer), 10, why="what waits is refused")
    answer = after_waiting(server, peer, peer.request("OPTIONS"))
    assert answer.status == 503 and 5 <= int(answer.get("Retry-After")) < 15
    assert level(server) == 2
    def call(number, **may):
        return after_waiting(server, peer, peer.request("INVITE", f"sip:{number}@{peer.domain}", user="101"), **may)

    refused = call("102", may_be_dropped=True)  # new calls over UDP are also thinned out, unread
    assert refused is None or refused.status == 503
    for _ in range(3):
        assert call("112").status == 407
    # What belongs to a dialog is looked at: here, that there is none.
    assert after_waiting(server, peer, peer.request("BYE", to_tag="never-made")).status in (481, 503)
    wait.until(lambda: peer.alive().status == 200, 20, why="it ends when nothing waits")
    wait.until(lambda: peer.alive() and level(server) == 0, 30, why="and all is served again")


def test_it_can_be_switched_off(server, peer):
    made = server.api("POST", "/api/congestion_limits", {"enabled": False}, who="admin")
    assert made.status_code == 201, made.text
    for _ in range(5):
        assert not is_congested(server, peer)
    changed = server.api("PATCH", f"/api/congestion_limits/{made.json()['id']}", {"enabled": True, "tolerance_ms": 100},
                         who="admin")
    assert changed.status_code == 200, changed.text
    wait.until(lambda: is_congested(server, peer), 10, why="on again, it refuses")
