# SPDX-License-Identifier: GPL-3.0-or-later
"""What Chromium shows and says in a call through the server, recorded into an AVI."""
from harness import film, tones, wait
from harness.rawcall import Phone


def test_a_browser_is_recorded_with_its_picture(server, web, addresses, tmp_path):
    """It is recorded from the middle of the call on: nothing can be shown before it has sent the key frame that is asked for."""
    chrome = web(101)
    phone = Phone(addresses.new(), server, 102)
    engine = film.Engine(addresses.new(), addresses.new())
    projector = film.Projector(phone, engine)
    chrome.call({"target": f"sip:102@{server.domain}", "hz": 440, "video": True})
    invite = phone.called(phone.expect("INVITE", 15))
    projector.answers(invite)
    phone.expect("ACK", 15)
    chrome.wait_for("confirmed")
    shown = lambda: (chrome.stat("outbound-rtp", kind="video") or {}).get("framesEncoded", 0)  # noqa: E731
    wait.until(lambda: shown() > 30, 30, every=0.2, why="the browser shows")
    path = tmp_path / "browser.avi"
    engine.say(f"record {path}")
    before = shown()
    wait.until(lambda: shown() > before + 60, 60, every=0.2)
    wait.talk(1)
    engine.say("end")
    assert engine.wait_for("recorded").split()[1] == "0"
    phone.say("BYE")
    chrome.wait_for("ended")
    projector.stop()
    phone.close()
    engine.stop()
    _, picture = film.streams(path)
    assert picture[0] == "vp8" and int(picture[1]) > 0
    assert int(picture[-1]) > 30
    assert film.complaints(path) == ""
    assert tones.share(film.sound(path, 0, tmp_path / "said.wav"), 440, skip_s=1, cut_s=1) >= 0.6
