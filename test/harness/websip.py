# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP peer over WebSocket by hand, as a browser would be: its host is a name that nobody can resolve."""
import base64
import hashlib
import os
import socket
import ssl
import struct
import time
import uuid

from .rawsip import Message, RawSip

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(op, payload, *, fin=True, mask=True, rsv=0, length=None):
    """A frame as a client writes it.  `length`: what its head says instead of the truth."""
    payload = payload.encode() if isinstance(payload, str) else payload
    n = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv | op])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(c ^ key[i & 3] for i, c in enumerate(payload))


def hello(host, *, key=None, protocol="sip", version=13, upgrade="websocket", connection="Upgrade", path="/", method="GET",
          headers=()):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"Upgrade: {upgrade}"] if upgrade else []
    lines += [f"Connection: {connection}"] if connection else []
    lines += [f"Sec-WebSocket-Key: {key}"] if key else []
    lines += [f"Sec-WebSocket-Version: {version}"] if version else []
    lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode()


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


def read_head(sock):
    """The head of an HTTP response, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(4096)
        if not chunk:
            break
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode(), rest


class WebSip(RawSip):
    """`ctx`: an SSL context makes it WSS."""

    def __init__(self, ip, server, *, port=None, domain=None, ctx=None, name=None, headers=(), op=TEXT, cut=0):
        self.transport = "WSS" if ctx else "WS"
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.bind((ip, 0))
        self.socket.connect((server.ip, port or server.demo["sip"]["wss_port" if ctx else "ws_port"]))
        if ctx:
            self.socket = ctx.wrap_socket(self.socket, server_hostname=name or server.domain)
        self.host, self.port = uuid.uuid4().hex[:12] + ".invalid", 0
        self.domain = domain or server.domain
        self.op, self.cut, self.closed, self.control = op, cut, None, []
        key = new_key()
        self.socket.sendall(hello(server.ip, key=key, headers=headers))
        head, self._data = read_head(self.socket)
        assert head.startswith("HTTP/1.1 101 "), head
        want = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        fields = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in head.split("\r\n")[1:])}
        assert fields["sec-websocket-accept"] == base64.b64encode(want).decode()
        assert fields["sec-websocket-protocol"] == "sip" and fields["upgrade"] == "websocket"

    def write(self, data):
        self.socket.sendall(data)

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        if not self.cut:
            return self.write(frame(self.op, data))
        pieces = [data[i:i + self.cut] for i in range(0, len(data), self.cut)]
        for i, piece in enumerate(pieces):
            self.write(frame(self.op if not i else 0, piece, fin=i == len(pieces) - 1))

    def next_frame(self, timeout=5.0):
        """(op, payload), or None when nothing comes or the connection ended."""
        end = time.monotonic() + timeout
        while True:
            got = self._take()
            if got:
                return got
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                chunk = self.socket.recv(65536)
            except (TimeoutError, ConnectionResetError, ssl.SSLError):
                return None
            if not chunk:
                self.closed = self.closed or "end"
                return None
            self._data += chunk

    def _take(self):
        data = self._data
        if len(data) < 2:
            return None
        assert data[0] & 0xf0 == 0x80, "one message of ours is one frame, without extensions"
        assert not data[1] & 0x80, "a server does not mask"
        n, at = data[1] & 0x7f, 2
        if n >= 126:
            size = 2 if n == 126 else 8
            if len(data) < 2 + size:
                return None
            n, at = int.from_bytes(data[2:2 + size], "big"), 2 + size
        if len(data) < at + n:
            return None
        self._data = data[at + n:]
        return data[0] & 15, data[at:at + n]

    def receive(self, timeout=2.0):
        end = time.monotonic() + timeout
        while True:
            got = self.next_frame(max(0.0, end - time.monotonic()))
            if not got:
                return None
            op, payload = got
            if op == CLOSE:
                self.closed = int.from_bytes(payload[:2], "big") if payload else 1005
                return None
            if op in (PING, PONG) or not payload.strip():
                self.control.append(got)
                continue
            self.last_op = op
            return Message(payload.decode(errors="replace"))

    def close_code(self, timeout=5.0):
        """What the server closes with; what else it says before is passed over."""
        end = time.monotonic() + timeout
        while self.closed is None and time.monotonic() < end:
            self.receive(end - time.monotonic())
        return self.closed

    def ended(self, timeout=5.0):
        """Has the server ended the connection?"""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except (TimeoutError, ssl.SSLError):
            return False
        return True

    def request(self, method, uri=None, **more):
        """As RFC 7118 has it: the Via's host means nothing, and the Contact's neither."""
        user, contact = more.get("user", "probe"), more.pop("contact", True)
        headers = list(more.pop("headers", ()))
        if contact:
            headers.insert(0, f"Contact: <sip:{user}@{self.host};transport=ws>")
        text = super().request(method, uri, contact=False, headers=headers, via_extra=more.pop("via_extra", ""), **more)
        return text.replace(f"{self.host}:0;branch", f"{self.host};branch", 1)
