# SPDX-License-Identifier: GPL-3.0-or-later
"""A device by hand that does several things at once: registers, watches, calls and is called, sends and takes messages.

It has no thread: what arrived is dealt with while a test waits for something (`until`, `request_and_answer`).
"""
import re
import time
import uuid
import xml.etree.ElementTree as ET

from .rawsip import RawSip

SDP = ("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
       "a=rtpmap:0 PCMU/8000\r\na={direction}\r\n")


def answer_text(request, status, reason="X", *, tag=None, headers=(), body="", content_type="application/sdp"):
    lines = [f"SIP/2.0 {status} {reason}"]
    for name, value in request.headers:
        if name.lower() in ("via", "from", "call-id", "cseq", "record-route"):
            lines.append(f"{name}: {value}")
        elif name.lower() == "to":
            lines.append(f"To: {value}" + (f";tag={tag}" if tag and ";tag=" not in value else ""))
    lines += list(headers)
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


class Notify:
    """A NOTIFY as it came."""

    def __init__(self, message):
        self.message = message
        self.body = message.body
        self.event = message.get("Event")
        self.state, _, rest = message.get("Subscription-State", "").partition(";")
        self.params = dict(p.strip().partition("=")[::2] for p in rest.split(";") if p.strip())
        self.cseq = int(message.get("CSeq").split()[0])
        self.at = time.monotonic()

    @property
    def xml(self):
        return ET.fromstring(self.body.encode())


class Subscription:
    def __init__(self, device, event, target, event_id=None, headers=()):
        self.device, self.event, self.event_id, self.target = device, event, event_id, target
        self.call_id, self.tag, self.remote_tag = uuid.uuid4().hex, uuid.uuid4().hex[:8], None
        self.cseq, self.headers = 0, list(headers)
        self.notifies, self.reply = [], 200
        self.answer = None
        self.contact = None

    def send(self, expires=600, *, to_tag=None, event=None, authorize=None, headers=()):
        """One SUBSCRIBE; its final answer.  expires None: the header is left out."""
        d = self.device
        self.cseq += 1
        name = event or (self.event + (f";id={self.event_id}" if self.event_id else ""))
        lines = [f"Event: {name}"] if name else []
        if expires is not None:
            lines.append(f"Expires: {expires}")
        lines += [*self.headers, *headers]
        uri = self.contact if self.contact and self.remote_tag else self.target
        if authorize:
            lines.append(d.sip.authorization(authorize, "SUBSCRIBE", uri, d.user, d.password))
        text = d.sip.request("SUBSCRIBE", uri, user=d.user, to=self.target, call_id=self.call_id, from_tag=self.tag,
                             to_tag=to_tag or self.remote_tag, cseq=self.cseq, headers=lines)
        d.answers.pop((self.call_id, self.cseq, "SUBSCRIBE"), None)
        d.sip.send(text)
        return d.wait_answer(self.call_id, self.cseq)

    def subscribe(self, expires=600, **more):
        answer = self.send(expires, **more)
        if answer.status in (401, 407):
            answer = self.send(expires, authorize=answer, **more)
        self.answer = answer
        if answer.status == 200:
            self.remote_tag = answer.to_tag()
            self.contact = re.search(r"<([^>]+)>", answer.get("Contact")).group(1)
        return answer

    def next(self, timeout=5.0, count=1):
        """The newest NOTIFY once there are `count` more than were looked at."""
        seen = getattr(self, "_seen", 0)
        self.device.until(lambda: len(self.notifies) >= seen + count, timeout, why=f"a NOTIFY of {self.event}")
        self._seen = seen + count
        return self.notifies[self._seen - 1]

    def last(self, condition, timeout=5.0):
        """The first NOTIFY not yet looked at for which the condition holds."""
        while True:
            n = self.next(timeout)
            if condition(n):
                return n


