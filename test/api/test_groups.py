# SPDX-License-Identifier: GPL-3.0-or-later
"""Extension groups, shared devices and CSV files, as an integrator sees them."""
import pytest


def errors(answer):
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def default_group(t):
    return next(g for g in t.client.get("/api/extension_groups")["items"] if g["is_default"])


def accounts(t, extension):
    return {a["username"]: a for a in t.client.get("/api/accounts", extension_id=extension["id"], limit=500)["items"]}


def test_a_tenant_has_a_default_group_that_takes_new_extensions(tenant):
    group = default_group(tenant)
    assert group["name"] == "DEFAULT" and group["may_call_out"] and group["may_see_members"] and group["may_use_console"]
    assert not group["may_page"]
    assert tenant.extensions[0]["member_of"] == [{"group_id": group["id"], "role": "member", "may_monitor": False}]


def test_default_group_stays_as_it_is(tenant):
    path = f"/api/extension_groups/{default_group(tenant)['id']}"
    for method, body in (("PATCH", {"may_page": True}), ("DELETE", None)):
        answer = tenant.client.ask(method, path, body)
        assert answer.status in (409, 422), answer
    assert default_group(tenant)["may_page"] is False
    tenant.client.delete(f"/api/ring_groups/{tenant.group['id']}")
    for e in tenant.extensions:
        tenant.client.delete(f"/api/extensions/{e['id']}")
    assert errors(tenant.client.ask("DELETE", path)) == [("is_default", "read_only")]
    assert tenant.client.ask("POST", "/api/extension_groups", {"name": "DEFAULT"}).status == 409


def test_an_extension_is_always_in_a_group(tenant):
    sales = tenant.client.post("/api/extension_groups", {"name": "Sales", "may_page": True})
    path = f"/api/extensions/{tenant.extensions[0]['id']}"
    moved = tenant.client.patch(path, {"member_of": [{"group_id": sales["id"], "role": "manager"}]})
    assert [m["group_id"] for m in moved["member_of"]] == [sales["id"]]
    assert errors(tenant.client.ask("PATCH", path, {"member_of": []})) == [("member_of", "required")]
    answer = tenant.client.ask("DELETE", f"/api/extension_groups/{sales['id']}")
    assert answer.status == 409 and errors(answer) == [("id", "in_use")]
    tenant.client.patch(path, {"member_of": [{"group_id": default_group(tenant)["id"]}]})
    tenant.client.delete(f"/api/extension_groups/{sales['id']}")


def test_an_extension_shows_its_groups_and_what_it_may_by_them(tenant):
    """EXT-7: the rights of all its groups together, for whom it concerns to see; nobody changes them there."""
    one = tenant.extensions[0]
    path = f"/api/extensions/{one['id']}/rights"
    default = default_group(tenant)
    assert tenant.client.get(path) == {
        "groups": [{"id": default["id"], "name": "DEFAULT", "role": "member", "may_monitor": False}],
        "may_see_members": True, "may_page": False, "may_call_out": True, "may_use_console": True}
    none = {"may_see_members": False, "may_call_out": False, "may_use_console": False}
    quiet = tenant.client.post("/api/extension_groups", {"name": "Quiet", **none})
    pagers = tenant.client.post("/api/extension_groups", {"name": "Pagers", **none, "may_page": True, "allow_monitor": True})
    tenant.client.patch(f"/api/extensions/{one['id']}", {"member_of": [{"group_id": quiet["id"]}]})
    rights = tenant.client.get(path)
    assert [g["name"] for g in rights["groups"]] == ["Quiet"] and not any(rights[r] for r in (*none, "may_page"))
    tenant.client.patch(f"/api/extensions/{one['id']}", {
        "member_of": [{"group_id": quiet["id"]}, {"group_id": pagers["id"], "role": "manager", "may_monitor": True}]})
    rights = tenant.client.get(path)
    assert [(g["name"], g["role"], g["may_monitor"]) for g in rights["groups"]] == [("Quiet", "member", False), ("Pagers", "manager", True)]
    assert rights["may_page"] and not rights["may_call_out"]
    tenant.client.patch(f"/api/extension_groups/{quiet['id']}", {"may_call_out": True})
    assert tenant.client.get(path)["may_call_out"]
    for method in ("PATCH", "PUT", "POST"):
        assert tenant.client.ask(method, path, {"may_page": False}).status == 405
    assert tenant.client.ask("GET", "/api/extensions/999999/rights").status == 404
    mine = tenant.client.post("/api/extensions", {"number": "109", "web_password": "owner secret words"})
    owner = tenant.server.login("109", "owner secret words", tenant.domain)
    assert owner.get(f"/api/extensions/{mine['id']}/rights")["may_use_console"]
    assert owner.ask("GET", path).status == 404


