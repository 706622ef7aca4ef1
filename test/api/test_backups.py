# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what was is again, on this machine or another, on the same engine or the other one; or nothing has changed."""
import datetime
import os
import time

import pytest

import bodies
from client import ApiServer
from tenants import Tenant
from harness import wait
from harness.addresses import new_address


@pytest.fixture
def another(tmp_path):
    """Machines with nothing on them; on=: the engine."""
    running = []

    def start(on=None):
        before = os.environ.get("OFFHOOK_TEST_DB")
        if on:
            os.environ["OFFHOOK_TEST_DB"] = on
        try:
            s = ApiServer(tmp_path / f"m{len(running)}", new_address())
        finally:
            if before is None:
                os.environ.pop("OFFHOOK_TEST_DB", None)
            else:
                os.environ["OFFHOOK_TEST_DB"] = before
        running.append(s.start())
        return s
    yield start
    for s in running:
        s.stop()


def filled(server, name="moved"):
    """A system with a tenant that has one of everything."""
    t = Tenant(server, name)
    for plural in sorted(server.document.resources()):
        bodies.create(t.admin, plural)
    t.cdr()
    return t


def picture(server, domain):
    """All that the API shows of the configuration, of the system and a tenant."""
    rows = {}
    for plural in server.document.resources():
        client = server.root if plural in ("tenants", "trunks") else server.acting(domain)
        if plural not in ("api_keys",):
            rows[plural] = [{k: v for k, v in row.items()} for row in client.get(f"/api/{plural}", limit=500)["items"]]
    return rows


def restore(server, one, **body):
    bodies.begin(server.root, f"/api/backups/{one}/restore", body)
    return bodies.settled(server.root, one)


def engines():
    here = os.environ.get("OFFHOOK_TEST_DB", "sqlite")
    return ["sqlite", "postgres"] if "OFFHOOK_TEST_PG" in os.environ else [here]


@pytest.mark.parametrize("to", engines())
@pytest.mark.parametrize("lock", ["passphrase", "key"])
def test_a_system_moves_to_another_machine(another, lock, to):
    old = another()
    t = filled(old)
    words = {"passphrase": "seven quiet words"} if lock == "passphrase" else {}
    made = bodies.make_backup(old.root, name="move", **words)
    assert made["lock"] == ("passphrase" if words else "system") and made["bytes"] > 1000 and made["tenant_id"] is None
    before, calls = picture(old, t.domain), t.client.get("/api/cdrs", limit=500)["items"]
    raw = bodies.content(old.root, made["id"])
    assert len(raw) == made["bytes"] and b"secret words" not in raw and t.domain.encode() not in raw

    new = another(on=to)
    one = bodies.upload(new.root, raw)
    key = {} if words else {"key": (old.dir / "master.key").read_text()}
    done = restore(new, one, **words, **key)
    assert done["state"] == "restored", done
    assert picture(new, t.domain) == before
    client = new.login("moved-boss", "moved secret words", t.domain)
    known = [c["id"] for c in client.get("/api/cdrs", limit=500)["items"]]
    assert [c["id"] for c in calls if c["ended_at"] and c["id"] not in known] == []
    # and it goes on from there: numbers are not given twice, secrets are sealed with the new key
    x = client.post("/api/extensions", {"number": "777"})
    assert x["id"] not in [e["id"] for e in before["extensions"]]
    client.post("/api/extensions", {"number": "101"}, expect=409)
    again = bodies.make_backup(new.root, name="again")
    assert restore(new, again["id"])["state"] == "restored"


def test_everybody_signs_in_again_and_what_came_later_is_gone(another):
    s = another()
    t = Tenant(s, "back")
    one = t.backup(s.root)
    later = t.client.post("/api/extensions", {"number": "500"})
    tag = t.client.ask("GET", f"/api/extensions/{later['id']}").headers["ETag"]
    s.root.post("/api/tenants", {"name": "late", "domain": "late.example"})
    assert restore(s, one)["state"] == "restored"
    assert t.client.ask("GET", "/api/me").status == 401
    client = s.login("back-boss", "back secret words", t.domain)
    assert [e["number"] for e in client.get("/api/extensions")["items"]] == ["101", "102"]
    assert [x["name"] for x in s.root.get("/api/tenants")["items"]] == ["back"]
    new = client.post("/api/extensions", {"number": "500"})
    assert client.ask("GET", f"/api/extensions/{new['id']}").headers["ETag"] != tag, "a revision is never given twice"


def test_chosen_parts_only(another):
    s = another()
    t = Tenant(s, "parts")
    t.cdr()
    made = bodies.make_backup(s.root, name="calls", parts=["cdrs"])
    assert made["parts"] == ["cdrs"]
    t.client.post("/api/extensions", {"number": "500"})
    assert restore(s, made["id"])["state"] == "restored"
    assert len(t.client.get("/api/extensions")["items"]) == 3, "the configuration is not touched, and nobody signed out"
    answer = s.root.ask("POST", f"/api/backups/{made['id']}/restore", {"parts": ["configuration"]})
    assert answer.status == 422 and answer.json()["errors"][0]["field"] == "parts"
    answer = s.root.ask("POST", "/api/backups", {"name": "x", "parts": ["everything"]})
    assert answer.status == 422 and answer.json()["errors"][0]["code"] == "not_in_list"


