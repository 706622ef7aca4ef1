# SPDX-License-Identifier: GPL-3.0-or-later
"""A home of its own for a program that would keep things in its user's, or, as libpulse does, a folder in /tmp for each."""
import os


def environment(directory, **more):
    return dict(os.environ, HOME=str(directory), PULSE_RUNTIME_PATH=str(directory / "pulse"), **more)
