# SPDX-License-Identifier: GPL-3.0-or-later
"""Real phones behind Kamailio as edge proxy."""
from harness import wait
from harness.kamailio import Kamailio


def test_two_phones_behind_an_edge_proxy_hear_each_other(server, phones, addresses, tmp_path):
    edge = Kamailio(tmp_path / "edge", addresses.new(), server).start(addresses)
    try:
        a = phones("101", edge, tone_hz=440).registered()
        b = phones("102", edge, tone_hz=1000).registered()
        assert all(edge.ip in str(r) for r in server.get("/api/registrations")["items"])
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
