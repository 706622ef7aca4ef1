# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears whom: Chromium with JsSIP and with SIP.js, linphone and baresip call each other in every pairing of plain RTP, keys in the description
(SDES) and a hand-shake (DTLS); each pair is heard both ways.  That the oracles can tell silence: test_srtp.py, test_webrtc.py."""
import itertools

import pytest

from harness import tones, wait

TALK_S = 3.0
SETTINGS = {"plain": {}, "sdes": {"srtp": "required"}, "dtls": {"srtp_keys": "dtls"}}  # of an account that is called


class Baresip:
    OPTIONS = {"plain": {}, "sdes": {"extra": ";mediaenc=srtp-mand", "modules": ["srtp"]},
               "dtls": {"extra": ";mediaenc=dtls_srtp", "modules": ["dtls_srtp"]}}
    SAYS = {"sdes": b"SRTP is Enabled", "dtls": b"DTLS-SRTP complete"}

    def __init__(self, make, server, extension, how, hz):
        self.phone, self.how = make("phones")(extension, server, tone_hz=hz, **self.OPTIONS[how]).registered(), how
        self.dial, self.hangup = self.phone.dial, self.phone.hangup

    def answer(self):
        self.phone.rings()
        self.phone.answer()

    def is_up(self):
        self.phone.wait_for("CALL_ESTABLISHED", 15)
        wait.until(lambda: self.protected() == [self.how] * (self.how != "plain"), 15, why=lambda: f"keys by {self.how}: {self.protected()}")

    def protected(self):
        log = (self.phone.dir / "log").read_bytes()
        return [kind for kind, text in self.SAYS.items() if text in log]

    def hears_now(self, hz):
        """What it hears is recorded."""

    def has_heard(self, hz):
        assert self.phone.heard(hz, skip_s=0.8, cut_s=0.6) >= 0.9, tones.pattern(self.phone.recordings()[-1], hz)
        assert self.protected() == [self.how] * (self.how != "plain")


class Linphone:
    OPTIONS = {"plain": {}, "sdes": {"media_encryption": "srtp"}, "dtls": {"media_encryption": "dtls"}}

    def __init__(self, make, server, extension, how, hz):
        self.phone = make("linphones")(extension, server, tone_hz=hz, **self.OPTIONS[how]).registered()
        self.dial, self.answer, self.hangup = self.phone.dial, self.phone.answer, self.phone.hangup

    def is_up(self):
        self.phone.wait_for("connected")

    def hears_now(self, hz):
        """What it hears is recorded."""

    def has_heard(self, hz):
        self.phone.stop()
        assert self.phone.heard(hz, skip_s=1.5, cut_s=1.0) >= 0.8, tones.pattern(self.phone.heard_path, hz)


class Chromium:
    LIBRARY = "jssip"

    def __init__(self, make, server, extension, how, hz):
        assert how == "dtls"
        self.phone, self.hz = make("web")(extension, library=self.LIBRARY), hz
        self.hangup = self.phone.hangup

    def dial(self, uri):
        self.phone.call({"target": uri, "hz": self.hz})

    def answer(self):
        self.phone.wait_for("session", originator="remote")
        self.phone.answer({"hz": self.hz})

    def is_up(self):
        self.phone.wait_for("confirmed")

    def hears_now(self, hz):
        self.phone.hears(hz)

    def has_heard(self, hz):
        """It was asked while they talked."""


class SipJs(Chromium):
    LIBRARY = "sipjs"


DEVICES = [(Chromium, "dtls"), (SipJs, "dtls")] + [(kind, how) for kind in (Linphone, Baresip) for how in SETTINGS]
PAIRS = [(a, b) for a, b in itertools.product(DEVICES, DEVICES) if a[0] is not b[0] or (a[0] is Baresip)]


def name(device):
    return f"{device[0].__name__.lower()}-{device[1]}"


@pytest.mark.parametrize("caller, callee", PAIRS, ids=lambda d: name(d))
def test_each_hears_the_other(server, request, caller, callee):
    account = next(a for a in server.get("/api/accounts")["items"] if a["username"] == "102")
    server.api("PATCH", f"/api/accounts/{account['id']}", SETTINGS[callee[1]], expect=200)
    make = request.getfixturevalue
    b = callee[0](make, server, 102, callee[1], 1000)
    a = caller[0](make, server, 101, caller[1], 440)
    a.dial(f"sip:102@{server.domain}")
    b.answer()
    for phone in a, b:
        phone.is_up()
    a.hears_now(1000)
    b.hears_now(440)
    wait.talk(TALK_S)
    a.hangup()
    server.cdrs()
    a.has_heard(1000)
    b.has_heard(440)
