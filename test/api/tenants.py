# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant with something in it."""
import bodies
from client import Client
from harness import wait


class Tenant:
    """A tenant with its user, two extensions and a ring group."""

    def __init__(self, server, name):
        self.server, self.domain = server, f"{name}.example"
        root = Client(server, local=True)
        self.row = root.post("/api/tenants", {"name": name, "domain": self.domain, "username": f"{name}-boss",
                                              "password": f"{name} secret words"})
        self.id = self.row["id"]
        self.client = server.login(f"{name}-boss", f"{name} secret words", self.domain)
        self.admin = Client(server, local=True, tenant=self.domain)
        self.extensions = [self.client.post("/api/extensions", {"number": str(n)}) for n in (101, 102)]
        self.group = self.client.post("/api/ring_groups", {"number": "600", "name": "all", "members": [
            {"extension_id": e["id"]} for e in self.extensions]})
        self.trunk = bodies.create(root, "trunks")
        self.pool = self.admin.post("/api/did_pools", {"trunk_id": self.trunk["id"], "numbers": "44207000****"})
        self.account = self.client.get("/api/accounts")["items"][0]
        self.user = self.client.get("/api/users")["items"][0]

    def ids(self):
        """Of each kind of object one that is this tenant's."""
        own = {"tenants": self.id, "users": self.user["id"], "trunks": self.trunk["id"], "blocked_addresses": self.blocked(),
               "sessions": self.client.get("/api/sessions")["items"][0]["id"], "cdrs": self.cdr()["id"]}
        return {**{plural: bodies.one_of(self.admin, plural) for plural in self.server.document.resources() if plural not in own}, **own}

    def blocked(self):
        return self.admin.get("/api/blocked_addresses")["items"][0]["id"]

    def delivery(self):
        """Of a webhook; one that was taken."""
        receiver = bodies.Receiver()
        hook = self.admin.post("/api/webhooks", {"url": receiver.url, "allow_private": True})
        self.client.delete(f"/api/sessions/{self.client.get('/api/sessions')['items'][0]['id']}")
        try:
            return wait.until(lambda: self.client.get("/api/webhook_deliveries", webhook_id=hook["id"], state="delivered")["items"], 20,
                              why="a delivery that was taken")[0]["id"]
        finally:
            receiver.close()

    def backup(self, client=None, **more):
        """A complete one, of the tenant; or of what the client may."""
        return bodies.make_backup(client or self.client, name="x", **more)["id"]

    def cdr(self):
        def drained():    # perhaps the journal is between the records of one call
            items = self.client.get("/api/cdrs")["items"]
            return items and self.client.get(f"/api/cdrs/{items[0]['id']}")["segments"] and items[0]
        return wait.until(drained, why="a call record with its segments")
