# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes on one PostgreSQL: each sees what the other changes at once, whatever happened to the connection in between."""
import os
import shutil
import statistics
import subprocess
import time

import pytest

from bodies import Receiver
from client import database_url
from harness import wait
from harness.addresses import Addresses
from harness.rawcall import Phone
from harness.server import Server


@pytest.fixture
def nodes(tmp_path):
    """Two servers with the same database and the same key."""
    url, addresses = database_url(tmp_path), Addresses()
    made = [Server(tmp_path / f"node{n}", addresses.new(), args=("--database", url, "--node", str(n))) for n in (1, 2)]
    made[0].start()
    made[1].data.mkdir(mode=0o700)
    for name in ("master.key", "demo.keep"):
        shutil.copy(made[0].data / name, made[1].data / name)
    made[1].start()
    yield made
    for s in made:
        s.stop()


def numbers(node, **more):
    """What its core knows, not its database."""
    return [row["number"] for row in node.get("/api/balances", params={"limit": 500}, **more)["items"]]


def knows(node, number):
    return number in numbers(node)


def seen_after(node, number, expected=True):
    """ms until the core of the node knows it, or knows it no more."""
    began = time.monotonic()
    wait.until(lambda: knows(node, number) == expected, 10, every=0.001, why=f"{number} on the other node")
    return (time.monotonic() - began) * 1000


def database(what):
    subprocess.run([os.environ["OFFHOOK_TEST_PG_CTL"], what], check=True, cwd="/")


def test_each_sees_what_the_other_changes_within_100_ms(nodes):
    here, there = nodes
    there.login(), here.login()
    took, at_home = [], []
    for n in range(12):
        here, there = there, here
        made = here.post("/api/extensions", {"number": str(500 + n)})
        took.append(seen_after(there, str(500 + n)))
        at_home.append(seen_after(here, str(500 + n)))      # what asking itself takes
        there.api("DELETE", f"/api/extensions/{made['id']}", expect=204)
        took.append(seen_after(here, str(500 + n), False))
    assert statistics.median(took) - statistics.median(at_home) < 100, (sorted(took), sorted(at_home))


def test_what_was_read_is_kept_until_the_other_node_changes_something(nodes):
    """Reads are answered from memory while nothing changes (ADR 0048), and no longer than the other's change takes to be heard of."""
    here, there = nodes
    one = f"/api/extensions/{next(e['id'] for e in here.get('/api/extensions')['items'] if e['number'] == '101')}"

    def behind_its_back(name):
        subprocess.run(["psql", "-q", "-d", here.command[here.command.index("--database") + 1], "-c",
                        f"UPDATE extensions SET first_name = '{name}' WHERE number = '101'"], check=True)

    def is_kept(name):
        there.get(one)
        behind_its_back(name)
        return there.get(one)["first_name"] != name
    assert any(is_kept(f"unseen{n}") for n in range(20)), "nothing is kept"
    for n in range(20):
        here, there = there, here
        for _ in range(2):
            there.get(one)
        here.api("PATCH", one, {"first_name": f"seen{n}"}, expect=200)
        assert here.get(one)["first_name"] == f"seen{n}", "one's own change is seen by the next read"
        wait.until(lambda: there.get(one)["first_name"] == f"seen{n}", 10, every=0.001, why="the other's change")
    there._token["admin"] = here.login("admin")
    there.get("/api/me", who="admin")
    here.api("POST", "/api/logout", who="admin", expect=204)
    wait.until(lambda: there.api("GET", "/api/me", who="admin").status_code == 401, 10, every=0.001, why="signed out at the other node")


def test_both_at_once_lose_nothing(nodes):
    a, b = nodes
    for n in range(30):     # ids and revisions of one tenant, given in turn
        a.post("/api/extensions", {"number": str(600 + n)})
        b.post("/api/extensions", {"number": str(700 + n)})
    for node in nodes:
        for number in (600, 629, 700, 729):
            seen_after(node, str(number))
    assert "could not be applied" not in a.tail(1 << 20) + b.tail(1 << 20)


def test_tenants_come_and_go_on_both(nodes):
    a, b = nodes
    made = a.post("/api/tenants", {"name": "far", "domain": "far.example", "username": "far", "password": "far secret words"}, who="admin")
    far = {"headers": {"X-Tenant": "far.example"}, "who": "admin"}
    a.post("/api/extensions", {"number": "201"}, **far)

    wait.until(lambda: "201" in numbers(b, **far), 10, why="a new tenant's extension on the other node")
    b.api("DELETE", f"/api/tenants/{made['id']}", who="admin", expect=204)
    a.post("/api/tenants", {"name": "far", "domain": "far.example"}, who="admin")
    assert "could not be applied" not in a.tail(1 << 20) + b.tail(1 << 20)


