# SPDX-License-Identifier: GPL-3.0-or-later
"""Server CPU per NOTIFY of a lamp that many watch, and how long until the last of them knows: 100, 1,000 and 10,000 watchers.

The watchers are a program in Python on the same machine: what it takes to answer them is in the time, not in the CPU.
"""
import itertools
import sys

from harness.crowd import Stage
from harness.server import Server

NET = "127.52.0"
COUNTS = (100, 1000, 10000)
A_SECOND = 1.0  # 1,000 watchers
PER_ACCOUNT = 500
CALLS = 3
FLAT = 1.5  # what a NOTIFY may cost with ten times the watchers


def bench_watchers(rounds, directory, figure):
    server = Server(directory / "watchers", f"{NET}.10", release=True).start(60)
    hosts = itertools.count(20)
    stage = Stage(server, lambda: f"{NET}.{next(hosts)}", COUNTS[-1] // PER_ACCOUNT)
    costs, times = {}, {}
    try:
        have = 0
        for count in COUNTS:
            stage.crowd.watch("102", count - have)
            have = count
            for _ in range(rounds):
                us, took, notifies = stage.cost(CALLS)
                costs.setdefault(f"{count} watchers", []).append(us)
                times.setdefault(count, []).append(took)
                sys.stderr.write(f"watchers {count:6} {us:6.2f} us a NOTIFY, {notifies:.0f} of them, the last one after "
                                 f"{took * 1000:.0f} ms\n")
    finally:
        stage.close()
        server.stop()
    first, *_ = costs
    results = [figure(f"watchers.{count}.cpu_us", {"offhook": costs[f"{count} watchers"], first: costs[first]}, {first: FLAT})
               for count in COUNTS[1:]]
    return [*results, min(times[1000]) < A_SECOND]
