# SPDX-License-Identifier: GPL-3.0-or-later
"""What is going on now, as the REST interface and the command line show it: real phones, a real call, hung up from outside."""
import json
import os
import subprocess
import sys

import pytest

from harness import server as harness_server
from harness import wait

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))

from client import Document  # noqa: E402


class Checked:
    """The server's REST interface; every answer is held against its OpenAPI document."""

    def __init__(self, server):
        self.server = server
        self.document = Document(server.get("/api/openapi.json"))

    def ask(self, method, path, who="tenant", **more):
        answer = self.server.api(method, path, who=who, **more)
        schema = self.document.find(method, path)["responses"][str(answer.status_code)]
        for content in self.document.resolve(schema).get("content", {}).values():
            self.document.validate(content["schema"], answer.json())
        return answer


@pytest.fixture
def rest(server):
    return Checked(server)


def offhook(server, *words):
    command = [os.path.join(harness_server.TEST_BUILD, "offhook"), "--socket", str(server.data / "offhook.sock"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    return done.stdout


def call(a, b, server):
    a.dial(f"sip:102@{server.domain}")
    b.wait_for("CALL_INCOMING")
    b.answer()
    a.wait_for("CALL_ESTABLISHED")
    b.wait_for("CALL_ESTABLISHED")


def test_registrations_are_shown_and_go(server, rest, phones):
    phones("101", server).registered()
    b = phones("102", server, transport="tcp").registered()
    items = rest.ask("GET", "/api/registrations").json()["items"]
    assert {(r["username"], r["extension"], r["transport"]) for r in items} == {("101", "101", "udp"), ("102", "102", "tcp")}
    assert all("baresip" in r["user_agent"] for r in items)
    assert "baresip" in offhook(server, "registration", "list")
    first = rest.ask("GET", "/api/registrations?limit=1").json()
    rest_of_it = rest.ask("GET", f"/api/registrations?limit=1&cursor={first['next']}").json()
    assert {first["items"][0]["id"], rest_of_it["items"][0]["id"]} == {r["id"] for r in items}
    assert rest_of_it["next"] is None
    b.stop()    # says good-bye
    wait.until(lambda: len(rest.ask("GET", "/api/registrations").json()["items"]) == 1, 10, why="the registration is gone")


def test_call_is_shown_and_hung_up_from_outside(server, rest, phones):
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    assert rest.ask("GET", "/api/sessions").json() == {"items": [], "next": None}
    call(a, b, server)
    (session,) = rest.ask("GET", "/api/sessions").json()["items"]
    assert (session["caller"], session["callee"]) == ("101", "102") and session["answered_at"] and not session["ended_at"]
    assert rest.ask("GET", f"/api/sessions/{session['id']}").json()["cdr_id"] == session["cdr_id"]
    assert [s["id"] for s in rest.ask("GET", "/api/sessions", who="admin").json()["items"]] == [session["id"]]
    assert session["id"] in offhook(server, "call", "list")
    assert rest.ask("GET", "/api/status", who="admin").json()["calls"] == 1

    rest.ask("DELETE", f"/api/sessions/{session['id']}", expect=204)
    a.wait_for("CALL_CLOSED")
    b.wait_for("CALL_CLOSED")
    assert rest.ask("GET", f"/api/sessions/{session['id']}").status_code == 404
    (cdr,) = server.cdrs()
    assert cdr["id"] == session["cdr_id"] and cdr["ended_by"] == "system" and cdr["status"] == "answered"
    detail = rest.ask("GET", f"/api/cdrs/{cdr['id']}").json()
    assert len(detail["legs"]) == 2 and len(detail["segments"]) == 1
    shown = offhook(server, "--tenant", server.domain, "cdr", "show", cdr["id"])
    assert "legs:" in shown and "answered" in shown


def test_call_is_hung_up_by_the_command_line(server, phones):
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    call(a, b, server)
    (session,) = json.loads(offhook(server, "call", "list", "--json"))["items"]
    offhook(server, "call", "hangup", session["id"])
    a.wait_for("CALL_CLOSED")
    b.wait_for("CALL_CLOSED")


def test_other_tenants_see_and_touch_none_of_it(server, rest, phones):
    server.post("/api/tenants", {"name": "other", "domain": "other.example", "username": "eve", "password": "other secret words"}, who="admin")
    server.demo["other"] = {"username": "eve", "password": "other secret words", "domain": "other.example"}
    token = server.api("POST", "/api/login", {"username": "eve", "password": "other secret words", "domain": "other.example"}).json()["access_token"]
    a = phones("101", server).registered()
    b = phones("102", server).registered()
    call(a, b, server)
    (session,) = rest.ask("GET", "/api/sessions").json()["items"]
    eve = {"headers": {"Authorization": f"Bearer {token}"}}
    for path in ("/api/sessions", "/api/registrations", "/api/cdrs"):
        assert rest.ask("GET", path, **eve).json()["items"] == []
    missing = rest.ask("DELETE", "/api/sessions/9123456789012345678", **eve)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/destroy")):
        answer = rest.ask(method, f"/api/sessions/{session['id']}{path}", **eve)
        assert answer.status_code == 404 and answer.content == missing.content
    assert rest.ask("GET", f"/api/sessions/{session['id']}").status_code == 200
    a.hangup()
    b.wait_for("CALL_CLOSED")
    (cdr,) = server.cdrs()
    assert rest.ask("GET", f"/api/cdrs/{cdr['id']}", **eve).status_code == 404