class Device:
    def __init__(self, ip, server, user="101", *, password=None, transport="UDP", port=5060, domain=None):
        self.sip = RawSip(ip, server.ip, port=port, domain=domain or server.domain, transport=transport,
                          server_port=server.sip_port)
        self.user, self.password, self.server = user, password or server.password(user), server
        self.answers, self.subscriptions, self.strangers = {}, {}, []
        self.messages, self.message_status = [], 200
        self.calls, self.ring, self.unsolicited = [], True, []
        self.others = []

    def close(self):
        self.sip.close()

    def uri(self, user):
        return f"sip:{user}@{self.sip.domain}"

    # ---- what arrives ----

    def until(self, condition, timeout=5.0, why=""):
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            assert left > 0, f"{self.user} waits in vain: {why}"
            self.pump(left)

    def pump(self, timeout):
        m = self.sip.receive(timeout)
        if m is None:
            return
        if m.status:
            key = (m.get("Call-ID"), int(m.get("CSeq").split()[0]), m.get("CSeq").split()[1])
            self.answers.setdefault(key, []).append(m)
            return
        getattr(self, "_on_" + m.method.lower(), self._on_other)(m)

    def quiet(self, seconds=0.3):
        """Everything that comes within this time is taken: what a test says must not come is then seen."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(left)

    def wait_answer(self, call_id, cseq, method=None, timeout=5.0):
        def final():
            for (c, n, m), answers in self.answers.items():
                if c == call_id and n == cseq and (method is None or m == method):
                    for a in answers:
                        if a.status >= 200:
                            return a
            return None
        self.until(final, timeout, why=f"an answer to CSeq {cseq}")
        return final()

    def respond(self, request, status, **more):
        self.sip.send(answer_text(request, status, tag=more.pop("tag", "d" + self.user), **more))

    def _on_notify(self, m):
        s = self.subscriptions.get(m.get("Call-ID"))
        if s is None:
            self.unsolicited.append(Notify(m))
            self.respond(m, 200)
            return
        if s.reply:
            self.respond(m, s.reply)
        if not any(n.cseq == int(m.get("CSeq").split()[0]) for n in s.notifies):
            s.notifies.append(Notify(m))

    def _on_message(self, m):
        status = self.message_status(m) if callable(self.message_status) else self.message_status
        if status:
            self.respond(m, status)
        if not any(x.get("Call-ID") == m.get("Call-ID") and x.get("CSeq") == m.get("CSeq") for x in self.messages):
            self.messages.append(m)

    def _on_invite(self, m):
        if ";tag=" in m.get("To"):
            self.respond(m, 200, headers=[self.contact_line()], body=self.sdp())
            return
        if any(c.get("Call-ID") == m.get("Call-ID") for c in self.calls):
            return
        self.calls.append(m)
        if self.ring:
            self.respond(m, 180, headers=[self.contact_line()])

    def _on_cancel(self, m):
        self.respond(m, 200)
        for c in self.calls:
            if c.get("Call-ID") == m.get("Call-ID"):
                self.respond(c, 487)

    def _on_bye(self, m):
        self.respond(m, 200)
        self.others.append(m)

    def _on_ack(self, m):
        self.others.append(m)

    def _on_other(self, m):
        self.respond(m, 200)
        self.others.append(m)

    # ---- what it does ----

    def contact_line(self):
        return f"Contact: <sip:{self.user}@{self.sip.host}:{self.sip.port}>"

    def sdp(self, direction="sendrecv", port=40000):
        return SDP.format(ip=self.sip.host, port=port, direction=direction)

    def ask(self, method, uri, *, headers=(), call_id=None, from_tag=None, cseq=1, timeout=5.0, **more):
        """A request and its final answer, authorized when asked for."""
        call_id, from_tag = call_id or uuid.uuid4().hex, from_tag or uuid.uuid4().hex[:8]
        text = self.sip.request(method, uri, user=self.user, call_id=call_id, from_tag=from_tag, cseq=cseq,
                                headers=headers, **more)
        self.sip.send(text)
        answer = self.wait_answer(call_id, cseq, method, timeout)
        if answer.status in (401, 407) and not more.get("to_tag"):
            if method == "INVITE":
                self.sip.ack(answer, uri, self.user, call_id, from_tag, cseq)
            line = self.sip.authorization(answer, method, uri, self.user, self.password)
            self.sip.send(self.sip.request(method, uri, user=self.user, call_id=call_id, from_tag=from_tag,
                                           cseq=cseq + 1, headers=[*headers, line], **more))
            answer = self.wait_answer(call_id, cseq + 1, method, timeout)
        return answer

    def register(self, expires=600):
        answer = self.ask("REGISTER", f"sip:{self.sip.domain}", to=self.uri(self.user), contact=False,
                          headers=[self.contact_line(), f"Expires: {expires}"])
        assert answer.status == 200, answer.text
        return answer

    def watch(self, event, target, expires=600, *, event_id=None, headers=()):
        """A subscription; target is a number or a URI."""
        uri = target if str(target).startswith("sip") else self.uri(target)
        s = Subscription(self, event, uri, event_id, headers)
        self.subscriptions[s.call_id] = s
        s.subscribe(expires)
        return s

    def call(self, number):
        """An INVITE to a number or URI that is on its way: {call_id, tag, cseq, uri}.  Ends with `hang_up`."""
        uri, call_id, tag = number if ":" in number else self.uri(number), uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self.sip.send(self.sip.request("INVITE", uri, user=self.user, call_id=call_id, from_tag=tag, body=self.sdp()))
        answer = self.wait_answer(call_id, 1, "INVITE")
        assert answer.status in (401, 407), answer.text
        self.sip.ack(answer, uri, self.user, call_id, tag, 1)
        line = self.sip.authorization(answer, "INVITE", uri, self.user, self.password)
        text = self.sip.request("INVITE", uri, user=self.user, call_id=call_id, from_tag=tag, cseq=2, headers=[line],
                                body=self.sdp())
        self.sip.send(text)
        return {"call_id": call_id, "tag": tag, "cseq": 2, "uri": uri, "text": text}

    def responses(self, call):
        return self.answers.get((call["call_id"], call["cseq"], "INVITE"), [])

    def rings(self, call, timeout=5.0):
        self.until(lambda: any(a.status == 180 for a in self.responses(call)), timeout, why="180")

    def answered(self, call, timeout=5.0):
        """Waits for the 200 and acknowledges it."""
        answer = self.wait_answer(call["call_id"], call["cseq"], "INVITE", timeout)
        assert answer.status == 200, answer.text
        call["to_tag"] = answer.to_tag()
        call["target"] = re.search(r"<([^>]+)>", answer.get("Contact")).group(1)
        self._in_dialog(call, "ACK", call["cseq"])
        return answer

    def _in_dialog(self, call, method, cseq, **more):
        self.sip.send(self.sip.request(method, call["target"], user=self.user, to=call["uri"], call_id=call["call_id"],
                                       from_tag=call["tag"], to_tag=call["to_tag"], cseq=cseq, **more))

    def within(self, call, method, **more):
        """A request within an answered call of ours, and its final answer."""
        call["cseq"] += 1
        self._in_dialog(call, method, call["cseq"], **more)
        answer = self.wait_answer(call["call_id"], call["cseq"], method)
        if method == "INVITE" and answer.status < 300:
            self._in_dialog(call, "ACK", call["cseq"])
        return answer

    def hang_up(self, call):
        return self.within(call, "BYE")

    def cancel(self, call):
        via = re.search(r"branch=([^;,\s]+)", call["text"]).group(1)
        self.sip.send(self.sip.request("CANCEL", call["uri"], user=self.user, call_id=call["call_id"],
                                       from_tag=call["tag"], cseq=call["cseq"], branch=via, contact=False))
        answer = self.wait_answer(call["call_id"], call["cseq"], "INVITE")
        self.sip.ack(answer, call["uri"], self.user, call["call_id"], call["tag"], call["cseq"])
        return answer

    def is_called(self, timeout=5.0, count=1):
        self.until(lambda: len(self.calls) >= count, timeout, why="an INVITE")
        return self.calls[count - 1]

    def pick_up(self, invite):
        self.respond(invite, 200, headers=[self.contact_line()], body=self.sdp(port=40010))
        self.until(lambda: any(m.method == "ACK" and m.get("Call-ID") == invite.get("Call-ID") for m in self.others),
                   why="the ACK")
