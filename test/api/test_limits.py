# SPDX-License-Identifier: GPL-3.0-or-later
"""What HTTP allows and this server does not: ambiguous, endless, oversized.  After each the server answers as before."""
import select
import socket
import time

import pytest

from harness import wait


@pytest.fixture(autouse=True)
def healthy_after(server, anybody):
    yield
    assert anybody.ask("GET", "/healthz").status == 200
    assert server.process.poll() is None


def raw(server, data, timeout=15, shutdown=False):
    """All answers until the server closes."""
    with socket.create_connection((server.ip, server.port), timeout=timeout) as s:
        try:
            s.sendall(data)
            if shutdown:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
        return got


def statuses(got):
    return [int(line.split()[1]) for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def login_body():
    return b'{"username":"x","password":"y"}'


@pytest.mark.parametrize("fields", [
    b"Content-Length: 31\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 31\r\nContent-Length: 31\r\n",
    b"Content-Length: 31\r\nContent-Length: 5\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding : chunked\r\n", b"X: y\r\n Transfer-Encoding: chunked\r\n", b"Content-Length: 31\nX: y\r\n",
    b"Content-Length: +31\r\n", b"Content-Length: 31,31\r\n", b"Content-Length: 0x1f\r\n", b"Content-Length: 31\x00\r\n"])
def test_ambiguous_lengths_are_refused_and_nothing_behind_is_read(server, fields):
    got = raw(server, b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + fields + b"\r\n" + login_body() +
              b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(got) == [400]
    assert b"application/problem+json" in got and b"Connection: close" in got


def test_other_codings_are_501(server):
    got = raw(server, b"POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
    assert statuses(got) == [501]


def test_chunked_body_is_a_body(server):
    body = login_body()
    got = raw(server, b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
              b"Connection: close\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n")
    assert statuses(got) == [401]


@pytest.mark.parametrize("path", ["/api/../api/info", "/api/%2e%2e/metrics", "/api%2finfo", "/api/extensions/..%2f", "/%00", "/api/info%00", "//api/info",
                                  "/api//info", "/api/./info", "/api\\info", "/api/%5cinfo", "/api/%252e%252e", "/%ff", "/api/%c0%ae%c0%ae/info"])
def test_paths_that_can_be_read_two_ways_are_400(server, path):
    assert statuses(raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())) == [400]


def test_headers_of_a_megabyte_are_431(server):
    assert statuses(raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n")) == [431]
    assert statuses(raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000 + b"\r\n")) == [431]
    assert statuses(raw(server, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")) == [414]


def test_body_larger_than_allowed_is_413_whatever_it_claims(server):
    head = b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert statuses(raw(server, head + b"Content-Length: 999999999999\r\n\r\n")) == [413]
    assert statuses(raw(server, head + b"Content-Length: 99999999999999999999999999\r\n\r\n")) == [413]
    assert statuses(raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + b"fffff\r\n" + b"x" * 0xfffff + b"\r\n" +
                        b"ffff\r\n" + b"x" * 0xffff)) == [413]
    assert statuses(raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 100000)) == [400]


def test_ten_thousand_pipelined_requests_are_answered(server):
    import threading
    n = 10000
    with socket.create_connection((server.ip, server.port), timeout=60) as s:
        sender = threading.Thread(target=s.sendall, args=(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * n,))
        sender.start()
        got, tail = 0, b""
        while got < n:
            chunk = s.recv(1 << 20)
            assert chunk
            text = tail + chunk
            got += text.count(b"HTTP/1.1 200 OK")
            tail = text[-14:] if not text.endswith(b"HTTP/1.1 200 OK") else b""
        sender.join()
    assert got == n


def test_slow_clients_hold_no_place_for_long(server, anybody):
    """Silent ones and those that send a byte a second are gone after the deadline of ten seconds, and others get in meanwhile."""
    slow = [socket.create_connection((server.ip, server.port)) for _ in range(100)]
    start = time.monotonic()
    for s in slow[::2]:
        s.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    gone = set()
    while len(gone) < len(slow) and time.monotonic() - start < 20:
        for i, s in enumerate(slow):
            if i in gone:
                continue
            s.setblocking(False)
            try:
                if i % 2 == 0:
                    s.send(b"a")
                if s.recv(1000) == b"":
                    gone.add(i)
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                gone.add(i)
        assert anybody.ask("GET", "/healthz").status == 200
        select.select([s for i, s in enumerate(slow) if i not in gone], [], [], 1)
    for s in slow:
        s.close()
    assert len(gone) == len(slow)
    assert time.monotonic() - start > 8


def test_one_address_cannot_take_every_place(server, anybody):
    held = []
    try:
        for _ in range(300):
            held.append(socket.create_connection((server.ip, server.port), source_address=("127.30.9.9", 0)))
        refused = set()

        def all_are_told():
            for s in select.select(held, [], [], 0)[0]:
                if s not in refused and b"503" in s.recv(100, socket.MSG_PEEK):
                    refused.add(s)
            return len(refused) >= 300 - 256
        wait.until(all_are_told, why="those above the limit are refused")
        refused = len(refused)
        assert 30 <= refused <= 60      # 256 may
        assert anybody.ask("GET", "/healthz").status == 200
    finally:
        for s in held:
            s.close()


def test_random_bytes_and_other_protocols(server):
    import random
    rng = random.Random(1)
    for _ in range(200):
        data = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 300)))
        got = raw(server, data, shutdown=True)
        assert not got or statuses(got)[0] in (400, 505)
    assert statuses(raw(server, b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n")) == [400]
    assert statuses(raw(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [505]
    assert statuses(raw(server, bytes.fromhex("16030100c8010000c40303"), shutdown=True)) in ([], [400])     # a TLS hello


def test_mutated_requests(server):
    import random
    rng = random.Random(2)
    good = (b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 31\r\nConnection: close\r\n\r\n" +
            login_body())
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            where = rng.randrange(len(data))
            data[where:where + rng.randrange(3)] = bytes(rng.randrange(256) for _ in range(rng.randrange(3)))
        got = raw(server, bytes(data), shutdown=True)
        assert all(s in (400, 401, 404, 405, 408, 413, 414, 415, 417, 422, 429, 431, 501, 505) for s in statuses(got)), (data, got)
