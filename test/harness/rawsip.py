# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP peer by hand: one UDP or TCP socket, messages as text.  For what no phone would send."""
import hashlib
import re
import socket
import time
import uuid


class Message:
    def __init__(self, text):
        self.text = text
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.start = lines[0]
        self.headers = [tuple(p.strip() for p in line.split(":", 1)) for line in lines[1:] if ":" in line]

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else None

    @property
    def method(self):
        return None if self.status else self.start.split()[0]

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def get(self, name, default=None):
        return next(iter(self.all(name)), default)

    def to_tag(self):
        found = re.search(r";tag=([^;>\s]+)", self.get("To", ""))
        return found and found.group(1)


class RawSip:
    """`domain` is where requests go by default."""

    capture = None  # a harness.wireshark.Capture, when somebody wants to see all that is heard

    def __init__(self, ip, server, port=5060, domain=None, transport="UDP", server_port=5060):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.transport = transport
        self.socket = socket.socket(family, socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((ip, port))
        self.socket.connect((server, server_port))
        host = f"[{ip}]" if ":" in ip else ip
        self.host, self.port = host, self.socket.getsockname()[1]
        self.domain = domain or (f"[{server}]" if ":" in server else server)
        self._data = b""

    def close(self):
        self.socket.close()

    def send(self, text):
        self.socket.send(text if isinstance(text, bytes) else text.encode())

    def receive(self, timeout=2.0):
        """The next message, or None."""
        end = time.monotonic() + timeout
        while True:
            if self.transport != "UDP":
                message = self._frame()
                if message:
                    return message
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, ConnectionRefusedError):
                return None
            except ConnectionResetError:
                return None
            if self.transport == "UDP":
                if self.capture:
                    self.capture.add(data)
                if data.strip():
                    return Message(data.decode(errors="replace"))
                continue
            if not data:
                return None
            self._data += data

    def _frame(self):
        self._data = self._data.lstrip(b"\r\n")
        head, mark, rest = self._data.partition(b"\r\n\r\n")
        if not mark:
            return None
        found = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        size = int(found.group(1)) if found else 0
        if len(rest) < size:
            return None
        self._data = rest[size:]
        if self.capture:
            self.capture.add(head + mark + rest[:size])
        return Message((head + mark + rest[:size]).decode(errors="replace"))

    def final(self, timeout=5.0, cseq=None):
        """The next final response (to that CSeq number)."""
        end = time.monotonic() + timeout
        while True:
            m = self.receive(max(0.0, end - time.monotonic()))
            if m is None:
                return None
            if m.status and m.status >= 200 and (cseq is None or m.get("CSeq", "").split()[0] == str(cseq)):
                return m

    def request(self, method, uri=None, *, user="probe", to=None, call_id=None, cseq=1, from_tag=None, to_tag=None,
                headers=(), body="", branch=None, contact=True, from_user=None, via_extra=";rport", max_forwards=70,
                content_type="application/sdp"):
        uri = uri or f"sip:{self.domain}"
        from_user = from_user or user
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};branch={branch or 'z9hG4bK' + uuid.uuid4().hex}{via_extra}",
            f"Max-Forwards: {max_forwards}",
            f"From: <sip:{from_user}@{self.domain}>;tag={from_tag or uuid.uuid4().hex[:8]}",
            f"To: <{to or uri}>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {call_id or uuid.uuid4().hex}",
            f"CSeq: {cseq} {method}",
        ]
        if contact:
            lines.append(f"Contact: <sip:{user}@{self.host}:{self.port}>")
        lines += list(headers)
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def authorization(self, challenge, method, uri, user, password, *, nc=1, header=None, username=None, body="", qop="auth"):
        """The header line that answers a 401 or 407; qop "auth-int" covers the body."""
        proxy = challenge.status == 407
        text = challenge.get("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        fields = dict(re.findall(r'(\w+)=(?:"([^"]*)"|[^\s,]+)', text))
        fields.update({k: v for k, v in re.findall(r'(\w+)=([^\s",]+)', text) if not fields.get(k)})
        algorithm = fields.get("algorithm", "MD5").upper()
        hasher = hashlib.sha256 if algorithm == "SHA-256" else hashlib.md5

        def h(value):
            return hasher(value.encode()).hexdigest()
        cnonce, count = uuid.uuid4().hex[:8], f"{nc:08x}"
        ha1 = h(f"{username or user}:{fields['realm']}:{password}")
        ha2 = h(f"{method}:{uri}" + (f":{h(body)}" if qop == "auth-int" else ""))
        if "qop" in fields:
            response = h(f"{ha1}:{fields['nonce']}:{count}:{cnonce}:{qop}:{ha2}")
            extra = f', qop={qop}, nc={count}, cnonce="{cnonce}"'
        else:
            response, extra = h(f"{ha1}:{fields['nonce']}:{ha2}"), ""
        name = header or ("Proxy-Authorization" if proxy else "Authorization")
        return (f'{name}: Digest username="{username or user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
                f'uri="{uri}", response="{response}", algorithm={algorithm}{extra}')

    def transact(self, method, user, password, uri=None, *, headers=(), cseq=1, call_id=None, from_tag=None, **more):
        """A request, and again with credentials when challenged: the final response."""
        uri = uri or f"sip:{self.domain}"
        call_id, from_tag = call_id or uuid.uuid4().hex, from_tag or uuid.uuid4().hex[:8]
        self.send(self.request(method, uri, user=user, call_id=call_id, from_tag=from_tag, cseq=cseq, headers=headers, **more))
        answer = self.final(cseq=cseq)
        assert answer, "no answer"
        if answer.status not in (401, 407):
            return answer
        if method == "INVITE":
            self.ack(answer, uri, user, call_id, from_tag, cseq)
        line = self.authorization(answer, method, uri, user, password)
        self.send(self.request(method, uri, user=user, call_id=call_id, from_tag=from_tag, cseq=cseq + 1,
                               headers=[*headers, line], **more))
        return self.final(cseq=cseq + 1)

    def ack(self, answer, uri, user, call_id, from_tag, cseq):
        via = answer.get("Via")
        branch = re.search(r"branch=([^;,\s]+)", via).group(1)
        self.send(self.request("ACK", uri, user=user, call_id=call_id, from_tag=from_tag, cseq=cseq, branch=branch,
                               to_tag=answer.to_tag(), contact=False))

    def alive(self):
        """Does the server still answer an OPTIONS?"""
        call_id = uuid.uuid4().hex
        self.send(self.request("OPTIONS", call_id=call_id))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            m = self.receive(end - time.monotonic())
            if m and m.get("Call-ID") == call_id and m.status:
                return m
        return None
