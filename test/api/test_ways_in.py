# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in from the telephone network: a number that comes with an extension (EXT-4), a DISA (RTE-11)."""
import pytest

import bodies


def test_a_number_comes_with_an_extension(tenant):
    made = tenant.client.post("/api/extensions", {"number": "150", "did": "+442070001150"})
    assert "did" not in made
    (rule,) = [r for r in tenant.client.get("/api/inbound_rules")["items"] if r["destination"]["id"] == made["id"]]
    assert (rule["did"], rule["trunk_id"], rule["destination"]["kind"]) == ("442070001150", tenant.trunk["id"], "extension")
    assert tenant.client.ask("DELETE", f"/api/extensions/{made['id']}").status == 409     # the rule needs it


@pytest.mark.parametrize("did, code", [("442080001150", "not_in_pool"), ("x", "bad_number"), ("442070001150", "overlap")])
def test_a_number_that_may_not_makes_no_extension(tenant, did, code):
    tenant.client.post("/api/extensions", {"number": "150", "did": "442070001150"})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "151", "did": did})
    assert answer.status in (409, 422), answer
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("did", code)]
    assert not [e for e in tenant.client.get("/api/extensions")["items"] if e["number"] == "151"]


def test_another_tenants_number_is_not_offered(server, tenant, blue):
    blue.admin.post("/api/did_pools", {"trunk_id": bodies.create(server.root, "trunks")["id"], "numbers": "44208000****"})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "150", "did": "442080001150"})
    assert answer.status == 422, answer
    assert answer.json()["errors"][0]["code"] == "not_in_pool"


@pytest.mark.parametrize("pin", ["12345", "12345a", "123456789012345678901", ""])
def test_a_disa_has_a_pin_of_digits(tenant, pin):
    answer = tenant.client.ask("POST", "/api/disas", {"name": "in", "extension_id": tenant.extensions[0]["id"], "pin": pin})
    assert answer.status == 422, answer
    assert [e["field"] for e in answer.json()["errors"]] == ["pin"]


def test_a_disa_shows_no_pin_and_keeps_its_extension(tenant):
    body = {"name": "in", "extension_id": tenant.extensions[0]["id"]}
    assert tenant.client.ask("POST", "/api/disas", body).status == 422       # none without PIN
    disa = tenant.client.post("/api/disas", {**body, "pin": "471147"})
    assert "pin" not in disa and "471147" not in str(tenant.client.get("/api/disas"))
    assert tenant.client.ask("DELETE", f"/api/extensions/{body['extension_id']}").status == 409
    rule = tenant.client.post("/api/inbound_rules", {"name": "in", "trunk_id": tenant.trunk["id"], "did": "442070001999",
                                                     "destination": {"kind": "disa", "id": disa["id"]}})
    assert tenant.client.ask("DELETE", f"/api/disas/{disa['id']}").status == 409
    tenant.client.delete(f"/api/inbound_rules/{rule['id']}")
    tenant.client.delete(f"/api/disas/{disa['id']}")


def test_the_service_pin_is_digits(tenant):
    answer = tenant.client.ask("PATCH", f"/api/extensions/{tenant.extensions[0]['id']}", {"service_pin": "abc"})
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("service_pin", "bad_pin")]