def test_nothing_is_missed_while_the_database_was_away(nodes):
    a, b = nodes
    a.post("/api/extensions", {"number": "801"})
    seen_after(b, "801")
    b.process.send_signal(19)       # it hears nothing: its connection breaks while the other changes things
    try:
        database("crash")
        database("start")
        made = wait.until(lambda: (r := a.api("POST", "/api/extensions", {"number": "802"})).status_code == 201 and r, 20, why="the database is back")
        a.post("/api/extensions", {"number": "803"})
        a.api("DELETE", f"/api/extensions/{made.json()['id']}", expect=204)
    finally:
        b.process.send_signal(18)
    wait.until(lambda: knows(b, "803"), 20, why="what was changed while it was away")
    assert not knows(b, "802") and knows(b, "801")
    b.post("/api/extensions", {"number": "804"})
    seen_after(a, "804")


def test_that_the_database_was_away_is_in_the_event_log_of_each_once(nodes):
    """WEB-4: written down while it is away, kept in the journal, and there when it is back; once, however often it was tried."""
    def told(node, key):
        return node.get("/api/event_logs", params={"key": key}, who="admin")["items"]
    for node in nodes:
        node.login("admin"), node.login()
    assert [told(nodes[0], key) for key in ("database_lost", "database_back")] == [[], []], "that it is there at first is no news"
    database("crash")
    began = time.monotonic()
    while time.monotonic() < began + 1.5:
        assert [n.api("POST", "/api/extensions", {"number": "850"}).status_code for n in nodes] == [503, 503]
    database("start")
    for node in nodes:
        wait.until(lambda: node.api("POST", "/api/extensions", {"number": "850"}).status_code in (201, 409), 20, every=0.1, why="the database is back")
    wait.until(lambda: len(told(nodes[0], "database_back")) >= 2, 20, every=0.1, why="both have told")
    assert (len(told(nodes[0], "database_lost")), len(told(nodes[0], "database_back"))) == (2, 2), "each node once each way"
    assert {e["topic"] for e in told(nodes[0], "database_lost")} == {"system_events"}
    lost, back = (sorted(e["at"] for e in told(nodes[0], key)) for key in ("database_lost", "database_back"))
    assert lost[0] < back[0] and lost[1] < back[1]
    assert told(nodes[0], "database_lost") == told(nodes[1], "database_lost")


def test_a_restored_backup_is_in_force_on_both(nodes):
    a, b = nodes
    one = a.post("/api/backups", {"name": "x", "parts": ["configuration"]}, who="admin", expect=202)["id"]
    wait.until(lambda: a.get(f"/api/backups/{one}", who="admin")["state"] == "complete", 20, why="the backup")
    b.post("/api/extensions", {"number": "901"})
    seen_after(a, "901")
    a.post(f"/api/backups/{one}/restore", {}, who="admin", expect=202)

    def signed_out(node):
        node._token = {}
        return not knows(node, "901")
    for node in nodes:
        wait.until(lambda: node.api("GET", "/api/me").status_code == 401 or signed_out(node), 20, every=0.2, why="what came later is gone")
        node._token = {}
        wait.until(lambda: not knows(node, "901"), 20, every=0.1, why="what came later is gone")
        assert knows(node, "102")


def test_what_is_told_again_at_one_node_the_other_tells(nodes):
    """A delivery is of the node that wrote it, and that one hears of it: it does not look by itself."""
    here, there = nodes
    as_administrator = {"headers": {"X-Tenant": here.domain}, "who": "admin"}
    receiver, phone_ip = Receiver(), Addresses().new()
    try:
        here.post("/api/webhooks", {"url": receiver.url, "allow_private": True, "events": "extension_register"}, **as_administrator)
        Phone(phone_ip, here, 101).close()
        receiver.wait(1)
        done = wait.until(lambda: there.get("/api/webhook_deliveries", params={"state": "delivered"})["items"], why="it was taken")[0]
        there.api("POST", f"/api/webhook_deliveries/{done['id']}/replay", expect=204)
        first, second = receiver.wait(2)
        assert first[0]["X-Offhook-Delivery"] == second[0]["X-Offhook-Delivery"]
    finally:
        receiver.close()
