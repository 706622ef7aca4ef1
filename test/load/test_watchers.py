# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand watchers of one extension: told within a second, once each, and at the same cost as a hundred."""
import pytest

from harness import wait
from harness.crowd import Stage
from harness.server import Server

MANY, FEW, CALLS = 1000, 100, 3
ACCOUNTS = 4


@pytest.fixture
def stage(tmp_path, addresses):
    """A server, a crowd, and two who call each other."""
    server = Server(tmp_path / "server", addresses.new(), release=True).start(60)
    stage = Stage(server, addresses.new, ACCOUNTS)
    yield stage
    stage.close()
    server.stop()


def test_a_thousand_watchers_know_within_a_second_and_each_costs_the_same(stage):
    server, crowd = stage.server, stage.crowd
    stage.crowd.watch("102", FEW)
    few_us, few_took, _ = stage.cost(CALLS)
    crowd.watch("102", MANY - FEW)
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == MANY, why="all are subscribed")
    many_us, took, notifies = stage.cost(CALLS)
    print(f"{FEW} watchers: {few_us:.1f} us a NOTIFY, all within {few_took * 1000:.0f} ms; "
          f"{MANY}: {many_us:.1f} us, {took * 1000:.0f} ms")
    assert took < 1.0
    assert many_us < 1.5 * few_us, f"a NOTIFY costs {few_us:.1f} us with {FEW} watchers, {many_us:.1f} us with {MANY}"
    assert notifies <= CALLS * 3 * MANY
    for told in crowd.told.values():
        versions = [t[2] for t in told]
        assert versions == list(range(len(versions)))


def test_who_is_told_often_is_told_once_a_second(stage):
    """Thirty changes come at once, then one NOTIFY a second says how it stands; the last state is never kept back for longer."""
    crowd, alice, bob = stage.crowd, stage.alice, stage.bob
    (call_id,) = crowd.watch("102", 1)
    for _ in range(24):
        ring_once(crowd, alice, bob)
    crowd.until(lambda: "terminated" in crowd.told[call_id][-1][3] or not crowd.told[call_id][-1][3], 5, "how it ended")
    told = crowd.told[call_id]
    span = told[-1][0] - told[0][0]
    assert len(told) <= 32 + span and len(told) >= 30
    assert [t[2] for t in told] == list(range(len(told)))


def ring_once(crowd, alice, bob):
    ncalls = len(bob.calls)
    call = alice.call("102")
    bob.is_called(count=ncalls + 1)
    crowd.pump(0.05)
    alice.rings(call)
    crowd.pump(0.05)
    assert alice.cancel(call).status == 487
    bob.quiet(0.05)
    crowd.pump(0.05)
