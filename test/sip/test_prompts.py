# SPDX-License-Identifier: GPL-3.0-or-later
"""The speaking clock (*40): what is said is what the prompts of the language say, and a key ends it."""
import numpy
import pytest

from harness.rawcall import Phone
from harness.talker import Talker, pass_time, press_key
from harness.tones import read_wav

SOUNDS = "/usr/share/asterisk/sounds"


@pytest.fixture
def caller(server, addresses):
    t = Talker(Phone(addresses.new(), server, 101))
    yield t
    t.media.close()
    t.phone.close()


def likeness(heard, name, language="en"):
    """How much of what was heard is this prompt, at best over all moments: 1 when it is just that."""
    prompt, rate = read_wav(f"{SOUNDS}/{language}/{name}.wav")
    assert rate == 8000
    n = len(prompt)
    if len(heard) < n:
        return 0.0
    size = len(heard) + n
    scores = numpy.fft.irfft(numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(prompt, size)), size)[:len(heard) - n + 1]
    energy = numpy.cumsum(numpy.concatenate([[0], heard ** 2]))
    power = numpy.sqrt(numpy.maximum(energy[n:] - energy[:-n], 1.0) * numpy.sum(prompt ** 2))
    return float(numpy.max(scores / power))


def heard_of(t):
    return numpy.concatenate(t.heard)


def test_a_number_is_said_word_for_word(server, caller):
    caller.calls("*40")
    pass_time(caller, frames=20)
    for key in "21":
        press_key(caller, key)
    caller.heard.clear()
    press_key(caller, "#")
    pass_time(caller, frames=130)
    heard = heard_of(caller)
    assert likeness(heard, "digits/20") > 0.9 and likeness(heard, "digits/1") > 0.9
    assert likeness(heard, "digits/7") < 0.6, "control: what was not said"
    caller.phone.say("BYE")
    caller.phone.expect(200)


def test_a_key_ends_what_is_said(server, caller):
    caller.calls("*40")
    pass_time(caller, frames=40)
    assert abs(heard_of(caller)).max() > 1000
    press_key(caller, "5")
    pass_time(caller, frames=10)
    caller.heard.clear()
    pass_time(caller, frames=40)
    assert not caller.heard or abs(heard_of(caller)).max() < 100
    caller.phone.say("BYE")
    caller.phone.expect(200)


def test_prompts_that_are_missing_are_named_and_end_the_call(server, caller):
    """Debian has none in German."""
    (tenant,) = [t for t in server.get("/api/tenants", who="admin")["items"] if t["domain"] == server.domain]
    server.api("PATCH", f"/api/tenants/{tenant['id']}", {"prompt_language": "de"}, who="admin", expect=200)
    caller.calls("*40")
    bye = caller.phone.expect("BYE")
    caller.phone.reply(bye, 200)
    server.logs(f"{SOUNDS}/de/digits/")


def test_a_number_that_may_not_be_called_is_refused_in_words(server, caller, addresses):
    trunk = server.post("/api/trunks", {"name": "far", "host": addresses.new()}, who="admin")["id"]
    server.post("/api/did_pools", {"trunk_id": trunk, "numbers": "442070000***"}, who="admin", headers={"X-Tenant": server.domain})
    server.post("/api/outbound_rules", {"name": "all", "prefixes": "00", "routes": [{"trunk_id": trunk}]})
    server.post("/api/disallowed_codes", {"code": "33"})
    caller.phone.invite("0033123456", body=caller.sdp())
    caller.meets(caller.phone.expect(183).body)
    caller.say()
    caller.phone.refused(403, timeout=30)
    caller.listen()
    assert likeness(heard_of(caller), "cannot-complete-as-dialed") > 0.8
    (cdr,) = server.cdrs()
    assert (cdr["reason"], cdr["answered_at"]) == ("forbidden", None)
    caller.phone.invite("0033123456", body="")      # who offers no media is refused at once
    caller.phone.refused(403)
