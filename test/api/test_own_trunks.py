# SPDX-License-Identifier: GPL-3.0-or-later
"""Trunks of tenants' own beside those that administrators give them (TRK-4, TRK-6), and providers that are known (TRK-16)."""
import bodies
from client import Client


def own(client, **more):
    n = bodies.new_number()
    return client.ask("POST", "/api/trunks", {"name": f"own{n}", "kind": "register", "host": f"p{n}.example", "username": "u", "password": "x", **more})


def error(answer):
    return answer.json()["errors"][0]


def test_a_tenant_sets_up_trunks_that_are_nobody_elses(red, blue):
    made = own(red.client)
    assert made.status == 201, made
    trunk = made.json()
    path = f"/api/trunks/{trunk['id']}"
    assert trunk["owner_id"] == red.client.get("/api/me")["tenant_id"]
    assert [t["id"] for t in red.client.get("/api/trunks")["items"]].count(trunk["id"]) == 1
    assert trunk["id"] not in [t["id"] for t in blue.client.get("/api/trunks")["items"]]
    for method, body in (("GET", None), ("PATCH", {"name": "mine"}), ("DELETE", None)):
        assert blue.client.ask(method, path, body).status == 404
    assert red.client.ask("PATCH", path, {"max_calls": 5}).status == 200
    # numbers there are its own to write down; nobody else has a pool on it, whoever sets it
    assert red.client.ask("POST", "/api/did_pools", {"trunk_id": trunk["id"], "numbers": "500-509"}).status == 201
    assert blue.client.ask("POST", "/api/did_pools", {"trunk_id": trunk["id"], "numbers": "600"}).status == 403
    assert error(blue.admin.ask("POST", "/api/did_pools", {"trunk_id": trunk["id"]}))["code"] == "not_found"


def test_what_a_tenants_own_trunk_may_not_be(red, server):
    admin = Client(server, local=True)
    assert error(own(red.client, kind="ip"))["field"] == "kind"
    assert error(own(red.client, certificate_id=bodies.create(admin, "certificates")["id"]))["field"] == "certificate_id"
    assert error(own(red.client, kind="teams", transport="udp", srtp="off"))["field"] == "transport"
    for network in ("0.0.0.0/0", "192.0.2.0/23", "2001:db8::/48"):
        assert (error(own(red.client, networks=[{"network": network}]))["field"], error(own(red.client, networks=[{"network": network}]))["code"]) == ("networks", "too_large")
    assert own(red.client, networks=[{"network": "192.0.2.0/24"}, {"network": "2001:db8::/64"}]).status == 201
    assert error(own(admin, kind="teams", transport="tls"))["field"] == "kind"
    given = bodies.create(admin, "trunks")
    assert red.client.ask("PATCH", f"/api/trunks/{given['id']}", {"name": "mine"}).status == 404
    mine = own(red.client).json()
    assert error(admin.ask("PATCH", f"/api/trunks/{mine['id']}", {"owner_id": None}))["field"] == "owner_id"


def test_who_claims_a_network_second_is_told(red, blue):
    """TRK-12: else neither would have it."""
    first = own(red.client, networks=[{"network": "198.51.100.0/25"}, {"network": "2001:db8:77::/64"}])
    assert first.status == 201, first
    for network in ("198.51.100.7", "198.51.100.0/24", "2001:db8:77::1"):
        answer = own(blue.client, networks=[{"network": "198.51.100.128/25"}, {"network": network}])
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("networks", "taken")], answer
        assert red.row["name"] not in answer.body.decode() and first.json()["name"] not in answer.body.decode()
    beside = own(blue.client, networks=[{"network": "198.51.100.128/25"}])
    assert beside.status == 201, beside
    path = f"/api/trunks/{beside.json()['id']}"
    assert error(blue.client.ask("PATCH", path, {"networks": [{"network": "198.51.100.1"}]}))["code"] == "taken"
    assert blue.client.ask("PATCH", path, {"max_calls": 3}).status == 200
    assert own(red.client, networks=[{"network": "198.51.100.1"}]).status == 201      # its own may meet
    red.client.delete(f"/api/trunks/{first.json()['id']}")
    assert own(blue.client, networks=[{"network": "2001:db8:77::1"}]).status == 201


