# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU per participant and second in one room where all speak: Offhook's test number *44 beside Asterisk's ConfBridge, in one run."""
import json
import subprocess
import sys

from process import Asterisk, Offhook, bench_program

NET = "127.52.0"
OFFHOOK_IP, ASTERISK_IP = f"{NET}.10", f"{NET}.11"
PEERS = f"{NET}.2,{NET}.3"
UAC_IP, UAS_IP = PEERS.split(",")
SIZES, SECONDS = (10, 50, 200), 8
RATIO_TO_ASTERISK = 0.2
SILENT = 500  # members of the room in which nobody speaks


def load(name, system, who, number, members, talkers):
    """One room; rtp_load's figures."""
    run = subprocess.run(
        [bench_program("rtp_load"), "--calls", str(members), "--cps", "50", "--seconds", str(SECONDS), "--peers", PEERS,
         "--server", f"{system.ip}:5060", "--domain", system.domain, "--pid", str(system.pid), "--from", who, "--to", number,
         "--conference", str(talkers), "--max-loss", "0.02"], stdout=subprocess.PIPE, text=True, timeout=180, check=False)
    if not run.stdout:
        raise RuntimeError(f"{name}: rtp_load ended with {run.returncode}")
    told = json.loads(run.stdout)
    cost = 1000 * told["cpu_s"] / (members * SECONDS)
    sys.stderr.write(f"conference {name:9} {members:4} members, {talkers} speak: {cost:.3f} ms a member and second, heard "
                     f"{told['received']} of {told['sent']}, generator late {told['late_ticks']} ms\n")
    if told["up"] != members:
        raise RuntimeError(f"{name}: {told['up']} of {members} are in the room")
    return told, cost


def bench_conference(rounds, directory, figure):
    up, results = [], []
    try:
        up.append(Offhook(directory / "offhook-conference", OFFHOOK_IP))
        up.append(Asterisk(directory, ASTERISK_IP, [], UAC_IP, UAS_IP))
        offhook, asterisk = up
        caller = offhook.server.demo["accounts"][0]
        who = {"offhook": (offhook, f"{caller['username']}:{caller['password']}", "*44"), "asterisk": (asterisk, "uac", "conf")}
        for members in SIZES:
            samples = {name: [] for name in who}
            for n in range(rounds):
                for name, args in who.items() if n % 2 == 0 else reversed(who.items()):
                    samples[name].append(load(name, *args, members, members)[1])
            results.append(figure(f"conference{members}.cpu_ms", samples, {"asterisk": RATIO_TO_ASTERISK}))
        told, cost = load("offhook", *who["offhook"], SILENT, 0)
        heard = told["received"] / max(1, told["sent"])
        print(f"\nconference: a silent room of {SILENT}: {cost:.3f} ms a member and second, {100 * heard:.1f} % of the packets due came")
        results.append(heard > 0.95)
    finally:
        for system in reversed(up):
            system.stop()
    return results
