# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone by hand, on one RawSip socket: one dialog at a time, each message sent and expected by the test."""
import re
import ssl
import time
import uuid

from . import wait
from .rawsip import RawSip


class Phone(RawSip):
    """Registered as one extension.  `accept` filters what next() gives: repetitions and 100 are left out."""

    scheme = "sip"  # of what it calls

    def __init__(self, ip, server, extension, transport="UDP", port=5060):
        self.connect(ip, server, transport, port)
        self.user, self.password = str(extension), server.password(extension)
        self.seen = set()
        aor = f"sip:{self.domain}"
        answer = self.transact("REGISTER", self.user, self.password, aor, to=f"sip:{self.user}@{self.domain}",
                               from_user=self.user, headers=["Expires: 3600"])
        assert answer and answer.status == 200, answer and answer.text

    def connect(self, ip, server, transport, port):
        RawSip.__init__(self, ip, server.ip, port=port, domain=server.domain, transport=transport)

    def leave(self):
        """Unregisters and is gone; whatever it still got is not looked at."""
        try:
            self.transact("REGISTER", self.user, self.password, f"sip:{self.domain}", to=f"sip:{self.user}@{self.domain}",
                          from_user=self.user, headers=["Contact: *", "Expires: 0"], contact=False, cseq=9001)
        finally:
            self.close()

    # ---- what comes ----

    def next(self, timeout=5.0):
        """The next message that is no 100 and no repetition; OPTIONS is answered on the way."""
        end = time.monotonic() + timeout
        while True:
            m = self.receive(max(0.0, end - time.monotonic()))
            if m is None:
                return None
            key = (m.start, m.get("CSeq"), m.get("Via"), m.get("RSeq"), m.get("To"))
            if m.status == 100 or (key in self.seen):
                continue
            self.seen.add(key)
            if m.method == "OPTIONS":
                self.reply(m, 200)
                continue
            return m

    def expect(self, what, timeout=5.0):
        """A method's name or a status."""
        m = self.next(timeout)
        assert m, f"{self.user} got nothing, {what} was due"
        assert (m.method or m.status) == what, f"{self.user} got {m.start}, {what} was due\n{m.text}"
        return m

    def silent(self, seconds=0.3):
        m = self.next(seconds)
        assert m is None, f"{self.user} got {m.start}"

    # ---- what goes ----

    def sdp(self, version=1, direction=None, port=4000, formats="0 8 101", codecs="a=rtpmap:101 telephone-event/8000\r\n"):
        return (f"v=0\r\no=- 77 {version} IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
                f"m=audio {port} RTP/AVP {formats}\r\n{codecs if '101' in formats else ''}"
                + (f"a={direction}\r\n" if direction else ""))

    def reply(self, request, status, *, headers=(), body="", tag=None, contact=True, reason="X"):
        lines = [f"SIP/2.0 {status} {reason}"]
        lines += [f"Via: {v}" for v in request.all("Via")]
        lines += [f"Record-Route: {v}" for v in request.all("Record-Route")]
        to = request.get("To")
        if ";tag=" not in to:
            to += f";tag={tag or self.tag}"
        lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}",
                  f"CSeq: {request.get('CSeq')}"]
        if contact:
            lines.append(f"Contact: <sip:{self.user}@{self.host}:{self.port}>")
        lines += list(headers)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body.encode())}")
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)

    tag = "b1"

    def invite(self, number, *, headers=(), body=None, cseq=1):
        """A new call, authenticated; answers come through expect()."""
        self.call_id, self.from_tag, self.cseq = uuid.uuid4().hex, uuid.uuid4().hex[:8], cseq
        self.target = self.remote = f"{self.scheme}:{number}@{self.domain}"
        self.remote_tag, self.routes = None, []
        body = self.sdp() if body is None else body
        one = dict(user=self.user, call_id=self.call_id, from_tag=self.from_tag, body=body)
        self.send(self.request("INVITE", self.target, cseq=cseq, headers=headers, **one))
        answer = self.expect(407)
        self.ack(answer, self.target, self.user, self.call_id, self.from_tag, cseq)
        self.cseq = self.invite_cseq = cseq + 1
        self.branch = "z9hG4bK" + uuid.uuid4().hex
        line = self.authorization(answer, "INVITE", self.target, self.user, self.password)
        self.send(self.request("INVITE", self.target, cseq=self.cseq, headers=[*headers, line], branch=self.branch, **one))

    def take(self, m):
        """The dialog as a response leaves it."""
        self.remote_tag = m.to_tag()
        contact = re.search(r"<([^>]+)>", m.get("Contact", ""))
        if contact:
            self.target = contact.group(1)
        self.routes = [f"Route: {r}" for r in reversed(m.all("Record-Route"))]
        return m

    def called(self, m):
        """The dialog of an INVITE that came; reply() goes on with it."""
        self.incoming = m
        self.tag = uuid.uuid4().hex[:8]
        self.call_id, self.from_tag, self.cseq = m.get("Call-ID"), self.tag, 100
        self.remote = re.search(r"<([^>]+)>", m.get("From")).group(1)
        self.remote_tag = re.search(r";tag=([^;>\s]+)", m.get("From")).group(1)
        self.target = re.search(r"<([^>]+)>", m.get("Contact")).group(1)
        self.routes = [f"Route: {r}" for r in m.all("Record-Route")]
        return m

    def rings(self, other, number):
        """It calls the number, and the other one lets it ring: the INVITE there."""
        self.invite(number)
        invite = other.called(other.expect("INVITE"))
        other.reply(invite, 180)
        self.take(self.expect(180))
        return invite

    def say(self, method, *, headers=(), body="", cseq=None, branch=None):
        """A request within the dialog."""
        if cseq is None and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        self.send(self.request(method, self.target, user=self.user, to=self.remote, call_id=self.call_id,
                               cseq=cseq or self.cseq, from_tag=self.from_tag, to_tag=self.remote_tag,
                               headers=[*self.routes, *headers], body=body, branch=branch))

    def cancel(self):
        self.send(self.request("CANCEL", f"{self.remote}", user=self.user, call_id=self.call_id, cseq=self.invite_cseq,
                               from_tag=self.from_tag, branch=self.branch, contact=False))

    def refused(self, status, timeout=5.0):
        """The call is refused with that status, and acknowledged."""
        m = self.expect(status, timeout)
        self.send(self.request("ACK", self.remote, user=self.user, call_id=self.call_id, cseq=self.invite_cseq,
                               from_tag=self.from_tag, to_tag=m.to_tag(), branch=self.branch, contact=False))
        return m


