# SPDX-License-Identifier: GPL-3.0-or-later
"""What phones in use make of lamps, presence, waiting messages and text messages: baresip, linphone, JsSIP in Chromium."""
import xml.etree.ElementTree as ET

import pytest

from harness import wait
from harness.device import Device

INFO = "{urn:ietf:params:xml:ns:dialog-info}"


@pytest.fixture
def device(server, addresses):
    made = []

    def make(user):
        made.append(Device(addresses.new(), server, user))
        made[-1].register()
        return made[-1]
    yield make
    for d in made:
        d.close()


def lamps(phone):
    """What a browser's lamp showed: the states of each document's dialogs."""
    return [[s.text for s in ET.fromstring(e["body"]).iter(INFO + "state")] for e in phone.events if e["name"] == "notify"]


@pytest.mark.parametrize("library", ["jssip", "sipjs"])
def test_a_lamp_in_the_browser(server, browser, device, library):
    alice, bob = device("101"), device("102")
    phone = browser.phone(server, 103, library=library)
    phone.wait_for("registered")
    phone.watch({"target": f"sip:102@{server.domain}", "event": "dialog", "accept": "application/dialog-info+xml"})
    phone.wait_for("notify")
    call = alice.call("102")
    bob.is_called()
    wait.until(lambda: ["early"] in lamps(phone), why="it shows that it rings")
    alice.rings(call)
    assert alice.cancel(call).status == 487
    bob.quiet()
    wait.until(lambda: ["terminated"] in lamps(phone), why="it shows that it rings no more")
    phone.unwatch()
    phone.wait_for("terminated")
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 0, why="it is over")
    phone.close()


@pytest.mark.parametrize("library", ["jssip", "sipjs"])
def test_a_browser_is_told_what_waits(server, browser, library):
    phone = browser.phone(server, 103, library=library, secure=True)
    phone.wait_for("registered")
    phone.watch({"target": f"sip:103@{server.domain}", "event": "message-summary", "accept": "application/simple-message-summary"})
    told = phone.wait_for("notify")
    assert told["type"] == "application/simple-message-summary" and told["body"].startswith("Messages-Waiting: no")
    phone.close()


def test_text_between_a_browser_and_a_desk(server, browser, device):
    bob = device("102")
    phone = browser.phone(server, 101)
    phone.wait_for("registered")
    phone.message({"target": f"sip:102@{server.domain}", "text": "Grüße 👋"})
    bob.until(lambda: bob.messages, why="the message")
    assert bob.messages[0].body == "Grüße 👋"
    assert phone.wait_for("message")["status"] == 200
    answer = bob.ask("MESSAGE", bob.uri("101"), body="zurück", content_type="text/plain", contact=False)
    assert answer.status == 200
    said = phone.wait_for("said")
    assert (said["text"], said["from"]) == ("zurück", f"sip:102@{server.domain}")
    phone.close()


def baresip_says(phone, text):
    return text in (phone.dir / "log").read_text(errors="replace")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_baresip_asks_for_waiting_messages_and_is_told(server, phones, transport):
    phone = phones("101", server, transport=transport, modules=["mwi"], extra=";mwi=yes").registered()
    wait.until(lambda: baresip_says(phone, "Messages-Waiting: no"), why="baresip shows what waits")
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 1, why="it has subscribed")


def test_baresip_sees_a_contact_come_and_go(server, phones, device):
    phone = phones("101", server, modules=["contact", "presence"],
                   contacts=[f'"Bob" <sip:102@{server.domain}>;presence=p2p']).registered()

    def shows(what):
        phone.command("contacts")
        return baresip_says(phone, what)
    wait.until(lambda: server.metrics()["offhook_subscriptions"] == 1, why="it has subscribed")
    bob = device("102")
    wait.until(lambda: "Online" in str(phone.command("contacts")), why="Bob is there")
    bob.register(0)
    wait.until(lambda: "Offline" in str(phone.command("contacts")), why="Bob is gone")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_linphone_sees_a_friend_come_and_go(server, linphones, device, transport):
    phone = linphones("101", server, transport=transport, friends=[f"sip:102@{server.domain}"]).registered()
    wait.until(lambda: server.metrics()["offhook_subscriptions"] >= 1, why="it has subscribed")
    bob = device("102")
    phone.wait_for("102@" + server.domain + "> is Online")
    bob.register(0)
    phone.wait_for("102@" + server.domain + "> is Offline")


def test_linphone_gets_what_was_said_while_it_was_away_and_answers(server, linphones, device):
    bob = device("102")
    assert bob.ask("MESSAGE", bob.uri("101"), body="are you there", content_type="text/plain", contact=False).status == 202
    phone = linphones("101", server).registered()
    phone.wait_for("are you there")
    wait.until(lambda: [m["status"] for m in server.get("/api/messages")["items"]] == ["delivered"], why="it is on record")
    phone.command(f"chat sip:102@{server.domain} here I am")
    bob.until(lambda: any("here I am" in m.body for m in bob.messages), 10, why="its answer")


def test_baresip_takes_what_is_said_to_it(server, phones, device):
    bob = device("102")
    phones("101", server).registered()
    assert bob.ask("MESSAGE", bob.uri("101"), body="hello over there", content_type="text/plain", contact=False).status == 200
    wait.until(lambda: [m["status"] for m in server.get("/api/messages")["items"]] == ["delivered"], why="it is on record")
