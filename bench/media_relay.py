#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the media engine costs per relayed packet, beside the least a relay can do, alternating in one run.

    bench/media_relay.py [--build DIR] [--calls N] [--seconds S] [--rounds N] [--threads N] [--what NAME]

NAME: relay; srtp: sealed on both legs; pcma, g722, opus: one leg speaks mu-law and the other that.  The bare loop then does with each
packet what the same library asks for and nothing else.  Prints a table, and as its last line one JSON object: the median of the rounds.  Exit code 1 when a packet was lost beyond
one in a thousand, or a program failed.  The programs are built by: meson compile -C DIR bench
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LOCAL, PEERS = "127.20.0.10", "127.20.0.1,127.20.0.2"
CALLS = {"relay": 500, "srtp": 200, "pcma": 200, "g722": 200, "opus": 50}
CONVERTED_AT_MOST = 1.2  # of the bare loop's


def start_relay(program, args, folder, extra):
    """Start a relay and wait until its sockets are bound."""
    ports = pathlib.Path(folder, "ports")
    ports.unlink(missing_ok=True)
    relay = subprocess.Popen(
        [program, "--calls", str(args.calls), "--local", LOCAL, "--peers", PEERS, "--ports", ports, "--what",
         args.what, *extra], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not ports.exists():
        if relay.poll() is not None or time.monotonic() > end:
            relay.kill()
            sys.exit(f"{program} did not start")
        time.sleep(0.05)
    return relay, ports


def measure(name, args, folder, extra=()):
    """One round: the generator's figures for one relay."""
    relay, ports = start_relay(pathlib.Path(args.build, "bench", name), args, folder, extra)
    try:
        load = subprocess.run(
            [pathlib.Path(args.build, "bench", "rtp_load"), "--calls", str(args.calls), "--relay", LOCAL, "--ports",
             ports, "--peers", PEERS, "--pid", str(relay.pid), "--seconds", str(args.seconds),
             "--what", args.what],
            stdout=subprocess.PIPE, text=True, timeout=args.seconds + 60, check=False)
    finally:
        relay.terminate()
        relay.wait(30)
    if load.returncode or relay.returncode:
        sys.exit(f"{name}: packets were lost or the program failed: {load.stdout}")
    return json.loads(load.stdout)


def row(name, runs):
    """A table row: medians."""
    def mid(get):
        return statistics.median(get(r) for r in runs)
    print(f"{name:8} {mid(lambda r: r['cpu_us_per_packet']):8.2f} "
          f"{min(r['cpu_us_per_packet'] for r in runs):6.2f} {max(r['cpu_us_per_packet'] for r in runs):6.2f} "
          f"{mid(lambda r: r['latency_us']['p50']):8.0f} {mid(lambda r: r['latency_us']['p99']):8.0f} "
          f"{mid(lambda r: r['latency_us']['p999']):8.0f} {max(r['loss'] for r in runs):9.6f} "
          f"{sum(r['late_ticks'] for r in runs):6}")
    return round(mid(lambda r: r["cpu_us_per_packet"]), 3)


def alternate(args):
    """{name: its rounds} of floor and engine, every other round in the opposite order."""
    runs = {"floor": [], "offhook": []}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.rounds):
            order = [("floor", "relay_floor", ()), ("offhook", "media_relay", ("--threads", str(args.threads)))]
            for name, program, extra in order if i % 2 == 0 else reversed(order):
                runs[name].append(measure(program, args, folder, extra))
    return runs


def bench_converted(names, rounds, build, figure):
    """For script/bench: what is more than relay, beside the same library in a bare loop."""
    results = []
    for what in names:
        args = argparse.Namespace(build=build, calls=CALLS[what], seconds=6, rounds=rounds, threads=0, what=what)
        samples = {name: [r["cpu_us_per_packet"] for r in told] for name, told in alternate(args).items()}
        results.append(figure(f"{what}.cpu_us_per_packet", samples, {"floor": CONVERTED_AT_MOST}))
    return results


def main():
    """Alternate floor and engine, then tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build-bench")
    parser.add_argument("--calls", type=int, help="of each kind its own")
    parser.add_argument("--what", choices=sorted(CALLS), default="relay")
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="media threads; 0: the engine's default")
    args = parser.parse_args()
    args.calls = args.calls or CALLS[args.what]
    runs = alternate(args)
    print(f"{args.calls} calls, {os.cpu_count()} CPUs, {args.rounds} rounds of {args.seconds} s\n"
          "         us/packet    min    max   p50 us   p99 us  p99.9 us      loss   late")
    floor, offhook = row("floor", runs["floor"]), row("offhook", runs["offhook"])
    print(f"ratio {offhook / floor:.3f}")
    print(json.dumps({"figure": f"{args.what}.cpu_us_per_packet", "offhook": offhook, "floor": floor}))


if __name__ == "__main__":
    main()
