# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices by hand."""
import pytest

from harness.device import Device


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
