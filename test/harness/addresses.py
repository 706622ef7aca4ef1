# SPDX-License-Identifier: GPL-3.0-or-later
"""Fresh loopback addresses, so tests never meet."""
import itertools
import os

PART = int(os.environ.get("OFFHOOK_TEST_PART", "0"))  # of those that run at the same time

_blocks = itertools.count(1)
_numbers = itertools.count(1)


class Addresses:
    """The addresses of one test: 127.64-93.x.y, of the second part 127.94-123.x.y, and so on to four parts."""

    def __init__(self):
        block = next(_blocks)
        self._base = (64 + 30 * PART + (block >> 8) % 30, block & 255)
        self._next = 0

    def new(self):
        self._next += 1
        assert self._next < 255
        return f"127.{self._base[0]}.{self._base[1]}.{self._next}"


def new_address():
    """One address for a server that several tests share: 127.30.x.y, of the second part 127.31.x.y, and so on."""
    n = next(_numbers)
    return f"127.{30 + PART}.{n // 250}.{n % 250 + 1}"
