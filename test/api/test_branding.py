# SPDX-License-Identifier: GPL-3.0-or-later
"""TEN-4: name, company and logo that are shown where people sign in, before they have."""
import base64
import struct
import zlib

import pytest

from test_people import errors


def png(width=4, height=2, pad=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x10\x60\xa0" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) \
        + (chunk(b"tEXt", b"x" * pad) if pad else b"") + chunk(b"IEND", b"")


def coded(raw):
    return base64.b64encode(raw).decode()


def brand(anybody, name=None):
    return anybody.get("/api/branding", **({"tenantname": name} if name is not None else {}))


@pytest.fixture
def no_branding_of_the_system(server):
    for row in server.root.get("/api/brandings")["items"]:
        server.root.delete(f"/api/brandings/{row['id']}")


def test_a_tenants_brand_is_shown_before_sign_in(tenant, anybody, no_branding_of_the_system):
    name, picture = tenant.row["name"], png()
    tenant.client.patch(f"/api/tenants/{tenant.id}", {"company": "Test & Sons"})
    nothing = {"brand_name": "Offhook", "company": "", "has_logo": False}
    assert brand(anybody, name) == brand(anybody, "nobody") == brand(anybody) == nothing
    row = tenant.client.post("/api/brandings", {"brand_name": "TestTalk", "logo": coded(picture)})
    assert row["logo_type"] == "image/png"
    assert brand(anybody, name) == {"brand_name": "TestTalk", "company": "Test & Sons", "has_logo": True}
    logo = anybody.ask("GET", f"/api/branding/logo?tenantname={name}")
    assert logo.status == 200 and logo.body == picture and logo.headers["Content-Type"] == "image/png"
    assert logo.headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in logo.headers["Content-Security-Policy"]
    assert logo.headers["Content-Disposition"] == "inline"
    tenant.client.patch(f"/api/brandings/{row['id']}", {"company": "Another", "logo": ""})
    assert brand(anybody, name) == {"brand_name": "TestTalk", "company": "Another", "has_logo": False}
    assert tenant.client.get(f"/api/brandings/{row['id']}")["logo_type"] == ""
    assert brand(anybody, name.upper()) == nothing       # names are case-sensitive
    tenant.admin.patch(f"/api/tenants/{tenant.id}", {"enabled": False})
    assert brand(anybody, name) == nothing


def test_nobody_learns_which_tenants_there_are(tenant, anybody, no_branding_of_the_system):
    """One that has chosen nothing, one that there is not, and one of no name look alike, headers too."""
    def whole(path):
        answer = anybody.ask("GET", path)
        return answer.status, answer.body, sorted(h for h in answer.headers if h not in ("Date", "X-Request-Id"))
    for path in ("/api/branding", "/api/branding/logo"):
        assert len({str(whole(f"{path}?tenantname={n}")) for n in (tenant.row["name"], "nobody", "", "%C3%A9", "x" * 300)}) == 1, path
    assert anybody.ask("GET", "/api/branding/logo?tenantname=nobody").status == 404
    assert anybody.ask("GET", "/api/branding?tenant=x").status == 400


def test_the_systems_brand_stands_where_a_tenant_has_none(server, tenant, anybody, no_branding_of_the_system):
    row = server.root.post("/api/brandings", {"brand_name": "Hosted", "company": "Host Ltd", "logo": coded(png(8, 8))})
    try:
        assert brand(anybody, tenant.row["name"]) == brand(anybody) == {"brand_name": "Hosted", "company": "Host Ltd", "has_logo": True}
        tenant.client.post("/api/brandings", {"company": "Mine"})
        assert brand(anybody, tenant.row["name"]) == {"brand_name": "Hosted", "company": "Mine", "has_logo": False}
        assert tenant.client.ask("POST", "/api/brandings", {"company": "Twice"}).status == 422
    finally:
        server.root.delete(f"/api/brandings/{row['id']}")


@pytest.mark.parametrize("raw,code", [(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "bad_picture"), (b"<html>", "bad_picture"),
                                      (png()[:20], "bad_picture"), (png(pad=65536 - 80), "too_long"), (png(2049, 1), "too_large"), (png(1, 2049), "too_large")])
def test_what_is_no_small_picture_is_refused_by_name(tenant, raw, code):
    answer = tenant.client.ask("POST", "/api/brandings", {"logo": coded(raw)})
    assert answer.status == 422 and errors(answer)[0] == ("logo", code), answer


def test_a_logo_is_base64_and_has_a_limit(tenant):
    for text, code in (("no base64!", "bad_base64"), ("A" * 87385, "too_long")):
        assert errors(tenant.client.ask("POST", "/api/brandings", {"logo": text})) == [("logo", code)]
    largest = png(pad=65536 - len(png()) - 12)
    assert len(largest) == 65536 and tenant.client.post("/api/brandings", {"logo": coded(largest)})["logo_type"] == "image/png"
