# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by hand: what a stranger, or a device that has learnt something of others, comes to.  After each the server still answers."""
import socket
import uuid

import pytest

from harness import wait
from harness.rawcall import answered, hang_up, talk


WAIT_S = 10
LARGEST = 65507   # a datagram


def copied(phone, stranger, method, **more):
    """A request of the phone's dialog, as the stranger would send it."""
    return stranger.request(method, phone.target, user=phone.user, to=phone.remote, call_id=phone.call_id,
                            from_tag=phone.from_tag, to_tag=phone.remote_tag, **more)


def test_a_cancel_from_elsewhere_cancels_nothing(a, b, stranger):
    """The branch, tags and all are right; only where it comes from is not."""
    a.invite("102")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 180)
    a.take(a.expect(180))
    cancel = stranger.request("CANCEL", f"sip:102@{a.domain}", user="101", call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                              branch=a.branch, contact=False)
    stranger.send(cancel)
    assert stranger.final(WAIT_S).status == 481
    stranger.send(cancel.replace(f"{stranger.host}:5060", f"{a.host}:5060"))   # its Via lies
    b.silent()
    answered(a, b, invite)
    hang_up(a, b)


def test_who_guesses_a_part_of_a_dialog_ends_nothing(a, b, stranger):
    talk(a, b)
    right = a.remote_tag
    for tag in (right[:-1] + ("0" if right[-1] != "0" else "1"), right.upper(), "x", ""):
        a.remote_tag = tag or None
        stranger.send(copied(a, stranger, "BYE", cseq=90))
        assert stranger.final(WAIT_S).status == 481, tag
    a.remote_tag = right
    a.silent()
    hang_up(a, b)


def test_whoever_asks_for_the_trunks_secret_is_told_nothing(shared, a, b, addresses):
    """A device challenges our BYE with the trunk's realm: only the trunk's own host is answered."""
    made = shared.post("/api/trunks", {"name": "Realm", "host": addresses.new(), "username": "u1", "password": "secret-of-u1"},
                       who="admin")["id"]
    try:
        talk(a, b)
        a.say("BYE")
        a.expect(200)
        bye = b.expect("BYE")
        b.reply(bye, 407, headers=['Proxy-Authenticate: Digest realm="provider", nonce="n1", algorithm=MD5, qop="auth"'])
        b.silent()
    finally:
        shared.api("DELETE", f"/api/trunks/{made}", who="admin", expect=204)


@pytest.mark.parametrize("line", [
    "Authorization: Digest", 'Authorization: Digest username="101"', "Authorization: Basic MTAxOjEwMQ==", "Authorization: ",
    'Authorization: Digest username="", realm="", nonce="", uri="", response=""',
    'Authorization: Digest username="101", realm="{d}", nonce="x", uri="sip:{d}", response="0123456789abcdef0123456789abcdef"',
    'Authorization: Digest username="101", realm="{d}", nonce="x", uri="sip:{d}", response="00", algorithm=MD5-sess',
    'Authorization: Digest username="101", realm="{d}", nonce="x", uri="sip:{d}", response="00", algorithm=ROT13',
    'Authorization: Digest username="101", username="102", realm="{d}", realm="{d}", nonce="x", uri="sip:{d}", response="00"',
    'Authorization: Digest username="101", realm="{d}", nonce="x", uri="sip:{d}", response="00", qop=auth-int, nc=00000001, cnonce="c"',
    'Authorization: Digest username="101", realm="{d}", nonce="x", uri="sip:{d}", response="00", qop=auth, nc=zzzzzzzz, cnonce="c"',
    'Authorization: Digest username="{long}", realm="{d}", nonce="{long}", uri="sip:{d}", response="{long}"',
    'Authorization: Digest username="101\\"", realm="\\\\', "Authorization: Digest ,,,,=,=,\"\"", "Authorization: Digest \x01\x02",
])
def test_credentials_that_are_none(stranger, line):
    line = line.format(d=stranger.domain, long="x" * 8000)
    stranger.send(stranger.request("REGISTER", user="101", to=f"sip:101@{stranger.domain}", headers=[line]))
    m = stranger.final(WAIT_S)
    assert m and m.status in (400, 401, 403, 513), m and m.text


