# SPDX-License-Identifier: GPL-3.0-or-later
"""A media socket by hand: RTP, RTCP and whatever else may come to a media port."""
import re
import socket
import struct
import time


def packet(seq, ssrc=0x1234, pt=0, payload=b"\xff" * 160, ts=None):
    return struct.pack("!BBHII", 0x80, pt, seq & 0xffff, (seq * 160 if ts is None else ts) & 0xffffffff, ssrc) + payload


def where(sdp, kind="audio"):
    """Address and port of a description's m-line."""
    port = int(re.search(rf"m={kind} (\d+)", sdp).group(1))
    return re.search(r"c=IN IP[46] (\S+)", sdp).group(1), port


class Media:
    def __init__(self, ip, port):
        self.socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.ip, self.port, self.seq = ip, port, 0

    def send(self, data, to):
        self.socket.sendto(data, to)

    def say(self, to, n=1, **fields):
        for _ in range(n):
            self.send(packet(self.seq, **fields), to)
            self.seq += 1

    def got(self, timeout=1.0):
        """The next datagram, or None."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None

    def all(self, quiet=0.3):
        """What has come, until nothing comes for a while."""
        found = []
        while data := self.got(quiet):
            found.append(data)
        return found

    def hears(self, say, timeout=5.0):
        """Something comes while `say` is done again and again."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            say()
            if data := self.got(0.05):
                return data
        return None

    def close(self):
        self.socket.close()
