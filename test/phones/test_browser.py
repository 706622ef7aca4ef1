# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser as a phone: Chromium with JsSIP over ws and wss registers, asks, calls, is called, is refused, and goes."""
import pytest

from harness import wait
from harness.rawsip import RawSip


def registered(server):
    return server.get("/api/registrations")["items"]


def answer(peer, request, status, reason, tag="t1"):
    copied = [f"{k}: {v}" for k, v in request.headers if k.lower() in ("via", "from", "call-id", "cseq", "record-route")]
    peer.send("\r\n".join([f"SIP/2.0 {status} {reason}", *copied, f"To: {request.get('To')};tag={tag}", "Content-Length: 0"]) + "\r\n\r\n")


def heard(peer, method):
    return wait.until(lambda: (m := peer.receive(1)) and m.method == method and m, why=method)


@pytest.fixture
def desk(server, addresses):
    """Extension 102, by hand."""
    peer = RawSip(addresses.new(), server.ip, domain=server.domain)
    assert peer.transact("REGISTER", "102", server.password(102), to=f"sip:102@{server.domain}").status == 200
    yield peer
    peer.close()


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_it_registers_and_asks_and_goes_with_its_page(server, browser, secure):
    phone = browser.phone(server, 101, secure=secure)
    phone.wait_for("registered")
    (one,) = registered(server)
    assert one["transport"] == ("wss" if secure else "ws") and ".invalid" in one["contact"] and "JsSIP" in one["user_agent"]
    phone.options(f"sip:{server.domain}")
    assert phone.wait_for("options")["status"] == 200
    assert not phone.saw("disconnected")
    phone.close()
    wait.until(lambda: registered(server) == [], why="the contact went with the page")


def test_it_unregisters_when_it_stops(server, browser):
    phone = browser.phone(server, 101)
    phone.wait_for("registered")
    phone.stop()
    phone.wait_for("disconnected")
    assert registered(server) == []
    phone.close()


def test_a_wrong_password_is_refused(server, browser):
    phone = browser.phone(server, 101, password="wrong")
    assert phone.wait_for("registrationFailed")["status"] in (401, 403)
    assert registered(server) == []
    phone.close()


def test_it_is_called_rings_and_refuses(server, browser, desk):
    phone = browser.phone(server, 101, secure=True)
    phone.wait_for("registered")
    uri = f"sip:101@{server.domain}"
    sdp = f"v=0\r\no=- 1 1 IN IP4 {desk.host}\r\ns=-\r\nc=IN IP4 {desk.host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    desk.send(desk.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", body=sdp))
    challenge = desk.final()
    desk.ack(challenge, uri, "102", "c1", "f1", 1)
    line = desk.authorization(challenge, "INVITE", uri, "102", server.password(102))
    desk.send(desk.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", cseq=2, body=sdp, headers=[line]))
    session = phone.wait_for("session")
    assert session["originator"] == "remote" and "102" in session["from"]
    wait.until(lambda: (m := desk.receive(1)) and m.status == 180, why="180")
    phone.hangup(486)
    assert desk.final(cseq=2).status == 486
    phone.wait_for("failed", originator="local")
    phone.close()


def test_a_call_to_it_that_is_given_up_stops_ringing(server, browser, desk):
    phone = browser.phone(server, 101)
    phone.wait_for("registered")
    uri = f"sip:101@{server.domain}"
    sdp = f"v=0\r\no=- 1 1 IN IP4 {desk.host}\r\ns=-\r\nc=IN IP4 {desk.host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    desk.send(desk.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", body=sdp))
    challenge = desk.final()
    desk.ack(challenge, uri, "102", "c1", "f1", 1)
    line = desk.authorization(challenge, "INVITE", uri, "102", server.password(102))
    branch = "z9hG4bKgivenup"
    desk.send(desk.request("INVITE", uri, user="102", call_id="c1", from_tag="f1", cseq=2, body=sdp, headers=[line], branch=branch))
    phone.wait_for("session")
    wait.until(lambda: (m := desk.receive(1)) and m.status == 180, why="180")
    cancel = desk.request("CANCEL", uri, user="102", call_id="c1", from_tag="f1", cseq=2, branch=branch, contact=False)
    desk.send(cancel)
    phone.wait_for("failed", originator="remote")
    phone.close()


def test_its_call_is_answered_with_what_happened_to_it(server, browser, desk):
    """A number that nobody has; without credentials it would not come so far."""
    phone = browser.phone(server, 101)
    phone.wait_for("registered")
    phone.call({"target": f"sip:999@{server.domain}"})
    failed = phone.wait_for("failed")
    assert failed["originator"] == "remote" and failed["status"] in (404, 488), failed
    assert not phone.saw("disconnected")
    phone.close()
