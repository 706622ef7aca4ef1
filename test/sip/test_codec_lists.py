# SPDX-License-Identifier: GPL-3.0-or-later
"""ACC-9: codecs of an account, ordered: what its devices offer of others is not there, and what they are told is in its order."""
import re

import pytest

from harness.rawcall import Phone, hang_up, talk

FORMATS = "0 8 9 18 101"
VIDEO = "m=video 4002 RTP/AVP 96 97 98\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\na=rtcp-fb:97 nack pli\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=96\r\n"


def formats(body, kind="audio"):
    return re.search(rf"^m={kind} (\d+) \S+ (.*)\r$", body, re.M).group(2)


def port(body, kind="audio"):
    return int(re.search(rf"^m={kind} (\d+) ", body, re.M).group(1))


def account(server, extension, **fields):
    found = next(a for a in server.get("/api/accounts", params={"q": str(extension)})["items"] if a["username"] == str(extension))
    return server.api("PATCH", f"/api/accounts/{found['id']}", fields, expect=200).json()


@pytest.fixture
def lists(shared):
    """Sets lists of accounts; they are empty again afterwards."""
    changed = set()

    def change(extension, **fields):
        changed.add(extension)
        return account(shared, extension, **fields)
    yield change
    for extension in changed:
        account(shared, extension, audio_codecs=None, video_codecs=None)


def test_an_offer_reaches_the_callee_in_the_order_of_its_account(a, b, lists):
    lists(102, audio_codecs="G729,PCMU")
    invite, _ = talk(a, b, offer=a.sdp(formats=FORMATS), answer=b.sdp(formats="18 0 101"))
    assert formats(invite.body) == "18 0 101"
    assert "rtpmap:9 " not in invite.body
    hang_up(a, b)


def test_what_a_caller_may_not_use_was_never_offered(a, b, lists):
    lists(101, audio_codecs="PCMA,G722")
    invite, ok = talk(a, b, offer=a.sdp(formats=FORMATS), answer=b.sdp(formats="9 8 101"))
    assert formats(invite.body) == "8 9 101"
    assert formats(ok.body) == "8 9 101"  # what it is told too
    hang_up(a, b)


def test_both_lists_hold(a, b, lists):
    lists(101, audio_codecs="PCMU,PCMA,G729")
    lists(102, audio_codecs="G729,G722,PCMA")
    invite, ok = talk(a, b, offer=a.sdp(formats=FORMATS), answer=b.sdp(formats="18 8 101"))
    assert formats(invite.body) == "18 8 101" and formats(ok.body) == "8 18 101"
    hang_up(a, b)


def test_without_lists_offers_are_as_they_came(a, b):
    invite, ok = talk(a, b, offer=a.sdp(formats=FORMATS), answer=b.sdp(formats="18 0 101"))
    assert formats(invite.body) == FORMATS and formats(ok.body) == "18 0 101"
    hang_up(a, b)


def test_who_may_use_nothing_of_its_offer_gets_488(a, b, lists):
    lists(101, audio_codecs="OPUS")
    a.invite("102", body=a.sdp(formats="0 8 101"))
    a.refused(488)
    b.silent()


def test_two_lists_that_share_nothing_are_converted(a, b, lists):
    lists(101, audio_codecs="PCMA")
    lists(102, audio_codecs="G722,GSM")
    invite, ok = talk(a, b, offer=a.sdp(formats=FORMATS), answer=b.sdp(formats="9 101"))
    assert formats(invite.body).split()[:2] == ["9", "3"] and " 8 " not in formats(invite.body) + " "
    assert formats(ok.body) == "8 101"
    hang_up(a, b)


def test_an_offer_within_the_call_obeys_them_too(a, b, lists):
    lists(102, audio_codecs="PCMA,PCMU")
    talk(a, b, offer=a.sdp(formats="0 8 101"), answer=b.sdp(formats="8 0 101"))
    a.say("INVITE", body=a.sdp(version=2, formats=FORMATS))
    again = b.expect("INVITE")
    assert formats(again.body) == "8 0 101"
    b.reply(again, 200, body=b.sdp(version=2, formats="8 101"))
    b.expect("ACK")
    a.take(a.expect(200))
    a.say("ACK", cseq=a.cseq)
    b.say("INVITE", body=b.sdp(version=3, formats="18 0 8 101"))  # its own offer
    again = a.expect("INVITE")
    assert formats(again.body) == "8 0 101"
    a.reply(again, 200, body=a.sdp(version=3, formats="0 101"))
    a.expect("ACK")
    assert formats(b.expect(200).body) == "0 101"
    b.say("ACK", cseq=b.cseq)
    hang_up(a, b)


