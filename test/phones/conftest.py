# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers."""
import pytest

from harness.browser import Browser, missing


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    why_not = missing()
    assert not why_not, f"{why_not}: run script/install-missing build test"
    b = Browser(tmp_path_factory.mktemp("browser"))
    yield b
    b.stop()


@pytest.fixture
def web(browser, server):
    """A maker of registered web phones."""
    made = []

    def make(extension, **options):
        phone = browser.phone(server, extension, **options)
        made.append(phone)
        phone.wait_for("registered")
        return phone
    yield make
    for phone in made:
        phone.close()
