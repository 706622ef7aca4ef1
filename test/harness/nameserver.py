# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server on a socket of its own, answering from a table that a test changes while it runs."""
import socket
import struct
import threading

A, NAPTR, AAAA, SRV = 1, 35, 28, 33
NAMES = {"A": A, "NAPTR": NAPTR, "AAAA": AAAA, "SRV": SRV}


def _name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"


def _text(text):
    return bytes([len(text)]) + text.encode()


def _data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "SRV":
        priority, weight, port, target = value
        return struct.pack("!HHH", priority, weight, port) + _name(target)
    order, preference, service, target = value
    return struct.pack("!HH", order, preference) + _text("s") + _text(service) + _text("") + _name(target)


class NameServer:
    """records: {("name", "A"): [value, ...]}; what is not there does not exist.  `silent`: answers nothing."""

    def __init__(self, ip, records, ttl=1):
        self.records, self.ttl, self.silent, self.asked = dict(records), ttl, False, []
        self.address = f"{ip}:53"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 53))
        self.socket.settimeout(0.2)
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question, name = query[12:at + 5], ".".join(labels)
        kind_name = next((k for k, v in NAMES.items() if v == kind), str(kind))
        self.asked.append((name, kind_name))
        values = self.records.get((name, kind_name), [])
        exists = values or any(n == name for n, _ in self.records)
        body = b""
        for value in values:
            data = _data(kind_name, value)
            body += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, self.ttl, len(data)) + data
        flags = 0x8580 | (0 if exists else 3)
        return query[:2] + struct.pack("!HHHHH", flags, 1, len(values), 0, 0) + question + body

    def _run(self):
        while not self.stopping:
            try:
                query, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self._answer(query)
            if not self.silent:
                self.socket.sendto(answer, peer)

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.socket.close()
