# SPDX-License-Identifier: GPL-3.0-or-later
"""A NAT in a network namespace, without a packet filter: UDP datagrams from inside leave from its own address and ports.

    inside (10.99.0.2) ── veth ── nat (10.99.0.1 | 10.98.0.2) ── veth ── here (10.98.0.1)

Each address and port inside gets a port of the NAT's at its first datagram; answers to that port come in again as from whom they are.
Needs root."""
import itertools
import os
import select
import socket
import struct
import subprocess
import sys

INSIDE, GATEWAY, OUTSIDE, HERE = "10.99.0.2", "10.99.0.1", "10.98.0.2", "10.98.0.1"


def _run(*command):
    subprocess.run(command, check=True)


def _within(name):
    """Words before a command, as `ip netns exec`, which needs a root that is a mount of its own: in a chroot it is none."""
    return ["nsenter", f"--net=/run/netns/{name}"]


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


_numbers = itertools.count(1)


class Nat:
    """`inside` starts a command's words in the namespace behind the NAT."""

    def __init__(self):
        one = f"{os.getpid()}-{next(_numbers)}"
        self.names = [f"oh-{which}-{one}" for which in ("nat", "in")]
        self.device = f"oh{one}"
        nat, inside = self.names
        self.process = None
        for name in self.names:
            _run("ip", "netns", "add", name)
        _run("ip", "link", "add", self.device, "type", "veth", "peer", "name", "outer", "netns", nat)
        _run(*_within(nat), "ip", "link", "add", "inner", "type", "veth", "peer", "name", "eth0", "netns", inside)
        _run("ip", "addr", "add", HERE + "/24", "dev", self.device)
        _run("ip", "link", "set", self.device, "up")
        _run(*_within(nat), "ip", "addr", "add", OUTSIDE + "/24", "dev", "outer")
        _run(*_within(nat), "ip", "addr", "add", GATEWAY + "/24", "dev", "inner")
        _run(*_within(inside), "ip", "addr", "add", INSIDE + "/24", "dev", "eth0")
        for name, devices in ((nat, ("lo", "outer", "inner")), (inside, ("lo", "eth0"))):
            for device in devices:
                _run(*_within(name), "ip", "link", "set", device, "up")
        _run(*_within(inside), "ip", "route", "add", HERE, "via", GATEWAY)

    def inside(self):
        return _within(self.names[1])

    def start(self):
        self.process = subprocess.Popen([*_within(self.names[0]), sys.executable, __file__])
        return self

    def remove(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
        _run("ip", "link", "delete", self.device)
        for name in self.names:
            _run("ip", "netns", "delete", name)


def translate():
    """Runs in the namespace `nat`."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    raw.bind(("inner", 0x0800))
    ports, owner, macs = {}, {}, {}
    while True:
        for readable in select.select([raw, *owner], [], [])[0]:
            if readable is raw:
                frame, (_, _, kind, *_) = raw.recvfrom(65536)
                packet = frame[14:]
                header = (packet[0] & 15) * 4
                if kind == socket.PACKET_OUTGOING or packet[9] != socket.IPPROTO_UDP:
                    continue
                source, target = packet[12:16], packet[16:20]
                if socket.inet_ntoa(target) != HERE:
                    continue  # there is nobody else
                sport, dport, length = struct.unpack("!HHH", packet[header:header + 6])
                if (source, sport) not in ports:
                    ports[source, sport] = s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    s.bind((OUTSIDE, 0))
                    owner[s] = (source, sport)
                macs[source] = frame[6:12]
                ports[source, sport].sendto(packet[header + 8:header + length], (socket.inet_ntoa(target), dport))
                continue
            try:
                data, (ip, port) = readable.recvfrom(65536)
            except ConnectionRefusedError:
                continue
            target, dport = owner[readable]
            udp = struct.pack("!HHHH", port, dport, 8 + len(data), 0) + data
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(ip), target)
            head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
            raw.send(macs[target] + raw.getsockname()[4] + b"\x08\x00" + head + udp)


if __name__ == "__main__":
    translate()
