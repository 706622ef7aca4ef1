# SPDX-License-Identifier: GPL-3.0-or-later
"""Telephones on IPv6, and calls between them and those on IPv4 (TRN-1)."""
import pytest

from harness import tones
from harness.server import Server

# Loopback has one IPv6 address: everybody on it has ports of its own.
SERVER_PORT, PHONE_PORT = 25260, 26060
SIX = "::1"
EDGE = {"skip_s": 0.4, "cut_s": 0.4}
HEARD = 0.9


@pytest.fixture
def both(tmp_path, addresses):
    """A server on an IPv4 and an IPv6 address."""
    s = Server(tmp_path / "server", addresses.new(), SIX, sip_port=SERVER_PORT, rtp="43000-43999", http_port=28890).start()
    yield s
    s.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_baresips_of_both_families_hear_each_other(both, phones, transport):
    six = phones("101", both, ip=SIX, sip_port=PHONE_PORT, tone_hz=440, transport=transport).registered()
    four = phones("102", both, tone_hz=1000).registered()
    there = {r["username"]: r["remote"] for r in both.get("/api/registrations")["items"]}
    assert there["101"].startswith("[::1]:") and there["102"].startswith(four.ip + ":")
    for number, (caller, callee, extension) in enumerate([(six, four, 102), (four, six, 101)], 1):
        caller.dial(f"sip:{extension}@{both.domain}")
        callee.wait_for("CALL_INCOMING")
        callee.answer()
        callee.talks(3, count=number)
        caller.wait_for("CALL_CLOSED", count=number)
        assert six.heard(1000, **EDGE) >= HEARD and six.heard(440) == 0
        assert four.heard(440, **EDGE) >= HEARD and four.heard(1000) == 0


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_a_linphone_on_ipv6_calls_a_baresip_on_ipv4(both, phones, linphones, transport):
    six = linphones("101", both, ip=SIX, tone_hz=600, transport=transport).registered()
    four = phones("102", both, tone_hz=1000).registered()
    six.dial(f"sip:102@{both.domain}")
    four.wait_for("CALL_INCOMING")
    four.answer()
    four.talks(3)
    both.cdrs()
    assert four.heard(600, **EDGE) >= HEARD and four.heard(1000) == 0
    assert tones.pattern(six.heard_path, 1000).count("1") >= HEARD * 2.2 * 10
    assert six.heard(600) == 0