def test_shared_devices_have_accounts_of_their_own_with_one_password(tenant):
    x = tenant.client.post("/api/extensions", {"number": "700", "password": "first secret", "shared_devices": 3})
    assert sorted(accounts(tenant, x)) == ["700", "700_2", "700_3"]
    assert sorted(a["device"] for a in accounts(tenant, x).values()) == [1, 2, 3]
    tenant.client.patch(f"/api/extensions/{x['id']}", {"shared_devices": 2})
    assert sorted(accounts(tenant, x)) == ["700", "700_2"]
    tenant.client.patch(f"/api/accounts/{accounts(tenant, x)['700_2']['id']}", {"password": "second secret"})
    changed = tenant.client.get("/api/audit_logs", resource="account", limit=2)["items"]
    assert {c["resource_id"] for c in changed} == {a["id"] for a in accounts(tenant, x).values()}
    assert all(c["changes"] == {"password": True} or "password" in c["changes"] for c in changed)
    tenant.client.patch(f"/api/extensions/{x['id']}", {"shared_devices": 4})
    assert sorted(accounts(tenant, x)) == ["700", "700_2", "700_3", "700_4"]
    tenant.client.delete(f"/api/extensions/{x['id']}")
    assert tenant.client.get("/api/accounts", q="700")["items"] == []


def test_an_account_that_moves_away_is_no_shared_device_any_more(tenant):
    x = tenant.client.post("/api/extensions", {"number": "701", "shared_devices": 2})
    second = accounts(tenant, x)["701_2"]
    assert tenant.client.patch(f"/api/accounts/{second['id']}", {"extension_id": tenant.extensions[0]["id"]})["device"] == 0
    tenant.client.delete(f"/api/extensions/{tenant.extensions[1]['id']}", expect=409)
    tenant.client.delete(f"/api/extensions/{x['id']}")
    assert tenant.client.get(f"/api/accounts/{second['id']}")["extension_id"] == tenant.extensions[0]["id"]


def test_a_name_that_a_shared_device_needs_is_said_to_be_taken(tenant):
    tenant.client.post("/api/accounts", {"username": "702_2"})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "702", "shared_devices": 2})
    assert answer.status == 409 and errors(answer) == [("shared_devices", "taken")]
    assert tenant.client.get("/api/extensions", number="702")["items"] == []


def test_the_pool_of_shared_devices_is_the_tenants(tenant):
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"max_shared_devices": 3})
    x = tenant.client.post("/api/extensions", {"number": "703", "shared_devices": 3})
    answer = tenant.client.ask("POST", "/api/extensions", {"number": "704", "shared_devices": 3})
    assert answer.status == 422 and errors(answer) == [("shared_devices", "limit")]
    assert "max_shared_devices" in answer.json()["errors"][0]["message"]
    tenant.client.post("/api/extensions", {"number": "704", "shared_devices": 2})
    assert errors(tenant.client.ask("PATCH", f"/api/extensions/{x['id']}", {"shared_devices": 4})) == [("shared_devices", "limit")]
    tenant.client.patch(f"/api/extensions/{x['id']}", {"shared_devices": 2})


# ---- CSV ----

def send(client, plural, text, **headers):
    return client.ask("POST", f"/api/{plural}/import", raw=text.encode() if isinstance(text, str) else text,
                      headers={"Content-Type": "text/csv", **headers})