class TlsPhone(Phone):
    def connect(self, ip, server, transport, port):
        RawSip.__init__(self, ip, server.ip, port=0, domain=server.domain, transport="TLS", server_port=server.demo["sip"]["tls_port"])
        trust = ssl.create_default_context(cafile=server.demo["sip"]["ca"])
        self.socket = trust.wrap_socket(self.socket, server_hostname=server.domain)


class Gateway(Phone):
    """The far side of a trunk that is known by its address: nothing is proved."""

    def __init__(self, ip, server, name="gw", port=5060):
        RawSip.__init__(self, ip, server.ip, port=port, domain=server.domain)  # no registration
        self.user, self.seen = name, set()

    def invite(self, number, *, headers=(), body=None, cseq=1):
        self.call_id, self.from_tag, self.cseq, self.invite_cseq = uuid.uuid4().hex, uuid.uuid4().hex[:8], cseq, cseq
        self.target = self.remote = f"sip:{number}@{self.domain}"
        self.remote_tag, self.routes, self.branch = None, [], "z9hG4bK" + uuid.uuid4().hex
        self.send(self.request("INVITE", self.target, cseq=cseq, headers=headers, branch=self.branch, user=self.user,
                               call_id=self.call_id, from_tag=self.from_tag, body=self.sdp() if body is None else body))


def answered(a, b, invite, *, answer=None, headers=()):
    """b answers the INVITE it got, a acknowledges.  Gives the 200 that a got."""
    b.reply(invite, 200, body=b.sdp() if answer is None else answer, headers=headers)
    b.expect("ACK")
    ok = a.take(a.expect(200))
    a.say("ACK", cseq=a.invite_cseq)
    return ok


def talk(a, b, number="102", *, offer=None, answer=None, invite_headers=(), answer_headers=()):
    """a calls b and they talk.  Gives the INVITE that b got and the 200 that a got."""
    a.invite(number, body=offer, headers=invite_headers)
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    return invite, answered(a, b, invite, answer=answer, headers=answer_headers)


def record(server, phone):
    """The call record of the phone's last call, once it has ended."""
    def ended():
        return next((c for c in server.get("/api/cdrs")["items"] if c["sip_call_id"] == phone.call_id and c["ended_at"]), None)
    return wait.until(ended, 10, why="the record of the call")


def hang_up(a, b):
    a.say("BYE")
    a.expect(200)
    b.reply(b.expect("BYE"), 200)