def test_a_late_offer_obeys_them_too(a, b, lists):
    lists(101, audio_codecs="PCMU,G722")
    lists(102, audio_codecs="G722,PCMU")
    a.invite("102", body="")
    invite = b.called(b.expect("INVITE"))
    b.reply(invite, 200, body=b.sdp(formats="8 0 9 101"))
    ok = a.take(a.expect(200))
    assert formats(ok.body) == "0 9 101"
    a.say("ACK", cseq=a.invite_cseq, body=a.sdp(formats="0 9 101"))
    assert formats(b.expect("ACK").body) == "9 0 101"
    hang_up(a, b)


def test_a_service_answers_in_the_order_of_the_list(a, lists):
    lists(101, audio_codecs="G722,PCMU")
    a.invite("*43", body=a.sdp(formats=FORMATS))
    ok = a.take(a.expect(200))
    assert formats(ok.body) == "9 0 101"
    a.say("ACK", cseq=a.invite_cseq)
    a.say("BYE")
    a.expect(200)


def test_a_service_offers_what_the_list_says(a, lists):
    lists(101, audio_codecs="GSM,OPUS,PCMU")
    a.invite("*43", body="")
    ok = a.take(a.expect(200))
    assert formats(ok.body) == "3 111 0 101" and "opus/48000/2" in ok.body
    a.say("ACK", cseq=a.invite_cseq, body=a.sdp(formats="0 101"))
    a.say("BYE")
    a.expect(200)


def test_pictures_have_a_list_of_their_own(a, b, lists):
    lists(102, video_codecs="H264")
    invite, ok = talk(a, b, offer=a.sdp(formats="0") + VIDEO,
                      answer=b.sdp(formats="0") + "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n")
    assert formats(invite.body, "video") == "97" and formats(ok.body, "video") == "97"
    assert "rtcp-fb:97 nack pli" in invite.body and "VP8" not in invite.body and "apt=96" not in invite.body
    hang_up(a, b)
    lists(102, video_codecs="H261")
    invite, ok = talk(a, b, offer=a.sdp(formats="0") + VIDEO,
                      answer=b.sdp(formats="0") + "m=video 0 RTP/AVP 96\r\n")
    assert port(invite.body, "video") == 0 and port(ok.body, "video") == 0 and port(ok.body)
    hang_up(a, b)


def test_a_list_comes_from_the_template(shared, a, b):
    template = shared.post("/api/account_templates", {"name": "narrow", "audio_codecs": "PCMA"})
    account(shared, 102, template_id=template["id"])
    invite, _ = talk(a, b, offer=a.sdp(formats="0 8 101"), answer=b.sdp(formats="8 101"))
    assert formats(invite.body) == "8 101"
    hang_up(a, b)
    shared.api("PATCH", f"/api/account_templates/{template['id']}", {"audio_codecs": ""}, expect=200)
    invite, _ = talk(a, b, offer=a.sdp(formats="0 8 101"), answer=b.sdp(formats="8 101"))
    assert formats(invite.body) == "0 8 101"
    hang_up(a, b)
    account(shared, 102, template_id=None)


@pytest.mark.parametrize("field, value, code", [
    ("audio_codecs", "PCMA,VP8", "bad_codec"),
    ("audio_codecs", "PCMA,,GSM", "bad_codec"),
    ("audio_codecs", "PCMA,GSM,PCMA", "twice"),
    ("video_codecs", "H264,OPUS", "bad_codec"),
])
def test_what_is_no_list_of_codecs_is_refused(shared, field, value, code):
    found = shared.get("/api/accounts")["items"][0]
    answer = shared.api("PATCH", f"/api/accounts/{found['id']}", {field: value}, expect=422)
    assert (field, code) in {(e["field"], e["code"]) for e in answer.json()["errors"]}
