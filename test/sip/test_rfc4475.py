# SPDX-License-Identifier: GPL-3.0-or-later
"""The torture messages of RFC 4475 over a real socket: answered as the RFC says, and the next OPTIONS is answered."""
import os
import random
import ssl

import pytest

from harness.rawsip import RawSip
from harness.server import ROOT
from harness.websip import BINARY, WebSip

VECTORS = os.path.join(ROOT, "test", "vectors", "rfc4475")

# What an element like ours (a user agent server that is not any of the domains named) may answer.  None: no answer.
# 3.1.1 valid messages must not be refused as malformed; 404, 403, 407, 481, 501 … are right for who we are.
FINE = {200, 401, 403, 404, 405, 407, 416, 420, 480, 481, 482, 483, 488, 489, 501, 503}
EXPECT = {
    # 3.1.1 valid
    "wsinv": FINE, "intmeth": {501, 405, 403, 404}, "esc01": FINE, "escnull": FINE, "esc02": {501, 405, 403, 404},
    "lwsdisp": FINE, "longreq": FINE, "dblreq": FINE, "semiuri": FINE, "transports": FINE, "mpart01": FINE,
    "unreason": {None}, "noreason": {None},
    # 3.1.2 invalid
    "badinv01": {400}, "clerr": {400}, "ncl": {400, None}, "scalar02": {400}, "scalarlg": {None}, "quotbal": {400},
    "ltgtruri": {400}, "lwsruri": {400}, "lwsstart": {400}, "trws": FINE | {400}, "escruri": {400} | FINE,
    "baddate": FINE | {400}, "regbadct": FINE | {400}, "badaspec": FINE | {400}, "baddn": {400} | FINE,
    "badvers": {505}, "mismatch01": {400}, "mismatch02": {400, 501}, "bigcode": {None},
    # 3.2 transaction layer
    "badbranch": FINE | {400},
    # 3.3 application layer
    "insuf": {400}, "unkscm": {416} | FINE, "novelsc": {416} | FINE, "unksm2": FINE | {400}, "bext01": {420},
    "invut": {415} | FINE, "regaut01": FINE | {400}, "multi01": {400}, "mcl01": {400}, "bcast": {None},
    "zeromf": {483, 200}, "cparam01": FINE, "cparam02": FINE, "regescrt": FINE, "sdp01": FINE | {406, 415},
    # 3.4 backward compatibility
    "inv2543": FINE,
}


def names():
    return sorted(f[:-4] for f in os.listdir(VECTORS) if f.endswith(".dat"))


def load(name):
    with open(os.path.join(VECTORS, name + ".dat"), "rb") as f:
        return f.read()


def redirected(raw, port):
    """Answers go where the topmost Via says; rport brings them to us without touching what the message is about."""
    return raw


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    from harness.addresses import Addresses
    from harness.server import Server
    addresses = Addresses()
    server = Server(tmp_path_factory.mktemp("torture"), addresses.new()).start()
    p = RawSip(addresses.new(), server.ip)
    p.capture = None  # what is malformed in these is malformed in the answers to them
    p.server = server
    yield p
    p.close()
    server.stop()


def test_all_49_are_here():
    assert len(names()) == 49
    assert set(names()) == set(EXPECT), set(names()) ^ set(EXPECT)


@pytest.mark.parametrize("name", names())
def test_message(peer, name):
    before = peer.server.metrics()
    peer.send(load(name))
    # Whether and what it answers is seen in its own counters and on our socket when the Via leads here;
    # that it lives is seen by the next OPTIONS.
    assert peer.alive(), f"{name}: no answer to the next OPTIONS"
    after = peer.server.metrics()
    assert after["offhook_sip_messages_received_total"] >= before["offhook_sip_messages_received_total"] + 1


@pytest.mark.parametrize("name", names())
def test_answer(peer, name):
    """The same message with the topmost Via's sent-by replaced by ours and rport added, so that the answer comes here."""
    import re
    raw = load(name)
    if raw.startswith(b"SIP/2.0"):
        peer.send(raw)
        assert peer.receive(0.3) is None, "a response is never answered"
        assert peer.alive()
        return
    ours = f"{peer.host}:{peer.port}".encode()
    text, n = re.subn(rb"(?im)^((?:v|via)\s*:\s*(?:\r\n[ \t]+)?SIP\s*/\s*[0-9.]+\s*/\s*(?:\r\n[ \t]+)?\w+\s+)[^;,\s]+(\s*:\s*\d+)?",
                      rb"\g<1>" + ours, raw, count=1)
    assert n == 1, f"{name}: no Via found"
    peer.send(text)
    wanted = EXPECT[name]
    answer = peer.final(1.0 if None in wanted else 3.0)
    status = answer.status if answer else None
    assert status in wanted, f"{name}: answered {answer.start if answer else 'nothing'}, wanted one of {wanted}"
    assert peer.alive()


def connection(peer, transport):
    server = peer.server
    if transport == "WS":
        return WebSip(peer.host, server, op=BINARY)
    if transport == "TCP":
        return RawSip(peer.host, server.ip, port=0, transport="TCP")
    p = RawSip(peer.host, server.ip, port=0, transport="TLS", server_port=server.demo["sip"]["tls_port"])
    p.socket = ssl.create_default_context(cafile=server.demo["sip"]["ca"]).wrap_socket(p.socket, server_hostname=server.domain)
    return p


# On a stream Content-Length frames (18.3): who sends none is refused, a head or body that is longer than what comes is waited for,
# and noise behind a message closes the connection, perhaps before that one's answer.  A message of WebSocket is one of SIP.
STREAMED = {"clerr": {None}, "baddn": {None}, "inv2543": {400}, "dblreq": FINE | {None}}
FRAMED = {"dblreq": {400}}


@pytest.mark.parametrize("transport", ["TCP", "TLS", "WS"])
@pytest.mark.parametrize("name", names())
def test_answer_over_a_connection(peer, name, transport):
    """Security 21: each on a connection of its own."""
    wanted = (FRAMED if transport == "WS" else STREAMED).get(name, EXPECT[name])
    p = connection(peer, transport)
    p.capture = None
    p.send(load(name))
    answer = p.final(0.3 if None in wanted else 3.0)
    status = answer.status if answer else None
    assert status in wanted, f"{name}: answered {answer.start if answer else 'nothing'}, wanted one of {wanted}"
    p.close()
    assert peer.alive()


def test_mutations_never_silence_the_server(peer):
    rng = random.Random(4475)
    vectors = [load(n) for n in names()]
    for round_ in range(400):
        raw = bytearray(rng.choice(vectors))
        for _ in range(rng.randint(1, 8)):
            kind = rng.randrange(4)
            at = rng.randrange(len(raw))
            if kind == 0:
                raw[at] = rng.randrange(256)
            elif kind == 1:
                del raw[at:at + rng.randint(1, 40)]
            elif kind == 2:
                raw[at:at] = bytes(rng.choice(b";,:<>\"%\r\n\t \0a0@") for _ in range(rng.randint(1, 20)))
            else:
                raw = raw[:at] + raw[rng.randrange(len(raw)):]
            if not raw:
                raw = bytearray(b"\0")
        peer.send(bytes(raw[:60000]))
        if round_ % 20 == 0:
            assert peer.alive(), f"round {round_}"
    assert peer.alive()
