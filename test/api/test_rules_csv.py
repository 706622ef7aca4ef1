# SPDX-License-Identifier: GPL-3.0-or-later
"""Inbound and outbound rules as CSV (RTE-3): what was exported is imported again, routes and destinations too."""
import csv
import io

import pytest

import bodies


@pytest.fixture
def rules(tenant):
    """One of each kind, over a trunk that the tenant has."""
    client = tenant.client
    trunk = client.post("/api/trunks", {"name": f"csv{tenant.id}", "kind": "register", "host": f"csv{tenant.id}.example",
                                        "username": "u", "password": "secret-77-pw"})["id"]
    extension = client.post("/api/extensions", {"number": "4711"})["id"]
    client.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420799*", "caller_id": "44207991"})
    client.post("/api/outbound_rules", {"name": "out", "prefixes": "00;123", "extensions": "100-120",
                                        "routes": [{"trunk_id": trunk, "strip": 2, "prepend": "+44"}]})
    client.post("/api/inbound_rules", {"name": "in", "trunk_id": trunk, "did": "44207991", "destination": {"kind": "extension", "id": extension}})


def without_ids(items):
    return [{k: v for k, v in item.items() if k not in ("id", "revision")} for item in items]


@pytest.mark.parametrize("kind", ["outbound_rules", "inbound_rules"])
def test_what_was_exported_is_imported_again(tenant, rules, kind):
    before = tenant.client.get(f"/api/{kind}")["items"]
    text = tenant.client.ask("GET", f"/api/{kind}/export").body
    for rule in before:
        tenant.client.delete(f"/api/{kind}/{rule['id']}")
    answer = tenant.client.ask("POST", f"/api/{kind}/import", raw=text, headers={"Content-Type": "text/csv"})
    assert answer.status == 200, answer
    assert without_ids(tenant.client.get(f"/api/{kind}")["items"]) == without_ids(before)


@pytest.mark.parametrize("routes, field", [("9:2", "line[2].routes"), ('"[{""trunk_id"":""1"",""strip"":-1}]"', "line[2].routes[0].strip")])
def test_routes_that_cannot_be_read_are_named(tenant, rules, routes, field):
    answer = tenant.client.ask("POST", "/api/outbound_rules/import", raw=f"name,routes\r\nbad,{routes}\r\n".encode(),
                               headers={"Content-Type": "text/csv"})
    assert answer.status == 422, answer
    assert field in [e["field"] for e in answer.json()["errors"]], answer.json()
    assert [r["name"] for r in tenant.client.get("/api/outbound_rules")["items"]] == ["out"]


LISTS = ("allowed_country_codes", "blacklisted_numbers", "call_rates", "disallowed_codes", "emergency_numbers", "extension_groups", "extensions", "holidays",
         "inbound_rules", "office_hours", "outbound_rules", "ring_groups", "routing_classes", "time_checks")


@pytest.mark.parametrize("kind", LISTS)
def test_every_field_of_every_list_goes_there_and_back(tenant, kind):
    """With text that a spreadsheet might take for a formula, lists, and destinations."""
    client = tenant.admin
    to = {"kind": "custom_dial"}
    more = {
        "blacklisted_numbers": {"description": '=1+1; "x", y'},
        "emergency_numbers": {"location": "Ground floor, \"left\""},
        "extensions": {"template_id": None, "forwards": [
            {"status": "lunch", "origin": "external", "cause": "no_answer", "seconds": 9, "destination": to, "destination_number": "101"},
            {"cause": "busy", "destination": {"kind": "ask_number"}}], "exceptions": [{"caller_mask": "0044******", "destination": {"kind": "hangup"}}]},
        "inbound_rules": {"destination": to, "destination_number": "101", "outside_destination": {"kind": "external_number"},
                          "outside_destination_number": "+44123"},
        "ring_groups": {"no_answer": to, "no_answer_number": "101", "name": "+Sales", "outbound_caller_id": "442070001000"},
        "time_checks": {"open_destination": to, "open_destination_number": "101", "closed_destination": {"kind": "ring_group", "id": tenant.group["id"]}},
    }.get(kind, {})
    made = client.get(f"/api/{kind}/" + client.post(f"/api/{kind}", {**bodies.new_body(client, kind), **more})["id"])
    head, *rows = csv.reader(io.StringIO(client.ask("GET", f"/api/{kind}/export").body.decode(), newline=""))
    key = next(k for k in ("number", "name", "prefix", "code") if k in made)
    mine = [row for row in rows if dict(zip(head, row))[key].lstrip("'") == made[key]]
    client.delete(f"/api/{kind}/{made['id']}")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([head, *mine])
    answer = client.ask("POST", f"/api/{kind}/import", raw=text.getvalue().encode(), headers={"Content-Type": "text/csv"})
    assert answer.status == 200, answer
    again = [row for row in client.get(f"/api/{kind}", limit=500)["items"] if row[key] == made[key]]
    assert without_ids(again) == without_ids([made])
