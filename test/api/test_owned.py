# SPDX-License-Identifier: GPL-3.0-or-later
"""What an extension's user keeps, and nobody else of the tenant's extensions sees: address book and favourites (WEB-3), holidays (EXT-25)."""
import pytest

SECRET = "owner secret words"


@pytest.fixture
def owners(tenant):
    """The users of two extensions, 109 and 110."""
    for number in ("109", "110"):
        tenant.client.post("/api/extensions", {"number": number, "web_password": SECRET})
    return [tenant.server.login(number, SECRET, tenant.domain) for number in ("109", "110")]


def errors(answer):
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def ids(page):
    return [row["id"] for row in page["items"]]


def test_an_address_book_is_of_one_extension(tenant, owners):
    ann, bob = owners
    mum = ann.post("/api/personal_contacts", {"last_name": "Mum", "number": "0044 20 7946 0001"})
    assert mum["extension_id"] == ann.get("/api/me")["extension_id"]
    path = f"/api/personal_contacts/{mum['id']}"
    assert ids(ann.get("/api/personal_contacts")) == [mum["id"]] and ids(bob.get("/api/personal_contacts")) == []
    assert ann.patch(path, {"home": "103"})["home"] == "103"
    for method, body in (("GET", None), ("PATCH", {"home": "1"}), ("DELETE", None)):
        assert bob.ask(method, path, body).status == 404
    assert ids(bob.get("/api/personal_contacts", extension_id=mum["extension_id"])) == []
    # whose it is, is not for its user to say, and it stays so
    assert errors(bob.ask("POST", "/api/personal_contacts", {"number": "1", "extension_id": mum["extension_id"]})) == [("extension_id", "admin_only")]
    assert errors(ann.ask("PATCH", path, {"extension_id": bob.get("/api/me")["extension_id"]})) == [("extension_id", "admin_only")]
    assert errors(tenant.client.ask("PATCH", path, {"extension_id": bob.get("/api/me")["extension_id"]})) == [("extension_id", "read_only")]
    assert errors(ann.ask("POST", "/api/personal_contacts", {"last_name": "x"})) == [("number", "required")]
    csv = ann.ask("GET", "/api/personal_contacts/export").body.decode()
    assert "0044 20 7946 0001" in csv and bob.ask("GET", "/api/personal_contacts/export").body.decode().count("\n") == 1
    ann.delete(path)
    assert ids(ann.get("/api/personal_contacts")) == []


def test_a_file_of_contacts_becomes_those_of_who_sends_it(owners):
    ann, bob = owners
    answer = ann.ask("POST", "/api/personal_contacts/import", raw=b"last_name,number\nOne,1\nTwo,2\n", headers={"Content-Type": "text/csv"})
    assert answer.status == 200, answer
    assert [c["number"] for c in ann.get("/api/personal_contacts")["items"]] == ["1", "2"] and ids(bob.get("/api/personal_contacts")) == []


def test_a_user_keeps_a_copy_by_what_has_changed(tenant, owners):
    ann, bob = owners
    made = [ann.post("/api/personal_contacts", {"number": str(n)}) for n in range(3)]
    theirs = bob.post("/api/personal_contacts", {"number": "9"})
    first = ann.get("/api/personal_contacts/changes")
    assert ids(first) == [c["id"] for c in made] and first["deleted"] == []
    ann.patch(f"/api/personal_contacts/{made[1]['id']}", {"first_name": "Eve"})
    ann.delete(f"/api/personal_contacts/{made[0]['id']}")
    bob.delete(f"/api/personal_contacts/{theirs['id']}")
    then = ann.get("/api/personal_contacts/changes", since=first["next"])
    assert ids(then) == [made[1]["id"]] and then["deleted"] == [made[0]["id"]]
    assert bob.get("/api/personal_contacts/changes", since=first["next"])["deleted"] == [theirs["id"]]
    assert set(tenant.client.get("/api/personal_contacts/changes", since=first["next"])["deleted"]) == {made[0]["id"], theirs["id"]}


