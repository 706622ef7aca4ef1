# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, as a person types it."""
import json
import os
import subprocess

import pytest

from client import BUILD


@pytest.fixture
def offhook(server, tenant):
    def run(*words, expect=0, tenant_option=True, stdin="", env=None, where=("--socket", None)):
        option, value = where
        command = [os.path.join(BUILD, "offhook")]
        if option:
            command += [option, value or server.socket]
        if tenant_option:
            command += ["--tenant", tenant.domain]
        done = subprocess.run([*command, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": os.environ["PATH"], **(env or {})})
        assert done.returncode == expect, done
        return done
    run.tenant = tenant
    return run


def test_a_resource_from_birth_to_death(offhook):
    made = json.loads(offhook("extension", "create", "number=140", "first_name=Zoë", "enabled=no", "ring_seconds=25", "--json").stdout)
    assert made["first_name"] == "Zoë" and made["enabled"] is False and made["ring_seconds"] == 25
    shown = offhook("extension", "show", made["id"]).stdout
    assert "first_name" in shown and "Zoë" in shown and "\nenabled" in shown
    assert json.loads(offhook("extension", "show", "number=140", "--json").stdout)["id"] == made["id"]
    offhook("extension", "set", "number=140", "last_name=Ray", "enabled=yes")
    row = next(line for line in offhook("extensions", "list").stdout.splitlines() if "140" in line)
    assert "Zoë" in row and "Ray" in row
    assert offhook("extension", "delete", made["id"]).stdout == ""
    offhook("extension", "show", made["id"], expect=1)


def test_lists_and_destinations_have_short_forms(offhook):
    a, b = (e["id"] for e in offhook.tenant.extensions)
    made = json.loads(offhook("ring-group", "create", "number=650", "name=Sales", f"members={b},{a}", f"no_answer=extension:{a}", "--json").stdout)
    assert [m["extension_id"] for m in made["members"]] == [b, a]
    assert made["no_answer"] == {"kind": "extension", "id": a}
    changed = json.loads(offhook("ring_group", "set", made["id"], "no_answer=hangup", "members:=[]", "--json").stdout)
    assert changed["members"] == [] and changed["no_answer"]["kind"] == "hangup"


def test_refusals_name_field_and_reason(offhook):
    done = offhook("extension", "create", "number=101", "email=nonsense", expect=1)
    assert "email" in done.stderr
    done = offhook("extension", "create", "number=101", expect=1)
    assert "number" in done.stderr and "409" in done.stderr


@pytest.mark.parametrize("words", [["extension"], ["extension", "paint"], ["extension", "create", "colour=red"], ["extension", "create", "ring_seconds=x"],
                                   ["extension", "show"], ["extension", "set", "1"], ["extension", "delete", "1", "2"], ["spaceship", "list"],
                                   ["call"], ["call", "paint"], ["call", "hangup"], ["call", "hangup", "x"], ["--colour"], ["extension", "list", "x"],
                                   ["status", "now"], ["--limit"]])
def test_what_is_not_understood_exits_with_2(offhook, words):
    done = offhook(*words, expect=2)
    assert done.stderr.startswith("offhook: ") and done.stdout == ""


def test_calls_are_listed_and_hung_up(offhook):
    calls = json.loads(offhook("call", "list", "--json").stdout)["items"]
    assert "CALLER" in offhook("call", "list").stdout
    assert offhook("call", "show", calls[0]["id"]).stdout.startswith("id")
    offhook("call", "hangup", calls[0]["id"])
    assert len(json.loads(offhook("call", "list", "--json").stdout)["items"]) == len(calls) - 1
    offhook("call", "hangup", calls[0]["id"], expect=1)


def test_records(offhook):
    one = offhook.tenant.cdr()
    assert "answered" in offhook("cdr", "list", "status=answered").stdout
    shown = offhook("cdr", "show", one["id"]).stdout
    assert "legs:" in shown and "segments:" in shown
    assert "extension" in offhook("audit", "list", "resource=extension").stdout
    assert "sip:101@" in offhook("registration", "list").stdout
    assert "uptime_seconds" in offhook("status").stdout


def test_all_pages_are_fetched(offhook):
    for n in range(700, 712):
        offhook.tenant.client.post("/api/extensions", {"number": str(n)})
    one = offhook("extension", "list", "--limit", "5", "--sort=-number", "--columns", "number")
    assert one.stdout.split() == ["NUMBER", "711", "710", "709", "708", "707"] and "--cursor" in one.stderr
    everything = json.loads(offhook("extension", "list", "--limit", "5", "--all", "--json").stdout)
    assert len(everything["items"]) == 14 and everything["next"] is None


def test_over_the_network_with_a_token(server, offhook):
    url = f"http://{server.ip}:{server.port}"
    done = offhook("login", f"username={offhook.tenant.user['username']}", f"domain={offhook.tenant.domain}", tenant_option=False,
                   where=("--url", url), stdin=f"{offhook.tenant.row['name']} secret words\n")
    token = done.stdout.strip()
    assert token.startswith("oh_") and "\n" not in token
    listed = offhook("extension", "list", tenant_option=False, where=(None, None), env={"OFFHOOK_URL": url, "OFFHOOK_TOKEN": token})
    assert "101" in listed.stdout
    done = offhook("extension", "list", tenant_option=False, where=("--url", url), expect=1)
    assert "401" in done.stderr


def test_secrets_can_be_piped_in(offhook):
    made = json.loads(offhook("user", "create", "username=piped", "password=-", "--json", stdin="words from a pipe\n").stdout)
    assert made["username"] == "piped"
    offhook("login", "username=piped", f"domain={offhook.tenant.domain}", stdin="words from a pipe\n")


def test_no_server_is_said_and_exits_with_3(offhook, tmp_path):
    done = offhook("call", "list", where=("--socket", str(tmp_path / "none.sock")), expect=3)
    assert "cannot reach" in done.stderr and "--socket" in done.stderr


def test_help_on_every_level(offhook):
    assert "Examples:" in offhook("--help").stdout
    assert offhook("help").stdout == offhook("--help").stdout
    resource = offhook("extension", "--help").stdout
    assert "offhook extension create" in resource and "ring_seconds" in resource and "for example" in resource
    verb = offhook("extension", "set", "--help").stdout
    assert "offhook extension set" in verb and "offhook extension list" not in verb
    assert "hangup" in offhook("call", "--help").stdout
    assert offhook("spaceship", "--help", expect=2).stderr
    assert "offhook extension list" in offhook("extension", "--help", where=("--socket", "/nowhere")).stdout


def test_names_from_phones_cannot_steer_the_terminal(offhook):
    """The stand-in's phone says User-Agent: ESC [31m and the same in one character of C1."""
    shown = offhook("registration", "list").stdout
    assert "phone?[31m?31m" in shown
    assert "\x1b" not in shown and "\u009b" not in shown


def test_blocked_sources_are_listed_and_freed(offhook):
    listed = json.loads(offhook("blocked", "list", "--json").stdout)
    first = (listed["items"] if isinstance(listed, dict) else listed)[0]["id"]
    assert "wrong credentials" in offhook("blocked", "list").stdout
    offhook("blocked", "free", first)
    assert "nothing" in offhook("blocked", "free", first, expect=1).stderr.lower()
