# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies for every resource, made from the OpenAPI document: a new resource needs no line here.

Only where fields fit together by rules that a field alone does not tell, RULES has what they need."""
import http.server
import itertools
import json
import re
import threading

from harness import wait
from harness.addresses import new_address
import pathlib
import tempfile

from harness.certs import Authority

_numbers = itertools.count(5001)

OF_THE_SYSTEM = ("address_rules", "dealers", "backup_settings", "congestion_limits", "flood_limits", "network_settings", "sign_in_settings", "stir_certificates", "sip_settings", "ldap_servers", "blocked_addresses", "log_files", "services",
                 "transports", "transport_states")


def owned():
    """Resources with a field that says which extension each object is of."""
    texts = [file.read_text() for file in (pathlib.Path(__file__).parents[2] / "src/schema").glob("*.def")]
    return {re.search(r'^RESOURCE\("(\w+)"', text, re.M)[1] for text in texts if re.search(r"^REF\(.*\bOWNER\b", text, re.M)}


def followed():
    """Resources of which the owner of an extension follows what it sees."""
    return owned() | {"contacts", "members"}


def new_number():
    """One that no test has used."""
    return next(_numbers)


def pool_trunk(client):
    """A trunk that the tenant has a pool on."""
    return client.get("/api/did_pools")["items"][0]["trunk_id"]


def own_certificate(client):
    """Of the tenant's domain, as text, with its key."""
    tenant = client.get("/api/me")["tenant_id"]
    domain = client.get(f"/api/tenants/{tenant}")["domain"] if tenant else "pbx.example"
    with tempfile.TemporaryDirectory() as directory:
        pem, key = Authority(pathlib.Path(directory)).sign("own", f"DNS:{domain}")
        return {"chain": pem.read_text(), "key": key.read_text()}


RULES = {
    "certificates": lambda client, n: own_certificate(client),
    "transports": lambda client, n: {"protocol": "tcp", "port": n},
    "tenants": lambda client, n: {"name": f"c{n}", "domain": f"c{n}.example", "username": "boss", "password": "some secret words"},
    "trunks": lambda client, n: {"host": f"10.200.{n >> 8}.{n & 255}"},
    "did_pools": lambda client, n: {"trunk_id": create(client, "trunks")["id"], "numbers": "4420*"},
    "inbound_rules": lambda client, n: {"trunk_id": pool_trunk(client), "did": f"44207000{n}"},
    "outbound_rules": lambda client, n: {"routes": [{"trunk_id": pool_trunk(client)}]},
    "disas": lambda client, n: {"pin": f"00{n}"},
    "users": lambda client, n: {},      # dealer_id: in the system only
    "webhooks": lambda client, n: {"url": f"http://192.0.2.1:{n}/"},
    "favourites": lambda client, n: {"contact_id": create(client, "contacts")["id"]},
    "emergency_numbers": lambda client, n: {"trunk_id": pool_trunk(client)},
}


def input_schema(client, plural, method="post"):
    document = client.server.document
    path = f"/api/{plural}" + ("" if method == "post" else "/{id}")
    op = document.document["paths"][path][method]
    return document.resolve(op["requestBody"]["content"]["application/json"]["schema"])


def text_for(schema, example, n):
    """As the field's own example looks, and like no other."""
    if schema.get("format") == "email" or "@" in example:
        return f"anna{n}@example.com"
    if "/48" in example:
        return f"2001:db8:1::{n:x}"
    if example in ("08:00", "2026-12-25") or schema.get("maxLength", 99) < 4:
        return example
    if "." in example:
        return f"n{n}.example.com"
    if schema.get("writeOnly"):
        return "some secret words"
    if schema.get("pattern", "").startswith("^([A-Z]"):
        return example or "DE"
    return str(n)


def value_for(client, schema, example, n):
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if "x-refers-to" in schema:
        return one_of(client, schema["x-refers-to"])
    if "enum" in schema or kind in ("integer", "boolean", "object"):
        return example
    if kind == "array":
        return [body_of(client, schema["items"], example[0], n)]
    if schema.get("format") == "date-time":
        return "2031-01-02T03:04:05.000Z"
    return text_for(schema, example or "", n)


def body_of(client, schema, example, n):
    return {name: value_for(client, schema["properties"][name], example[name], n) for name in schema["required"]}


def new_body(client, plural):
    """What must be given, in values that nothing else has."""
    schema, n = input_schema(client, plural), new_number()
    given = RULES[plural](client, n) if plural in RULES else {}
    missing = dict(schema, required=[name for name in schema["required"] if name not in given])
    return {**body_of(client, missing, schema["examples"][0], n), **given}


