# SPDX-License-Identifier: GPL-3.0-or-later
"""The flood guard from outside: who is blocked, who is not, and what the operator sees of it (SEC-1, SEC-2)."""
import time

import pytest

from harness import wait
from harness.rawsip import RawSip


def admin(server, method, path, body=None):
    return server.api(method, path, body, who="admin")


def add_rule(server, **fields):
    return admin(server, "POST", "/api/address_rules", fields)


@pytest.fixture
def guarded(server):
    """The demo allows loopback addresses; here they are strangers like all others."""
    for rule in server.get("/api/address_rules", who="admin")["items"]:
        assert admin(server, "DELETE", f"/api/address_rules/{rule['id']}").status_code == 204
    return server


@pytest.fixture
def peers(guarded, addresses):
    made = []

    def make(ip=None, port=5060):
        made.append(RawSip(ip or addresses.new(), guarded.ip, port=port, domain=guarded.domain))
        return made[-1]
    yield make
    for p in made:
        p.close()


def limits(server, **fields):
    answer = admin(server, "POST", "/api/flood_limits", fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def register(peer, server, user="101", password=None):
    return peer.transact("REGISTER", user, password or server.password(user), to=f"sip:{user}@{peer.domain}",
                         contact=False, headers=[f"Contact: <sip:{user}@{peer.host}:{peer.port}>"])


def is_heard(peer):
    answer = peer.alive()
    return answer is not None and answer.status == 200


def blocked(server):
    return server.get("/api/blocked_addresses", who="admin")["items"]


def test_guessing_blocks_the_guesser_and_nobody_else(guarded, peers):
    guesser, phone = peers(), peers()
    limits(guarded, wrong_credentials=5)
    assert register(phone, guarded).status == 200
    for i in range(5):
        assert is_heard(guesser)
        register(guesser, guarded, "102", f"guess-{i}")
    assert not is_heard(guesser)
    assert is_heard(phone)
    (one,) = blocked(guarded)
    assert one["network"] == f"{guesser.host}/32" and one["cause"] == "wrong credentials" and one["account"] == ""
    # The legitimate device, from where it is, registers at once.
    assert register(phone, guarded, "102").status == 200
    assert admin(guarded, "DELETE", f"/api/blocked_addresses/{one['id']}").status_code == 204
    assert is_heard(guesser) and blocked(guarded) == []
    assert admin(guarded, "DELETE", f"/api/blocked_addresses/{one['id']}").status_code == 404


def test_an_office_keeps_its_phones_when_one_has_a_wrong_password(guarded, peers):
    good = peers()
    bad = peers(good.host, port=5070)
    limits(guarded, wrong_credentials=5)
    assert register(good, guarded).status == 200
    for i in range(5):
        register(bad, guarded, "102", f"guess-{i}")
    assert is_heard(good) and register(good, guarded).status == 200
    # Neither a wrong nor the right password is looked at, so guessing on finds nothing out.
    answer = register(bad, guarded, "102")
    assert answer.status == 503 and int(answer.get("Retry-After")) > 3500
    (one,) = blocked(guarded)
    assert one["account"] == f"102@{guarded.domain}"


def test_known_and_unknown_users_are_blocked_alike(guarded, peers):
    limits(guarded, wrong_credentials=4)
    for user in "102", "nobody":
        guesser = peers()
        answers = []
        for i in range(6):
            answer = register(guesser, guarded, user, f"guess-{i}") if is_heard(guesser) else None
            answers.append(answer and answer.status)
        assert answers == [401] * 4 + [None] * 2


def test_challenges_left_unanswered_block(guarded, peers):
    scanner = peers()
    limits(guarded, unanswered_challenges=5)
    for _ in range(6):
        scanner.send(scanner.request("REGISTER", user="101", to=f"sip:101@{scanner.domain}"))
        assert scanner.final().status == 401

    def scans_on():
        scanner.send(scanner.request("REGISTER", user="101", to=f"sip:101@{scanner.domain}"))
        return scanner.final(timeout=0.3) is None
    # An answer has five seconds to come: only then does a challenge count.
    wait.until(scans_on, 15, why="the scanner hears nothing any more")
    assert blocked(guarded)[0]["cause"] == "unanswered challenges"


def test_a_flood_is_cut_and_others_are_served(guarded, peers):
    flooder, phone = peers(), peers()
    limits(guarded, level2_packets=200, level2_block_seconds=30)
    options = flooder.request("OPTIONS")
    for _ in range(1000):
        flooder.send(options)
    assert is_heard(phone)
    wait.until(lambda: blocked(guarded), 5, why="the flooder is blocked")
    assert blocked(guarded)[0]["cause"].startswith("packets per second")
    assert not is_heard(flooder) and register(phone, guarded).status == 200


def test_rules_are_obeyed_at_once_and_allowed_goes_before_blocked(guarded, peers):
    peer = peers()
    answer = add_rule(guarded, network=f"{peer.host}/32", description="a scanner")
    assert answer.status_code == 201 and answer.json()["network"] == f"{peer.host}/32"
    assert not is_heard(peer)
    wide = peer.host.rsplit(".", 2)[0] + ".0.0/16"
    answer = add_rule(guarded, network=wide, action="allow")
    assert answer.status_code == 201 and is_heard(peer)
    assert admin(guarded, "PATCH", f"/api/address_rules/{answer.json()['id']}", {"enabled": False}).status_code == 200
    assert not is_heard(peer)


def asks_stun(peer):
    """Where a telephone is seen from, at the port of SIP (RFC 5626 4.4.2); None: nobody answers."""
    peer.send(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12)))
    peer.socket.settimeout(1)
    try:
        answer = peer.socket.recv(100)
    except TimeoutError:
        return None
    assert answer[:4] == b"\x01\x01\x00\x0c" and answer[20:26] == b"\x00\x20\x00\x08\x00\x01", answer
    port = int.from_bytes(answer[26:28], "big") ^ 0x2112
    return ".".join(str(a ^ b) for a, b in zip(answer[28:32], b"\x21\x12\xa4\x42")), port


