# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners of extensions see calls in progress: their own, those of members of a group that they manage, and those that they may
monitor (GRP-2, GRP-3)."""
import pytest

from harness import wait


@pytest.fixture(scope="module")
def owners(shared):
    return {number: shared.add_owner(number) for number in ("101", "102", "103")}


def call(shared, a):
    """101 is called; the id of the call."""
    session = shared.post("/api/call_sessions/create", {"caller": "101", "callee": "102"})
    a.reply(a.called(a.expect("INVITE")), 180)
    return session["id"]


def hang_up(shared, a, session):
    shared.api("DELETE", f"/api/sessions/{session}", expect=204)
    a.expect("CANCEL")
    wait.until(lambda: not shared.get("/api/sessions")["items"], 10, why="no call is left")


def seen(shared, who):
    return [s["id"] for s in shared.get("/api/sessions", who=who)["items"]]


def joins(shared, extension, *lines):
    shared.api("PATCH", f"/api/extensions/{extension['id']}", {"member_of": list(lines)}, expect=200)


def test_call_is_seen_by_who_is_in_it_and_by_nobody_else(shared, owners, a):
    session = call(shared, a)
    assert seen(shared, "101") == [session]
    assert shared.get(f"/api/sessions/{session}", who="101")["caller"] == "101"
    assert seen(shared, "103") == []
    assert shared.api("GET", f"/api/sessions/{session}", who="103").status_code == 404
    assert shared.api("DELETE", f"/api/sessions/{session}", who="101").status_code == 403
    hang_up(shared, a, session)


@pytest.mark.parametrize("line, allowed, is_seen", (
    ({"role": "manager"}, False, True),
    ({"may_monitor": True}, True, True),
    ({"may_monitor": True}, False, False),      # the group does not allow it
    ({"may_monitor": False}, True, False)))     # it is not marked
def test_member_of_a_group_sees_calls_of_the_others_by_its_right(shared, owners, a, line, allowed, is_seen):
    group = shared.post("/api/extension_groups", {"name": f"desk {line} {allowed}", "allow_monitor": allowed})
    was = {number: owners[number]["member_of"] for number in ("101", "103")}
    joins(shared, owners["101"], {"group_id": group["id"]})
    joins(shared, owners["103"], {"group_id": group["id"], **line})
    try:
        session = call(shared, a)
        assert seen(shared, "103") == ([session] if is_seen else [])
        assert shared.api("GET", f"/api/sessions/{session}", who="103").status_code == (200 if is_seen else 404)
        hang_up(shared, a, session)
    finally:
        for number, lines in was.items():
            joins(shared, owners[number], *lines)


def test_right_counts_for_the_groups_members_only(shared, owners, a):
    group = shared.post("/api/extension_groups", {"name": "elsewhere", "allow_monitor": True})
    was = owners["103"]["member_of"]
    joins(shared, owners["103"], *was, {"group_id": group["id"], "may_monitor": True, "role": "manager"})
    session = call(shared, a)
    assert seen(shared, "103") == []
    hang_up(shared, a, session)
    joins(shared, owners["103"], *was)


def test_a_call_that_only_rang_a_member_is_among_its_calls(shared, owners, a, b):
    """GRP-2: the record of a call to a group, which names neither who was rung, is seen by its owner and by its manager, and by nobody else."""
    desk = shared.post("/api/extension_groups", {"name": "reception"})
    was = {number: owners[number]["member_of"] for number in ("101", "103")}
    joins(shared, owners["101"], *was["101"], {"group_id": desk["id"]})
    joins(shared, owners["103"], *was["103"], {"group_id": desk["id"], "role": "manager"})
    group = shared.post("/api/ring_groups", {"number": "660", "name": "desk", "members": [{"extension_id": shared.extension("101")["id"]}]})
    shared.post("/api/extensions", {"number": "104"})
    outsider = shared.add_owner("104")
    try:
        rung = b.rings(a, "660")
        b.cancel()
        a.reply(a.expect("CANCEL"), 200)
        a.reply(rung, 487)
        a.expect("ACK")
        b.expect(200)
        b.refused(487)

        def records(who):
            return [r["id"] for r in shared.get("/api/cdrs", who=who)["items"] if r["callee"] == "660"]
        wait.until(lambda: records("102"), 10, why="the caller's record")
        assert records("101") == records("103") == records("102")
        assert records("104") == []
        assert shared.api("GET", f"/api/cdrs/{records('102')[0]}", who="104").status_code == 404
    finally:
        shared.api("DELETE", f"/api/ring_groups/{group['id']}", expect=204)
        shared.api("DELETE", f"/api/extensions/{outsider['id']}", expect=204)
        for number, lines in was.items():
            joins(shared, owners[number], *lines)