def test_files_come_back_and_stay_where_they_belong(another):
    s = another()
    t = Tenant(s, "files")
    t.admin.delete(f"/api/did_pools/{t.pool['id']}")     # numbers from outside cannot be of two tenants
    voice = s.dir / "voicemails" / t.id / "101"
    voice.mkdir(parents=True)
    (voice / "one.wav").write_bytes(b"hello" * 50000)
    (voice / "two.wav").symlink_to("/etc/passwd")
    (s.dir / "recordings").mkdir()
    (s.dir / "recordings" / "other.wav").write_bytes(b"of nobody")
    of_all, of_one = t.backup(s.root), t.backup()
    (voice / "one.wav").unlink()
    assert restore(s, of_all)["state"] == "restored"
    assert (voice / "one.wav").read_bytes() == b"hello" * 50000
    done = restore(s, of_one, name="copy", domain="copy.example")
    assert done["state"] == "restored", done
    copy = next(x for x in s.root.get("/api/tenants")["items"] if x["name"] == "copy")
    assert (s.dir / "voicemails" / copy["id"] / "101" / "one.wav").exists()
    assert not (s.dir / "voicemails" / copy["id"] / "101" / "two.wav").exists(), "no link is followed, none is made"
    assert not (s.dir / "recordings" / copy["id"]).exists()
    assert not list((s.dir / "backups").glob("*.files"))


def test_a_tenant_is_taken_in_beside_others(another):
    s, elsewhere = another(), another()
    t = Tenant(s, "solo")
    other = Tenant(s, "other")
    for plural in ("webhooks", "office_hours", "roles", "extension_templates"):
        bodies.create(t.admin, plural)
    one = t.backup(passphrase="quiet")
    mine = t.client.get("/api/extensions")["items"]

    done = restore(s, one, passphrase="quiet")
    assert done["state"] == "restore_failed", "it is there: each claim that is taken is named"
    assert {"name", "domain"} & {e["field"] for e in done["errors"]}, done
    done = restore(s, one, passphrase="quiet", name="twin", domain="twin.example")
    assert done["state"] == "restore_failed" and [(e["field"], e["code"]) for e in done["errors"]] == [("did_pools.numbers", "overlap")]
    assert len(s.root.get("/api/tenants")["items"]) == 2
    t.admin.delete(f"/api/did_pools/{t.pool['id']}")
    one = t.backup(passphrase="quiet")

    raw = bodies.content(t.client, one)
    Tenant(elsewhere, "local")
    done = restore(elsewhere, bodies.upload(elsewhere.root, raw), passphrase="quiet")
    assert done["state"] == "restored", done
    row = next(x for x in elsewhere.root.get("/api/tenants")["items"] if x["name"] == "solo")
    assert row["id"] == t.id, "ids of tenants are random: it keeps its own"
    client = elsewhere.login("solo-boss", "solo secret words", t.domain)
    assert [(e["id"], e["number"]) for e in client.get("/api/extensions")["items"]] == [(e["id"], e["number"]) for e in mine]

    done = restore(s, one, passphrase="quiet", name="twin", domain="twin.example")
    assert done["state"] == "restored", done
    twin = next(x for x in s.root.get("/api/tenants")["items"] if x["name"] == "twin")
    assert twin["id"] not in (t.id, other.id)
    acting = s.acting("twin.example")
    assert [e["number"] for e in acting.get("/api/extensions")["items"]] == ["101", "102"]
    assert acting.post("/api/extensions", {"number": "103"})["id"] not in [e["id"] for e in mine]
    assert t.client.get("/api/extensions")["items"] == mine


def test_what_is_no_backup_changes_nothing(another):
    s = another()
    t = Tenant(s, "hard")
    one = bodies.make_backup(s.root, name="x", passphrase="quiet")["id"]
    raw = bodies.content(s.root, one)
    before = picture(s, t.domain)
    assert s.root.ask("POST", f"/api/backups/{one}/restore", {}).status == 422, "it wants its pass phrase"
    assert restore(s, one, passphrase="loud")["state"] == "restore_failed"
    middle = len(raw) // 2
    for bad in (raw[:-1], raw[:middle], raw + b"x", raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1:],
                raw.replace(b'"parts":["configuration"', b'"parts":["configuratioN"', 1), raw.replace(b'"schema":', b'"schemb":', 1)):
        done = restore(s, bodies.upload(s.root, bad), passphrase="quiet")
        assert done["state"] == "restore_failed" and done["error"], done
    for bad in (b"", b"x", b"PK\3\4" * 100, b"offhook backup 2\n" + raw[17:], raw[:20]):
        answer = bodies.upload_piece(s.root, bad)
        answer = s.root.ask("POST", f"/api/backup_uploads/{answer.json()['id']}/complete")
        assert answer.status == 422 and answer.json()["errors"][0]["code"] in ("bad_file", "later_version")
    assert picture(s, t.domain) == before
    assert t.client.ask("GET", "/api/me").status == 200
    assert not list((s.dir / "backups").glob("*.files"))


