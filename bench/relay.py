# SPDX-License-Identifier: GPL-3.0-or-later
def bench_relay(rounds, directory, figure):
    raise RuntimeError("placeholder")
