# SPDX-License-Identifier: GPL-3.0-or-later
"""Call records as one CSV file, sent in pieces: whole, in order, only the own ones."""
import csv
import io
import socket

import pytest

from client import execute

LINES = 1703    # some pages, the last one not full


def lines_of(answer):
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


@pytest.fixture(scope="module")
def many(server, red):
    """As many copies of a record, one second after the other."""
    row = red.cdr()
    first = lines_of(red.client.ask("GET", "/api/cdrs/export"))[0]
    chosen = ", ".join({"id": "c.id + n.i", "started_at": "c.started_at + n.i * 1000000", "caller": "'=' || n.i"}.get(f, f'c."{f}"') for f in first)
    names = ", ".join(f'"{f}"' for f in first)
    execute(server, f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LINES}) "
                    f"INSERT INTO cdrs (tenant_id, {names}) SELECT c.tenant_id, {chosen} FROM cdrs c, n WHERE c.tenant_id = {red.id} AND c.id = {row['id']}")
    return row


def test_all_of_them_come_newest_first(red, many):
    got = lines_of(red.client.ask("GET", "/api/cdrs/export"))
    made = [line for line in got if line["caller"].startswith("'=")]     # nothing that a spreadsheet would run
    assert [line["caller"] for line in made] == [f"'={i}" for i in range(LINES, 0, -1)]
    assert len({line["id"] for line in got}) == len(got)
    assert set(got[0]) <= set(red.client.get("/api/cdrs", limit=1)["items"][0])


def test_filters_are_those_of_the_list(red, many):
    got = lines_of(red.client.ask("GET", "/api/cdrs/export?caller=%3D17"))
    assert [line["caller"] for line in got] == ["'=17"]
    assert red.client.ask("GET", "/api/cdrs/export?status=nothing").body.count(b"\r\n") == 1     # the names only
    for wrong in ("limit=5", "cursor=x", "nothing=1", "from=x"):
        assert red.client.ask("GET", f"/api/cdrs/export?{wrong}").status == 400


def test_nothing_of_others_is_in_it(red, blue, many):
    assert all(not line["caller"].startswith("'=") for line in lines_of(blue.client.ask("GET", "/api/cdrs/export")))


def raw(server, client, version, until=None):
    s = socket.create_connection((server.ip, server.port), timeout=20)
    s.sendall(f"GET /api/cdrs/export HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n\r\n".encode())
    got = b""
    while until is None or len(got) < until:
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
        if got.endswith(b"\r\n0\r\n\r\n"):
            break
    s.close()
    return got


def test_old_client_reads_to_the_end_of_the_connection(server, red, many):
    new, old = raw(server, red.client, "1.1"), raw(server, red.client, "1.0")
    assert b"Transfer-Encoding: chunked" in new and b"Transfer-Encoding" not in old
    assert b"Content-Length" not in new + old and b"Connection: close" in old
    assert old.split(b"\r\n\r\n", 1)[1] == red.client.ask("GET", "/api/cdrs/export").body


def test_client_that_leaves_in_the_middle_disturbs_nobody(server, red, many):
    for _ in range(20):
        raw(server, red.client, "1.1", until=1)
    assert len(lines_of(red.client.ask("GET", "/api/cdrs/export"))) >= LINES
    assert red.client.ask("HEAD", "/api/cdrs/export").status == 200
    assert red.client.get("/api/me")
