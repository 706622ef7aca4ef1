# SPDX-License-Identifier: GPL-3.0-or-later
"""EXT-17, WEB-3: telephones look into the phone book over LDAP; as OpenLDAP's ldapsearch does, and by hand where it does not."""
import base64
import os
import socket
import subprocess

import pytest

from client import database_url
from harness import wait
from harness.addresses import Addresses, new_address
from harness.server import Server

BASE, NAME, SECRET = "dc=acme,dc=example", "cn=phone,dc=acme,dc=example", "phone book words"
LDAP = {"ldap": True, "ldap_base": "DC=Acme, DC=example", "ldap_password": SECRET, "ldap_strip": 1, "ldap_prefix": "4420700009"}


PORT, TLS_PORT = 1389, 1636


class Book:
    """A server with a phone book, and ldapsearch."""

    def __init__(self, server):
        self.server, self.ip = server, server.ip

    def search(self, *what, base=BASE, scope="sub", name=NAME, secret=SECRET, url=None, more=(), env=None):
        """(result code, entries: dicts of lists)"""
        command = ["ldapsearch", "-x", "-LLL", "-o", "ldif_wrap=no", "-o", "nettimeout=60", "-H", url or f"ldap://{self.ip}:{PORT}", "-b", base, "-s", scope, *more]
        if name:
            command += ["-D", name, "-w", secret]
        done = subprocess.run(command + list(what), capture_output=True, text=True, timeout=60, env={**os.environ, "LDAPCONF": "/dev/null", **(env or {})})
        self.said = done.stderr
        said = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))
        entries = [entry(block) for block in said.split("\n\n") if block.startswith("dn:")]
        return done.returncode, entries

    def names(self, *what, **more):
        code, entries = self.search(*what, **more)
        assert code == 0, self.said
        return [e["cn"][0] for e in entries if "cn" in e]

    def tenant(self, **fields):
        one = self.server.get("/api/me")["tenant_id"]
        return self.server.api("PATCH", f"/api/tenants/{one}", fields, expect=200).json()

    def serve(self, **fields):
        for row in self.server.get("/api/ldap_servers", who="admin")["items"]:
            self.server.api("DELETE", f"/api/ldap_servers/{row['id']}", who="admin", expect=204)
        return self.server.post("/api/ldap_servers", {"port": PORT, "tls_port": TLS_PORT, **fields}, who="admin")


def entry(block):
    found = {}
    for line in block.splitlines():
        name, _, value = line.partition(":")
        value = base64.b64decode(value[1:].strip()).decode() if value.startswith(":") else value.strip()
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ldap")
    shared = Server(directory / "server", Addresses().new(), args=("--database", database_url(directory))).start()
    yield ready(shared)
    shared.stop()


def ready(shared):
    b = Book(shared)
    b.serve(plain_sign_in=True)
    b.tenant(**LDAP)
    for x, fields in (("101", {"first_name": "Ann", "last_name": "Archer", "organization": "Acme Ltd", "department": "Sales", "mobile": "+44 7700-900123"}),
                      ("102", {"first_name": "Bob", "last_name": "O'Brien_%", "ldap": "number", "ldap_number": "0800 1234"}),
                      ("103", {"first_name": "Cleo", "last_name": "", "ldap": "rule_of", "ldap_extension": "177"})):
        shared.api("PATCH", f"/api/extensions/{shared.extension(x)['id']}", fields, expect=200)
    shared.post("/api/extensions", {"number": "120", "first_name": "Hidden", "ldap": "none"})
    shared.post("/api/extensions", {"number": "121", "first_name": "Off", "enabled": False})
    group = shared.post("/api/extension_groups", {"name": "secret"})
    for name, groups, number in (("Jörg", [], "0049 30 123"), ("Nobody's", [{"group_id": group["id"]}], "1")):
        one = shared.post("/api/phone_books", {"name": name, "groups": groups})
        shared.post("/api/contacts", {"phone_book_id": one["id"], "first_name": name, "last_name": "Zöller", "company": "Zo GmbH", "department": "IT",
                                      "number": number, "home": "0049 30 456", "email": "j@zo.example"})
    return b


