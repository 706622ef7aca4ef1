# SPDX-License-Identifier: GPL-3.0-or-later
"""Call rates as CSV (BIL-2): the whole file or nothing of it, and what stands in the way is named by line."""
import pytest

HEAD = "prefix,direction,connect_fee,price_1,price_n,interval_1_seconds,interval_n_seconds,surcharge\n"
ONE = "44,outbound,100000,600000,60000,60,6,10000\n"


@pytest.fixture
def load(tenant):
    def load(text):
        return tenant.client.ask("POST", "/api/call_rates/import", raw=(HEAD + text).encode(), headers={"Content-Type": "text/csv"})
    return load


def prefixes(tenant):
    return sorted((r["prefix"], r["direction"]) for r in tenant.client.get("/api/call_rates")["items"])


def test_what_was_exported_is_imported_again(tenant, load):
    assert load(ONE + ONE.replace("outbound", "inbound") + ONE.replace("44", "33")).status == 200
    assert prefixes(tenant) == [("33", "outbound"), ("44", "inbound"), ("44", "outbound")]      # one for each direction
    text = tenant.client.ask("GET", "/api/call_rates/export").body
    for r in tenant.client.get("/api/call_rates")["items"]:
        tenant.client.delete(f"/api/call_rates/{r['id']}")
    answer = tenant.client.ask("POST", "/api/call_rates/import", raw=text, headers={"Content-Type": "text/csv"})
    assert answer.status == 200, answer
    assert prefixes(tenant) == [("33", "outbound"), ("44", "inbound"), ("44", "outbound")]


@pytest.mark.parametrize("text, line", [
    (ONE + "33,outbound,0,0,0,60,60,0\n" + ONE, 4),                      # twice in the file
    (ONE + ONE.replace("44", "0044"), 3),                                  # the same number, written otherwise
    ("7,outbound,0,0,0,60,60,0\n1,outbound,0,0,0,60,60,0\n", 3),          # 1 is there already
    (ONE + "33,sideways,0,0,0,60,60,0\n", 3), (ONE + "33,outbound,-1,0,0,60,60,0\n", 3), (ONE + "x,outbound,0,0,0,60,60,0\n", 3)])
def test_one_bad_line_and_nothing_is_there(tenant, load, text, line):
    tenant.client.post("/api/call_rates", {"prefix": "1"})
    answer = load(text)
    assert answer.status in (409, 422), answer
    assert any(e["field"].startswith(f"line[{line}]") for e in answer.json()["errors"]), answer.json()
    assert prefixes(tenant) == [("1", "outbound")]
