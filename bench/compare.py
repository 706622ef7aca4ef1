#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares Offhook with other systems in the same run: alternating, median of the rounds.

Prints a table and one JSON line a figure; fails when a system to compare with is missing, a call failed, or the ratio is above
the figure's limit.  CPU time is user and system time of the server's processes, all threads; the load comes from the same
machine: sipp for register and call, rtp_load for relay.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

from conference import bench_conference
from media_relay import bench_converted
from process import RELEASE_BUILD, Asterisk, Offhook, PeerMissing, Registrar, run_seconds
from relay import CALLS, bench_capacity, bench_relay
from watchers import bench_watchers

from harness.sipp import Sipp, credentials

OFFHOOK_IP, ASTERISK_IP, KAMAILIO_IP = "127.50.0.10", "127.50.0.11", "127.50.0.12"
REGISTER_IP = "127.50.0.4"  # not the callee's: Asterisk knows that one by its address
UAC_IP, UAS_IP = "127.50.0.2", "127.50.0.3"
USERS = 2000
REGISTER_RATE, REGISTER_SECONDS = 1000, 8      # a second; seconds
CALL_RATE, CALL_SECONDS, HOLD_MS = 100, 8, 500  # Asterisk fails above 600 a second here
# What Offhook may need of what another needs, CPU time in the same run.  Kamailio does not authenticate its caller, keeps no
# records and carries no media; Asterisk does not authenticate its caller.
AT_MOST = {"register.cpu_us": {"kamailio": 1.0, "asterisk": 1 / 6}, "call.cpu_us": {"kamailio": 0.6, "asterisk": 1 / 6}}


def measured(system, sipp_factory, count):
    """CPU microseconds per unit of one load; a failed unit makes the round worthless."""
    before = run_seconds(system.pid)
    sipp = sipp_factory()
    sipp.wait(180)
    used = run_seconds(system.pid) - before
    counts = sipp.counts()
    if counts["failed"] or counts["ok"] != count:
        raise RuntimeError(f"{system.name}: {counts}: {sipp.errors(1500)}")
    return 1e6 * used / count


def provision(offhook, users):
    from test_load import create_extensions
    sys.stderr.write(f"creating {len(users)} extensions\n")
    return create_extensions(offhook.server, len(users))


def register_round(system, users, directory, n):
    rows = [(u, credentials(u, getattr(system, "PASSWORD", p)), f"{UAS_IP}:5060", "3600") for u, p in users]
    count = REGISTER_RATE * REGISTER_SECONDS
    return measured(system, lambda: Sipp(directory / f"reg-{system.name}-{n}", "register", f"{system.ip}:5060",
                                         REGISTER_IP, domain=system.domain, rows=rows, rate=REGISTER_RATE, calls=count), count)


def call_round(system, users, directory, n, rate):
    """A two-leg call.  Offhook challenges its caller by digest, keeps records and relays media; the others believe theirs."""
    callee = Sipp(directory / f"uas-{system.name}-{n}", "callee", f"{system.ip}:5060", UAS_IP, rate=None, timeout_s=600)
    count = rate * CALL_SECONDS
    try:
        if system.name == "offhook":
            half = len(users) // 2
            rows = [(users[i][0], credentials(*users[i]), users[half + i][0]) for i in range(half)]
            return measured(system, lambda: Sipp(
                directory / f"call-{system.name}-{n}", "caller", f"{system.ip}:5060", UAC_IP, port=5090,
                domain=system.domain, rows=rows, rate=rate, calls=count, hold_ms=HOLD_MS), count)
        return measured(system, lambda: Sipp(
            directory / f"call-{system.name}-{n}", "plain_caller", f"{system.ip}:5060", UAC_IP, port=5090,
            domain="bridge", rate=rate, calls=count, hold_ms=HOLD_MS), count)
    finally:
        callee.stop()


