# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as its clients use it: over TCP with a token, or over the local socket; every answer is checked against OpenAPI."""
import http.client
import json
import os
import re
import secrets
import select
import signal
import socket
import sqlite3
import subprocess
import urllib.parse

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("OFFHOOK_TEST_BUILD", os.path.join(ROOT, "build-test"))


FORMATS = jsonschema.FormatChecker([])


@FORMATS.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value) is not None


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Document:
    """The OpenAPI document: finds the operation of a request and judges the answer."""

    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.operations = []
        self.answered = set()    # (operationId, status) seen
        for path, item in document["paths"].items():
            for method, operation in item.items():
                pattern = re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")
                self.operations.append((method.upper(), path, pattern, operation))

    def resources(self):
        """Plurals of what can be created, read, changed and deleted, with the word for one."""
        paths = self.document["paths"]
        return {p.split("/")[2]: item["post"]["operationId"].removeprefix("create_") for p, item in paths.items()
                if p.count("/") == 2 and "post" in item and "patch" in paths.get(p + "/{id}", {})}

    def find(self, method, path):
        path = path.split("?")[0]
        for m, _, pattern, operation in self.operations:
            if m == ("GET" if method == "HEAD" else method) and pattern.match(path):
                return operation
        return None

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def validate(self, schema, value):
        jsonschema.Draft202012Validator(schema, resolver=self.resolver,
                                        format_checker=FORMATS).validate(value)

    def check(self, method, path, answer):
        operation, query = self.find(method, path), path.partition("?")[2]
        if operation is None:
            assert answer.status in (404, 405, 204), f"{method} {path}: {answer}"
            return
        responses = operation["responses"]
        self.answered.add((operation["operationId"], answer.status))
        success = answer.status < 400
        assert not success or str(answer.status) in responses, f"{method} {path}: {answer.status} is not documented"
        response = self.resolve(responses.get(str(answer.status), responses["default"]))
        media = answer.headers.get("Content-Type", "").split(";")[0]
        content = response.get("content", {})
        if not content:
            assert answer.body == b"", f"{method} {path}: a body that is not documented"
            return
        if method == "HEAD":
            return
        assert media in content, f"{method} {path}: {media} is not documented for {answer.status}"
        if media.endswith("json") and not (success and "fields=" in query):     # a partial answer lacks what is required
            self.validate(content[media]["schema"], answer.json())


class Client:
    """One identity: local (no token), or a signed-in user; `tenant` goes into X-Tenant."""

    def __init__(self, server, token=None, tenant=None, local=False):
        self.server, self.token, self.tenant, self.local = server, token, tenant, local
        self.connection = None

    def _connection(self):
        if self.connection is None:
            self.connection = (LocalConnection(self.server.socket) if self.local else
                               http.client.HTTPConnection(self.server.ip, self.server.port, timeout=20))
        return self.connection

    def ask(self, method, path, body=None, headers=None, raw=None, check=True):
        sent = {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.tenant:
            sent["X-Tenant"] = self.tenant
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request(method, path, data, {k: v for k, v in sent.items() if v is not None})
                answer = Answer(connection.getresponse())
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        if answer.headers.get("Connection") == "close":
            connection.close()
            self.connection = None
        if check and self.server.document:
            self.server.document.check(method, path, answer)
        return answer

    def get(self, path, expect=200, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        answer = self.ask("GET", path)
        assert answer.status == expect, f"GET {path}: {answer}"
        return answer.json()

    def post(self, path, body=None, expect=201, **more):
        answer = self.ask("POST", path, body, **more)
        assert answer.status == expect, f"POST {path}: {answer}"
        return answer.json() if answer.body else None

    def patch(self, path, body, expect=200, **more):
        answer = self.ask("PATCH", path, body, **more)
        assert answer.status == expect, f"PATCH {path}: {answer}"
        return answer.json()

    def delete(self, path, expect=204, **more):
        answer = self.ask("DELETE", path, **more)
        assert answer.status == expect, f"DELETE {path}: {answer}"


def database_url(directory):
    """On the engine that OFFHOOK_TEST_DB names, as for the store's own tests: see test/store/with-postgres."""
    if os.environ.get("OFFHOOK_TEST_DB") != "postgres":
        return f"sqlite:{directory}/offhook.db"
    schema = "api_" + secrets.token_hex(6)
    url = os.environ["OFFHOOK_TEST_PG"]
    subprocess.run(["psql", "-q", "-d", url, "-c", f"CREATE SCHEMA {schema}"], check=True)
    return f"{url}&options=-csearch_path%3D{schema}"


def execute(server, sql):
    """Behind its back."""
    if server.url.startswith("sqlite:"):
        with sqlite3.connect(server.url.removeprefix("sqlite:"), timeout=20) as db:
            db.execute(sql)
    else:
        subprocess.run(["psql", "-q", "-d", server.url, "-c", sql], check=True)


class ApiServer:
    """test_api_server on an address of its own."""

    def __init__(self, directory, ip, *args):
        self.dir, self.ip = directory, ip
        self.dir.mkdir(parents=True, exist_ok=True)
        self.socket = str(self.dir / "offhook.sock")
        self.url = database_url(self.dir)
        self.args = args
        self.document = None

    def start(self):
        self.log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen([os.path.join(BUILD, "test_api_server"), str(self.dir), self.url, self.ip, *self.args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("ready "):
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not start: {self.tail()}")
        self.port = int(line.split()[1])
        self.root = Client(self, local=True)
        self.document = Document(self.root.get("/api/openapi.json"))
        return self

    def tail(self):
        return (self.dir / "log").read_text(errors="replace")[-6000:]

    def acting(self, domain):
        """The machine's administrator within a tenant."""
        return Client(self, local=True, tenant=domain)

    def login(self, username, password, domain=None, tenant=None):
        body = {"username": username, "password": password}
        if domain:
            body["domain"] = domain
        return Client(self, Client(self).post("/api/login", body, expect=200)["access_token"], tenant)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop: {self.tail()}")
        finally:
            self.log.close()
            self.process.stdout.close()
        assert self.process.returncode == 0, self.tail()
