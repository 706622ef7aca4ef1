# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 from outside: registrations over each transport, and calls with sound over IPv6 alone and between both families."""
import re
import socket
import ssl
import types

import pytest

from harness import wait
from harness.rawcall import Phone, hang_up, talk
from harness.rawsip import RawSip
from harness.server import Server
from harness.websip import WebSip

PORT = 25160  # loopback has one IPv6 address: a port of its own


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A server on an IPv4 and an IPv6 address."""
    s = Server(tmp_path_factory.mktemp("both") / "server", "127.71.6.1", "::1", sip_port=PORT, rtp="42000-42999", http_port=28889).start()
    yield s
    s.stop()


def seen_at(server, ip):
    """The server as a phone sees it that was given this address."""
    return types.SimpleNamespace(ip=ip, domain=server.domain, password=server.password, demo=server.demo)


class Talker(Phone):
    """A phone with a socket for its sound, on IPv4 or IPv6."""

    def __init__(self, server, ip, extension, transport="UDP"):
        self.ip = ip
        self.rtp = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind((ip, 0))
        self.rtp.settimeout(0.2)
        view = seen_at(server, "::1" if ":" in ip else server.ip)
        RawSip.__init__(self, ip, view.ip, port=0, domain=server.domain, transport=transport, server_port=PORT)
        self.user, self.password, self.seen = str(extension), server.password(extension), set()
        more = ";transport=tcp" if transport == "TCP" else ""
        answer = self.transact("REGISTER", self.user, self.password, to=f"sip:{self.user}@{self.domain}", contact=False,
                               headers=["Expires: 600", f"Contact: <sip:{self.user}@{self.host}:{self.port}{more}>"])
        assert answer.status == 200, answer.text

    def sdp(self, version=1, direction=None, port=None, formats="0", codecs=""):
        family = "IP6" if ":" in self.ip else "IP4"
        port = port or self.rtp.getsockname()[1]
        return (f"v=0\r\no=- 77 {version} IN {family} {self.ip}\r\ns=-\r\nc=IN {family} {self.ip}\r\nt=0 0\r\n"
                f"m=audio {port} RTP/AVP {formats}\r\n{codecs}")

    def speak(self, description, word):
        """RTP with `word` to where a description says."""
        family, ip = re.search(r"c=IN (IP\d) (\S+)", description).groups()
        assert family == ("IP6" if ":" in self.ip else "IP4"), description
        port = int(re.search(r"m=audio (\d+)", description).group(1))
        self.count = getattr(self, "count", 0) + 1
        head = bytes([0x80, 0]) + self.count.to_bytes(2, "big") + (self.count * 160).to_bytes(4, "big") + self.ip.encode()[:4].ljust(4, b"x")
        self.rtp.sendto(head + word.encode() * 20, (ip, port))

    def hears(self, word):
        try:
            data, source = self.rtp.recvfrom(2000)
        except TimeoutError:
            return None
        return source if word.encode() * 20 in data else None

    def leave(self):
        self.rtp.close()
        self.close()


PAIRS = [("::1", "::1"), ("::1", "127.71.6.10"), ("127.71.6.11", "::1"), ("127.71.6.12", "127.71.6.13")]


@pytest.mark.parametrize("caller,callee", PAIRS, ids=["6 to 6", "6 to 4", "4 to 6", "4 to 4"])
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_sound_goes_both_ways_between_the_families(both, caller, callee, transport):
    a, b = Talker(both, caller, 101, transport), Talker(both, callee, 102, transport)
    invite, ok = talk(a, b)
    for phone, message in (a, ok), (b, invite):
        ours = "[::1]" if ":" in phone.ip else both.ip
        assert f"@{ours}:" in message.get("Contact"), message.text
    assert invite.get("Via").split()[1].startswith(("[::1]:" if ":" in callee else both.ip + ":"))

    def heard():
        a.speak(ok.body, "hello b ")
        b.speak(invite.body, "hello a ")
        return b.hears("hello b ") and a.hears("hello a ")
    wait.until(heard, why="both hear each other")
    # What a phone hears comes from the server on the phone's own family: here nothing else would reach it.
    hang_up(a, b)
    record = both.cdrs(1)[0]
    assert record["answered_at"]
    for phone in a, b:
        phone.leave()


def test_registrations_over_ipv6_on_every_transport(both):
    view = seen_at(both, "::1")
    ctx = ssl.create_default_context(cafile=both.demo["sip"]["ca"])
    peers = {}
    for transport, port in ("UDP", PORT), ("TCP", PORT), ("TLS", both.demo["sip"]["tls_port"]):
        peers[transport] = RawSip("::1", "::1", port=0, domain=both.domain, transport=transport, server_port=port)
    # The certificate names the address itself.
    peers["TLS"].socket = ctx.wrap_socket(peers["TLS"].socket, server_hostname="::1")
    peers["WS"] = WebSip("::1", view)
    peers["WSS"] = WebSip("::1", view, ctx=ctx)
    for transport, peer in peers.items():
        contact = f"<sip:103@{peer.host}{f':{peer.port}' if peer.port else ''};transport={transport.lower()}>"
        answer = peer.transact("REGISTER", "103", both.password(103), to=f"sip:103@{both.domain}", contact=False,
                               headers=["Expires: 600", f"Contact: {contact}"])
        assert answer.status == 200, answer.text
        # RFC 5118 4.5: the address that it came from, without brackets
        assert re.search(r"received=::1(;|$|\s)", answer.get("Via")) or transport in ("UDP", "TCP", "TLS"), answer.get("Via")
    got = {r["transport"]: r["remote"] for r in both.get("/api/registrations")["items"] if r["extension"] == "103"}
    assert set(got) == {"udp", "tcp", "tls", "ws", "wss"} and all(r.startswith("[::1]:") for r in got.values())
    for peer in peers.values():
        peer.close()


def test_a_phone_on_ipv6_rings_beside_one_on_ipv4(both):
    """Both devices of an extension, each in its own family; whoever answers talks."""
    caller = Talker(both, "127.71.6.20", 101)
    six, four = Talker(both, "::1", 102), Talker(both, "127.71.6.21", 102, "TCP")
    caller.invite("102")
    invites = [p.called(p.expect("INVITE")) for p in (six, four)]
    assert "c=IN IP6 ::1" in invites[0].body and f"c=IN IP4 {both.ip}" in invites[1].body
    four.reply(invites[1], 180)
    caller.expect(180)  # who has said nothing cannot be cancelled yet (RFC 3261 9.1)
    six.reply(invites[0], 200, body=six.sdp())
    six.expect("ACK")
    ok = caller.take(caller.expect(200))
    caller.say("ACK", cseq=caller.invite_cseq)
    cancel = four.expect("CANCEL")
    four.reply(cancel, 200)
    four.reply(invites[1], 487)

    def heard():
        caller.speak(ok.body, "over to six ")
        six.speak(invites[0].body, "back to four ")
        return six.hears("over to six ") and caller.hears("back to four ")
    wait.until(heard, why="both hear each other")
    hang_up(caller, six)
    for phone in caller, six, four:
        phone.leave()
