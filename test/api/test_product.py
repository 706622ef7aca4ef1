# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program that keeps a copy, or asks for much, relies on: partial answers, changes since a token, limits."""
import pytest

from harness import wait
from client import Client


# ---- fields ----

def test_partial_answers_have_the_fields_that_were_named_and_the_id(tenant):
    one = tenant.client.get(f"/api/extensions/{tenant.extensions[0]['id']}", fields="number,revision")
    assert set(one) == {"id", "number", "revision"}
    page = tenant.client.get("/api/extensions", fields="number", sort="number", limit=1)
    assert page["items"] == [{"id": tenant.extensions[0]["id"], "number": "101"}] and page["next"]
    again = tenant.client.get("/api/extensions", fields="number", sort="number", limit=1, cursor=page["next"])
    assert again["items"][0]["number"] == "102"
    tenant.cdr()
    assert set(tenant.client.get("/api/cdrs", fields="caller,status")["items"][0]) == {"id", "caller", "status"}
    assert set(tenant.client.get(f"/api/cdrs/{tenant.cdr()['id']}", fields="legs")) == {"id", "legs"}
    assert set(tenant.client.get("/api/sessions", fields="cdr_id")["items"][0]) == {"id", "cdr_id"}


@pytest.mark.parametrize("path", ["/api/extensions?fields=nothing", "/api/extensions?fields=", "/api/extensions?fields=number,,id",
                                  "/api/cdrs?fields=number", "/api/extensions?fields=number&fields=id", "/api/members?fields=id"])
def test_fields_that_are_none_are_refused(tenant, path):
    assert tenant.client.ask("GET", path).status == 400


def test_etag_stays_with_a_partial_answer(tenant):
    answer = tenant.client.ask("GET", f"/api/extensions/{tenant.extensions[0]['id']}?fields=number")
    assert answer.headers["ETag"].strip('"').isdigit()


# ---- changes ----

def changes(client, plural, since=None):
    query = {"since": since} if since else {}
    return client.get(f"/api/{plural}/changes", **query)


def test_copy_of_a_phone_book_is_kept_by_what_has_changed(tenant):
    book = tenant.client.post("/api/phone_books", {"name": "friends"})
    made = [tenant.client.post("/api/contacts", {"phone_book_id": book["id"], "number": f"00{n}", "last_name": f"n{n}"}) for n in range(3)]
    first = changes(tenant.client, "contacts")
    assert [c["id"] for c in first["items"]] == [c["id"] for c in made] and not first["deleted"] and not first["has_more"]
    assert changes(tenant.client, "contacts", first["next"])["items"] == []
    tenant.client.patch(f"/api/contacts/{made[1]['id']}", {"first_name": "Eve"})
    tenant.client.delete(f"/api/contacts/{made[0]['id']}")
    tenant.client.post("/api/extensions", {"number": "177"})      # of another kind
    then = changes(tenant.client, "contacts", first["next"])
    assert [c["first_name"] for c in then["items"]] == ["Eve"] and then["deleted"] == [made[0]["id"]]
    assert changes(tenant.client, "contacts", then["next"])["deleted"] == []
    gone = tenant.client.get("/api/audit_logs", resource="phone_book_entry", id=made[0]["id"])["items"][0]
    tenant.client.post(f"/api/audit_logs/{gone['id']}/undo", expect=200)
    assert changes(tenant.client, "contacts", first["next"])["deleted"] == []      # it is back


def test_followers_of_a_template_have_changed_with_it(tenant):
    template = tenant.client.post("/api/extension_templates", {"name": "t"})
    x = tenant.client.patch(f"/api/extensions/{tenant.extensions[0]['id']}", {"template_id": template["id"]})
    since = changes(tenant.client, "extensions")["next"]
    tenant.client.patch(f"/api/extension_templates/{template['id']}", {"ring_seconds": 77})
    assert [(e["id"], e["ring_seconds"]) for e in changes(tenant.client, "extensions", since)["items"]] == [(x["id"], 77)]


def test_many_changes_come_in_a_series_that_misses_nothing(tenant):
    book = tenant.client.post("/api/phone_books", {"name": "many"})
    since = changes(tenant.client, "contacts")["next"]
    text = "phone_book_id,number\r\n" + "".join(f"{book['id']},{n}\r\n" for n in range(1200))
    assert tenant.client.ask("POST", "/api/contacts/import", raw=text.encode(), headers={"Content-Type": "text/csv"}).status == 200
    seen, turns = [], 0
    while True:
        part = changes(tenant.client, "contacts", since)
        seen += [c["number"] for c in part["items"]]
        since, turns = part["next"], turns + 1
        if not part["has_more"]:
            break
    assert turns == 3 and sorted(seen, key=int) == [str(n) for n in range(1200)]