@pytest.mark.parametrize("name, value", [
    ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx"), ("Route", "<sip:192.0.2.1;lr>"), ("Record-Route", "<sip:192.0.2.1;lr>"),
    ("Contact", "<sip:1@192.0.2.1>"), ("Accept", "a/b"), ("Require", "x"), ("P-Asserted-Identity", "<sip:1@x>"), ("X", ""),
])
def test_a_header_a_thousand_times(stranger, name, value):
    text = stranger.request("INVITE", f"sip:102@{stranger.domain}", headers=[f"{name}: {value}"] * 1000)
    stranger.send(text[:-4] + "\r\n\r\n")
    m = stranger.final(WAIT_S)
    assert m and m.status in (400, 407, 420, 482, 513), m and m.text


@pytest.mark.parametrize("part", ["call_id", "from_tag", "branch", "user", "headers"])
def test_parts_of_every_length(stranger, part):
    """Powers of two and their neighbours: nothing is written beyond its end."""
    for n in sorted({max(1, 2 ** k + d) for k in range(16) for d in (-1, 0, 1)}):
        value = "x" * n
        given = {"branch": {"branch": "z9hG4bK" + value}, "headers": {"headers": [f"Subject: {value}"]}}.get(part, {part: value})
        text = stranger.request("OPTIONS", **given)
        if len(text) > LARGEST:
            continue
        stranger.send(text)
        m = stranger.final(WAIT_S)
        assert m and m.status in (200, 400, 414, 513), (n, m and m.start)


def nested(depth):
    body = "--b0--\r\n"
    for i in range(1, depth):
        body = f"--b{i}\r\nContent-Type: multipart/mixed;boundary=b{i - 1}\r\n\r\n{body}\r\n--b{i}--\r\n"
    return f"multipart/mixed;boundary=b{depth - 1}", body


@pytest.mark.parametrize("content, body", [
    ("multipart/mixed", "--b\r\n\r\nx\r\n--b--\r\n"), ("multipart/mixed;boundary=", "x"), ("multipart/mixed;boundary=b", "--b\r\n\r\nx"),
    ("multipart/mixed;boundary=b", "--b\r\n--b\r\n--b--\r\n"), ("multipart/mixed;boundary=b", "--b--"),
    ("multipart/mixed;boundary=" + "b" * 8000, "--" + "b" * 8000 + "\r\n\r\nx\r\n"), nested(3), nested(300),
    ('multipart/mixed;boundary="b', "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"),
])
def test_bodies_in_parts_that_are_none(stranger, content, body):
    stranger.send(stranger.request("INVITE", f"sip:102@{stranger.domain}", body=body, content_type=content))
    m = stranger.final(WAIT_S)
    assert m and m.status in (400, 407, 413, 415, 488, 513), m and m.text


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS", "REFER", "NOTIFY"])
def test_one_small_datagram_makes_one_small_answer(stranger, method):
    """Nobody is flooded by us in a forged name: one answer, of three times its size at most, never again."""
    text = stranger.request(method, f"sip:102@{stranger.domain}", user="101", to=f"sip:101@{stranger.domain}",
                            headers=["Event: presence"] if method in ("SUBSCRIBE", "PUBLISH", "NOTIFY") else [])
    stranger.send(text)
    answer = stranger.final(WAIT_S)
    assert answer and len(answer.text) <= 3 * len(text)
    assert stranger.receive(0.8) is None   # longer than T1: what is repeated would come


def test_connections_that_close_in_the_middle(shared, stranger, addresses):
    """INVITEs over TCP whose sender is gone before it could be answered."""
    ip = addresses.new()
    for i in range(60):
        s = socket.socket()
        s.bind((ip, 0))
        s.connect((shared.ip, shared.sip_port))
        text = stranger.request("INVITE", f"sip:102@{stranger.domain}", call_id=uuid.uuid4().hex).replace("SIP/2.0/UDP", "SIP/2.0/TCP")
        s.sendall(text.encode()[:len(text) - (i % 3) * 40])
        s.close()
    wait.until(stranger.alive, 10, why="the server answers")
    assert shared.metrics()["offhook_calls_active"] == 0


@pytest.mark.parametrize("name", ["From", "To", "Contact", "Record-Route", "Diversion"])
def test_odd_uris_where_addresses_belong(stranger, name):
    for uri in "sip:/", "tel:;", "<>", "sips:@", "http:", "urn:service:sos", "sip:[::1", "sip:%", "sip:a@b:99999", "":
        lines = stranger.request("INVITE", f"sip:102@{stranger.domain}").split("\r\n")
        kept = [line for line in lines if not line.startswith(name + ":")]
        kept.insert(4, f"{name}: <{uri}>" + (";tag=t1" if name == "From" else ""))
        stranger.send("\r\n".join(kept))
        m = stranger.final(WAIT_S)
        assert m and m.status in (400, 407, 416), (uri, m and m.text)
