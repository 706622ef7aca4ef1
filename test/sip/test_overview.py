# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server tells of itself (SYS-3, SYS-4) and of the numbers that are no extension's (SYS-6)."""
import socket

from harness import wait


def services(server):
    return {s["name"]: s for s in server.get("/api/services", who="admin")["items"]}


def test_the_status_counts(server):
    before = server.get("/api/status", who="admin")
    server.post("/api/extensions", {"number": "777"})
    after = server.get("/api/status", who="admin")
    assert after["extensions"] == before["extensions"] + 1 and after["tenants"] == 1
    assert after["cpu_seconds"] >= before["cpu_seconds"] > 0 and after["memory_bytes"] > 1 << 20


def test_extensions_online_are_counted_once_each(server, devices):
    """SYS-3: with any number of devices."""
    def online():
        return server.get("/api/status", who="admin")["extensions_online"]
    assert online() == 0
    three = [devices("101"), devices("101"), devices("102")]
    for d in three:
        d.register()
    wait.until(lambda: online() == 2, 10, why="two of them are")
    three[0].register(expires=0)
    three[2].register(expires=0)
    wait.until(lambda: online() == 1, 10, why="one is")


def test_the_network_as_devices_need_it(server):
    """SYS-5"""
    told = server.get("/api/network")
    assert told["sip_domain"] == server.domain and server.ip in told["addresses"]
    where = {(t["protocol"], t["address"], t["port"]) for t in server.get("/api/transport_states", who="admin")["items"]}
    assert {(t["protocol"], t["address"], t["port"]) for t in told["transports"]} == where and all(t["is_active"] for t in told["transports"])
    setting = server.post("/api/network_settings", {"dns_servers": "192.0.2.53, [2001:db8::53]:5353", "web_domain": "pbx.example",
                                                    "public_addresses": "203.0.113.5"}, who="admin")
    told = server.get("/api/network", who="admin")
    assert (told["dns_servers"], told["web_domain"], told["public_addresses"]) == (["192.0.2.53:53", "[2001:db8::53]:5353"], "pbx.example", "203.0.113.5")
    assert told["sip_domain"] is None
    server.api("DELETE", f"/api/network_settings/{setting['id']}", who="admin", expect=204)
    assert "192.0.2.53:53" not in server.get("/api/network")["dns_servers"]


def test_parts_are_up_down_and_off(server):
    there = services(server)
    assert {"call_manager", "sip", "webrtc_gateway", "media", "database", "rest", "presence", "instant_messages", "music_on_hold"} == set(there)
    assert all(s["state"] == "up" for name, s in there.items() if name != "webrtc_gateway"), there
    for t in server.get("/api/transports", who="admin")["items"]:
        if t["protocol"] in ("ws", "wss"):
            server.api("DELETE", f"/api/transports/{t['id']}", who="admin", expect=204)
    assert wait.until(lambda: services(server)["webrtc_gateway"]["state"] == "off", why="nobody wants it")
    with socket.socket() as taken:
        taken.bind((server.ip, 0))
        taken.listen()
        server.post("/api/transports", {"protocol": "ws", "port": taken.getsockname()[1]}, who="admin")
        down = wait.until(lambda: (s := services(server)["webrtc_gateway"])["state"] == "down" and s, why="its port is another's")
        assert down["reason"]
    wait.until(lambda: services(server)["webrtc_gateway"]["state"] == "up", 20, why="its port is free")
    assert server.api("GET", "/api/services").status_code == 403


def numbers(server, **more):
    return {n["number"]: n for n in server.get("/api/system_extensions", **more)["items"]}


def test_numbers_that_are_no_extensions(server):
    group = server.post("/api/ring_groups", {"number": "650", "name": "desk", "members": []})
    there = numbers(server)
    assert (there["650"]["kind"], there["650"]["id"], there["650"]["name"], there["650"]["state"]) == ("ring_group", group["id"], "desk", "active")
    assert there["*43"]["kind"] == "echo" and there["**"]["kind"] == "feature_code" and "101" not in there
    tenant = next(t for t in server.get("/api/tenants", who="admin")["items"] if t["domain"] == server.domain)
    server.api("PATCH", f"/api/tenants/{tenant['id']}", {"pickup": False}, who="admin", expect=200)
    assert numbers(server)["**"]["state"] == "disabled"
    server.post("/api/tenants", {"name": "far", "domain": "far.example"}, who="admin")
    assert "650" not in numbers(server, who="admin", headers={"X-Tenant": "far.example"})
    server.api("DELETE", f"/api/ring_groups/{group['id']}", expect=204)
    assert "650" not in numbers(server)