def test_a_file_makes_each_of_its_lines(tenant):
    group = tenant.client.post("/api/extension_groups", {"name": "Desk"})
    template = tenant.client.post("/api/extension_templates", {"name": "Short", "ring_seconds": 11})
    lines = "".join(f"{n},Ann {n},{template['id']},{group['id']}:member:true,2\r\n" for n in range(800, 810))
    answer = send(tenant.client, "extensions", "number,first_name,template_id,member_of,shared_devices\r\n" + lines)
    assert answer.status == 200, answer
    made = answer.json()["items"]
    assert [m["number"] for m in made] == [str(n) for n in range(800, 810)]
    assert all(m["ring_seconds"] == 11 and m["overrides"] == "" and m["password"] for m in made)
    assert made[0]["member_of"] == [{"group_id": group["id"], "role": "member", "may_monitor": True}]
    assert sorted(accounts(tenant, made[9])) == ["809", "809_2"]
    tenant.client.patch(f"/api/extension_templates/{template['id']}", {"ring_seconds": 12})
    assert tenant.client.get(f"/api/extensions/{made[3]['id']}")["ring_seconds"] == 12


def test_a_file_with_a_fault_makes_nothing_and_names_line_and_reason(tenant):
    text = "number,email,ring_seconds\n820,,\n101,,\n821,nonsense,\n820,,4\n822,,30\n"
    answer = send(tenant.client, "extensions", text)
    assert answer.status == 422, answer
    assert errors(answer) == [("line[3].number", "taken"), ("line[4].email", "bad_email"), ("line[5].ring_seconds", "out_of_range")]
    assert tenant.client.get("/api/extensions", q="82")["items"] == []
    answer = send(tenant.client, "extensions", "number\n830\n830\n")
    assert answer.status == 409 and errors(answer) == [("line[3].number", "taken")]
    assert tenant.client.get("/api/extensions", number="830")["items"] == []


@pytest.mark.parametrize("text", [b"", b"number,colour\n1,red\n", b"number\n\xff\xfe\n", b"number\n1,2\n", b'number\n"1\n', b"number,number\n1,1\n"])
def test_files_that_are_none_are_refused(tenant, text):
    answer = send(tenant.client, "extensions", text)
    assert answer.status in (422, 400), answer


def test_limits_count_within_a_file(tenant):
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"max_extensions": 4})
    answer = send(tenant.client, "extensions", "number\n840\n841\n842\n")
    assert answer.status == 422 and errors(answer) == [("line[4].max_extensions", "limit")]
    assert send(tenant.client, "extensions", "number\n840\n841\n").status == 200


def test_a_file_repeated_under_its_key_is_imported_once(tenant):
    first = send(tenant.client, "extensions", "number\n850\n", **{"Idempotency-Key": "file"})
    again = send(tenant.client, "extensions", "number\n850\n", **{"Idempotency-Key": "file"})
    assert first.status == again.status == 200 and first.json() == again.json()


def test_what_was_exported_can_be_imported_elsewhere(tenant, red):
    tenant.client.post("/api/extension_templates", {"name": "evil", "description": '=cmd|"/C calc"!A0'})
    text = tenant.client.ask("GET", "/api/extension_templates/export")
    assert text.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert b"'=cmd" in text.body
    assert send(red.client, "extension_templates", text.body).status == 200
    assert red.client.get("/api/extension_templates", name="evil")["items"][0]["description"] == '=cmd|"/C calc"!A0'


def test_an_export_is_the_list_with_its_filters_and_knows_no_other_tenant(tenant, red):
    for n in range(300):
        tenant.client.post("/api/allowed_country_codes", {"code": str(7000 + n)})
    rows = tenant.client.ask("GET", "/api/allowed_country_codes/export?sort=-code").body.decode().splitlines()
    assert len(rows) == 301 and rows[1].startswith("7299")
    rows = tenant.client.ask("GET", "/api/extensions/export?number=101").body.decode().splitlines()
    assert len(rows) == 2 and "password" not in rows[0]
    assert tenant.client.ask("GET", "/api/extensions/export?limit=1").status == 400
    assert tenant.domain not in red.client.ask("GET", "/api/extensions/export").body.decode()
