# SPDX-License-Identifier: GPL-3.0-or-later
"""Direct media: two phones that ask for it hear each other without a port of the server's; what needs one brings the call back."""
import pytest

from harness import tones, wait

TALK_S = 3.0
EDGE = {"skip_s": 0.6, "cut_s": 0.6}


def ports(server):
    return server.metrics()["offhook_media_ports"]


def ask_for_it(server, *usernames, **more):
    for account in server.get("/api/accounts")["items"]:
        if account["username"] in usernames:
            server.api("PATCH", f"/api/accounts/{account['id']}", {"direct_media": True, **more}, expect=200)


def call(a, b, server):
    a.dial(f"sip:{b.user}@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_ESTABLISHED")


def end(a, b):
    a.hangup()
    a.wait_for("CALL_CLOSED")
    b.wait_for("CALL_CLOSED")


def legs(server):
    (cdr,) = server.cdrs()
    return server.get(f"/api/cdrs/{cdr['id']}")["legs"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_hear_each_other_without_us(server, phones, transport):
    a = phones("101", server, tone_hz=440, transport=transport).registered()
    b = phones("102", server, tone_hz=1000, transport=transport).registered()
    # Over TCP baresip connects from another address of this host than it describes, as a NAT would show.
    ask_for_it(server, "101", "102", nat="never" if transport == "tcp" else "auto")
    call(a, b, server)
    assert ports(server) == 0
    wait.talk(TALK_S)
    assert ports(server) == 0
    end(a, b)
    assert a.heard(1000, **EDGE) >= 0.9
    assert b.heard(440, **EDGE) >= 0.9
    assert [leg["rx_packets"] for leg in legs(server)] == [0, 0]


def test_one_that_does_not_ask_for_it_is_relayed(server, phones):
    """Negative control: the same two phones, and the ports are there."""
    a = phones("101", server, tone_hz=440).registered()
    b = phones("102", server, tone_hz=1000).registered()
    ask_for_it(server, "101")
    call(a, b, server)
    assert ports(server) > 0
    wait.talk(TALK_S)
    end(a, b)
    assert a.heard(1000, **EDGE) >= 0.9
    assert min(leg["rx_packets"] for leg in legs(server)) > 50


def test_hold_brings_the_call_back_and_its_end_lets_it_go(server, linphones):
    """With linphone: baresip 1.0 stops recording for good once a call was held.  On loopback linphone describes itself as 127.0.0.1
    in any call but its first, so it has to be believed."""
    a = linphones("101", server, tone_hz=440).registered()
    b = linphones("102", server, tone_hz=1000).registered()
    ask_for_it(server, "101", "102", nat="never")
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    a.wait_for("connected")
    wait.talk(TALK_S)
    assert ports(server) == 0
    a.command("pause")
    wait.until(lambda: ports(server) > 0, 5, why="the call is relayed while it is held")
    wait.talk(2)
    a.command("resume 1")
    wait.until(lambda: ports(server) == 0, 10, why="the call is direct again")
    wait.talk(TALK_S)
    a.hangup()
    server.cdrs()
    a.stop()
    b.stop()
    assert tones.pattern(a.heard_path, 1000).count("1") / 10 >= 2 * TALK_S - 1.5
    assert tones.pattern(b.heard_path, 440).count("1") / 10 >= 2 * TALK_S - 1.5