def make_room(client, plural):
    """There is at most one of some."""
    if plural in ("backup_settings", "congestion_limits", "flood_limits", "network_settings", "sign_in_settings", "sip_settings", "ldap_servers", "mail_servers", "mail_templates", "brandings"):
        for row in client.get(f"/api/{plural}")["items"]:
            client.delete(f"/api/{plural}/{row['id']}")


def create(client, plural):
    make_room(client, plural)
    return client.post(f"/api/{plural}", new_body(client, plural))


def one_of(client, plural):
    """The id of one that is there, or of a new one."""
    items = client.get(f"/api/{plural}")["items"]
    return items[0]["id"] if items else create(client, plural)["id"]


def harmless_change(client, plural):
    """Of one field that no rule ties to others."""
    for name, schema in input_schema(client, plural, "patch")["properties"].items():
        if schema.get("default") == "" and "pattern" not in schema and schema.get("maxLength", 0) >= 32 and "@" not in schema["description"]:
            if name in ("description", "full_name", "company", "first_name", "name"):
                return {name: "Ann"}
    for name, schema in input_schema(client, plural, "patch")["properties"].items():
        kinds = schema.get("type", [])
        if "integer" in kinds and isinstance(schema.get("default"), int) and not name.startswith(("min_", "max_")):
            return {name: schema["default"] + 1 if schema["default"] < schema.get("maximum", 1 << 40) else schema["minimum"]}
    for name, schema in input_schema(client, plural, "patch")["properties"].items():
        if "boolean" in schema.get("type", []):
            return {name: schema["default"]}
    return {}


def example_body(client, plural):
    """The document's own example, with references that lead somewhere and names that are free."""
    schema, n = input_schema(client, plural), new_number()

    def fit(part, value):
        if isinstance(value, list):
            return [fit(part["items"], v) for v in value]
        if not isinstance(value, dict) or "properties" not in part:
            return one_of(client, part["x-refers-to"]) if "x-refers-to" in part and value else value
        return {k: fit(part["properties"][k], v) for k, v in value.items()}
    text = json.dumps(fit(schema, schema["examples"][0])).replace('"example"', f'"{n}"').replace("example", f"x{n}").replace("anna@", f"anna{n}@")
    return json.loads(text.replace('"101"', f'"{n}"'))


def settled(client, one):
    """The backup, when nothing is being done with it any more."""
    return wait.until(lambda: (b := client.get(f"/api/backups/{one}"))["state"] not in ("running", "restoring") and b, 60, why="a backup's end")


def begin(client, path, body, expect=202):
    """Begins as soon as no other is being made or restored."""
    def ask():
        answer = client.ask("POST", path, body)
        return answer if answer.status != 409 or answer.json()["errors"][0]["code"] != "busy" else None
    answer = wait.until(ask, 60, why="the place of another backup")
    assert answer.status == expect, answer
    return answer


def make_backup(client, **body):
    one = settled(client, begin(client, "/api/backups", body).json()["id"])
    assert one["state"] == "complete", one
    return one


def content(client, one):
    """Its bytes."""
    got = b""
    while piece := client.ask("GET", f"/api/backups/{one}/content?offset={len(got)}").body:
        got += piece
    return got


def upload_piece(client, raw, one=None, offset=0):
    return client.ask("POST", "/api/backup_uploads" + (f"/{one}" if one else "") + f"?offset={offset}", raw=raw,
                      headers={"Content-Type": "application/octet-stream"})


def upload(client, raw, size=300000):
    """In pieces; the id of the backup."""
    one = None
    for at in range(0, len(raw), size):
        answer = upload_piece(client, raw[at:at + size], one, at)
        assert answer.status == 200, answer
        one = answer.json()["id"]
    return client.post(f"/api/backup_uploads/{one}/complete", expect=200)["id"]


class Receiver:
    """Answers as it is told, and keeps what it got."""

    def __init__(self, ip=None, port=0):
        self.got, self.answers, self.realm = [], [], None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if receiver.realm and "Authorization" not in self.headers:
                    status = 401
                else:
                    receiver.got.append((dict(self.headers), body))
                self.send_response(status)
                if status == 401 and receiver.realm:
                    self.send_header("WWW-Authenticate", receiver.realm)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer((ip or new_address(), port), Handler)
        self.url = "http://{}:{}/hook".format(*self.server.server_address)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, n):
        wait.until(lambda: len(self.got) >= n, 20, why=lambda: f"{n} deliveries, {len(self.got)} came")
        return self.got

    def close(self):
        self.server.shutdown()
        self.server.server_close()
