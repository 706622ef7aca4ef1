# SPDX-License-Identifier: GPL-3.0-or-later
"""Load: registered accounts, authenticated calls at a steady rate, and everything given back afterwards.

script/test runs it short; script/load runs it whole: 10,000 accounts, 100 calls/s for a minute, twice; script/soak makes 100,000 calls.
"""
import concurrent.futures
import os
import time

import requests

from harness import wait
from harness.server import Server
from harness.sipp import Sipp, credentials

FULL = os.environ.get("OFFHOOK_LOAD") == "full"
SOAK = int(os.environ.get("OFFHOOK_SOAK_CALLS", "0"))  # in the second run
ACCOUNTS = 2000 if SOAK else 10000 if FULL else 200
RATE = int(os.environ.get("OFFHOOK_LOAD_RATE", "100" if FULL else "40"))
SECONDS = 60 if FULL else 10
HOLD_MS = 3000 if FULL else 1500
# Hours beside other work: sipp would give up where it is late itself, and calls that come when the server is late are refused (503).
PATIENT = ("-watchdog_minor_maxtriggers", "1000000", "-watchdog_major_maxtriggers", "1000000") if SOAK else ()
LEAST_SHARE = 0.8 if SOAK else 1
LINGER_S = 40  # a lingering transaction's 32 s, and what is behind it
FLAT = ("offhook_sip_dialogs", "offhook_media_ports", "offhook_media_sessions", "offhook_calls_active",
        "offhook_sip_transactions", "offhook_timers", "offhook_core_bytes")


def create_extensions(server, n):
    """n extensions with passwords, through the API as an integrator would."""
    token = server.login()
    rows = [(str(10000 + i), f"Secret-{10000 + i}-pw") for i in range(n)]

    def chunk(part):
        with requests.Session() as s:
            for number, password in part:
                answer = s.post(server.demo["http"] + "/api/extensions", json={"number": number, "password": password},
                                headers={"Authorization": f"Bearer {token}"}, timeout=30)
                assert answer.status_code == 201, answer.text
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(chunk, [rows[i::8] for i in range(8)]))
    return rows


def callees(directory, server, rows, ip, rate):
    """All of them registered at one address, where every call is answered; on a soak again those that came while the server was late."""
    table = [(u, credentials(u, p), f"{ip}:5060", "3600") for u, p in rows]
    for attempt in range(10 if SOAK else 1):
        registering = Sipp(directory / f"register{attempt}", "register", f"{server.ip}:{server.sip_port}", ip, port=5060,
                           domain=server.domain, rows=table, rate=rate, calls=len(table), args=PATIENT).wait()
        if not registering.counts()["failed"]:
            return Sipp(directory / "callee", "callee", f"{server.ip}:{server.sip_port}", ip, rate=None, timeout_s=3600, args=PATIENT)
    raise AssertionError(registering.errors())


def pairs(rows):
    """What a caller's scenario wants: who calls, how it proves that, and whom."""
    half = len(rows) // 2
    return [(rows[i][0], credentials(*rows[i]), rows[half + i][0]) for i in range(half)]


def run_calls(directory, server, rows, caller_ip, calls):
    sipp = Sipp(directory, "caller", f"{server.ip}:{server.sip_port}", caller_ip, domain=server.domain, rows=pairs(rows),
                rate=RATE, calls=calls, hold_ms=HOLD_MS, timeout_s=calls // RATE + 120, args=PATIENT)
    sipp.wait(calls // RATE + 150)
    counts = sipp.counts()
    print(f"{calls} calls: {counts}")
    assert counts["ok"] >= LEAST_SHARE * calls and counts["ok"] + counts["failed"] == calls, \
        f"{counts}\n{sipp.errors()}\n{server.tail()}"
    return counts


def test_calls_at_a_steady_rate_fail_never_and_leave_nothing(tmp_path, addresses):
    server = Server(tmp_path / "server", addresses.new(), release=True).start(60)
    callee = None
    try:
        rows = create_extensions(server, ACCOUNTS)
        caller_ip = addresses.new()
        callee = callees(tmp_path, server, rows, addresses.new(), RATE if SOAK else 5 * RATE)
        assert server.metrics()["offhook_registrations"] == len(rows)
        # The first run pays for pages and pools that stay; what is flat is flat from its end on.
        after = []
        for run in (1, 2):
            run_calls(tmp_path / f"run{run}", server, rows, caller_ip, SOAK if SOAK and run == 2 else RATE * SECONDS)
            wait.idle(LINGER_S)
            wait.until(lambda: server.metrics()["offhook_calls_active"] == 0, 10, why="no call left")
            wait.until(lambda: server.metrics()["offhook_journal_pending_bytes"] == 0, 30, why="journal drained")
            sampled = server.metrics()["offhook_uptime_seconds"] + 1
            wait.until(lambda: server.metrics()["offhook_uptime_seconds"] > sampled, 10, why="gauges are sampled again")
            metrics = server.metrics()
            after.append(({k: metrics[k] for k in FLAT}, server.fds(), server.rss_kb()))
        print(*after, sep="\n")
        (first, fds1, rss1), (second, fds2, rss2) = after
        assert second == first
        assert fds2 == fds1
        assert rss2 <= rss1 * 1.05, f"resident memory grew from {rss1} to {rss2} kB"
        assert second["offhook_sip_dialogs"] == 0 and second["offhook_media_ports"] == 0
        cdrs = server.get("/api/cdrs", params={"limit": "1"})
        assert cdrs["items"]
    finally:
        if callee:
            callee.stop()
        server.stop()
