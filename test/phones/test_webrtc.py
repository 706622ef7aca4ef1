# SPDX-License-Identifier: GPL-3.0-or-later
"""Media between a browser and SIP phones: DTLS-SRTP, ICE and rtcp-mux on its side, plain RTP on theirs; who hears whom, by
tones and by getStats."""
import pytest

from harness import wait
from harness.rawcall import Phone
from harness.talker import Talker, pass_time

TALK_S = 3.0
HEARD = 0.9
EDGE = {"skip_s": 0.8, "cut_s": 0.6}


def received(phone):
    return (phone.stat("inbound-rtp", kind="audio") or {}).get("packetsReceived", 0)


def test_a_browser_calls_a_phone_and_both_hear(server, web, phones):
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101)
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440})
    desk.rings()
    desk.answer()
    chrome.wait_for("confirmed")
    chrome.hears(1000)
    transport = chrome.stat("transport")
    assert transport["dtlsState"] == "connected" and transport["srtpCipher"]
    assert chrome.stat("inbound-rtp", kind="audio")["packetsLost"] == 0
    wait.until(lambda: received(chrome) > 100)
    chrome.hangup()
    desk.wait_for("CALL_CLOSED")
    assert desk.heard(440, **EDGE) >= HEARD
    assert desk.heard(1000) == 0


def test_a_phone_calls_a_browser_and_both_hear(server, web, phones):
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101, secure=True)
    desk.dial(f"sip:101@{server.domain}")
    chrome.wait_for("session", originator="remote")
    chrome.answer({"hz": 440})
    desk.wait_for("CALL_ESTABLISHED")
    chrome.hears(1000)
    wait.talk(TALK_S)
    desk.hangup()
    chrome.wait_for("ended")
    assert desk.heard(440, **EDGE) >= HEARD


@pytest.mark.parametrize("who", ["browser", "phone"])
def test_who_is_muted_is_not_heard(server, web, phones, who):
    """Negative control: the oracles above tell silence from a tone, in each direction by itself."""
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101)
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440})
    desk.rings()
    desk.answer()
    chrome.wait_for("confirmed")
    desk.wait_for("CALL_ESTABLISHED")
    if who == "browser":
        chrome.mute()
        chrome.hears(1000)
    else:
        desk.command("mute")
        wait.until(lambda: len(chrome.heard) >= 30, 10, every=0.2)
        assert chrome.share_heard(1000) == 0
    wait.talk(TALK_S)
    chrome.hangup()
    desk.wait_for("CALL_CLOSED")
    if who == "browser":
        assert desk.heard(440, skip_s=1.0) < 0.1
    else:
        assert desk.heard(440, **EDGE) >= HEARD


def test_hold_and_a_new_start_of_ice_leave_the_call_heard(server, web, phones):
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101)
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440})
    desk.rings()
    desk.answer()
    chrome.wait_for("confirmed")
    chrome.hears(1000)
    chrome.hold()
    wait.until(lambda: chrome.share_heard(1000, 5) == 0, 10, every=0.2, why="a held browser hears nothing")
    chrome.unhold()
    chrome.hears(1000)
    chrome.renegotiate({"rtcOfferConstraints": {"iceRestart": True}})
    chrome.hears(1000, last=30)
    before = received(chrome)
    wait.until(lambda: received(chrome) > before + 50, why="packets come after the new start")
    chrome.hangup()
    desk.wait_for("CALL_CLOSED")


def test_two_browsers_hear_each_other(server, web):
    a, b = web(101), web(102, secure=True)
    a.call({"target": f"sip:102@{server.domain}", "hz": 440})
    b.wait_for("session", originator="remote")
    b.answer({"hz": 1000})
    a.wait_for("confirmed")
    a.hears(1000)
    b.hears(440)
    assert a.stat("transport")["dtlsState"] == b.stat("transport")["dtlsState"] == "connected"
    a.hangup()
    b.wait_for("ended")


