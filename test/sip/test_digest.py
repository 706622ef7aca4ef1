# SPDX-License-Identifier: GPL-3.0-or-later
"""Digest as devices in use do it (RFC 2617, 7616, 8760): without qop, over the body, with another form of the name, and again."""
import re

import pytest

from harness.rawsip import RawSip


@pytest.fixture
def peer(shared, addresses):
    p = RawSip(addresses.new(), shared.ip, domain=shared.domain)
    yield p
    p.close()


class Registering:
    """A device that is asked once and answers as it likes."""

    def __init__(self, peer, server, user="101"):
        self.peer, self.user, self.password, self.cseq = peer, user, server.password(user), 1
        self.uri, self.aor = f"sip:{peer.domain}", f"sip:{user}@{peer.domain}"
        self.challenge = self.send([])
        assert self.challenge.status == 401

    def send(self, lines, body="", expires=60):
        self.cseq += 1
        self.peer.send(self.peer.request("REGISTER", self.uri, user=self.user, to=self.aor, cseq=self.cseq, body=body,
                                         headers=[f"Expires: {expires}", *lines]))
        return self.peer.final(cseq=self.cseq)

    def line(self, **more):
        return self.peer.authorization(self.challenge, "REGISTER", self.uri, self.user, self.password, **more)


@pytest.fixture
def device(peer, shared):
    one = Registering(peer, shared)
    yield one
    peer.transact("REGISTER", one.user, one.password, one.uri, to=one.aor, headers=["Contact: *", "Expires: 0"], contact=False, cseq=900)


def test_an_old_device_that_knows_no_qop_answers_once(device):
    text = device.challenge.text
    device.challenge.headers = [(k, re.sub(r',?\s*qop="[^"]*"', "", v)) for k, v in device.challenge.headers]
    assert "qop" in text
    line = device.line()
    assert "qop" not in line
    assert device.send([line]).status == 200
    again = device.send([line])
    assert again.status == 401 and "stale=true" in again.get("WWW-Authenticate")


def test_counts_go_up_and_never_back(device):
    for nc, status in ((1, 200), (2, 200), (5, 200), (4, 401), (5, 401), (6, 200)):
        m = device.send([device.line(nc=nc)])
        assert m.status == status, (nc, m.text)
        if status == 401:
            assert "stale=true" in m.get("WWW-Authenticate")


def test_the_name_may_have_its_domain(device, peer):
    """With @domain in username it is the same account."""
    assert device.send([device.line(username=f"101@{peer.domain}")]).status == 200


@pytest.mark.parametrize("change", [
    (r'uri="[^"]*"', 'uri="sip:elsewhere.test"'), (r'username="101"', 'username="102"'), (r'realm="[^"]*"', 'realm="elsewhere.test"'),
    (r'nonce="', 'nonce="x'), (r"nc=00000001", "nc=00000002"), (r'cnonce="', 'cnonce="x'), (r"algorithm=MD5", "algorithm=SHA-256"),
])
def test_an_answer_that_is_changed_on_the_way_is_none(device, change):
    line = re.sub(*change, device.line())
    assert line != device.line()
    assert device.send([line]).status in (400, 401, 403)


def test_answers_for_other_realms_beside_it_do_not_count(device):
    other = 'Authorization: Digest username="x", realm="proxy.example", nonce="n", uri="sip:x", response="00"'
    assert device.send([other, device.line()]).status == 200


def test_an_older_number_of_the_same_call_changes_nothing(peer, shared):
    """RFC 3261 10.3 step 7."""
    user, uri, aor = "103", f"sip:{peer.domain}", f"sip:103@{peer.domain}"

    def register(cseq, expires):
        return peer.transact("REGISTER", user, shared.password(user), uri, to=aor, call_id="order", from_tag="o", cseq=cseq,
                             headers=[f"Expires: {expires}"])
    assert register(20, 600).status == 200
    assert register(10, 0).status in (400, 500)
    listed = peer.transact("REGISTER", user, shared.password(user), uri, to=aor, contact=False, cseq=40)
    assert listed.status == 200 and listed.get("Contact")
    assert register(50, 0).status == 200


def test_a_contacts_own_expiry_counts_more_than_the_header(peer, shared):
    user, uri, aor = "103", f"sip:{peer.domain}", f"sip:103@{peer.domain}"
    m = peer.transact("REGISTER", user, shared.password(user), uri, to=aor, contact=False,
                      headers=[f"Contact: <sip:a@{peer.host}>;expires=120", f"Contact: <sip:b@{peer.host}>", "Expires: 600"])
    left = {re.search(r"sip:(\w)", c).group(1): int(re.search(r"expires=(\d+)", c).group(1)) for v in m.all("Contact") for c in v.split(", ")}
    assert left["a"] <= 120 < left["b"] <= 600
    assert peer.transact("REGISTER", user, shared.password(user), uri, to=aor, contact=False, cseq=20,
                         headers=["Contact: *", "Expires: 0"]).status == 200