def test_call_records_that_are_new_are_told_since_a_token(tenant):
    tenant.cdr()
    since = wait.until(lambda: changes(tenant.client, "cdrs")["next"] != "0" and changes(tenant.client, "cdrs")["next"], why="a first record")
    assert changes(tenant.client, "cdrs")["items"] == []
    session = tenant.client.get("/api/sessions")["items"][0]["id"]
    tenant.client.delete(f"/api/sessions/{session}")
    new = wait.until(lambda: changes(tenant.client, "cdrs", since)["items"], why="the record of the call that has ended")
    assert new[0]["caller"] == "101"
    assert changes(tenant.client, "cdrs", since)["items"] == new      # until a later token is used
    assert changes(tenant.client, "cdrs", changes(tenant.client, "cdrs", since)["next"])["items"] == []


@pytest.mark.parametrize("since", ["x", "-1", "1.x.2", "99999999999999999999", "1.2"])
def test_tokens_that_nobody_gave_are_refused(tenant, since):
    assert tenant.client.ask("GET", f"/api/extensions/changes?since={since}").status == 400
    assert tenant.client.ask("GET", f"/api/extensions/changes?since={since}&limit=1").status == 400


def test_owner_of_an_extension_sees_contacts_of_its_groups_only(tenant):
    group = tenant.client.post("/api/extension_groups", {"name": "sales"})
    books = [tenant.client.post("/api/phone_books", {"name": name, "groups": groups})
             for name, groups in (("all", []), ("sales", [{"group_id": group["id"]}]))]
    for n, book in enumerate(books):
        tenant.client.post("/api/contacts", {"phone_book_id": book["id"], "number": str(n)})
    tenant.client.post("/api/extensions", {"number": "109", "web_password": "owner secret words"})
    seller = {"number": "110", "web_password": "owner secret words", "member_of": [{"group_id": group["id"]}]}
    tenant.client.post("/api/extensions", seller)
    for number, seen in (("109", ["0"]), ("110", ["0", "1"])):
        owner = tenant.server.login(number, "owner secret words", tenant.domain)
        assert [c["number"] for c in owner.get("/api/contacts")["items"]] == seen
        assert [c["number"] for c in changes(owner, "contacts")["items"]] == seen
        for path in ("/api/cdrs/changes", "/api/extensions/changes"):
            assert owner.ask("GET", path).status == 403


@pytest.fixture
def followed(tenant):
    """A group, what makes books of it or of all, and the user of an extension who is in no group of these."""
    group = tenant.client.post("/api/extension_groups", {"name": "sales"})
    x = tenant.client.post("/api/extensions", {"number": "109", "web_password": "owner secret words"})

    def book(name, *groups):
        return tenant.client.post("/api/phone_books", {"name": name, "groups": [{"group_id": g["id"]} for g in groups]})["id"]
    return group, x, book, tenant.server.login("109", "owner secret words", tenant.domain)


def contact(tenant, book, number):
    return tenant.client.post("/api/contacts", {"phone_book_id": book, "number": number})["id"]


def test_an_owner_follows_the_contacts_that_it_sees_and_no_others(tenant, followed):
    """WEB-3: what is written, and what is gone, because it is deleted or stands elsewhere."""
    group, _, book, owner = followed
    all_of, sales = book("all"), book("sales", group)
    stays, goes, moves = (contact(tenant, all_of, n) for n in "123")
    hidden, comes, hidden_goes = (contact(tenant, sales, n) for n in "456")
    first = changes(owner, "contacts")
    assert [c["id"] for c in first["items"]] == [stays, goes, moves] and first["deleted"] == []
    assert changes(owner, "contacts", first["next"])["items"] == []
    for one in (goes, hidden_goes):
        tenant.client.delete(f"/api/contacts/{one}")
    tenant.client.patch(f"/api/contacts/{moves}", {"phone_book_id": sales})
    tenant.client.patch(f"/api/contacts/{comes}", {"phone_book_id": all_of})
    tenant.client.patch(f"/api/contacts/{hidden}", {"last_name": "Nobody"})
    new = contact(tenant, all_of, "7")
    then = changes(owner, "contacts", first["next"])
    assert [c["id"] for c in then["items"]] == [comes, new] and sorted(then["deleted"], key=int) == [goes, moves]
    assert changes(owner, "contacts", then["next"])["items"] == changes(owner, "contacts", then["next"])["deleted"] == []