def test_stun_is_answered_but_not_to_who_is_blocked(guarded, peers):
    peer = peers()
    assert asks_stun(peer) == (peer.host, 5060)
    assert add_rule(guarded, network=f"{peer.host}/32").status_code == 201
    assert asks_stun(peer) is None


def test_a_rule_ends_at_its_time(guarded, peers):
    peer = peers()
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    answer = add_rule(guarded, network=peer.host, expires_at=soon)
    assert answer.status_code == 201 and not is_heard(peer)
    wait.until(lambda: is_heard(peer), 10, why="the rule has ended")


def test_what_would_lock_the_operator_out_is_refused(guarded, addresses):
    def refused(**fields):
        answer = add_rule(guarded, **fields)
        assert answer.status_code in (409, 422, 400), answer.text
        return answer.json()["errors"][0]
    for network in guarded.ip, "127.0.0.0/8", "0.0.0.0/0", "127.0.0.1":
        error = refused(network=network, action="block")
        assert (error["field"], error["code"]) == ("network", "own_address"), error
    assert refused(network="10.1.2.3/8")["code"] == "bad_network"
    assert add_rule(guarded, network=guarded.ip, action="allow").status_code == 201
    rule = guarded.get("/api/address_rules", who="admin")["items"][0]["id"]
    answer = admin(guarded, "PATCH", f"/api/address_rules/{rule}", {"action": "block"})
    assert answer.status_code != 200 and answer.json()["errors"][0]["code"] == "own_address"


def test_there_is_one_set_of_limits(guarded):
    limits(guarded, wrong_credentials=5)
    answer = admin(guarded, "POST", "/api/flood_limits", {})
    assert answer.status_code != 201 and answer.json()["errors"][0]["code"] == "limit"


def test_a_tenant_neither_sees_nor_sets_any_of_it(guarded):
    for path in "address_rules", "flood_limits", "blocked_addresses":
        assert guarded.api("GET", f"/api/{path}").status_code == 403