def test_echo_speaks_to_a_browser(server, web):
    a = web(101)
    a.call({"target": f"sip:*43@{server.domain}", "hz": 700})
    a.wait_for("confirmed")
    a.hears(700)
    a.hangup()
    a.wait_for("ended")


def decoded(phone):
    return (phone.stat("inbound-rtp", kind="video") or {}).get("framesDecoded", 0)


@pytest.mark.parametrize("policy", ["balanced", "max-bundle"])
def test_two_browsers_see_and_hear_each_other(server, web, policy):
    a, b = web(101), web(102, secure=True)
    pc = {"bundlePolicy": policy}
    a.call({"target": f"sip:102@{server.domain}", "hz": 440, "video": True, "pc": pc})
    b.wait_for("session", originator="remote")
    b.answer({"hz": 1000, "video": True, "pc": pc})
    a.wait_for("confirmed")
    a.hears(1000)
    b.hears(440)
    for phone in a, b:
        wait.until(lambda: decoded(phone) > 30, 20, every=0.2, why=f"{phone.name} sees")
        transports = [s for s in phone.stats() if s["type"] == "transport"]
        assert [t["dtlsState"] for t in transports] == ["connected"], "one transport for both"
    a.hangup()
    b.wait_for("ended")


def test_a_browser_that_is_transferred_sees_and_hears_whom_it_comes_to(server, web):
    """What it is told of the sources of pictures is of the new one; what comes first there is a key frame."""
    a, b, c = web(101), web(102), web(103)
    a.call({"target": f"sip:102@{server.domain}", "hz": 440, "video": True})
    b.wait_for("session", originator="remote")
    b.answer({"hz": 1000, "video": True})
    a.wait_for("confirmed")
    wait.until(lambda: decoded(a) > 20 and decoded(b) > 20, 30, every=0.2)
    b.refer(f"sip:103@{server.domain}")
    c.wait_for("session", originator="remote")
    c.answer({"hz": 1300, "video": True})
    c.wait_for("confirmed")
    a.hears(1300, timeout=30)
    c.hears(440, timeout=30)
    for phone in a, c:
        before = decoded(phone)
        wait.until(lambda: decoded(phone) > before + 30, 30, every=0.2, why=f"{phone.name} sees")
    a.hangup()
    c.wait_for("ended")


def test_a_lost_picture_is_asked_for_again(server, web):
    """PLI and NACK pass through us, in a bundle: a picture that has not been seen before begins with a key frame."""
    a, b = web(101), web(102)
    a.call({"target": f"sip:102@{server.domain}", "hz": 440, "video": True})
    b.wait_for("session", originator="remote")
    b.answer({"hz": 1000, "video": True})
    a.wait_for("confirmed")
    wait.until(lambda: decoded(a) > 20 and decoded(b) > 20, 20, every=0.2)
    asked = lambda phone: phone.stat("outbound-rtp", kind="video")  # noqa: E731
    before = asked(a)
    b.ask_for_a_key_frame()
    wait.until(lambda: asked(a)["pliCount"] + asked(a).get("firCount", 0) > before["pliCount"] + before.get("firCount", 0), 15, every=0.2,
               why="the request for a key frame reached who sends")
    wait.until(lambda: asked(a)["keyFramesEncoded"] > before["keyFramesEncoded"], 10, every=0.2)
    a.hangup()
    b.wait_for("ended")


def test_a_phone_that_holds_a_browser_is_heard_again_after(server, web, phones):
    """Our re-INVITE to the browser keeps its lines, keys and pair."""
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101)
    desk.dial(f"sip:101@{server.domain}")
    chrome.wait_for("session", originator="remote")
    chrome.answer({"hz": 440})
    desk.wait_for("CALL_ESTABLISHED")
    chrome.hears(1000)
    desk.command("hold")
    wait.until(lambda: chrome.share_heard(1000, 5) == 0, 10, every=0.2, why="held")
    desk.command("resume")
    chrome.hears(1000)
    desk.hangup()
    chrome.wait_for("ended")