def test_a_trunk_that_rules_use_names_them(red):
    trunk = own(red.client).json()
    red.client.post("/api/did_pools", {"trunk_id": trunk["id"]})
    red.client.post("/api/outbound_rules", {"name": "far away", "routes": [{"trunk_id": trunk["id"]}]})
    answer = red.client.ask("DELETE", f"/api/trunks/{trunk['id']}")
    assert answer.status == 409 and any("outbound rule far away" in e["message"] for e in answer.json()["errors"]), answer.json()


def test_nobody_sends_calls_to_a_trunk_of_others_and_so_holds_it(red, blue):
    trunk = own(blue.client).json()
    there = {"kind": "trunk", "id": trunk["id"]}
    given = red.admin.post("/api/did_pools", {"trunk_id": bodies.create(red.admin, "trunks")["id"], "numbers": "4477*"})
    for path, body, field in (
            ("/api/extensions", {"number": "7001", "forwards": [{"cause": "always", "destination": there}]}, "forwards[0].destination"),
            ("/api/extension_templates", {"name": "x", "forwards": [{"cause": "always", "destination": there}]}, "forwards[0].destination"),
            ("/api/extensions", {"number": "7001", "exceptions": [{"destination": there}]}, "exceptions[0].destination"),
            ("/api/ring_groups", {"number": "7002", "name": "x", "no_answer": there}, "no_answer"),
            ("/api/time_checks", {"name": "x", "closed_destination": there}, "closed_destination"),
            ("/api/inbound_rules", {"name": "x", "trunk_id": given["trunk_id"], "did": "*", "outside_destination": there}, "outside_destination")):
        answer = red.client.ask("POST", path, body)
        assert answer.status == 422 and (error(answer)["field"], error(answer)["code"]) == (field, "no_pool"), answer
    assert blue.client.ask("DELETE", f"/api/trunks/{trunk['id']}").status == 204
    # a pool that calls are sent to stays
    red.client.post("/api/inbound_rules", {"name": "to it", "trunk_id": red.trunk["id"], "did": "442070009999", "outside_destination": {"kind": "trunk", "id": given["trunk_id"]}})
    answer = red.admin.ask("DELETE", f"/api/did_pools/{given['id']}")
    assert answer.status == 409 and "inbound rule to it needs it" in [e["message"] for e in answer.json()["errors"]], answer


def test_a_tenants_trunks_go_with_it(server):
    admin = Client(server, local=True)
    tenant = bodies.create(admin, "tenants")
    made = own(admin, owner_id=tenant["id"])
    assert made.status == 201, made
    assert admin.ask("DELETE", f"/api/tenants/{tenant['id']}").status == 204
    assert admin.ask("GET", f"/api/trunks/{made.json()['id']}").status == 404


def test_providers_that_are_known_fill_in_a_trunk(red, server):
    items = red.client.get("/api/trunk_presets")["items"]
    assert {"QuestBlue", "Twilio", "Telnyx", "Vonage", "VoIP.ms", "Voxtelesys", "Wavix", "VoIP Innovations", "Bandwidth", "Flowroute", "Gamma",
            "Aire Networks", "VoiceMeUp"} <= {p["name"] for p in items}
    admin = Client(server, local=True)
    for p in items:
        fields, n = p["fields"], bodies.new_number()
        client = red.client if fields["kind"] == "teams" else admin
        made = client.ask("POST", "/api/trunks", {"name": f"preset{n}", "brand": p["brand"], "host": f"h{n}.example", "username": "u", "password": "x"})
        assert made.status == 201, made.json()
        trunk = made.json()
        assert trunk["host"] == f"h{n}.example"      # what is given counts
        for name, value in fields.items():
            if name != "host":
                assert trunk[name] == value, name
