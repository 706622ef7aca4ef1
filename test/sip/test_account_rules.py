# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account may be used from and over, and how its device is reached (ACC-4, ACC-5, ACC-8), as a device sees it."""
import re
import uuid

import pytest

from harness.rawsip import RawSip


def account(server, user):
    return next(a for a in server.get("/api/accounts")["items"] if a["username"] == user)


def change(server, user, **fields):
    answer = server.api("PATCH", f"/api/accounts/{account(server, user)['id']}", fields)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def peers(server, addresses):
    made = []

    def make(ip=None, **how):
        made.append(RawSip(ip or addresses.new(), server.ip, domain=server.domain, **how))
        return made[-1]
    yield make
    for p in made:
        p.close()


def register(peer, server, user="101", contact=None):
    contact = contact or f"sip:{user}@{peer.host}:{peer.port}"
    return peer.transact("REGISTER", user, server.password(user), to=f"sip:{user}@{peer.domain}", contact=False,
                         headers=[f"Contact: <{contact}>"])


def call(peer, server, number, user="101", body=""):
    """The final response to an INVITE with credentials."""
    return peer.transact("INVITE", user, server.password(user), f"sip:{number}@{peer.domain}", body=body)


def test_registration_check(server, peers):
    phone, other = peers(), peers()
    elsewhere = peers(phone.host, port=5080)
    change(server, "101", registration_check=True)
    answer = call(phone, server, "999")
    assert answer.status == 403 and "Not Registered Here" in answer.start, "nothing is registered"
    assert register(phone, server).status == 200
    assert call(phone, server, "999").status == 404, "it is taken, and the number is nobody's"
    for stranger in other, elsewhere:
        answer = call(stranger, server, "999")
        assert answer.status == 403 and "Not Registered Here" in answer.start
    change(server, "101", registration_check=False)
    assert call(other, server, "999").status == 404


def test_registration_check_goes_by_where_the_register_came_from(server, peers):
    """Not by the Contact, which may name another port that the device listens on."""
    phone = peers(port=5090)
    listens = peers(phone.host, port=5062)
    change(server, "101", registration_check=True)
    assert register(phone, server, contact=f"sip:101@{phone.host}:5062").status == 200
    assert call(phone, server, "999").status == 404
    assert call(listens, server, "999").status == 403


def test_registration_check_holds_over_a_restart(server, peers):
    phone, other = peers(), peers()
    change(server, "101", registration_check=True)
    assert register(phone, server).status == 200
    server.stop()
    server.start()
    assert call(phone, server, "999").status == 404
    assert call(other, server, "999").status == 403


def test_allowed_network(server, peers):
    inside, outside = peers(), peers("127.63.9.9")
    net = ".".join(inside.host.split(".")[:3]) + ".0/24"
    change(server, "101", allowed_network=net)
    assert register(inside, server).status == 200
    for answer in register(outside, server), call(outside, server, "999"):
        assert answer.status == 403 and "Address Not Allowed" in answer.start
    change(server, "101", allowed_network="")
    assert register(outside, server).status == 200


def test_a_wrong_network_is_named(server):
    answer = server.api("PATCH", f"/api/accounts/{account(server, '101')['id']}", {"allowed_network": "10.0.0.0/33"})
    assert answer.status_code == 422 or answer.status_code == 400
    assert "allowed_network" in answer.text


def test_who_does_not_know_the_password_learns_nothing_of_the_rules(server, peers):
    peer = peers()
    change(server, "101", registration_check=True, allowed_network="192.0.2.0/24", allow_udp=False)
    answer = peer.transact("INVITE", "101", "wrong", f"sip:999@{peer.domain}")
    assert answer.status == 407


def test_allowed_transports(server, peers):
    udp, tcp = peers(), peers(transport="TCP")
    change(server, "101", allow_udp=False)
    answer = register(udp, server)
    assert answer.status == 403 and "Transport Not Allowed" in answer.start
    assert register(tcp, server).status == 200
    change(server, "101", allow_udp=True, allow_tcp=False)
    assert register(udp, server).status == 200
    assert call(tcp, server, "999").status == 403


def ringing_at(peer):
    """The INVITE that reaches this socket, refused with 486; None when there is none."""
    m = peer.receive(1.5)
    if not m or m.method != "INVITE":
        return None
    lines = [f"{k}: {v}" for k, v in m.headers if k.lower() in ("via", "from", "call-id", "cseq")]
    peer.send("\r\n".join(["SIP/2.0 486 Busy Here", *lines, f"To: {m.get('To')};tag={uuid.uuid4().hex[:8]}",
                           "Content-Length: 0", "", ""]))
    return m


def sdp(ip, port=4000):
    return (f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
            "a=rtpmap:0 PCMU/8000\r\n")


@pytest.mark.parametrize("nat, believed, reached", [
    ("auto", True, "listens"), ("auto", False, "source"), ("always", True, "source"), ("never", False, "listens")])
def test_where_a_device_is_called(server, peers, nat, believed, reached):
    """A device that sends from one port and says in its Contact that it listens on another; its Via names the port it
    sends from, or (as behind a NAT) something else."""
    source, caller = peers(port=5071), peers()
    listens = peers(source.host, port=5072)
    change(server, "102", nat=nat)
    true_host = source.host
    if not believed:
        source.host = "192.0.2.99"
    assert register(source, server, "102", contact=f"sip:102@{true_host}:5072").status == 200
    source.host = true_host
    caller.send(caller.request("INVITE", f"sip:102@{caller.domain}", user="101"))
    challenge = caller.final()
    assert challenge.status == 407
    call_id, tag = uuid.uuid4().hex, "x1"
    line = caller.authorization(challenge, "INVITE", f"sip:102@{caller.domain}", "101", server.password("101"))
    caller.send(caller.request("INVITE", f"sip:102@{caller.domain}", user="101", call_id=call_id, from_tag=tag, cseq=2,
                               headers=[line], body=sdp(caller.host)))
    there, not_there = (listens, source) if reached == "listens" else (source, listens)
    assert ringing_at(there), "it rings where it should"
    assert ringing_at(not_there) is None
    assert caller.final(cseq=2).status == 486


def test_busy_level_over_all_devices(server, peers):
    """EXT-14: both devices ring with one call; the next caller hears busy and no device a second ring."""
    one, two, first, second = peers(), peers(), peers(), peers()
    extension = next(x for x in server.get("/api/extensions")["items"] if x["number"] == "102")
    assert server.api("PATCH", f"/api/extensions/{extension['id']}", {"busy_level": 1}).status_code == 200
    for device in one, two:
        assert register(device, server, "102").status == 200
    uri = f"sip:102@{first.domain}"
    first.send(first.request("INVITE", uri, user="101"))
    line = first.authorization(first.final(), "INVITE", uri, "101", server.password("101"))
    first.send(first.request("INVITE", uri, user="101", cseq=2, headers=[line], body=sdp(first.host)))
    rung = [p.receive(2) for p in (one, two)]
    assert all(m and m.method == "INVITE" for m in rung)
    answer = call(second, server, "102", user="103", body=sdp(second.host))
    assert answer.status == 486
    calls = {re.search(r"\S+", m.get("Call-ID")).group() for m in rung}
    for p in one, two:
        again = p.receive(0.6)  # a retransmission of the first at most
        assert again is None or again.get("Call-ID") in calls