@pytest.mark.parametrize("library", ["jssip", "sipjs"])
def test_a_browser_that_comes_back_is_still_in_its_call(server, web, phones, library):
    """Its connection is lost and it registers over another: it hears on, and what the far side asks for then reaches it there."""
    desk = phones("102", server, tone_hz=1000).registered()
    chrome = web(101, secure=True, library=library)
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440})
    desk.rings()
    desk.answer()
    chrome.wait_for("confirmed")
    chrome.hears(1000)
    registered = lambda: [r["id"] for r in server.get("/api/registrations")["items"] if r["extension"] == "101"]  # noqa: E731
    before = registered()
    chrome.lose_connection()
    wait.until(lambda: len(chrome.saw("connected")) == 2, 20, every=0.1, why="it connects anew")
    wait.until(lambda: registered() not in ([], before), why="it registers anew")
    desk.command("hold")
    wait.until(lambda: chrome.share_heard(1000, 5) == 0, 10, every=0.2, why="it is held")
    desk.command("resume")
    chrome.hears(1000)
    desk.hangup()
    chrome.wait_for("ended")
    assert server.cdrs()[0]["reason"] == "normal"


@pytest.mark.parametrize("library, reliably, late", [("jssip", "", False), ("sipjs", "Unsupported", False), ("sipjs", "Supported", False),
                                                     ("sipjs", "Supported", True)], ids=["jssip", "plain", "reliable", "late offer"])
def test_what_is_said_before_the_answer_is_heard_in_the_browser(server, web, addresses, library, reliably, late):
    """Early media, with PRACK and without, and when the browser lets the other side offer."""
    desk = Talker(Phone(addresses.new(), server, 102))
    desk.says_hz = 1000
    phone = desk.phone
    chrome = web(101, library=library, **({"reliably": reliably} if reliably else {}))
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440, "early": True, "late": late})
    invite = phone.called(phone.expect("INVITE"))
    assert bool(invite.body) != late
    is_reliable = "100rel" in (invite.get("Supported") or "")
    assert is_reliable or reliably != "Supported"
    phone.reply(invite, 183, body=desk.sdp(), headers=["Require: 100rel", "RSeq: 1"] if is_reliable else [])
    if is_reliable:
        prack = phone.expect("PRACK", 10)
        phone.reply(prack, 200)
    desk.meets(prack.body if late else invite.body)
    wait.until(lambda: pass_time(desk) or (chrome.share_heard(1000, 5) == 1 and desk.hears(440)), 15, why="both hear before the answer")
    phone.reply(invite, 200, body="" if is_reliable else desk.sdp())
    phone.expect("ACK", 10)
    chrome.wait_for("confirmed")
    pass_time(desk, frames=50)
    assert chrome.share_heard(1000, 5) == 1 and desk.hears(440)
    phone.say("BYE")
    phone.expect(200)
    chrome.wait_for("ended")
    desk.media.close()
    phone.close()


def test_browsers_and_phones_ring_and_who_is_late_is_told_why(server, web, phones, addresses):
    """RFC 3326: a call that another device took is no missed call."""
    caller = phones("101", server, tone_hz=440).registered()
    first, second = web(102), web(102, library="sipjs", secure=True)
    desk = phones("102", server).registered()
    other = Phone(addresses.new(), server, 102)
    caller.dial(f"sip:102@{server.domain}")
    for chrome in first, second:
        chrome.wait_for("session", originator="remote")
    desk.wait_for("CALL_INCOMING")
    other.reply(other.called(other.expect("INVITE")), 180)
    second.answer({"hz": 1000})
    second.wait_for("confirmed")
    assert other.expect("CANCEL").get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    first.wait_for("failed", originator="remote")
    desk.wait_for("CALL_CLOSED")
    second.hears(440)
    caller.talks(TALK_S)
    second.wait_for("ended")
    assert caller.heard(1000, **EDGE) >= 0.8
    other.close()
