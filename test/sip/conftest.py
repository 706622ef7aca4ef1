# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices by hand."""
import pytest

from harness.addresses import Addresses
from harness.device import Device
from harness.rawcall import Gateway, Phone
from harness.rawsip import RawSip
from harness.rtp import Media
from harness.server import Server
from harness.wireshark import Capture


@pytest.fixture(scope="session", autouse=True)
def capture():
    """All that the peers of these tests hear; in the end another program must find nothing wrong with it."""
    c = RawSip.capture = Capture()
    yield c
    RawSip.capture = None
    faults = c.faults()
    assert not faults, "\n".join(f"{f}\n{c.message(f[0])}" for f in faults[:5])
    c.close()


@pytest.fixture
def devices(server, addresses):
    """A maker of devices: devices("101")."""
    made = []

    def make(user, **more):
        made.append(Device(addresses.new(), server, str(user), **more))
        return made[-1]
    yield make
    for d in made:
        d.close()


@pytest.fixture
def phone(server, addresses):
    """A maker of telephones by hand: phone(101)."""
    made = []

    def make(extension, **more):
        made.append(Phone(addresses.new(), server, extension, **more))
        return made[-1]
    yield make
    for p in made:
        p.close()


@pytest.fixture
def gateway(server, addresses):
    """A maker of trunks known by their address: 9… leaves over it, 442070000101 on it is 101.  first(gateway): before it is set up."""
    made = []

    def make(first=None, **fields):
        g = Gateway(addresses.new(), server)
        made.append(g)
        if first:
            first(g)
        trunk = server.post("/api/trunks", {"name": "Exit", "host": g.host, **fields}, who="admin")["id"]
        server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "4420700001**", "caller_id": "442070000101"}, who="admin",
                    headers={"X-Tenant": server.domain})
        server.post("/api/outbound_rules", {"name": "world", "prefixes": "9", "routes": [{"trunk_id": trunk}]})
        server.post("/api/inbound_rules", {"name": "in", "trunk_id": trunk, "did": "442070000101",
                                           "destination": {"kind": "extension", "id": server.extension("101")["id"]}})
        return g
    yield make
    for g in made:
        g.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server for the tests of a file, each of which leaves nothing behind."""
    s = Server(tmp_path_factory.mktemp("shared"), Addresses().new()).start()
    yield s
    s.stop()


@pytest.fixture
def a(shared, addresses):
    """A telephone by hand of extension 101; b: of 102."""
    p = Phone(addresses.new(), shared, 101)
    yield p
    p.leave()


@pytest.fixture
def b(shared, addresses):
    p = Phone(addresses.new(), shared, 102)
    yield p
    p.leave()


@pytest.fixture
def pair(phone):
    """Two telephones by hand, 101 and 102, each with sockets for its sound (`media`) and its reports (`rtcp`)."""
    both = phone(101), phone(102)
    for p in both:
        p.media, p.rtcp = Media(p.host, 4000), Media(p.host, 4001)
    yield both
    for p in both:
        p.media.close()
        p.rtcp.close()


@pytest.fixture
def friends(devices):
    """Two devices, 101 and 102, that are registered."""
    both = devices("101"), devices("102")
    for d in both:
        d.register()
    return both


@pytest.fixture
def stranger(shared, addresses):
    """Somebody who is nobody's device.  Afterwards the server still answers."""
    p = RawSip(addresses.new(), shared.ip, domain=shared.domain)
    yield p
    assert p.alive()
    p.close()
