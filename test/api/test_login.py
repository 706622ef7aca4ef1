# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign-in: no word on what was wrong, tries counted, sessions that end when they should."""
import concurrent.futures
import http.client
import itertools
import json
import time

import pytest

from client import Answer, Client

_source = itertools.count(1)


def new_source():
    n = next(_source)
    return f"127.30.{100 + n // 250}.{n % 250 + 1}"


def login(server, source, username, password, domain=None):
    connection = http.client.HTTPConnection(server.ip, server.port, timeout=30, source_address=(source, 0))
    body = {"username": username, "password": password, **({"domain": domain} if domain else {})}
    connection.request("POST", "/api/login", json.dumps(body), {"Content-Type": "application/json"})
    answer = Answer(connection.getresponse())
    connection.close()
    server.document.check("POST", "/api/login", answer)
    return answer


def test_answers_do_not_tell_what_was_wrong(server, tenant):
    source = new_source()
    name, secret = tenant.user["username"], f"{tenant.row['name']} secret words"
    assert login(server, source, name, secret, tenant.domain).status == 200
    wrong = [(name, "wrong", tenant.domain), ("nobody", "wrong", tenant.domain), (name, secret, "nowhere.example"), (name, secret, None),
             (name.upper(), secret, tenant.domain), (name, secret + " ", tenant.domain), (name, secret[:-1], tenant.domain), ("chief", "wrong", None)]
    answers = [login(server, new_source(), *w) for w in wrong]
    assert {a.status for a in answers} == {401}
    assert len({a.body for a in answers}) == 1


def test_unknown_names_take_as_long_as_known_ones(server, tenant):
    def seconds(name):
        times = []
        for _ in range(6):
            start = time.monotonic()
            assert login(server, new_source(), name, "wrong", tenant.domain).status == 401
            times.append(time.monotonic() - start)
        return sorted(times)[2]
    known, unknown = seconds(tenant.user["username"]), seconds("nobody")
    assert 0.5 < known / unknown < 2


def test_a_user_is_throttled_per_address_with_retry_after(server, tenant):
    name, secret = tenant.user["username"], f"{tenant.row['name']} secret words"
    guesser, home = new_source(), new_source()
    for _ in range(5):
        assert login(server, guesser, name, "wrong", tenant.domain).status == 401
    for password in ("wrong", secret):      # the right one too: else guessing goes on
        answer = login(server, guesser, name, password, tenant.domain)
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert login(server, home, name, secret, tenant.domain).status == 200


def test_names_that_do_not_exist_are_throttled_alike(server, tenant):
    guesser = new_source()
    got = [login(server, guesser, "nobody", "wrong", tenant.domain).status for _ in range(6)]
    assert got == [401] * 5 + [429]


def test_an_address_is_throttled_over_all_names(server, tenant):
    guesser = new_source()
    got = [login(server, guesser, f"n{i}", "wrong", tenant.domain).status for i in range(32)]
    assert got == [401] * 30 + [429] * 2


def test_parallel_guesses_are_counted_when_they_start(server, tenant):
    guesser = new_source()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        got = list(pool.map(lambda _: login(server, guesser, tenant.user["username"], "wrong", tenant.domain).status, range(50)))
    assert got.count(401) + got.count(503) <= 5 and got.count(429) >= 45, got


@pytest.mark.parametrize("body,field", [({"password": "x"}, "username"), ({"username": "x"}, "password"), ({"username": "", "password": "x"}, "username"),
                                        ({"username": 1, "password": "x"}, "username"), ({"username": "x", "password": ["x"]}, "password"),
                                        ({"username": "x", "password": "x", "domain": 5}, "domain"), ({"username": "x" * 300, "password": "x"}, "username"),
                                        ({"username": "x", "password": "x", "otp": "1"}, "otp")])
def test_fields_are_checked(anybody, body, field):
    answer = anybody.ask("POST", "/api/login", body)
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == field


def test_logout_ends_the_session(server, tenant):
    client = server.login(tenant.user["username"], f"{tenant.row['name']} secret words", tenant.domain)
    other = server.login(tenant.user["username"], f"{tenant.row['name']} secret words", tenant.domain)
    assert client.token != other.token
    client.post("/api/logout", expect=204)
    assert client.ask("GET", "/api/me").status == 401
    assert client.ask("POST", "/api/logout").status == 401
    assert other.ask("GET", "/api/me").status == 200


def test_disabled_user_is_out_at_once(server, tenant):
    user = tenant.client.post("/api/users", {"username": "leaver", "password": "some secret words"})
    client = server.login("leaver", "some secret words", tenant.domain)
    assert client.get("/api/me")["username"] == "leaver"
    tenant.client.patch(f"/api/users/{user['id']}", {"enabled": False})
    assert client.ask("GET", "/api/me").status == 401
    assert login(server, new_source(), "leaver", "some secret words", tenant.domain).status == 401


def test_deleted_user_is_out_at_once(server, tenant):
    user = tenant.client.post("/api/users", {"username": "leaver", "password": "some secret words"})
    client = server.login("leaver", "some secret words", tenant.domain)
    tenant.client.delete(f"/api/users/{user['id']}")
    assert client.ask("GET", "/api/me").status == 401


def test_new_password_counts_and_the_old_one_does_not(server, tenant):
    user = tenant.client.post("/api/users", {"username": "mover", "password": "some secret words"})
    old = server.login("mover", "some secret words", tenant.domain)
    tenant.client.patch(f"/api/users/{user['id']}", {"password": "other secret words"})
    assert login(server, new_source(), "mover", "some secret words", tenant.domain).status == 401
    assert login(server, new_source(), "mover", "other secret words", tenant.domain).status == 200
    assert old.ask("GET", "/api/me").status == 401      # whoever knew the old one is out


def test_disabled_tenant_is_out_and_its_administrator_may_still_act(server, tenant):
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"enabled": False})
    assert tenant.client.ask("GET", "/api/me").status == 401
    assert tenant.admin.ask("GET", "/api/extensions").status == 200
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"enabled": True})
    assert login(server, new_source(), tenant.user["username"], f"{tenant.row['name']} secret words", tenant.domain).status == 200


def test_there_is_no_user_before_one_is_made(tmp_path):
    from client import ApiServer
    from harness.addresses import new_address
    s = ApiServer(tmp_path / "fresh", new_address()).start()
    try:
        for name, password in (("admin", "admin"), ("admin", ""), ("root", "root"), ("admin", "password"), ("", "")):
            assert Client(s).ask("POST", "/api/login", {"username": name, "password": password}).status in (401, 422)
        assert Client(s).ask("GET", "/api/users").status == 401
        assert s.root.get("/api/users")["items"] == []
    finally:
        s.stop()