def test_books_that_an_owner_sees_anew_or_no_longer_are_changes_of_its_contacts(tenant, followed):
    """WEB-3: by the groups of the book, and by those of the extension; hidden and shown again between is both."""
    group, x, book, owner = followed
    sales, of_all = book("sales", group), book("all")
    ours, theirs = contact(tenant, sales, "1"), contact(tenant, of_all, "2")
    own = [{"group_id": g["group_id"]} for g in x["member_of"]]
    since = changes(owner, "contacts")["next"]

    def told(path, *bodies):
        nonlocal since
        for body in bodies:
            tenant.client.patch(path, body)
        answer = changes(owner, "contacts", since)
        since = answer["next"]
        return [c["id"] for c in answer["items"]], answer["deleted"]

    joined, left = {"member_of": own + [{"group_id": group["id"]}]}, {"member_of": own}
    extension = f"/api/extensions/{x['id']}"
    assert told(extension, joined) == ([ours], [])
    assert told(extension, left) == ([], [ours])
    assert told(extension, {"first_name": "Ann"}) == ([], [])
    assert told(f"/api/phone_books/{of_all}", {"groups": [{"group_id": group["id"]}]}) == ([], [theirs])
    assert told(f"/api/phone_books/{of_all}", {"groups": []}) == ([theirs], [])
    told(extension, joined)
    assert told(extension, left, joined) == ([ours], [])        # who asked in between has let it go
    tenant.client.delete(f"/api/contacts/{theirs}")
    tenant.client.delete(f"/api/phone_books/{of_all}")
    items, gone = told(extension, left)
    assert items == [] and sorted(gone, key=int) == sorted([ours, theirs], key=int)


def test_what_goes_while_a_series_is_read_is_told_at_its_end_or_after(tenant, followed):
    """WEB-3: nothing of a book stays with who was at its first page when it was hidden."""
    group, x, book, owner = followed
    many = book("many")
    text = "phone_book_id,number\r\n" + "".join(f"{many},{n}\r\n" for n in range(600))
    assert tenant.client.ask("POST", "/api/contacts/import", raw=text.encode(), headers={"Content-Type": "text/csv"}).status == 200
    for client in (owner, tenant.client):
        has, since, gone = set(), None, None
        for turn in range(4):
            part = changes(client, "contacts", since)
            since = part["next"]
            has = (has | {c["id"] for c in part["items"]}) - set(part["deleted"])
            if turn == 0:
                assert part["has_more"]
                gone = part["items"][0]["id"]
                tenant.client.delete(f"/api/contacts/{gone}")
        assert gone not in has and len(has) >= 598
    part = changes(owner, "contacts")
    tenant.client.patch(f"/api/phone_books/{many}", {"groups": [{"group_id": group["id"]}]})
    has = {c["id"] for c in part["items"]}
    for _ in range(3):
        part = changes(owner, "contacts", part["next"])
        has = (has | {c["id"] for c in part["items"]}) - set(part["deleted"])
    assert not has


def test_an_owner_follows_the_members_that_it_sees(tenant, followed):
    """WEB-3, extension contacts: who is written, shown, hidden, joins or leaves; and all of a group that it joins or leaves, or that lets its members be seen or not."""
    group, x, _, owner = followed
    own = [{"group_id": g["group_id"]} for g in x["member_of"]]
    sales = [{"group_id": group["id"]}]
    mates = [e["id"] for e in tenant.extensions[:2]]
    seller = tenant.client.post("/api/extensions", {"number": "130", "member_of": sales})["id"]
    first = changes(owner, "members")
    assert {m["id"] for m in first["items"]} == {*mates, x["id"]} and "number" in first["items"][0] and "revision" not in first["items"][0]
    since = first["next"]

    def told(path, *bodies):
        nonlocal since
        for body in bodies:
            tenant.client.patch(path, body)
        answer = changes(owner, "members", since)
        since = answer["next"]
        assert not answer["has_more"]
        return {m["id"] for m in answer["items"]}, set(answer["deleted"])

    mate, salesman, me = f"/api/extensions/{mates[0]}", f"/api/extensions/{seller}", f"/api/extensions/{x['id']}"
    assert told(mate, {"last_name": "Brown"}) == ({mates[0]}, set())
    assert told(salesman, {"last_name": "White"}) == (set(), set())         # not seen: nothing is said
    assert told(mate, {"in_phone_book": False}) == (set(), {mates[0]})
    assert told(mate, {"in_phone_book": True}) == ({mates[0]}, set())
    assert told(mate, {"member_of": sales}) == (set(), {mates[0]})
    assert told(mate, {"member_of": own}) == ({mates[0]}, set())
    items, gone = told(me, {"member_of": own + sales})
    assert seller in items and gone == set()
    silent, seen = {"may_see_members": False}, {"may_see_members": True}
    assert told(f"/api/extension_groups/{group['id']}", silent) == (set(), {seller})
    items, gone = told(f"/api/extension_groups/{group['id']}", seen)
    assert seller in items and gone == set()
    items, gone = told(f"/api/extension_groups/{group['id']}", silent, seen)        # who asked in between has let it go
    assert seller in items and gone == set()
    tenant.client.delete(salesman)
    assert told(mate, {"last_name": "Green"}) == ({mates[0]}, {seller})
    assert told(me, {"member_of": sales})[1] == {*mates}
    stranger = tenant.client.post("/api/extensions", {"number": "131"})["id"]
    tenant.client.delete(f"/api/extensions/{stranger}")
    assert told(me, {"last_name": "Me"}) == ({x["id"]}, set())
    whole = changes(tenant.client, "members", first["next"])
    assert x["id"] in {m["id"] for m in whole["items"]} and set(whole["deleted"]) == {seller, stranger}


