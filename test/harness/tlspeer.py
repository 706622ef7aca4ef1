# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP peer by hand that is reached over TLS, and reaches the server over TLS: messages as text, sent and expected by the test."""
import queue
import socket
import ssl
import threading
import time
import uuid

from .rawsip import Message


class TlsPeer:
    """Takes connections on its port; OPTIONS are answered and kept in `options`, all else is for expect().
    pair: its certificate and key; ca: whoever connects must show a certificate of this root; the server's is not looked at."""

    def __init__(self, ip, pair, ca=None, port=5061):
        self.ip, self.port, self.pair = ip, port, pair
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ctx.load_cert_chain(*map(str, pair))
        if ca:
            self.ctx.verify_mode = ssl.CERT_REQUIRED
            self.ctx.load_verify_locations(str(ca))
        self.options, self.got, self.subjects, self.connections = [], queue.Queue(), [], []
        self.passed = []                    # requests that came while something else was due
        self.accepted, self.names = 0, []   # connections, shaken hands or not; names that were asked for
        self.ctx.sni_callback = lambda sock, name, ctx: self.names.append(name)
        self.socket = socket.create_server((ip, port), backlog=20)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._take, args=(raw,), daemon=True).start()

    def _take(self, raw):
        try:
            conn = self.ctx.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            raw.close()
            return
        self.subjects.append(conn.getpeercert())
        self._serve(conn)

    def _serve(self, conn):
        self.connections.append(conn)
        data = b""
        while True:
            head, mark, rest = data.partition(b"\r\n\r\n")
            n = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
            if mark and len(rest) >= n:
                data = rest[n:]
                self._one(conn, Message((head + mark + rest[:n]).decode()))
                continue
            try:
                chunk = conn.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            data += chunk

    def _one(self, conn, m):
        if m.method == "OPTIONS":
            self.options.append(m)
            self.reply(m, 200, conn=conn)
        else:
            self.got.put((conn, m))

    def connect(self, server):
        """A connection of its own to the server, from its own address, as a provider opens one for its calls."""
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        ctx.load_cert_chain(*map(str, self.pair))
        self.conn = ctx.wrap_socket(socket.create_connection((server, 5061), source_address=(self.ip, 0)))
        threading.Thread(target=self._serve, args=(self.conn,), daemon=True).start()
        return self

    def expect(self, what, timeout=5.0):
        """A method's name or a status; 100 and other provisional answers are left out. Two connections have no order between them:
        requests that come first are kept for when they are due."""
        end = time.monotonic() + timeout
        for i, (conn, m) in enumerate(self.passed):
            if m.method == what:
                self.conn = conn
                return self.passed.pop(i)[1]
        while True:
            try:
                conn, m = self.got.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{what} was due") from None
            if (m.method or m.status) == what:
                self.conn = conn
                return m
            assert m.status in (None, 100, 180, 183), f"{what} was due, it is\n{m.text}"
            if m.method:
                self.passed.append((conn, m))

    def reply(self, request, status, *, body="", tag="far", headers=(), conn=None):
        to = request.get("To")
        lines = [f"SIP/2.0 {status} X", *(f"Via: {v}" for v in request.all("Via")), f"From: {request.get('From')}",
                 f"To: {to}" + ("" if ";tag=" in to else f";tag={tag}"), f"Call-ID: {request.get('Call-ID')}",
                 f"CSeq: {request.get('CSeq')}", f"Contact: <sip:api-du-a.far.example:{self.port};transport=tls>", *headers]
        self.say(lines, body, conn or self.conn)

    def request(self, method, uri, *, call_id=None, cseq=1, from_="", to=None, headers=(), body="", conn=None):
        call_id = call_id or uuid.uuid4().hex
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/TLS {self.ip}:{self.port};branch=z9hG4bK{uuid.uuid4().hex};rport",
                 "Max-Forwards: 70", f"From: {from_}", f"To: {to or f'<{uri}>'}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}",
                 f"Contact: <sip:{self.ip}:{self.port};transport=tls>", *headers]
        self.say(lines, body, conn or self.conn)
        return call_id

    def say(self, lines, body, conn):
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        conn.sendall(("\r\n".join([*lines, f"Content-Length: {len(body.encode())}"]) + "\r\n\r\n" + body).encode())

    def stop(self):
        self.socket.close()
        for conn in self.connections:
            try:
                conn.close()
            except OSError:
                pass
