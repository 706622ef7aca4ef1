# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones in a real browser: Debian's Chromium with JsSIP or SIP.js, driven through test/browser/driver.js."""
import itertools
import json
import os
import shutil
import subprocess

from . import wait
from .home import environment

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "browser")


def missing():
    """Why there can be no browser here, or None."""
    if not os.path.exists(os.environ.get("CHROMIUM", "/usr/bin/chromium")):
        return "no chromium"
    if not shutil.which("node"):
        return "no node"
    if not all(os.path.isdir(os.path.join(HERE, "node_modules", name)) for name in ("jssip", "sip.js")):
        return "test/browser/node_modules is not installed"
    return None


class Browser:
    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.log = open(directory / "browser.log", "wb")
        self.path = directory / "browser.log"
        self.process = subprocess.Popen(["node", os.path.join(HERE, "driver.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, cwd=HERE, env=environment(directory))
        self._ids = itertools.count(1)
        self._phones = itertools.count(1)
        self._answer(0)

    def _answer(self, number):
        line = self.process.stdout.readline()
        assert line, f"the browser ended: {self.path.read_text()[-2000:]}"
        answer = json.loads(line)
        assert answer["id"] == number and "error" not in answer, answer
        return answer["value"]

    def do(self, page, what, given=None):
        number = next(self._ids)
        self.process.stdin.write(json.dumps({"id": number, "page": page, "do": what, "with": given}) + "\n")
        self.process.stdin.flush()
        return self._answer(number)

    def phone(self, server, extension, *, secure=False, password=None, library="jssip", **more):
        """`more`: what else its page is started with."""
        return WebPhone(self, f"{extension}-{next(self._phones)}", server, str(extension), secure, password, library, more)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class WebPhone:
    def __init__(self, browser, name, server, extension, secure, password, library, more):
        self.browser, self.name, self.extension = browser, name, extension
        self.origin = browser.do(name, "open", {"library": library}).rstrip("/")
        scheme, port = ("wss", "wss_port") if secure else ("ws", "ws_port")
        browser.do(name, "start", {"url": f"{scheme}://{server.ip}:{server.demo['sip'][port]}/",
                                   "uri": f"sip:{extension}@{server.domain}",
                                   "password": password or server.password(extension), **more})

    def __getattr__(self, what):
        return lambda given=None: self.browser.do(self.name, what, given)

    @property
    def heard(self):
        return self.browser.do(self.name, "heard")

    @property
    def events(self):
        return self.browser.do(self.name, "events")

    def saw(self, name, **fields):
        return [e for e in self.events if e["name"] == name and all(e.get(k) == v for k, v in fields.items())]

    def wait_for(self, name, timeout=15, **fields):
        wait.until(lambda: self.saw(name, **fields), timeout, every=0.05, why=lambda: f"{self.name}: {name} {fields}, saw {self.events}")
        return self.saw(name, **fields)[-1]

    def stat(self, what, **fields):
        """The first of getStats() of this type."""
        return next((s for s in self.stats() if s["type"] == what and all(s.get(k) == v for k, v in fields.items())), None)

    def share_heard(self, hz, last=20, within=25, db=-60):
        """The share of the last windows of 100 ms in which `hz` is the loudest."""
        windows = self.heard[-last:]
        return sum(abs(w["hz"] - hz) <= within and w["db"] > db for w in windows) / max(len(windows), 1)

    def hears(self, hz, timeout=10, share=0.9, last=20, **how):
        wait.until(lambda: len(self.heard) >= last and self.share_heard(hz, last, **how) >= share, timeout, every=0.2,
                   why=lambda: f"{self.name} hears {hz} Hz: {self.heard[-last:]}, {self.stat('inbound-rtp', kind='audio')}")

    def close(self):
        self.browser.do(self.name, "close")
