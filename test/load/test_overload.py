# SPDX-License-Identifier: GPL-3.0-or-later
"""Overload: a server confined to a tenth of a core is offered ten times what it can do (TRN-5)."""
import csv
import os

from harness.server import Server
from harness.sipp import Sipp
from test_load import FULL, callees, create_extensions, pairs

SECONDS = 60 if FULL else 10
END = f"00:{SECONDS // 60:02}:{SECONDS % 60:02}"
HOLD_MS = 1000


class Confined:
    """A cgroup that gets a tenth of a core, and that before all others: version 2 where it is mounted, else version 1."""

    def __init__(self, name):
        v1 = os.path.isdir("/sys/fs/cgroup/cpu")
        self.path = f"/sys/fs/cgroup/{'cpu/' if v1 else ''}{name}"
        os.mkdir(self.path)
        if v1:
            self._write("cpu.cfs_quota_us", 10000)
            self._write("cpu.shares", 200000)
        else:
            self._write("cpu.max", "10000 100000")
            self._write("cpu.weight", 10000)

    def _write(self, file, value):
        with open(os.path.join(self.path, file), "w") as f:
            f.write(str(value))

    def take(self, pid):
        self._write("cgroup.procs", pid)

    def free(self, pid):
        root = os.path.dirname(self.path)
        with open(os.path.join(root, "cgroup.procs"), "w") as f:
            f.write(str(pid))

    def close(self):
        os.rmdir(self.path)


def completed(sipp):
    """While calls were offered, not those whose INVITE was sent again and came through later."""
    with open(sipp.dir / "stat.csv") as f:
        rows = [r for r in csv.DictReader(f, delimiter=";") if r["ElapsedTime(C)"] <= END]
    return int(rows[-1]["GenericCounter1(C)"])


def offer(directory, server, rows, ip, rate):
    sipp = Sipp(directory, "overload_caller", f"{server.ip}:{server.sip_port}", ip, domain=server.domain, rows=pairs(rows),
                rate=rate, calls=rate * SECONDS, hold_ms=HOLD_MS, timeout_s=SECONDS + 60,
                # told each second; a server that runs a tenth of the time answers in bursts
                args=("-fd", "1", "-buff_size", "4194304"))
    sipp.wait(SECONDS + 90)
    return completed(sipp)


def test_ten_times_the_load_completes_nine_tenths_of_capacity(tmp_path, addresses):
    server = Server(tmp_path / "server", addresses.new(), release=True).start(60)
    confined = Confined(f"offhook-{os.getpid()}")
    callee = None
    try:
        rows = create_extensions(server, 400)
        caller_ip = addresses.new()
        callee = callees(tmp_path, server, rows, addresses.new(), 500)
        confined.take(server.process.pid)
        most, at = 0, 0
        for rate in (100, 150, 200, 250, 300, 350, 400, 500):
            n = offer(tmp_path / f"rate{rate}", server, rows, caller_ip, rate)
            print(f"{rate}/s offered: {n / SECONDS:.1f}/s completed")
            if n > most:
                most, at = n, rate
            elif n < 0.9 * most:
                break
        n = offer(tmp_path / "over", server, rows, caller_ip, 10 * most // SECONDS)
        print(f"capacity {most / SECONDS:.1f}/s (at {at}/s); {10 * most // SECONDS}/s offered: {n / SECONDS:.1f}/s")
        assert n >= 0.9 * most
        # Negative control: without it, work that nobody waits for any more is done first.
        made = server.api("POST", "/api/congestion_limits", {"enabled": False}, who="admin")
        assert made.status_code == 201, made.text
        n = offer(tmp_path / "without", server, rows, caller_ip, 10 * most // SECONDS)
        print(f"without it: {n / SECONDS:.1f}/s")
        assert n < 0.9 * most
    finally:
        confined.free(server.process.pid)
        confined.close()
        if callee:
            callee.stop()
        server.stop()
