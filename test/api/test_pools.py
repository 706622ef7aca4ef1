# SPDX-License-Identifier: GPL-3.0-or-later
"""DID pools (TRK-5): every form, what may not be one, and no number given to two tenants however many ask at once."""
import concurrent.futures

import pytest

import bodies
from client import Client


@pytest.fixture
def trunk(server):
    return bodies.create(Client(server, local=True), "trunks")["id"]


def give(tenant, trunk, numbers):
    return tenant.admin.ask("POST", "/api/did_pools", {"trunk_id": trunk, "numbers": numbers})


def error(answer):
    assert answer.status in (409, 422), answer
    return answer.json()["errors"][0]


@pytest.mark.parametrize("numbers", ["", "*", "44******", "1000-2000", "12000-22000", "33123456789", "123; 1100-1200;44*****", "5-6"])
def test_forms_of_a_pool(tenant, trunk, numbers):
    assert give(tenant, trunk, numbers).status == 201


@pytest.mark.parametrize("numbers", ["+441", "0441", "00441", "44**1", "4*-5*", "2000-1000", "1000-1000", "100-1000", "1-2-3", "44;", ";", "a", "44 55",
                                     "1000-2000;1500", "44*;441", "*;5", "1" * 19])
def test_what_is_no_pool_is_refused_by_name(tenant, trunk, numbers):
    answer = give(tenant, trunk, numbers)
    assert answer.status == 422, answer
    assert error(answer)["field"] == "numbers"


@pytest.mark.parametrize("mine, theirs", [("*", "44"), ("1000-2000", "2000-3000"), ("44******", "44123456"), ("44******", "4412****"),
                                          ("5;6;7", "7;8"), ("1000-2000", "*"), ("*", "*")])
def test_pools_of_two_tenants_do_not_overlap(red, blue, trunk, mine, theirs):
    assert give(red, trunk, mine).status == 201
    wrong = error(give(blue, trunk, theirs))
    assert (wrong["field"], wrong["code"]) == ("numbers", "overlap")
    assert "red" not in wrong["message"] and "another tenant" in wrong["message"]      # the range, not whose it is
    assert give(blue, trunk, "").status == 201      # to call out it may be given


def test_a_tenant_cannot_take_numbers_by_itself(tenant, trunk):
    assert tenant.client.ask("POST", "/api/did_pools", {"trunk_id": trunk, "numbers": "5"}).status == 403
    pool = give(tenant, trunk, "5").json()
    path = f"/api/did_pools/{pool['id']}"
    assert tenant.client.get(path)["numbers"] == "5"
    assert tenant.client.ask("PATCH", path, {"numbers": "5;6"}).status == 403
    assert tenant.client.ask("DELETE", path).status == 403
    assert tenant.client.ask("PATCH", f"/api/trunks/{trunk}", {"name": "mine"}).status in (403, 404)


def test_rules_keep_their_trunk_and_their_numbers(tenant, trunk):
    pool = give(tenant, trunk, "500-509").json()
    rule = {"name": "desk", "trunk_id": trunk, "did": "505", "destination": {"kind": "hangup"}}
    assert error(tenant.client.ask("POST", "/api/inbound_rules", {**rule, "did": "510"}))["code"] == "not_in_pool"
    made = tenant.client.post("/api/inbound_rules", rule)
    assert error(tenant.admin.ask("PATCH", f"/api/did_pools/{pool['id']}", {"numbers": "500"}))["code"] == "in_use"
    assert error(tenant.admin.ask("DELETE", f"/api/did_pools/{pool['id']}"))["code"] == "in_use"
    refused = Client(tenant.server, local=True).ask("DELETE", f"/api/trunks/{trunk}")
    assert refused.status == 409 and "inbound" in str(refused.json()["errors"])      # TRK-6: it lists the rules
    tenant.client.delete(f"/api/inbound_rules/{made['id']}")
    tenant.admin.delete(f"/api/did_pools/{pool['id']}")


def test_of_many_at_once_one_gets_the_numbers(server, red, blue, trunk):
    """Twenty rounds of eight who ask for overlapping ranges at the same instant, by creating and by changing."""
    for i in range(20):
        base = 100000 + 1000 * i
        wishes = [f"{base + 10 * k}-{base + 10 * k + 500}" for k in range(8)]
        clients = [Client(server, local=True, tenant=t.domain) for t in (red, blue) for _ in range(4)]
        trunks = [bodies.create(Client(server, local=True), "trunks")["id"]] if i == 10 else [trunk]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda cw: cw[0].ask("POST", "/api/did_pools", {"trunk_id": trunks[0], "numbers": cw[1]}),
                                    zip(clients, wishes)))
        made = [a for a in answers if a.status == 201]
        assert len(made) == 1, answers
        for a in answers:
            assert a.status == 201 or error(a)["code"] in ("overlap", "taken"), a
        owner = clients[answers.index(made[0])]
        owner.delete(f"/api/did_pools/{made[0].json()['id']}")


def test_pools_that_grow_at_once_do_not_meet(server, red, blue):
    trunk = bodies.create(Client(server, local=True), "trunks")["id"]
    paths = []
    for t, numbers in ((red, "100-199"), (blue, "300-399")):
        made = give(t, trunk, numbers)
        assert made.status == 201
        paths.append((Client(server, local=True, tenant=t.domain), f"/api/did_pools/{made.json()['id']}"))
    for i in range(10):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda cp: cp[0][0].ask("PATCH", cp[0][1], {"numbers": cp[1]}), zip(paths, ("100-299", "200-399"))))
        assert sorted(a.status for a in both) in ([200, 409], [200, 422]), both
        for (client, path), numbers in zip(paths, ("100-199", "300-399")):
            assert client.ask("PATCH", path, {"numbers": numbers}).status == 200
