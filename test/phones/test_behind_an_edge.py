# SPDX-License-Identifier: GPL-3.0-or-later
"""Real phones behind Kamailio as edge proxy."""
import pytest

from harness import wait
from harness.kamailio import Kamailio


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_behind_an_edge_proxy_hear_each_other(server, phones, addresses, tmp_path, transport):
    """Over TCP the edge closes its connection when it is idle: they are called all the same, and there (RFC 3327)."""
    edge = Kamailio(tmp_path / "edge", addresses.new(), server, transport).start(addresses)

    def registered():
        return [r["remote"] for r in server.get("/api/registrations")["items"]]
    try:
        a = phones("101", edge, tone_hz=440).registered()
        b = phones("102", edge, tone_hz=1000).registered()
        wait.until(lambda: registered() == [f"{edge.ip}:5060"] * 2, 30, every=0.2, why=lambda: f"they are reached at the edge: {registered()}")
        a.dial(f"sip:102@{server.domain}")
        b.wait_for("CALL_INCOMING")
        b.answer()
        a.wait_for("CALL_ESTABLISHED")
        b.wait_for("CALL_ESTABLISHED")
        wait.talk(3)
        b.hangup()
        a.wait_for("CALL_CLOSED")
        assert a.heard(1000, skip_s=0.4, cut_s=0.4) >= 0.9
        assert b.heard(440, skip_s=0.4, cut_s=0.4) >= 0.9
        assert server.cdrs()[0]["reason"] == "normal"
    finally:
        edge.stop()
