# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all outside tests.  Each test gets loopback addresses of its own, so tests never meet."""
import ctypes
import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.addresses import Addresses  # noqa: E402
from harness.asterisk import Asterisk    # noqa: E402
from harness.baresip import Baresip  # noqa: E402
from harness.linphone import Linphone  # noqa: E402
from harness.server import Server    # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What a passed test wrote is removed (a journal alone is 64 MiB); a failed one's stays, to be looked at."""
    outcome = yield
    item.offhook_failed = getattr(item, "offhook_failed", False) or outcome.get_result().failed
    if call.when == "teardown" and not item.offhook_failed and "tmp_path" in (item.funcargs or {}):
        shutil.rmtree(item.funcargs["tmp_path"], ignore_errors=True)


CLONE_NEWNET = 0x40000000


@pytest.fixture
def own_network():
    """A network namespace for this test alone: what it tells the kernel is gone afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
        assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def addresses():
    return Addresses()


@pytest.fixture
def server(tmp_path, addresses):
    """A demo server with sanitizers; a sanitizer's report or an unclean stop fails the test."""
    s = Server(tmp_path / "server", addresses.new()).start()
    yield s
    s.stop()


@pytest.fixture
def asterisk(tmp_path, addresses):
    """A maker of Asterisks, each with an address of its own: asterisk(harness.asterisk.at(server.ip))."""
    made = []

    def make(pjsip, authority=None):
        directory = tmp_path / f"asterisk-{len(made)}"
        directory.mkdir()
        made.append(Asterisk(directory, addresses.new(), pjsip))
        if authority:
            made[-1].serve_tls(authority)
        return made[-1].start()
    yield make
    for one in made:
        one.remove()


def reached(server, ip, options):
    """Where a phone of that transport and address finds the server (through: by way of that), and whom it must believe."""
    host, way = "[::1]" if ":" in ip else server.ip, options.pop("through", None)
    if options.get("transport") != "tls":
        return {"server": way or f"{host}:{server.sip_port}"}
    return {"server": way or f"{host}:{server.demo['sip']['tls_port']}", "ca": server.demo["sip"]["ca"]}


@pytest.fixture
def phones(tmp_path, addresses, request):
    """A maker of baresip phones: phones("101", server, tone_hz=440)."""
    made = []

    def make(extension, server, **options):
        ip = options.pop("ip", None) or addresses.new()
        phone = Baresip(tmp_path / f"phone-{extension}-{len(made)}", ip, user=str(extension),
                        password=options.pop("password", None) or server.password(extension),
                        domain=options.pop("domain", server.domain), **reached(server, ip, options), **options)
        made.append(phone)
        return phone
    yield make
    for phone in made:
        phone.stop()


@pytest.fixture
def linphones(tmp_path, addresses):
    """A maker of linphone phones: linphones("101", server, tone_hz=440)."""
    made = []

    def make(extension, server, **options):
        ip = options.pop("ip", None) or addresses.new()
        phone = Linphone(tmp_path / f"linphone-{extension}", ip, user=str(extension),
                         password=server.password(extension), domain=server.domain, **reached(server, ip, options), **options)
        made.append(phone)
        return phone
    yield make
    for phone in made:
        phone.stop()
