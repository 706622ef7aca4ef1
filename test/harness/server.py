# SPDX-License-Identifier: GPL-3.0-or-later
"""The server under test: started in demo mode on loopback addresses, stopped by its own process id."""
import json
import os
import signal
import subprocess

import requests

from . import wait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEST_BUILD = os.environ.get("OFFHOOK_TEST_BUILD", os.path.join(ROOT, "build-test"))
RELEASE_BUILD = os.environ.get("OFFHOOK_RELEASE_BUILD", os.path.join(ROOT, "build"))


class Server:
    """One offhookd.  `ip` must be an address of the test's own; several give several listeners."""

    def __init__(self, directory, ip, *more_ips, sip_port=5060, rtp="20000-29999", release=False, args=(), demo=True,
                 http_port=8888, env=None):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        self.data = self.dir / "data"
        self.ip, self.sip_port, self.http_port = ip, sip_port, http_port
        build = RELEASE_BUILD if release else TEST_BUILD
        self.command = [os.path.join(build, "offhookd"), "--data", str(self.data), "--sip-port", str(sip_port),
                        "--http-port", str(http_port), "--rtp-ports", rtp, "--media-threads", "2"]
        if not release:  # as shipped, one thread is filled first: then tests would never meet two
            self.command.append("--media-spread")
        if demo:
            self.command.append("--demo")
        for address in (ip, *more_ips):
            self.command += ["--address", address]
        self.command += list(args)
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.log = None
        self._token = {}

    def start(self, timeout=60):
        path = self.data / "demo.json"
        path.unlink(missing_ok=True)  # a killed run leaves its file
        self.log = open(self.dir / "server.log", "ab")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=self.env)

        def ready():
            assert self.process.poll() is None, f"the server ended: {self.tail()}"
            return self._load(path)
        try:
            self.demo = wait.until(ready, timeout, why="demo.json appears")
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        self._token = {}
        return self

    @staticmethod
    def _load(path):
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return None

    def logs(self, *texts, timeout=5):
        """Waits until each of them is in the log, which is written ten times a second."""
        wait.until(lambda: all(text in self.tail(0) for text in texts), timeout, why=f"{texts} in the log")

    def tail(self, n=4000):
        return (self.dir / "server.log").read_text(errors="replace")[-n:]

    @property
    def domain(self):
        return self.demo["tenant"]["domain"]

    def password(self, extension):
        return next(a["password"] for a in self.demo["accounts"] if a["extension"] == str(extension))

    # ---- REST ----

    def login(self, who="tenant"):
        if who not in self._token:
            body = {k: self.demo[who][k] for k in ("username", "password")}
            if who == "tenant":
                body["domain"] = self.demo["tenant"]["domain"]
            self._sign_in(who, body)
        return self._token[who]

    def _sign_in(self, who, body):
        answer = requests.post(self.demo["http"] + "/api/login", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        self._token[who] = answer.json()["access_token"]

    def add_owner(self, number):
        """The owner of an extension signs in: who=number acts as it from then on."""
        extension = self.get("/api/extensions", params={"number": number})["items"][0]
        user = {"username": f"owner{number}", "password": f"secret words of {number}"}
        self.post("/api/users", user | {"extension_id": extension["id"]})
        self._sign_in(number, user | {"domain": self.domain})
        return extension

    def api(self, method, path, body=None, *, who="tenant", expect=None, **more):
        headers = {"Authorization": f"Bearer {self.login(who)}", **more.pop("headers", {})}
        answer = requests.request(method, self.demo["http"] + path, json=body, headers=headers, timeout=20, **more)
        if expect is not None:
            assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path, **more):
        return self.api("GET", path, expect=200, **more).json()

    def post(self, path, body=None, **more):
        return self.api("POST", path, body, expect=more.pop("expect", 201), **more).json()

    def metrics(self):
        text = requests.get(self.demo["http"] + "/metrics", timeout=10).text
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def extension(self, number):
        return next(e for e in self.get("/api/extensions")["items"] if e["number"] == number)

    def cdrs(self, count=1, timeout=10, **filters):
        """The newest call records once there are `count` that have ended."""
        def ended():
            items = [c for c in self.get("/api/cdrs", params=filters)["items"] if c["ended_at"]]
            return items if len(items) >= count else None
        return wait.until(ended, timeout, why=f"{count} call records")

    # ---- process ----

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def fds(self):
        """Open descriptors, when it has closed the connections that we asked it by."""
        wait.until(lambda: not self._asked_by(), 10, why="no connection to HTTP left")
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def _asked_by(self):
        """Inodes of connections to our HTTP listener that it still holds (those in TIME_WAIT have none)."""
        with open(f"/proc/{self.process.pid}/net/tcp") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        here = ("".join(f"{int(part):02X}" for part in reversed(self.ip.split("."))), f"{self.http_port:04X}")
        return [row[9] for row in rows if tuple(row[1].split(":")) == here and row[3] != "0A" and row[9] != "0"]

    def stop(self, expect_clean=True):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the server did not stop: {self.tail()}")
        code = self.process.returncode
        self.process = None
        self.log.close()
        if expect_clean:
            assert code == 0, f"the server ended with {code}: {self.tail(8000)}"

    def cpu_ns(self):
        """CPU time of the server so far, all threads."""
        total, tasks = 0, f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "schedstat")) as f:
                total += int(f.read().split()[0])
        return total

    def kill(self):
        """As a power cut would: no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.close()
