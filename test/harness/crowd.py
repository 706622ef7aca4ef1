# SPDX-License-Identifier: GPL-3.0-or-later
"""So many watchers of one extension behind one socket: who was told what and when.  Answers each NOTIFY with 200 at once."""
import re
import socket
import time
import uuid

from .device import Device
from .rawsip import Message, RawSip

COPIED = re.compile(r"(?m)^(?:Via|From|To|Call-ID|CSeq): .*\r$")
SAYS = re.compile(r"(?m)^(Call-ID|CSeq): (.*?)\r$")
TOLD = re.compile(r'version="(\d+)"')
STATE = re.compile(r"<state>(\w+)</state>")
WINDOW = 20  # SUBSCRIBEs that wait for an answer


class Crowd:
    def __init__(self, ip, server, users):
        """users: [(user name, password)]; they share the watchers."""
        self.sip = RawSip(ip, server.ip, domain=server.domain, server_port=server.sip_port)
        self.sip.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.users = users
        self.told = {}       # Call-ID: [(at, CSeq, version, states)]
        self.repeated = 0    # NOTIFYs that came again
        self.answers = {}

    def close(self):
        self.sip.close()

    def pump(self, timeout=0.0):
        """Deals with what has arrived; waits so long for the first of it."""
        self.sip.socket.settimeout(max(timeout, 0.0001))
        while True:
            try:
                data = self.sip.socket.recv(65536)
            except (TimeoutError, BlockingIOError):
                return
            text = data.decode()
            if text.startswith("NOTIFY "):
                self._notified(text)
            elif text.startswith("SIP/2.0 "):
                m = Message(text)
                self.answers[(m.get("Call-ID"), m.get("CSeq"))] = m
            self.sip.socket.settimeout(0.0001)

    def _notified(self, text):
        head = text.partition("\r\n\r\n")[0] + "\r\n"
        lines = "\n".join(COPIED.findall(head))
        self.sip.send(f"SIP/2.0 200 OK\r\n{lines}\nContent-Length: 0\r\n\r\n")
        says = dict(SAYS.findall(head))
        cseq, version = int(says["CSeq"].split()[0]), TOLD.search(text[len(head):])
        told = self.told.setdefault(says["Call-ID"], [])
        if told and told[-1][1] >= cseq:
            self.repeated += 1
            return
        told.append((time.monotonic(), cseq, int(version.group(1)), tuple(STATE.findall(text))))

    def until(self, condition, timeout=10.0, why=""):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"waited {timeout} s in vain: {why}"
            self.pump(0.01)

    def _subscribe(self, number, user, call_id, cseq, headers=()):
        uri = f"sip:{number}@{self.sip.domain}"
        self.sip.send(self.sip.request("SUBSCRIBE", uri, user=user, call_id=call_id, cseq=cseq, from_tag=call_id[:8],
                                       headers=["Event: dialog", "Expires: 3600", *headers]))

    def watch(self, number, count):
        """Until `count` more of them watch, and were told for the first time."""
        uri, waiting, left = f"sip:{number}@{self.sip.domain}", {}, count
        made = []
        while left or waiting:
            while left and len(waiting) < WINDOW:
                user = self.users[left % len(self.users)]
                call_id = uuid.uuid4().hex
                waiting[call_id] = user
                made.append(call_id)
                left -= 1
                self._subscribe(number, user[0], call_id, 1)
            before = len(self.answers)
            self.until(lambda: len(self.answers) > before, why="an answer to a SUBSCRIBE")
            for call_id in list(waiting):
                challenge = self.answers.get((call_id, "1 SUBSCRIBE"))
                if challenge is None:
                    continue
                user, password = waiting.pop(call_id)
                assert challenge.status in (401, 407), challenge.text
                line = self.sip.authorization(challenge, "SUBSCRIBE", uri, user, password)
                self._subscribe(number, user, call_id, 2, [line])
        self.until(lambda: all(self.told.get(c) for c in made), 30, "all are told for the first time")
        return made

    def last(self):
        """What each was told last: [(at, CSeq, version, states)]."""
        return [t[-1] for t in self.told.values()]


class Stage:
    """A crowd that watches 102, whom 101 calls."""

    def __init__(self, server, new_address, accounts):
        users = []
        for i in range(accounts):
            number, password = str(7000 + i), f"Secret-{7000 + i}-pw"
            server.post("/api/extensions", {"number": number, "password": password})
            users.append((number, password))
        self.server = server
        self.crowd = Crowd(new_address(), server, users)
        self.alice, self.bob = (Device(new_address(), server, user) for user in ("101", "102"))
        self.alice.register()
        self.bob.register()

    def close(self):
        for each in (self.crowd, self.alice, self.bob):
            each.close()

    def ring(self):
        """A call that rings and is given up: the seconds until the last of the crowd knew that it rings."""
        crowd, alice, bob = self.crowd, self.alice, self.bob
        ncalls, before = len(bob.calls), {c: len(t) for c, t in crowd.told.items()}

        def told(state):
            return all(any(state in t[3] for t in ts[before[c]:]) for c, ts in crowd.told.items())
        started = time.monotonic()
        call = alice.call("102")
        bob.is_called(count=ncalls + 1)
        crowd.until(lambda: told("early"), 30, "the lamps of all light up")
        took = max(next(t[0] for t in ts[before[c]:] if "early" in t[3]) for c, ts in crowd.told.items()) - started
        alice.rings(call)
        assert alice.cancel(call).status == 487
        bob.quiet()
        crowd.until(lambda: told("terminated"), 30, "the lamps of all go out")
        return took

    def cost(self, calls):
        """(CPU microseconds per NOTIFY while calls come and go, the longest time until the last one knew, NOTIFYs)"""
        def now():
            return self.server.metrics()["offhook_notifies_total"], self.server.cpu_ns()
        notifies, cpu = now()
        took = max(self.ring() for _ in range(calls))
        after = now()
        return (after[1] - cpu) / (after[0] - notifies) / 1000, took, after[0] - notifies
