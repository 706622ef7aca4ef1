# SPDX-License-Identifier: GPL-3.0-or-later
"""What another program thinks of the messages that we have sent: tshark over all that the peers of the tests heard."""
import os
import struct
import subprocess
import tempfile

MAX_BYTES = 65000  # of one message: as it fits into a datagram


def _udp(payload):
    """An IPv4 packet with a UDP datagram to a port that tshark takes for SIP; no check sums, which it is told not to look at."""
    length = 8 + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, 17, 0, bytes((127, 0, 0, 1)), bytes((127, 0, 0, 2)))
    return ip + struct.pack("!HHHH", 5060, 5060, length, 0) + payload


class Capture:
    """A file of packets, in the form of libpcap."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="offhook-", suffix=".pcap")
        self.file.write(struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))  # raw IP
        self.count = 0

    def add(self, message):
        if not message.strip() or len(message) > MAX_BYTES:
            return
        packet = _udp(message)
        self.file.write(struct.pack("!IIII", self.count // 1000000, self.count % 1000000, len(packet), len(packet)) + packet)
        self.count += 1

    def faults(self):
        """[(number of the message, what is wrong with it)], what is malformed or that tshark warns of."""
        self.file.flush()
        fields = ["frame.number", "_ws.malformed", "_ws.expert.group", "_ws.expert.severity", "_ws.expert.message"]
        command = ["tshark", "-n", "-r", self.file.name, "-d", "udp.port==5060,sip", "-Y", "_ws.malformed || _ws.expert",
                   "-o", "sip.retrans_the_same_sport:FALSE", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
        for field in fields:
            command += ["-e", field]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=dict(os.environ, HOME="/nonexistent"))
        assert done.returncode == 0, done.stderr
        return [tuple(line.split("|")) for line in done.stdout.splitlines()]

    def message(self, number):
        """The text of that message."""
        done = subprocess.run(["tshark", "-n", "-r", self.file.name, "-d", "udp.port==5060,sip", "-Y", f"frame.number == {number}",
                               "-T", "fields", "-e", "udp.payload"], capture_output=True, text=True, timeout=60)
        return bytes.fromhex(done.stdout.strip()).decode(errors="replace")

    def close(self):
        self.file.close()