def test_favourites_are_of_whom_the_extension_sees(tenant, owners):
    ann, bob = owners
    group = tenant.client.post("/api/extension_groups", {"name": "sales"})
    books = [tenant.client.post("/api/phone_books", {"name": name, "groups": groups}) for name, groups in (("all", []), ("sales", [{"group_id": group["id"]}]))]
    seen, hidden = [tenant.client.post("/api/contacts", {"phone_book_id": book["id"], "number": "1"})["id"] for book in books]
    own, theirs = [who.post("/api/personal_contacts", {"number": "2"})["id"] for who in owners]
    there = tenant.extensions[0]["id"]
    rows = [ann.post("/api/favourites", {field: one}) for field, one in (("contact_id", seen), ("personal_contact_id", own), ("favourite_extension_id", there))]
    assert ids(ann.get("/api/favourites")) == [r["id"] for r in rows] and ids(bob.get("/api/favourites")) == []
    for body, error in (({"contact_id": hidden}, ("contact_id", "not_found")), ({"personal_contact_id": theirs}, ("personal_contact_id", "not_found")),
                        ({"favourite_extension_id": "999"}, ("favourite_extension_id", "not_found")), ({"contact_id": seen}, ("contact_id", "taken")),
                        ({}, ("contact_id", "required")), ({"contact_id": seen, "favourite_extension_id": there}, ("favourite_extension_id", "one_of"))):
        assert errors(ann.ask("POST", "/api/favourites", body)) == [error], body
    assert bob.ask("DELETE", f"/api/favourites/{rows[0]['id']}").status == 404
    since = ann.get("/api/favourites/changes")["next"]
    ann.delete(f"/api/favourites/{rows[2]['id']}")
    # with whom it is of it goes
    tenant.client.delete(f"/api/contacts/{seen}")
    ann.delete(f"/api/personal_contacts/{own}")
    assert ids(ann.get("/api/favourites")) == []
    assert ann.get("/api/favourites/changes", since=since)["deleted"] == [r["id"] for r in rows]


def test_holidays_are_the_tenants_or_of_one_extension(tenant, owners):
    """EXT-25, RTE-7."""
    ann, bob = owners
    everybodys = tenant.client.post("/api/holidays", {"name": "Christmas", "day": "2026-12-25"})
    mine = ann.post("/api/holidays", {"name": "moving house", "day": "2026-12-01"})
    assert everybodys["extension_id"] is None and mine["extension_id"] == ann.get("/api/me")["extension_id"]
    assert ids(ann.get("/api/holidays")) == [mine["id"]] and ids(bob.get("/api/holidays")) == []
    assert ann.patch(f"/api/holidays/{mine['id']}", {"ends_at": "12:00"})["ends_at"] == "12:00"
    for one in (everybodys, mine):
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            assert bob.ask(method, f"/api/holidays/{one['id']}", body).status == 404
    assert errors(tenant.client.ask("PATCH", f"/api/holidays/{mine['id']}", {"extension_id": None})) == [("extension_id", "read_only")]
    assert errors(tenant.client.ask("PATCH", f"/api/holidays/{everybodys['id']}", {"extension_id": mine["extension_id"]})) == [("extension_id", "read_only")]
    # the weeks that office_hours_id may name
    week = tenant.client.post("/api/office_hours", {"name": "mornings"})
    assert week["id"] in ids(ann.get("/api/office_hours"))
    assert ann.patch(f"/api/extensions/{mine['extension_id']}", {"office_hours_id": week["id"]})["office_hours_id"] == week["id"]
    assert ann.ask("DELETE", f"/api/office_hours/{week['id']}").status == 403


def test_they_go_with_the_extension(tenant, owners):
    ann, bob = owners
    gone = ann.get("/api/me")["extension_id"]
    ann.post("/api/personal_contacts", {"number": "1"})
    ann.post("/api/favourites", {"favourite_extension_id": tenant.extensions[0]["id"]})
    bob.post("/api/favourites", {"favourite_extension_id": gone})
    ann.post("/api/holidays", {"name": "moving house", "day": "2026-12-01"})
    tenant.client.delete(f"/api/extensions/{gone}")
    assert tenant.client.get("/api/personal_contacts")["items"] == [] and tenant.client.get("/api/favourites")["items"] == []
    assert [h for h in tenant.client.get("/api/holidays")["items"] if h["extension_id"]] == []
