# SPDX-License-Identifier: GPL-3.0-or-later
"""Server CPU per relayed RTP packet: the whole of Offhook, Asterisk, rtpengine in user space, and the least possible; how many calls
pass without a packet lost, what delay is added then, and system calls a packet.

Two-way G.711 calls, 100 packets a second each, placed by rtp_load through each system's own SIP (rtpengine's through Kamailio,
whose CPU is not counted).  rtp_load reads the CPU time of the system's processes over the steady window only.  Offhook runs as
it comes: digest, journal, records.  All systems are up during the whole run; one at a time is loaded, in turn, and every other
round in the opposite order.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from process import Asterisk, Floor, Kamailio, Offhook, Rtpengine, bench_program

NET = "127.51.0"
OFFHOOK_IP, ASTERISK_IP, KAMAILIO_IP, RTPENGINE_IP, FLOOR_IP = (f"{NET}.{n}" for n in range(10, 15))
PEERS = f"{NET}.2,{NET}.3"
UAC_IP, UAS_IP = PEERS.split(",")
CALLS, CALLS_A_SECOND, SECONDS = 500, 100, 8
AT_MOST = {"floor": 1.15, "rtpengine": 0.65}
TRIES = 3  # of one measurement
# Capacity: more calls until the generator has less than a fifth of a CPU left for itself.
STEP, LEAST, BUSY_AT_MOST, P99_AT_MOST = 100, 800, 0.8, 1.5
SYSCALLS_SECONDS = 3


class Invalid(Exception):
    """The load generator itself was starved: the measurement says nothing about the server."""


def through(system, how):
    return ["--server", f"{how.ip}:5060", "--domain", how.domain, "--pid", str(system.pid)]


def targets(offhook, asterisk, rtpengine, kamailio, floor):
    """What rtp_load is told for each system."""
    caller, callee = offhook.server.demo["accounts"][:2]
    return {
        "offhook": [*through(offhook, offhook), "--from", f"{caller['username']}:{caller['password']}",
                    "--callee", f"{callee['username']}:{callee['password']}", "--to", callee["extension"]],
        "asterisk": [*through(asterisk, asterisk), "--from", "uac", "--to", "bridge"],
        "rtpengine": [*through(rtpengine, kamailio), "--from", "uac", "--to", "media"],
        "floor": ["--relay", floor.ip, "--ports", str(floor.ports), "--pid", str(floor.pid)],
    }


def run_load(name, arguments, calls):
    load = subprocess.run(
        [bench_program("rtp_load"), "--calls", str(calls), "--cps", str(CALLS_A_SECOND), "--seconds", str(SECONDS),
         "--peers", PEERS, *arguments], stdout=subprocess.PIPE, text=True, timeout=180, check=False)
    if load.returncode not in (0, 1) or not load.stdout:
        raise RuntimeError(f"{name}: rtp_load ended with {load.returncode}")
    return load, json.loads(load.stdout)


def measure(name, arguments, calls):
    load, told = run_load(name, arguments, calls)
    late = told["latency_us"]
    sys.stderr.write(f"relay {name:9} {told['cpu_us_per_packet']:6.2f} us, latency p50 {late['p50']} p99 {late['p99']} "
                     f"p99.9 {late['p999']} us, lost {told['sent'] - told['received']} of {told['sent']}, "
                     f"generator late {told['late_ticks']} ms\n")
    if load.returncode:
        if told["up"] == calls and not told["direct"] and told["late_ticks"] > 0.02 * 1000 * SECONDS:
            raise Invalid(load.stdout)
        raise RuntimeError(f"{name}: calls failed, or packets were lost: {load.stdout}")
    return told


def measured(name, arguments, calls):
    for left in reversed(range(TRIES)):
        try:
            return measure(name, arguments, calls)
        except Invalid as why:
            if not left:
                raise RuntimeError(f"{name}: this machine is too busy for {calls} calls (--calls): {why}") from why
            sys.stderr.write(f"relay {name}: the generator was starved: again\n")


def tell(runs, calls):
    """What the figure alone does not say.  A relay that is fed in bursts has less to do per packet."""
    print(f"\nrelay: {calls} two-way calls, {100 * calls} packets/s for {SECONDS} s, {os.cpu_count()} CPUs, load generator on the "
          f"same machine{'' if calls == CALLS else f'; not the {CALLS} calls of the figure'}")
    print(f"  {'':28} {'p50 us':>10} {'p99 us':>10} {'p99.9 us':>10}   lost      generator over 5 ms late")
    for name, told in runs.items():
        mid = [statistics.median(r["latency_us"][k] for r in told) for k in ("p50", "p99", "p999")]
        late = statistics.median(r["late_ticks"] for r in told) / (10 * SECONDS)
        print(f"  {name:28} {mid[0]:10.0f} {mid[1]:10.0f} {mid[2]:10.0f}   {max(r['loss'] for r in told):.6f}  "
              f"{late:.0f} % of the time")


def bench_relay(rounds, directory, figure, calls=CALLS):
    runs = {"offhook": [], "asterisk": [], "rtpengine": [], "floor": []}
    up = []

    def start(kind, *args):
        up.append(kind(directory, *args) if kind is not Offhook else kind(directory / "offhook-relay", *args))
        return up[-1]
    try:
        systems = [start(Offhook, OFFHOOK_IP), start(Asterisk, ASTERISK_IP, [], UAC_IP, UAS_IP),
                   start(Rtpengine, RTPENGINE_IP), start(Kamailio, KAMAILIO_IP, RTPENGINE_IP, UAS_IP),
                   start(Floor, FLOOR_IP, calls, PEERS)]
        todo = list(targets(*systems).items())
        for n in range(rounds):
            for name, arguments in todo if n % 2 == 0 else reversed(todo):
                runs[name].append(measured(name, arguments, calls))
    finally:
        for system in reversed(up):
            system.stop()
    tell(runs, calls)
    samples = {name: [told["cpu_us_per_packet"] for told in values] for name, values in runs.items()}
    return [figure("relay.cpu_us_per_packet", samples, AT_MOST)]


def capacity_round(systems, calls):
    """The same load on Offhook and on the bare loop."""
    told = {name: run_load(name, [*arguments, "--max-loss", "1"], calls)[1] for name, arguments in systems.items()}
    for name, t in told.items():
        sys.stderr.write(f"capacity {calls} calls {name:9} lost {t['sent'] - t['received']} of {t['sent']}, drops {t['drops']}, "
                         f"p99 {t['latency_us']['p99']} us, generator {100 * t['busy']:.0f} % busy\n")
    return told


def bench_capacity(directory, most):
    """As many calls as leave the generator a fifth of its CPU, at least LEAST."""
    offhook = floor = None
    try:
        offhook = Offhook(directory / "offhook-capacity", OFFHOOK_IP)
        floor = Floor(directory, FLOOR_IP, most, PEERS)
        caller, callee = offhook.server.demo["accounts"][:2]
        systems = {
            "offhook": [*through(offhook, offhook), "--from", f"{caller['username']}:{caller['password']}",
                        "--callee", f"{callee['username']}:{callee['password']}", "--to", callee["extension"]],
            "floor": ["--relay", floor.ip, "--ports", str(floor.ports), "--pid", str(floor.pid)]}
        best = None
        for calls in range(LEAST, most + 1, STEP):
            told = capacity_round(systems, calls)
            if best and max(t["busy"] for t in told.values()) > BUSY_AT_MOST:
                break
            best = calls, told
        syscalls = count_syscalls(offhook.pid, systems["offhook"])
    finally:
        for system in (floor, offhook):
            if system:
                system.stop()
    calls, told = best
    ours, bare = told["offhook"], told["floor"]
    p99 = ours["latency_us"]["p99"] / max(1, bare["latency_us"]["p99"])
    line = {"figure": "relay.capacity", "calls": calls, "lost": ours["sent"] - ours["received"], "drops": ours["drops"],
            "p99_us": ours["latency_us"]["p99"], "floor_p99_us": bare["latency_us"]["p99"], "p99_ratio": round(p99, 3),
            "generator_busy": ours["busy"], "syscalls_per_packet": syscalls}
    print(json.dumps(line), flush=True)
    return [ours["up"] == calls and not ours["drops"] and ours["sent"] == ours["received"] and p99 <= P99_AT_MOST]


def count_syscalls(pid, arguments):
    """By the kernel's tracepoint, over the middle of a run of its own: counting costs time."""
    load = subprocess.Popen([bench_program("rtp_load"), "--calls", str(CALLS), "--cps", str(CALLS_A_SECOND), "--seconds",
                             str(SYSCALLS_SECONDS + 4), "--peers", PEERS, *arguments], stdout=subprocess.PIPE, text=True)
    time.sleep(CALLS / CALLS_A_SECOND + 4)
    perf = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", str(pid), "--", "sleep",
                           str(SYSCALLS_SECONDS)], stderr=subprocess.PIPE, text=True, check=False)
    load.communicate(timeout=60)
    for text in perf.stderr.splitlines():
        if "raw_syscalls" in text and text.split(",")[0].isdigit():
            return round(int(text.split(",")[0]) / (100 * CALLS * SYSCALLS_SECONDS), 3)
    return None