def test_pieces_go_on_where_they_ended(server):
    answer = bodies.upload_piece(server.root, b"12345")
    one = answer.json()["id"]
    assert answer.json()["bytes"] == 5
    answer = bodies.upload_piece(server.root, b"x", one, 4)
    assert answer.status == 422 and "begins at 5" in answer.json()["errors"][0]["message"]
    assert bodies.upload_piece(server.root, b"x", one, 5).json()["bytes"] == 6
    assert bodies.upload_piece(server.root, b"x", "123", 0).status == 404


def test_who_was_cut_off_asks_where_to_go_on(server, red):
    """WEB-7: the state of an upload; what is given up is gone, and what is complete is a backup."""
    raw = bodies.content(red.client, red.backup())
    one = bodies.upload_piece(server.root, raw[:1000]).json()["id"]
    path = f"/api/backup_uploads/{one}"
    state = server.root.get(path)
    assert (state["id"], state["bytes"]) == (one, 1000)
    assert bodies.upload_piece(server.root, raw[state["bytes"]:], one, state["bytes"]).json()["bytes"] == len(raw)
    assert server.root.post(path + "/complete", expect=200)["id"] == one
    assert server.root.ask("GET", path).status == 404 and server.root.ask("DELETE", path).status == 404
    assert server.root.get(f"/api/backups/{one}")["state"] == "complete"
    other = bodies.upload_piece(server.root, raw[:1000]).json()["id"]
    server.root.delete(f"/api/backup_uploads/{other}")
    assert server.root.ask("GET", f"/api/backup_uploads/{other}").status == 404
    assert not list((server.dir / "backups").glob(f"{other}.*"))
    assert red.client.ask("GET", path).status == 403


def test_an_upload_that_nobody_goes_on_with_ends_after_a_day(another, red):
    """WEB-7: its age is that of its last piece; it survives a start, until then."""
    server, raw = another(), bodies.content(red.client, red.backup())
    folder = server.dir / "backups"

    def begun(hours):
        """Its last piece came so many hours ago."""
        answer = bodies.upload_piece(server.root, raw[:1000]).json()
        ends = datetime.datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00"))
        assert abs((ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - 86400) < 3600
        path = folder / f"{int(answer['id']):016x}.upload"
        os.utime(path, (time.time() - hours * 3600,) * 2)
        return f"/api/backup_uploads/{answer['id']}", answer["id"], path
    path, one, file = begun(23)
    _, two, old = begun(25)
    assert bodies.upload_piece(server.root, raw[1000:2000], two, 1000).status == 404, "no piece more"
    begun(0)                    # when one begins those that are over go
    assert file.exists() and not old.exists()
    late, _, ended = begun(25)
    assert server.root.ask("GET", late).status == 404 and server.root.ask("POST", late + "/complete").status == 404
    assert bodies.upload_piece(server.root, raw[1000:2000], one, 1000).json()["bytes"] == 2000
    server.stop()
    server.start()
    assert file.exists() and not ended.exists(), "at start too"
    assert server.root.get(path)["bytes"] == 2000
    assert bodies.upload_piece(server.root, raw[2000:], one, 2000).status == 200
    assert server.root.post(path + "/complete", expect=200)["id"] == one


def test_a_tenant_knows_only_its_own_backups(red, blue):
    theirs = blue.backup()
    mine = red.backup()
    assert mine in [b["id"] for b in red.client.get("/api/backups")["items"]]
    assert theirs not in [b["id"] for b in red.client.get("/api/backups")["items"]]
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", ""), ("POST", "/destroy")):
        foreign = red.client.ask(method, f"/api/backups/{theirs}{path}")
        missing = red.client.ask(method, f"/api/backups/9123456789012345678{path}")
        assert foreign.status == missing.status == 404 and foreign.body == missing.body
    assert red.client.ask("POST", f"/api/backups/{theirs}/restore", {}).status == 403
    assert blue.client.get(f"/api/backups/{theirs}")["state"] == "complete"


def test_backups_are_made_by_themselves(another):
    s = another()
    s.root.post("/api/backup_settings", {"hour": 0, "keep": 2, "passphrase": "quiet"})
    own = wait.until(lambda: [b for b in s.root.get("/api/backups")["items"] if b["scheduled"] and b["state"] == "complete"], 60,
                     why="the one that was due at midnight")
    assert len(own) == 1 and own[0]["lock"] == "passphrase" and own[0]["parts"] == ["configuration", "cdrs"]