def test_extensions_and_contacts_are_entries_with_their_attributes(book):
    """Each by its publishing rule; o and ou are organization and department; what is not published, and books of groups, are not there."""
    code, found = book.search("(telephoneNumber=*)")
    assert code == 0, book.said
    by = {e["cn"][0]: e for e in found}
    assert {n: e["telephoneNumber"] for n, e in by.items()} == {
        "Ann Archer": ["442070000901"], "Bob O'Brien_%": ["0800 1234"], "Cleo": ["442070000977"], "Jörg Zöller": ["0049 30 123"]}
    ann, joerg = by["Ann Archer"], by["Jörg Zöller"]
    assert ann["o"] == ["Acme Ltd"] and ann["ou"] == ["Sales"] and ann["sn"] == ["Archer"] and ann["givenName"] == ["Ann"] and ann["mobile"] == ["+44 7700-900123"]
    assert ann["objectClass"] == ["top", "person", "organizationalPerson", "inetOrgPerson"] and "mail" not in ann
    assert joerg["homePhone"] == ["0049 30 456"] and joerg["mail"] == ["j@zo.example"] and joerg["o"] == ["Zo GmbH"] and joerg["ou"] == ["IT"]
    assert ann["dn"] == [f"uid=extension-{book.server.extension('101')['id']},{BASE}"]
    assert by["Cleo"]["sn"] == ["Cleo"]


@pytest.mark.parametrize("filter, names", (
    ("(cn=a*)", ["Ann Archer"]), ("(CN=*ARCH*)", ["Ann Archer"]), ("(sn=*_%*)", ["Bob O'Brien_%"]), ("(sn=%)", []), ("(cn=*b*o*b*)", ["Bob O'Brien_%"]),
    ("(telephoneNumber=08001234)", ["Bob O'Brien_%"]), ("(mobile=+447700 900 123)", ["Ann Archer"]), ("(telephoneNumber=4420*)", ["Ann Archer", "Cleo"]),
    ("(&(sn=*)(!(ou=Sales))(homePhone=*))", ["Jörg Zöller"]), ("(|(cn=ann*)(givenName=cl*))", ["Ann Archer", "Cleo"]), ("(cn~=cleo)", ["Cleo"]),
    ("(objectClass=inetOrgPerson)", ["Ann Archer", "Bob O'Brien_%", "Cleo", "Jörg Zöller"]), ("(objectClass=printer)", []), ("(sn>=p)", ["Jörg Zöller"]),
    ("(sn<=b)", ["Ann Archer"]), ("(&)", ["Ann Archer", "Bob O'Brien_%", "Cleo", "Jörg Zöller"]), ("(|)", []), ("(2.5.4.3=cleo)", ["Cleo"]),
    ("(!(unheardOf=x))", []), ("(|(unheardOf=x)(cn=cleo))", ["Cleo"]), ("(cn:caseExactMatch:=Cleo)", []), ("(homePhone=*)", ["Jörg Zöller"]),
    ("(!(mail=*))", ["Ann Archer", "Bob O'Brien_%", "Cleo"]), ("(cn=jörg zöller)", ["Jörg Zöller"]), ("(cn=ann\\00)", [])))
def test_filters_find_whom_they_mean(book, filter, names):
    assert sorted(book.names(filter)) == names


def test_scopes_attributes_and_what_is_not_there(book):
    code, found = book.search("(objectClass=*)", "+", "1.1", scope="base")
    assert code == 0 and found == [{"dn": [BASE]}]
    assert book.search("(objectClass=*)", "o", scope="base")[1] == [{"dn": [BASE], "o": [book.server.get(f"/api/tenants/{book.server.get('/api/me')['tenant_id']}")["company"]]}]
    assert BASE not in [e["dn"][0] for e in book.search("(objectClass=*)", scope="one")[1]]
    assert book.search("(cn=cleo)", "surname", "TELEPHONENUMBER")[1][0].keys() == {"dn", "sn", "telephoneNumber"}
    assert book.search("(cn=cleo)", more=["-A"])[1][0]["cn"] == [""]
    dn = book.search("(cn=cleo)")[1][0]["dn"][0]
    assert book.names("(objectClass=*)", base=dn.upper(), scope="base") == ["Cleo"] and book.names(base=dn) == ["Cleo"]
    assert book.search(base=dn, scope="one") == (0, [])
    assert book.search("(cn=ann*)", base=dn, scope="base") == (0, [])
    for base in (f"uid=extension-999999,{BASE}", f"ou=people,{BASE}", "dc=example", "dc=other", f"uid=extension-{book.server.extension('120') and book.server.extension('120')['id']},{BASE}"):
        assert book.search(base=base, scope="base")[0] == 32, base
    assert book.search(base="nonsense")[0] == 34
    code, found = book.search(base="", scope="base", name=None)
    assert code == 0 and found[0]["supportedLDAPVersion"] == ["3"] and "namingContexts" not in found[0]
    assert book.search(base="", scope="base")[1][0]["namingContexts"] == [BASE]


