# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/quick-start.md, every step of it as it stands there; between them two telephones do what a person would."""
import hashlib
import hmac
import http.server
import pathlib
import re
import threading

from harness import wait
from harness.rawcall import Phone

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "quick-start.md"


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["X-Offhook-Signature"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Acme:
    """What a telephone of the new tenant is told to sign in with."""

    def __init__(self, server, passwords):
        self.ip, self.domain, self.passwords = server.ip, "acme.example", passwords

    def password(self, number):
        return self.passwords[str(number)]


def steps():
    """(heading, code) in order."""
    text = PAGE.read_text()
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        for code in re.findall(r"^```python\n(.*?)^```", section, flags=re.M | re.S):
            yield section.partition("\n")[0], code


def answer(phone, expects_body):
    invite = phone.called(phone.expect("INVITE"))
    assert bool(invite.body) == expects_body
    phone.reply(invite, 180)
    phone.reply(invite, 200, body=phone.sdp())
    phone.expect("ACK")


def test_every_step_of_the_quick_start_works(shared, addresses):
    receiver = http.server.ThreadingHTTPServer((addresses.new(), 0), Hook)
    receiver.got = []
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    world = {"BASE": shared.demo["http"], "ADMIN": shared.demo["admin"]["username"], "ADMIN_PASSWORD": shared.demo["admin"]["password"],
             "HOOK": "http://%s:%d/" % receiver.server_address[:2]}
    phones, done = [], []
    try:
        for heading, code in steps():
            if heading.startswith("6."):
                acme = Acme(shared, world["passwords"])
                phones = [Phone(addresses.new(), acme, n) for n in (201, 202)]
            exec(compile(code, f"{PAGE.name}: {heading}", "exec"), world)
            done.append(heading)
            if "call_sessions/create" in code:
                a, b = phones
                answer(a, False)
                answer(b, True)
                a.reply(a.expect("INVITE"), 200, body=a.sdp(version=2))
                a.expect("ACK")
            if 'api("DELETE"' in code:
                for p in phones:
                    p.reply(p.expect("BYE"), 200)
        assert [h[0] for h in dict.fromkeys(done)] == list("12345678")
        assert world["news"]["items"] == []
        signature, body = wait.until(lambda: receiver.got and receiver.got[0], 10, why="the webhook is told")
        assert signature == "sha256=" + hmac.new(world["secret"].encode(), body, hashlib.sha256).hexdigest()
        assert b'"caller":"201"' in body.replace(b" ", b"")
    finally:
        for p in phones:
            p.leave()
        receiver.shutdown()
        receiver.server_close()
