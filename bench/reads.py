#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading over REST costs, beside a bare libwebsockets handler that answers with as many bytes, in the same run.

get    one of 1,000 extensions by its id, the same again and again
any    all 1,000 in turn
list   a page of 50 of them

Requests a second and core are requests by the CPU time of the server, so the load generator and other programs matter less;
p99 is what clients wait, one request at a time on each of --connections connections.  Rounds alternate between the two.
"""
import argparse
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

from process import bench_program, run_seconds
from scale import IP, Bed

from harness import wait

AT_LEAST = 0.5      # of the bare handler's requests a second and core
BARE_IP, BARE_PORT = "127.75.0.20", 8080


class Reader(threading.Thread):
    """One connection that asks again and again, and looks at nothing but lengths."""

    def __init__(self, address, paths, token, count):
        super().__init__()
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        auth = f"Authorization: Bearer {token}\r\n" if token else ""
        self.requests = [f"GET {path} HTTP/1.1\r\nHost: bench\r\n{auth}\r\n".encode() for path in paths]
        self.count, self.took, self.bytes = count, [], 0

    def one(self, n):
        self.socket.sendall(self.requests[n % len(self.requests)])
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.socket.recv(262144)
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        have = len(body)
        while have < length:
            have += len(self.socket.recv(262144))
        self.bytes = length

    def run(self):
        for n in range(self.count):
            began = time.monotonic()
            self.one(n)
            self.took.append(1000 * (time.monotonic() - began))
        self.socket.close()


def read(pid, address, paths, token, args):
    """Requests a second and core, p99 in ms, bytes of a body."""
    readers = [Reader(address, paths, token, args.requests // args.connections) for _ in range(args.connections)]
    readers[0].one(0)    # what is read once only is not counted
    before = run_seconds(pid)
    for r in readers:
        r.start()
    for r in readers:
        r.join()
    cpu = run_seconds(pid) - before
    took = sorted(t for r in readers for t in r.took)
    return {"per_core": len(took) / cpu, "p99_ms": took[len(took) * 99 // 100], "bytes": readers[0].bytes}


def start_bare():
    process = subprocess.Popen([bench_program("bare_http"), BARE_IP, str(BARE_PORT)])

    def answers():
        assert process.poll() is None, "the bare handler ended"
        try:
            socket.create_connection((BARE_IP, BARE_PORT), timeout=1).close()
            return True
        except OSError:
            return False
    wait.until(answers, 10, why="the bare handler listens")
    return process


def measure(bed, bare, name, paths, args):
    server = bed.server
    http = tuple(server.demo["http"].removeprefix("http://").rsplit(":", 1))
    ours, floor = [], []
    for _ in range(args.rounds):
        ours.append(read(server.process.pid, (http[0], int(http[1])), paths, server.login(), args))
        floor.append(read(bare.pid, (BARE_IP, BARE_PORT), [f"/{ours[-1]['bytes']}"], None, args))
    best, bar = max(r["per_core"] for r in ours), max(r["per_core"] for r in floor)
    figure = {"figure": name, "requests_per_core": round(best), "bare": round(bar), "ratio": round(best / bar, 3), "at_least": AT_LEAST,
              "p99_ms": round(min(r["p99_ms"] for r in ours), 2), "bare_p99_ms": round(min(r["p99_ms"] for r in floor), 2),
              "bytes": ours[0]["bytes"], "all": [round(r["per_core"]) for r in ours]}
    print(json.dumps(figure), flush=True)
    return best / bar >= AT_LEAST


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        bed = Bed(pathlib.Path(directory) / "server", 1000)
        bare = start_bare()
        bed.server.start(60)
        try:
            pages = bed.server.get("/api/extensions", params={"limit": 500})
            pages = pages["items"] + bed.server.get("/api/extensions", params={"limit": 500, "cursor": pages["next"]})["items"]
            paths = [f"/api/extensions/{row['id']}" for row in pages]
            ok = [measure(bed, bare, "get", paths[500:501], args),
                  measure(bed, bare, "any", paths, args),
                  measure(bed, bare, "list", ["/api/extensions?limit=50"], args)]
        finally:
            bare.terminate()
            bare.wait()
            bed.server.stop()
    sys.exit(0 if all(ok) else 1)


if __name__ == "__main__":
    main()