def test_results_say_what_is_not_done(book):
    assert book.search(name=None)[0] == 50                  # nobody in particular
    for name, secret in ((NAME, "another word"), ("cn=admin," + BASE, SECRET), ("cn=phone,dc=other", SECRET), ("phone", SECRET)):
        assert book.search(name=name, secret=secret)[0] == 49
    assert book.search("(cn=*)", more=["-E", "!1.2.3.4"])[0] == 12      # a critical control that nobody knows
    assert book.search("(cn=cleo)", more=["-E", "1.2.3.4"])[0] == 0
    assert book.search("(!" * 30 + "(cn=x)" + ")" * 30)[0] == 11
    who = ["-x", "-H", f"ldap://{book.ip}:{PORT}", "-D", NAME, "-w", SECRET]
    for command, text, code in ((["ldapmodify"], f"dn: {BASE}\nchangetype: modify\nreplace: o\no: x\n", 53), (["ldapdelete", f"uid=extension-1,{BASE}"], "", 53),
                                (["ldapcompare", BASE, "o:x"], "", 53), (["ldapmodrdn", f"uid=a,{BASE}", "uid=b"], "", 53), (["ldapwhoami"], "", 1)):
        done = subprocess.run([command[0], *who, *command[1:]], input=text, capture_output=True, text=True, timeout=30)
        assert done.returncode == code, (command, done.stderr)
    assert "Protocol error (2)" in done.stderr
    done = subprocess.run(["ldapsearch", "-P", "2", *who, "-b", BASE], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2


def test_limits_and_pages(book):
    one = book.server.post("/api/phone_books", {"name": "large"})
    text = "phone_book_id,last_name,number\r\n" + "".join(f"{one['id']},Large{n},{n}\r\n" for n in range(1100))
    answer = book.server.api("POST", "/api/contacts/import", headers={"Content-Type": "text/csv"}, data=text.encode())
    assert answer.status_code == 200, answer.text
    try:
        code, found = book.search("(sn=large*)", more=["-z", "7"])
        assert code == 4 and len(found) == 7
        code, found = book.search("(sn=large*)")
        assert code == 4 and len(found) == 1000             # no more than that at once
        code, found = book.search("(sn=large*)", "cn", more=["-E", "pr=300/noprompt"])
        assert code == 0 and sorted(int(e["cn"][0][5:]) for e in found) == list(range(1100))
    finally:        # a book of a group is not there at all
        group = next(g["id"] for g in book.server.get("/api/extension_groups")["items"] if g["name"] == "secret")
        book.server.api("PATCH", f"/api/phone_books/{one['id']}", {"groups": [{"group_id": group}]}, expect=200)
    assert book.names("(sn=large*)") == []


def test_tls_from_the_first_byte_or_by_starttls_and_passwords_over_it_only(book):
    trust = {"LDAPTLS_CACERT": str(book.server.data / "tls" / "ca.pem"), "LDAPTLS_REQCERT": "demand"}
    book.serve()
    try:
        assert book.search()[0] == 13                       # in clear: not even looked at
        assert book.names("(cn=cleo)", more=["-ZZ"], env=trust) == ["Cleo"]
        assert book.names("(cn=cleo)", url=f"ldaps://{book.ip}:{TLS_PORT}", env=trust) == ["Cleo"]
        assert book.search(url=f"ldaps://{book.ip}:{TLS_PORT}")[0] != 0    # who believes nobody's root does not sign in
    finally:
        book.serve(plain_sign_in=True)


# ---- by hand ----

def ber(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def message(n, op):
    return ber(0x30, ber(2, bytes([n])), op)


def bind(n, name=NAME, secret=SECRET):
    return message(n, ber(0x60, ber(2, b"\x03"), ber(4, name.encode()), ber(0x80, secret.encode())))


def search(n, text="cleo"):
    return message(n, ber(0x63, ber(4, BASE.encode()), ber(10, b"\x02"), ber(10, b"\0"), ber(2, b"\0"), ber(2, b"\0"), ber(1, b"\0"),
                          ber(0xa3, ber(4, b"cn"), ber(4, text.encode())), ber(0x30)))


class Raw:
    def __init__(self, ip, port=PORT):
        self.sock = socket.create_connection((ip, port), 10)
        self.got = b""

    def ask(self, *parts):
        """The codes of as many results as were asked for."""
        self.sock.sendall(b"".join(parts))
        return [self.result() for _ in parts]

    def message(self):
        while len(self.got) < 2 or len(self.got) < self.size():
            piece = self.sock.recv(4096)
            if not piece:
                return None
            self.got += piece
        size = self.size()
        one, self.got = self.got[:size], self.got[size:]
        return one

    def size(self):
        more = self.got[1] & 0x7f if self.got[1] & 0x80 else 0
        return 2 + more + (int.from_bytes(self.got[2:2 + more], "big") if more else self.got[1])

    def result(self):
        while (one := self.message()) is not None:
            body = one[2 + (one[1] & 0x7f if one[1] & 0x80 else 0):]
            op = body[2 + body[1]:]
            if op[0] != 0x64:
                inside = op[2 + (op[1] & 0x7f if op[1] & 0x80 else 0):]
                return inside[2]
        return None


def test_several_at_once_are_answered_in_their_order_and_settings_count_at_once(book):
    raw = Raw(book.ip)
    assert raw.ask(bind(1), search(2), search(3), search(4, "x")) == [0, 0, 0, 0]
    for off, on in (({"ldap_password": "other words than before"}, {"ldap_password": SECRET}), ({"ldap": False}, {"ldap": True}), ({"ldap_base": "o=x"}, {"ldap_base": BASE})):
        assert raw.ask(bind(5), search(6)) == [0, 0]
        book.tenant(**off)
        assert raw.ask(search(7)) == [50]
        book.tenant(**on)
    assert raw.ask(bind(8), search(9)) == [0, 0]
    raw.sock.sendall(message(10, ber(0x42)))
    assert raw.message() is None
    other = Raw(book.ip)
    book.serve(plain_sign_in=True, port=0)
    assert other.message() is None                          # it is served no more: who was there is out
    with pytest.raises(OSError):
        Raw(book.ip)
    book.serve(plain_sign_in=True, port=2389)
    assert Raw(book.ip, 2389).ask(bind(1)) == [0]
    book.serve(plain_sign_in=True)
    one = book.server.get("/api/ldap_servers", who="admin")["items"][0]["id"]
    for n in range(20):                                     # another door at the same address: opened by the same change
        book.server.api("PATCH", f"/api/ldap_servers/{one}", {"plain_sign_in": n % 2 == 1}, who="admin", expect=200)
        assert Raw(book.ip).ask(bind(1)) == [0 if n % 2 else 13]


@pytest.mark.parametrize("bytes_", (b"GET / HTTP/1.0\r\n\r\n", ber(0x30, ber(2, b"\x01")), b"\x30\x84\x7f\xff\xff\xff", b"\x30\x80\0\0", message(1, ber(0x62, b""))))
def test_what_is_no_message_ends_the_connection_with_a_notice(book, bytes_):
    raw = Raw(book.ip)
    raw.sock.sendall(bytes_)
    notice = raw.message()
    assert b"1.3.6.1.4.1.1466.20036" in notice and raw.message() is None
    assert "Cleo" in book.names("(cn=cleo)")


def test_nothing_said_in_clear_counts_behind_starttls(book):
    raw = Raw(book.ip)
    raw.sock.sendall(message(1, ber(0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037"))) + bind(2))
    assert raw.result() == 0 and raw.message() is None


def test_who_guesses_waits(book):
    """As sign-in: five tries of a name from an address within a minute."""
    raw = Raw(book.ip)
    name = "cn=guesser," + BASE
    codes = [raw.ask(bind(1, name, f"guess {n}"))[0] for n in range(7)]
    assert codes == [49] * 5 + [51] * 2
    assert raw.ask(bind(1)) == [0]                          # nobody else suffers


def test_each_tenant_has_its_own_and_sees_no_other(book):
    other = {"name": "other", "domain": "other.example", "username": "boss", "password": "some secret words"}
    tenant = book.server.post("/api/tenants", other, who="admin")
    path, admin = f"/api/tenants/{tenant['id']}", {"who": "admin", "headers": {"X-Tenant": "other.example"}}

    def refused(body):
        answer = book.server.api("PATCH", path, body, **admin)
        assert answer.status_code in (409, 422), answer.text
        return [(e["field"], e["code"]) for e in answer.json()["errors"]]
    assert refused({"ldap": True}) == [("ldap_password", "required")]
    assert refused({"ldap_password": "short"}) == [("ldap_password", "too_short")]
    assert refused({"ldap_base": "no name"}) == [("ldap_base", "bad_dn")]
    assert refused({"ldap_base": "dc=ACME,dc=example"}) == [("ldap_base", "taken")]
    assert refused({"ldap_base": ",".join(f"dc={p}" for p in book.server.domain.split("."))}) == [("ldap_base", "taken")]
    done = book.server.api("PATCH", path, {"ldap": True, "ldap_password": "words of others"}, expect=200, **admin).json()
    assert done["ldap_base"] == "dc=other,dc=example" and "ldap_password" not in done
    book.server.post("/api/extensions", {"number": "101", "first_name": "Olga"}, **admin)
    theirs = {"base": "dc=other,dc=example", "name": "cn=phone,dc=other,dc=example", "secret": "words of others"}
    assert book.names("(cn=*)", **theirs) == ["Olga"]
    assert book.search("(cn=*)", **{**theirs, "base": BASE})[0] == 32
    assert book.search("(cn=*)", base="dc=other,dc=example")[0] == 32
    assert book.search("(cn=*)", **{**theirs, "secret": SECRET})[0] == 49
    assert book.search(base="dc=other,dc=example", name=None)[0] == 50
    book.server.api("PATCH", path, {"ldap_anonymous": True}, expect=200, **admin)
    assert book.names("(cn=*)", base="dc=other,dc=example", name=None) == ["Olga"]
    assert book.search("(cn=*)", name=None)[0] == 50        # the others' stays closed
    book.server.api("PATCH", path, {"enabled": False}, who="admin", expect=200)
    assert book.search("(cn=*)", **theirs)[0] == 49


def test_what_cannot_be_served_is_refused_or_told(book):
    one = book.server.get("/api/ldap_servers", who="admin")["items"][0]["id"]
    for body, error in (({"address": "here"}, ("address", "bad_address")), ({"tls_port": PORT}, ("tls_port", "taken")), ({"port": 0, "tls_port": 0}, ("port", "required"))):
        answer = book.server.api("PATCH", f"/api/ldap_servers/{one}", body, who="admin")
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [error]
    x = f"/api/extensions/{book.server.extension('101')['id']}"
    for body, error in (({"ldap": "number"}, ("ldap_number", "required")), ({"ldap": "rule_of"}, ("ldap_extension", "required")), ({"ldap_extension": "a"}, ("ldap_extension", "not_a_number"))):
        answer = book.server.api("PATCH", x, body)
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [error]
    with socket.create_server((new_address(), 1390)) as taken:
        address = taken.getsockname()[0]
        book.serve(plain_sign_in=True, address=address, port=1390, tls_port=0)
        book.server.logs(f"cannot serve LDAP on {address}:1390")
    wait.until(lambda: f"LDAP on {address}:1390" in book.server.tail(0).split("cannot serve LDAP on")[-1], 20, why="served when it can be")
    assert Raw(address, 1390).ask(bind(1)) == [0]
    book.serve(plain_sign_in=True)