# ---- time zones ----

def test_time_zones_that_a_tenant_may_have_are_listed(tenant):
    """WEB-7: each of them is taken, in answers times are UTC, in questions they may have any offset."""
    items = tenant.client.get("/api/time_zones")["items"]
    assert items[0] == {"name": "UTC", "country": ""} and {"name": "Europe/Berlin", "country": "DE"} in items and len(items) > 300
    for zone in items[::40]:
        assert tenant.client.patch(f"/api/tenants/{tenant.id}", {"time_zone": zone["name"]})["time_zone"] == zone["name"]
    answer = tenant.client.ask("PATCH", f"/api/tenants/{tenant.id}", {"time_zone": "Mars/Base"})
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("time_zone", "bad_time_zone")]
    key = tenant.client.post("/api/api_keys", {"name": "key", "expires_at": "2031-01-02T03:04:05+02:00"})
    assert key["expires_at"] == "2031-01-02T01:04:05.000Z"


# ---- limits ----

def test_each_user_and_key_has_its_own_number_of_requests(server, tenant):
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"max_requests_per_minute": 3})
    key = tenant.admin.post("/api/api_keys", {"name": "program", "max_requests_per_minute": 2})["key"]
    for client, limit in ((tenant.client, 3), (Client(server, key), 2)):
        for left in range(limit - 1, -1, -1):
            answer = client.ask("GET", "/api/me")
            assert answer.status == 200
            assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == (str(limit), str(left))
            assert 0 < int(answer.headers["RateLimit-Reset"]) <= 60
        answer = client.ask("GET", "/api/me")
        assert answer.status == 429 and 0 < int(answer.headers["Retry-After"]) <= 60 and answer.headers["RateLimit-Remaining"] == "0"
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"max_requests_per_minute": 0})
    answer = tenant.client.ask("GET", "/api/me")
    assert answer.status == 200 and "RateLimit-Limit" not in answer.headers


def test_limit_is_the_administrators_to_set(tenant):
    for path in (f"/api/tenants/{tenant.id}",):
        assert tenant.client.ask("PATCH", path, {"max_requests_per_minute": 9}).json()["errors"][0]["code"] == "admin_only"


# ---- statistics ----

def test_calls_are_counted_by_the_hour_and_by_their_end(server, tenant, chief):
    tenant.cdr()
    day = {"from": "2025-11-20T00:00:00Z", "to": "2025-11-21T00:00:00Z"}
    own = tenant.client.get("/api/call_statistics", **day)
    assert own["answered"] == 1 and own["missed"] == 0
    assert [(h["at"], h["answered"]) for h in own["hours"]] == [("2025-11-20T12:00:00.000Z", 1)]
    assert chief.get("/api/call_statistics", **day)["answered"] >= 1        # of all tenants
    assert tenant.client.get("/api/call_statistics")["hours"] == []      # nothing today
    for bad in ({"from": "2025-11-20", "to": "2025-11-20"}, {"from": "2025-01-01", "to": "2025-11-20"}, {"from": "x"}, {"caller": "101"}):
        assert tenant.client.ask("GET", "/api/call_statistics?" + "&".join(f"{k}={v}" for k, v in bad.items())).status == 400
