# SPDX-License-Identifier: GPL-3.0-or-later
"""EXT-3, ACC-11: telephones sign in with nothing but what a QR code says, and ring."""
import base64
import re
import subprocess
import urllib.parse

import pytest

from harness.baresip import Baresip


@pytest.fixture
def scanned(server, addresses, tmp_path):
    """A telephone that has scanned the code of an account, by its user name."""
    made = []

    def scan(username):
        account = next(a for a in server.get("/api/accounts?limit=500")["items"] if a["username"] == username)
        code = server.api("POST", "/api/sign_in_codes", {"account_id": account["id"]}, expect=200).json()
        path = tmp_path / f"{username}.png"
        path.write_bytes(base64.b64decode(code["png"]))
        said = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sbinary", path], capture_output=True, check=True).stdout.decode()
        user, password, domain, more = re.fullmatch(r"sip:([^:]+):([^@]+)@([^;]+)(.*)", said).groups()
        more = dict(p.split("=") for p in more.split(";")[1:])
        made.append(Baresip(tmp_path / f"phone-{username}", addresses.new(), user=urllib.parse.unquote(user), password=urllib.parse.unquote(password),
                            domain=domain, server=more["maddr"], transport=more["transport"]))
        return made[-1].registered()
    yield scan
    for phone in made:
        phone.stop()


def test_each_device_signs_in_with_its_own_code_and_all_ring(server, scanned, phones):
    server.api("PATCH", f"/api/tenants/{server.get('/api/me')['tenant_id']}", {"show_sip_passwords": True}, expect=200)
    server.api("PATCH", f"/api/extensions/{server.extension('102')['id']}", {"shared_devices": 2}, expect=200)
    first, second = scanned("102"), scanned("102_2")
    caller = phones("101", server).registered()
    caller.dial(f"sip:102@{server.domain}")
    first.wait_for("CALL_INCOMING")
    second.wait_for("CALL_INCOMING")
    second.answer()
    caller.wait_for("CALL_ESTABLISHED")
    caller.hangup()
    second.wait_for("CALL_CLOSED")