def figure(name, samples, limits):
    """Tells the medians.  False when Offhook's is above its limit times that of another system."""
    medians = {system: round(statistics.median(values), 2) for system, values in samples.items()}
    line = {"figure": name, **medians, "rounds": len(next(iter(samples.values())))}
    print(f"\n{name:30} {'median':>10} {'min':>10} {'max':>10}   ratio of offhook")
    for system, values in samples.items():
        ratio = "" if system == "offhook" else f"{medians['offhook'] / medians[system]:.3f}"
        print(f"  {system:28} {statistics.median(values):10.2f} {min(values):10.2f} {max(values):10.2f}   {ratio}")
    limits = {system: limit for system, limit in limits.items() if system in medians}
    line["ratio"] = {system: round(medians["offhook"] / medians[system], 4) for system in limits}
    line["ratio_at_most"] = {system: round(limit, 4) for system, limit in limits.items()}
    print(json.dumps(line), flush=True)
    return all(medians["offhook"] <= limit * medians[system] for system, limit in limits.items())


def bench_signalling(which, rounds, directory, without, rate):
    offhook = Offhook(directory / "offhook", OFFHOOK_IP)
    systems = [offhook]
    try:
        users = provision(offhook, [None] * USERS)
        if "kamailio" not in without:
            systems.append(Registrar(directory, KAMAILIO_IP, UAS_IP))
        if "asterisk" not in without:
            systems.append(Asterisk(directory, ASTERISK_IP, users, UAC_IP, UAS_IP))
        samples = {"register.cpu_us": {}, "call.cpu_us": {}}
        for n in range(rounds):
            for system in systems:
                # Registering comes first: calls need the contacts.
                value = register_round(system, users, directory, n)
                samples["register.cpu_us"].setdefault(system.name, []).append(value)
                sys.stderr.write(f"register {system.name} {value:.1f} us\n")
            if "call" in which:
                for system in systems:
                    value = call_round(system, users, directory, n, rate)
                    samples["call.cpu_us"].setdefault(system.name, []).append(value)
                    sys.stderr.write(f"call {system.name} {value:.1f} us\n")
    finally:
        for system in systems:
            system.stop()
    return [figure(name, values, AT_MOST[name]) for name, values in samples.items() if values]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="register, call, relay, capacity, conference, srtp, pcma, g722, opus, watchers (all when none is named); "
                             "media: all but register, call and watchers")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each system (%(default)s)")
    parser.add_argument("--rate", type=int, default=CALL_RATE, help="call: calls a second (%(default)s)")
    parser.add_argument("--calls", type=int, default=CALLS, help="relay: calls at once (%(default)s)")
    parser.add_argument("--most", type=int, default=2000, help="capacity: calls to stop at (%(default)s)")
    parser.add_argument("--without", action="append", default=[], choices=("asterisk", "kamailio"),
                        help="register, call: leave that system out")
    parser.add_argument("--keep", help="folder for logs (a temporary one)")
    args = parser.parse_args()
    converted = {"srtp", "pcma", "g722", "opus"}
    media = {"relay", "capacity", "conference"} | converted
    known = {"register", "call", "watchers"} | media
    which = {name for given in args.names for name in (media if given == "media" else {given})} or known
    if which - known:
        parser.error(f"no such figure: {', '.join(sorted(which - known))}")
    directory = pathlib.Path(args.keep or tempfile.mkdtemp(prefix="offhook-bench-"))
    directory.mkdir(parents=True, exist_ok=True)
    results = []
    try:
        if which & {"register", "call"}:
            results += bench_signalling(which, args.rounds, directory, args.without, args.rate)
        if "relay" in which:
            results += bench_relay(args.rounds, directory, figure, args.calls)
        if "capacity" in which:
            results += bench_capacity(directory, args.most)
        if "conference" in which:
            results += bench_conference(args.rounds, directory, figure)
        results += bench_converted(sorted(which & converted), args.rounds, RELEASE_BUILD, figure)
        if "watchers" in which:
            results += bench_watchers(args.rounds, directory, figure)
    except (PeerMissing, RuntimeError, AssertionError) as error:
        print(f"bench: {error}\nlogs: {directory}", file=sys.stderr)
        return 1
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
