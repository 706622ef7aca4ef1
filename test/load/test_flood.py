# SPDX-License-Identifier: GPL-3.0-or-later
"""A flood of SIP from strangers while telephones call: 50,000 requests a second, for ten minutes in script/load."""
import itertools
import multiprocessing
import socket
import time
import uuid

import pytest

from harness.server import Server
from harness.sipp import Sipp
from test_load import FULL, callees, create_extensions, pairs

SECONDS = 600 if FULL else 15
PACKETS = 50000  # a second
SOURCES = 50
CALLS = 20       # a second
GROWS_KB = 96 * 1024
METHODS = "REGISTER", "INVITE", "SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS"


def request(method, ip, domain):
    ids = uuid.uuid4().hex
    return (f"{method} sip:101@{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:5060;branch=z9hG4bK{ids};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:101@{domain}>;tag={ids[:8]}\r\nTo: <sip:101@{domain}>\r\nCall-ID: {ids}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:101@{ip}>\r\nEvent: presence\r\nContent-Length: 0\r\n\r\n").encode()


def flood(to, domain, sources, seconds, sent):
    """So many a second from all sources in turn, none of which reads an answer."""
    sockets = []
    for ip in sources:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((ip, 0))
        s.connect(to)
        s.setblocking(False)
        sockets.append((s, [request(m, ip, domain) for m in METHODS for _ in range(20)]))
    turns = itertools.cycle((s, texts[i]) for i in range(len(METHODS) * 20) for s, texts in sockets)
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        for _ in range(int(passed * PACKETS) - sent.value):
            s, text = next(turns)
            try:
                s.send(text)
            except (BlockingIOError, ConnectionRefusedError):
                pass
            sent.value += 1
        time.sleep(0.001)  # the pace, not a wait for anything


@pytest.mark.parametrize("by_kernel", [False, True], ids=["user space", "kernel"])
def test_telephones_call_while_strangers_flood(tmp_path, own_network, addresses, by_kernel):
    server = Server(tmp_path / "server", addresses.new(), release=True).start(60)
    callee, flooder = None, None
    try:
        rows = create_extensions(server, 200)
        callee = callees(tmp_path, server, rows, addresses.new(), 200)
        for rule in server.get("/api/address_rules", who="admin")["items"]:  # the demo allows loopback addresses
            server.api("DELETE", f"/api/address_rules/{rule['id']}", who="admin")
        server.post("/api/flood_limits", {"packet_filter": by_kernel}, who="admin")
        before, rss = server.metrics(), server.rss_kb()
        sent = multiprocessing.Value("L", 0, lock=False)
        flooder = multiprocessing.Process(target=flood, args=((server.ip, server.sip_port), server.domain,
                                                              [addresses.new() for _ in range(SOURCES)], SECONDS, sent))
        flooder.start()
        counts = Sipp(tmp_path / "caller", "caller", f"{server.ip}:{server.sip_port}", addresses.new(), domain=server.domain,
                      rows=pairs(rows), rate=CALLS, calls=CALLS * SECONDS, hold_ms=1000, timeout_s=SECONDS + 120).wait(SECONDS + 150).counts()
        flooder.join(60)
        after, grown = server.metrics(), server.rss_kb() - rss
        heard, blocked = (after[k] - before[k] for k in ("offhook_sip_messages_received_total", "offhook_sip_blocked_total"))
        print(f"{sent.value / SECONDS:.0f}/s sent, {heard / SECONDS:.0f}/s read, {blocked / SECONDS:.0f}/s of them dropped at once; "
              f"{counts}; resident memory {grown:+} kB")
        assert counts["ok"] >= 0.99 * CALLS * SECONDS, f"{counts}\n{server.tail()}"
        assert grown < GROWS_KB
        found = server.get("/api/blocked_addresses", who="admin", params={"limit": "200"})["items"]
        assert len(found) == SOURCES  # control: it did come in, and was told from the telephones
        assert (heard < 0.5 * sent.value) if by_kernel else (blocked > 0.5 * sent.value)
    finally:
        if flooder:
            flooder.kill()
            flooder.join()
        if callee:
            callee.stop()
        server.stop()
