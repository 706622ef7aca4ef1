# SPDX-License-Identifier: GPL-3.0-or-later
"""What a telephone that is connected over TLS costs, and that all of it comes back when it goes."""
import ssl
import uuid

from harness import wait
from harness.rawsip import RawSip
from harness.server import Server
from test_load import FULL, create_extensions

PHONES = 5000 if FULL else 1000
PER_EXTENSION = 10
MOST_KB = 70
LEAST_BACK = 0.25  # of what they took, at most so much stays with the allocator


class TlsPhone(RawSip):
    """Its socket does not block once it is registered."""

    def __init__(self, ip, server, ctx, user, password):
        super().__init__(ip, server.ip, port=0, domain=server.domain, transport="TLS", server_port=server.demo["sip"]["tls_port"])
        self.socket = ctx.wrap_socket(self.socket, server_hostname=server.domain)
        answer = self.transact("REGISTER", user, password, to=f"sip:{user}@{self.domain}", contact=False,
                               headers=["Expires: 3600", f'Contact: <sip:{user}@{ip}:{self.port};transport=tls>;+sip.instance="<urn:uuid:{uuid.uuid4()}>"'])
        assert answer.status == 200, answer.text


def connect_all(server, rows, base):
    ctx = ssl.create_default_context(cafile=server.demo["sip"]["ca"])
    return [TlsPhone(f"{base}.{i // 500 + 1}.{i % 200 + 1}", server, ctx, *rows[i // PER_EXTENSION]) for i in range(PHONES)]


def connections(server):
    return server.metrics()["offhook_sip_connections"]


def test_a_tls_phone_costs_little_and_leaves_nothing(tmp_path, addresses):
    server = Server(tmp_path / "server", addresses.new(), release=True).start(60)
    try:
        rows = create_extensions(server, PHONES // PER_EXTENSION)
        # The first ones bring what is there once: tables, arenas, the library's own.
        ctx = ssl.create_default_context(cafile=server.demo["sip"]["ca"])
        warm = [TlsPhone(f"127.71.90.{i + 1}", server, ctx, *rows[i]) for i in range(50)]
        for phone in warm:
            phone.close()
        wait.until(lambda: connections(server) == 0, 30, why="the first ones are gone")
        before, fds = server.rss_kb(), server.fds()
        peaks, rests = [], []
        for round_ in range(2):
            phones = connect_all(server, rows, f"127.{72 + round_}")
            assert connections(server) == PHONES
            wait.until(lambda: server.metrics()["offhook_registrations"] == PHONES, 30, why="all are registered")
            peaks.append(server.rss_kb())
            print(f"\n{PHONES} phones over TLS: {(peaks[-1] - before) / PHONES:.1f} kB each", flush=True)
            assert server.fds() >= PHONES
            for phone in phones:
                phone.close()
            wait.until(lambda: connections(server) == 0 and server.metrics()["offhook_registrations"] == 0, 60, why="all are gone")
            wait.until(lambda: server.fds() <= fds, 30, why="every descriptor is back")
            # The pages go back a moment later, but for holes between what others hold.
            most = before + (peaks[0] - before) * LEAST_BACK
            wait.until(lambda: server.rss_kb() <= most, 30, why=lambda: f"{server.rss_kb()} kB shrink to {most:.0f}")
            rests.append(server.rss_kb())
        each = (peaks[0] - before) / PHONES
        print(f"\n{PHONES} phones over TLS: {each:.1f} kB each; RSS before {before} kB, full {peaks}, empty again {rests}")
        assert each <= MOST_KB
        assert peaks[-1] <= peaks[0] * 1.03 + 1000, "rounds grow"
    finally:
        server.stop()
