# SPDX-License-Identifier: GPL-3.0-or-later
"""EXT-3, ACC-11: QR codes from which softphones sign in, read by zbar."""
import base64
import re
import subprocess
import urllib.parse

import bodies
from test_mail import authority, ended, post, settings  # noqa: F401
from test_people import errors, owner
from test_secrets import accounts

HOSTILE = "a%b:c@d;e?f#g\"h<i>&'ü 1"


def read(picture, tmp_path):
    """What the code says."""
    path = tmp_path / "code.png"
    path.write_bytes(picture)
    return subprocess.run(["zbarimg", "--quiet", "--raw", "-Sbinary", path], capture_output=True, check=True).stdout.decode()


def parts(uri):
    """user, password, host and port, parameters of a SIP URI (RFC 3261 25.1)."""
    m = re.fullmatch(r"sip:([^:@;?]+):([^@;?/]*)@([^;?]+)((?:;[a-z]+=[^;?]+)*)", uri)
    assert m, uri
    return urllib.parse.unquote(m[1]), urllib.parse.unquote(m[2]), m[3], dict(p.split("=") for p in m[4].split(";")[1:])


def code(client, account):
    return client.ask("POST", "/api/sign_in_codes", {"account_id": account})


def test_each_device_has_a_code_of_its_own(server, tenant, tmp_path):
    bodies.make_room(server.root, "network_settings")
    network = server.root.post("/api/network_settings", {"web_domain": "pbx.example"})
    tenant.client.post("/api/extensions", {"number": "400", "password": HOSTILE, "shared_devices": 3})
    found = accounts(tenant.client)
    assert errors(code(tenant.client, found["400"]["id"])) == [("account_id", "switched_off")]
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"show_sip_passwords": True})
    for name in ("400", "400_2", "400_3"):
        made = code(tenant.client, found[name]["id"]).json()
        assert read(base64.b64decode(made["png"]), tmp_path) == made["uri"]
        user, password, host, more = parts(made["uri"])
        assert (user, password, host) == (name, HOSTILE, tenant.domain) and made["username"] == name
        assert more["maddr"] == "pbx.example"
        assert made["svg"].startswith("<svg ") and "script" not in made["svg"]
    server.root.patch(f"/api/network_settings/{network['id']}", {"web_domain": "", "public_addresses": "2001:db8::7"})
    assert parts(code(tenant.client, found["400"]["id"]).json()["uri"])[3]["maddr"] == "[2001:db8::7]"
    server.root.delete(f"/api/network_settings/{network['id']}")
    line = tenant.client.get("/api/audit_logs", limit=1)["items"][0]
    assert (line["resource_id"], line["changes"]) == (found["400"]["id"], {"password": "shown"})


def test_the_svg_is_the_same_code(tenant, tmp_path):
    """Its squares, drawn again."""
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"show_sip_passwords": True})
    made = code(tenant.client, tenant.account["id"]).json()
    side = int(re.search(r'viewBox="0 0 (\d+) ', made["svg"])[1])
    black = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", made["svg"])}
    rows = "\n".join(" ".join("1" if (x // 6, y // 6) in black else "0" for x in range(side * 6)) for y in range(side * 6))
    path = tmp_path / "code.pbm"
    path.write_text(f"P1\n{side * 6} {side * 6}\n{rows}\n")
    assert subprocess.run(["zbarimg", "--quiet", "--raw", path], capture_output=True, check=True).stdout.decode().strip() == made["uri"]


def test_an_owner_has_those_of_its_own_accounts(tenant, tmp_path):
    _, client = owner(tenant)
    own = accounts(client)["170"]
    assert parts(code(client, own["id"]).json()["uri"])[0] == "170"
    assert errors(code(client, tenant.account["id"])) == [("account_id", "not_found")]


def test_a_welcome_mail_carries_the_codes_when_the_tenant_wants_that(tenant, post, authority, tmp_path):     # noqa: F811
    tenant.admin.post("/api/mail_servers", settings(post, authority, allow_private=True))
    x = tenant.client.post("/api/extensions", {"number": "401", "password": "first of its own 1", "shared_devices": 2, "email": f"x@{tenant.domain}"})
    assert list(post.wait(1)[0].iter_attachments()) == []
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"mail_sign_in_codes": True})
    one = tenant.client.post("/api/welcome_mails", {"extension_id": x["id"]}, expect=202)["id"]
    assert ended(tenant.client, one)["state"] == "sent"
    mail = post.wait(2)[1]
    found = {a.get_filename(): a for a in mail.iter_attachments()}
    assert set(found) == {"401.png", "401_2.png"} and {a.get_content_type() for a in found.values()} == {"image/png"}
    for name, attached in found.items():
        user, password, host, _ = parts(read(attached.get_content(), tmp_path))
        assert (user + ".png", password, host) == (name, "first of its own 1", tenant.domain)
    assert "one device" in mail.get_body().get_content() and "first of its own" not in mail.get_body().get_content()
