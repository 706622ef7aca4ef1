# SPDX-License-Identifier: GPL-3.0-or-later
"""The stream of events over WebSocket: own tenant only, catch-up, and who may no longer hears nothing more."""
import base64
import json
import os
import socket
import struct
import time

from client import ApiServer, Client
from harness import wait
from harness.addresses import new_address
from tenants import Tenant


class Stream:
    """A WebSocket client of a few lines, so that what goes over the wire is seen as it is."""

    def __init__(self, server, token, query="", headers=None, expect=101):
        self.socket = socket.create_connection((server.ip, server.port), timeout=10)
        self.file = self.socket.makefile("rb")
        lines = {"Host": f"{server.ip}:{server.port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **(headers or {})}
        if token:
            lines["Authorization"] = f"Bearer {token}"
        self.socket.sendall((f"GET /api/events{query} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode())
        self.status = int(self.file.readline().split()[1])
        while self.file.readline() not in (b"\r\n", b""):
            pass
        assert self.status == expect, self.status

    def frame(self):
        head = self.file.read(2)
        if len(head) < 2:
            return None, b""
        n = head[1] & 127
        if n == 126:
            n = struct.unpack("!H", self.file.read(2))[0]
        elif n == 127:
            n = struct.unpack("!Q", self.file.read(8))[0]
        return head[0] & 15, self.file.read(n)

    def send(self, op, payload=b""):
        mask = os.urandom(4)
        self.socket.sendall(bytes([128 | op, 128 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def event(self):
        op, payload = self.frame()
        assert op == 1, (op, payload)
        return json.loads(payload)

    def pong(self):
        """All that was sent before has arrived."""
        self.send(9, b"x")
        got = []
        while True:
            op, payload = self.frame()
            if op == 10:
                return got
            got.append(json.loads(payload))

    def close(self):
        self.file.close()
        self.socket.close()


def hang_up(t):
    one = t.client.get("/api/sessions")["items"][0]["id"]
    t.client.delete(f"/api/sessions/{one}")
    return one


def test_an_event_comes_with_topic_key_and_number(server, tenant):
    s = Stream(server, tenant.client.token)
    call = hang_up(tenant)
    e = s.event()
    assert (e["topic"], e["key"], e["call_id"], e["tenant_id"]) == ("extension_events", "call_ended", call, tenant.id)
    assert e["number"] == "101" and e["peer"] == "102" and e["at"].endswith("Z") and e["seq"].isdigit()
    s.close()


def test_nobody_hears_of_another_tenant(server, tenant, red):
    mine, theirs = Stream(server, tenant.client.token), Stream(server, red.client.token)
    chief = Stream(server, server.login("chief", "system secret words").token)
    hang_up(tenant)
    assert mine.event()["tenant_id"] == tenant.id and chief.event()["tenant_id"] == tenant.id
    assert theirs.pong() == []
    for s in (mine, theirs, chief):
        s.close()


def test_topics_choose(server, tenant):
    ended, cdrs = Stream(server, tenant.client.token, "?topics=call_ended"), Stream(server, tenant.client.token, "?topics=cdr_events,trunk_events")
    hang_up(tenant)
    assert ended.event()["key"] == "call_ended" and cdrs.pong() == []
    for query in ("?topics=nothing", "?nothing=1", "?since=x", "?topics="):
        Stream(server, tenant.client.token, query, expect=400).close()
    ended.close(), cdrs.close()


def test_who_comes_back_gets_what_it_missed(server, tenant):
    s = Stream(server, tenant.client.token)
    first = hang_up(tenant)
    seq = s.event()["seq"]
    s.close()
    second = hang_up(tenant)
    again = Stream(server, tenant.client.token, f"?since={seq}")
    assert again.event()["call_id"] == second
    again.close()
    old = Stream(server, tenant.client.token, "?since=5")
    missed = old.event()
    assert missed["key"] == "missed" and missed["from"] == "6"
    assert [e["call_id"] for e in old.pong()] == [first, second]
    old.close()


def test_who_comes_back_after_a_crash_gets_what_it_missed(tmp_path):
    server = ApiServer(tmp_path / "own", new_address()).start()
    try:
        tenant = Tenant(server, "again")
        s = Stream(server, tenant.client.token)
        first = hang_up(tenant)
        heard = s.event()
        s.close()
        second = hang_up(tenant)
        server.process.kill()
        server.process.wait()
        server.start()
        again = Stream(server, tenant.client.token, f"?since={heard['seq']}")
        missed = again.event()
        assert missed["call_id"] == second and int(missed["seq"]) > int(heard["seq"])
        assert again.pong() == []
        again.close()
        old = Stream(server, tenant.client.token, "?since=5")
        assert old.event()["key"] == "missed"
        assert [e for e in old.pong() if e["call_id"] == first] == [heard]      # as it was told then
        old.close()
    finally:
        server.stop()


def test_only_who_is_signed_in_listens_and_no_longer_than_that(server, tenant):
    Stream(server, None, expect=401).close()
    Stream(server, "oh_" + "x" * 40, expect=401).close()
    client = server.login(tenant.user["username"], f"{tenant.row['name']} secret words", tenant.domain)
    s = Stream(server, None, f"?access_token={client.token}")
    client.post("/api/logout", expect=204)
    start = time.monotonic()
    op, payload = s.frame()
    assert op == 8 and struct.unpack("!H", payload[:2])[0] == 4401
    assert time.monotonic() - start < 20
    s.close()


def test_a_role_without_events_hears_none(server, tenant):
    row = tenant.client.post("/api/roles", {"name": "cdrs", "permissions": [{"resource": "cdrs", "access": "read"}]})
    key = tenant.client.post("/api/api_keys", {"name": "k", "role_id": row["id"]})["key"]
    Stream(server, key, expect=403).close()
    tenant.client.patch(f"/api/roles/{row['id']}", {"permissions": [{"resource": "events", "access": "read"}]})
    s = Stream(server, key)
    tenant.client.patch(f"/api/roles/{row['id']}", {"permissions": [{"resource": "cdrs", "access": "read"}]})
    assert s.frame()[0] == 8
    s.close()


def test_a_page_from_elsewhere_gets_no_stream(server, tenant):
    Stream(server, tenant.client.token, headers={"Origin": "https://evil.example"}, expect=403).close()
    Stream(server, tenant.client.token, headers={"Origin": f"http://{server.ip}:{server.port}"}).close()


def test_what_is_no_websocket_is_told_so(server, tenant):
    answer = tenant.client.ask("GET", "/api/events")
    assert answer.status == 426 and answer.headers["Upgrade"] == "websocket"
    Stream(server, tenant.client.token, headers={"Sec-WebSocket-Version": "8"}, expect=426).close()
    Stream(server, tenant.client.token, headers={"Sec-WebSocket-Key": "short"}, expect=400).close()


def test_bad_frames_end_the_stream_and_nothing_else(server, tenant):
    for raw in (b"\x81\x01x", b"\x83\x80aaaa", b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"aaaa", b"\xc1\x80aaaa"):
        s = Stream(server, tenant.client.token)
        s.socket.sendall(raw)
        op, payload = s.frame()
        assert op == 8 and struct.unpack("!H", payload[:2])[0] in (1002, 1009)
        s.close()
    assert tenant.client.ask("GET", "/api/me").status == 200


def test_many_listen_and_leave(server, tenant):
    streams = [Stream(server, tenant.client.token) for _ in range(100)]
    for s in streams[::2]:
        s.close()
    hang_up(tenant)
    for s in streams[1::2]:
        assert s.event()["key"] == "call_ended"
        s.send(8, struct.pack("!H", 1000))
        assert s.frame()[0] == 8
        s.close()
    wait.until(lambda: Client(server).ask("GET", "/healthz").status == 200, why="the server answers")
