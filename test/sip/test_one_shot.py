# SPDX-License-Identifier: GPL-3.0-or-later
"""One message, one answer: what every request must pass (RFC 3261 8.2), whoever sends it."""
import uuid

import pytest

from harness.rawcall import Phone, hang_up, talk
from harness.rawsip import RawSip


@pytest.fixture
def peer(stranger):
    return stranger


def ask(peer, method, uri=None, **more):
    peer.send(peer.request(method, uri, **more))
    return peer.final(2.0)


def swap(peer, method, old, new, uri=None, **more):
    """A request with one part of its text replaced; its final answer."""
    text = peer.request(method, uri, **more)
    assert old in text, old
    peer.send(text.replace(old, new, 1))
    return peer.final(2.0)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE"])
def test_every_option_that_is_not_known_is_named(peer, method):
    m = ask(peer, method, headers=["Require: foo, 100rel", "Require: bar"])
    assert m.status == 420 and {v.strip() for v in m.get("Unsupported").split(",")} == {"foo", "bar"}, m.text


def test_require_in_cancel_and_ack_is_ignored(peer):
    assert ask(peer, "CANCEL", headers=["Require: foo"]).status == 481
    peer.send(peer.request("ACK", to_tag="x", headers=["Require: foo"]))
    assert peer.receive(0.3) is None


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER"])
def test_what_is_asked_of_a_proxy_is_not_passed_over_in_silence(peer, method):
    m = ask(peer, method, headers=["Proxy-Require: foo", "Require: bar"])
    assert m.status == 420 and {v.strip() for v in m.get("Unsupported").split(",")} == {"foo", "bar"}, m.text


def test_privacy_is_asked_of_proxies_with_its_option(peer):
    """RFC 3323 4.3.  In Require it stays what nobody has defined."""
    assert ask(peer, "INVITE", f"sip:102@{peer.domain}", headers=["Proxy-Require: privacy", "Privacy: id"]).status == 407
    assert ask(peer, "INVITE", f"sip:102@{peer.domain}", headers=["Require: privacy"]).get("Unsupported") == "privacy"


def test_what_belongs_within_a_call_is_481_outside_to_who_has_proved_who_it_is(a):
    """Security 1: whoever it is hears nothing else before."""
    for method in ("INFO", "NOTIFY"):
        assert a.transact(method, "101", a.password, f"sip:102@{a.domain}", headers=["Event: foo"]).status == 481, method
    assert ask(a, "NOTIFY", headers=["Event: keep-alive"]).status == 489  # phones do that and answer no challenge


def test_an_invite_without_contact(a, b):
    """RFC 3261 8.1.1.8."""
    ok = a.transact("INVITE", "101", a.password, f"sip:102@{a.domain}", body=a.sdp(), contact=False)
    assert ok.status == 400, ok.text
    b.silent()


@pytest.mark.parametrize("accept, status", [
    (["text/plain"], 406), ([""], 406), (["application/dtmf-relay, image/*"], 406), (["application/sdp;level=1"], 407),
    (["text/plain", "application/*;q=0.5"], 407), (["*/*"], 407), (["multipart/mixed"], 407), ([], 407),
])
def test_who_wants_no_description_cannot_be_answered(peer, accept, status):
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", headers=[f"Accept: {a}" for a in accept])
    assert m.status == status, m.text


@pytest.mark.parametrize("uri, statuses", [
    ("http://example.com/", (416,)), ("urn:isbn:1", (416, 404)), ("nobody:x@y", (416,)), ("tel:102", (401, 407)),
    ("sip:102@{d};transport=udp", (401, 407)), ("sips:102@{d}", (401, 407, 416, 480, 403)), ("sip:{d}", (401, 404, 407, 484)),
    ("sip:%00%01@{d}", (400, 401, 404, 407)), ("sip:@{d}", (400,)), ("sip:102@{d};transport=x;maddr=1.2.3.4;ttl=5;lr;method=BYE", (401, 407)),
    ("sip:102@{d}?Subject=x", (400,)), ("sip:102 @{d}", (400,)), ("sip:", (400,)), ("<sip:102@{d}>", (400,)),
])
def test_request_uris(peer, uri, statuses):
    m = ask(peer, "INVITE", uri.format(d=peer.domain), to=f"sip:102@{peer.domain}")
    assert m and m.status in statuses, m and m.text


@pytest.mark.parametrize("content, status", [
    ("application/x-nothing", 415), ("text/plain", 415), ("application/sdp", 407), ("APPLICATION/SDP", 407),
    ("application/sdp;charset=utf-8", 407),
])
def test_bodies_of_an_invite(peer, content, status):
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", body="v=0\r\n", content_type=content)
    assert m.status in (status, 401), m.text
    if status == 415:
        assert "application/sdp" in m.get("Accept")


def test_an_encoded_body(peer):
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", body="x", headers=["Content-Encoding: gzip"])
    assert m.status == 415 and m.get("Accept-Encoding") == "identity", m.text
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", body="x", content_type="application/x-y",
            headers=["Content-Disposition: session;handling=optional"])
    assert m.status in (401, 407)
    m = ask(peer, "MESSAGE", f"sip:102@{peer.domain}", body="x", content_type="text/plain", headers=["Content-Encoding: gzip"])
    assert m.status == 415 and not m.get("Accept"), m.text  # its types are those of MESSAGE: nothing was wrong with them


@pytest.mark.parametrize("method, status", [
    ("FOO", 501), ("invite", 501), ("PRACK", 481), ("UPDATE", 481), ("BYE", 481), ("INFO", 407), ("NOTIFY", 407), ("REFER", 407),
    ("PUBLISH", None),
])
def test_methods_out_of_any_dialog(peer, method, status):
    m = ask(peer, method, f"sip:102@{peer.domain}")
    assert m.status == status if status else m.status in (401, 403, 405, 407, 481, 489, 501), m.text
    if m.status in (405, 501):
        assert "INVITE" in m.get("Allow")


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "MESSAGE"])
def test_methods_in_a_dialog_that_is_none(peer, method):
    m = ask(peer, method, f"sip:102@{peer.domain}", to_tag="nobody")
    assert m.status == 481, m.text


@pytest.mark.parametrize("old, new, status", [
    ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE", 400), ("CSeq: 1 OPTIONS", "CSeq: 9999999999 OPTIONS", 400),
    ("CSeq: 1 OPTIONS", "CSeq: 2147483648 OPTIONS", 400), ("CSeq: 1 OPTIONS", "CSeq: OPTIONS", 400),
    ("CSeq: 1 OPTIONS", "CSeq: -1 OPTIONS", 400), ("CSeq: 1 OPTIONS", "CSeq:   00000001\t OPTIONS", 200),
    ("CSeq: 1 OPTIONS", "CSeq: 2147483647 OPTIONS", 200), ("CSeq: 1 OPTIONS", "CSeq: 0 OPTIONS", 200),
    ("Max-Forwards: 70", "Max-Forwards: 300", 400), ("Max-Forwards: 70", "Max-Forwards: abc", 400),
    ("Max-Forwards: 70\r\n", "", 200), ("Max-Forwards: 70", "Max-Forwards: 0", 200),
    (" SIP/2.0\r\n", " SIP/3.0\r\n", 505), (" SIP/2.0\r\n", " sip/2.0\r\n", 200), ("Content-Length: 0", "Content-Length: 5", 400),
    ("Content-Length: 0", "Content-Length: -5", 400), ("Content-Length: 0", "Content-Length: x", 400),
    ("CSeq: 1", "Event: dialog\r\no: presence\r\nCSeq: 1", 400),
    ("Content-Length: 0\r\n", "", 200), ("From: ", "From: <sip:a@b>\r\nFrom: ", 400), ("Via: ", "Unknown-Header: \xff\xfe;\"\r\nVia: ", 200),
    ("To: <", "To: \"No end <", 400), ("Call-ID: ", "Call-ID: x y ", 400), ("From: <", "From: ;;;<", 400), ("OPTIONS sip", " OPTIONS sip", None),
])
def test_malformed_parts(peer, old, new, status):
    m = swap(peer, "OPTIONS", old, new)
    if status is None:
        assert m is None or m.status == 400
    else:
        assert m and m.status == status, m and m.text


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq"])
def test_what_is_missing_is_named(peer, name):
    text = peer.request("OPTIONS")
    peer.send("\r\n".join(line for line in text.split("\r\n") if not line.startswith(name + ":")))
    m = peer.final(2)
    assert m is None or m.status == 400
    if name in ("From", "To"):
        assert m.status == 400


def test_a_request_without_via_goes_nowhere(peer):
    peer.send("\r\n".join(line for line in peer.request("OPTIONS").split("\r\n") if not line.startswith("Via:")))
    assert peer.receive(0.5) is None or True


def test_a_request_that_has_been_here_is_a_loop(peer, shared):
    """RFC 3261 16.3: our own Via below somebody else's."""
    own = f"Via: SIP/2.0/UDP {shared.ip}:5060;branch=z9hG4bKbefore"
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", headers=[own])
    assert m.status == 482, m.text
    other = f"Via: SIP/2.0/UDP {shared.ip}:5999;branch=z9hG4bKbefore"
    assert ask(peer, "INVITE", f"sip:102@{peer.domain}", headers=[other]).status == 407


def test_max_forwards_run_out(peer):
    for method in ("INVITE", "MESSAGE", "SUBSCRIBE"):
        assert ask(peer, method, f"sip:102@{peer.domain}", max_forwards=0).status == 483, method
    assert ask(peer, "OPTIONS", max_forwards=0).status == 200
    assert ask(peer, "REGISTER", max_forwards=0).status == 401


def test_max_forwards_are_counted_down(a, b):
    a.send(a.request("OPTIONS"))
    assert a.expect(200)
    a.call_id = uuid.uuid4().hex
    one = dict(user=a.user, call_id=a.call_id, from_tag="mf", body=a.sdp())
    uri = f"sip:102@{a.domain}"
    a.send(a.request("INVITE", uri, cseq=1, max_forwards=5, **one))
    challenge = a.expect(407)
    a.ack(challenge, uri, a.user, a.call_id, "mf", 1)
    a.send(a.request("INVITE", uri, cseq=2, max_forwards=5, branch="z9hG4bKmf",
                     headers=[a.authorization(challenge, "INVITE", uri, a.user, a.password)], **one))
    invite = b.called(b.expect("INVITE"))
    assert invite.get("Max-Forwards") == "4"
    b.reply(invite, 486)
    b.expect("ACK")
    m = a.expect(486)
    a.send(a.request("ACK", uri, user=a.user, call_id=a.call_id, cseq=2, from_tag="mf", to_tag=m.to_tag(), branch="z9hG4bKmf",
                     contact=False))
    a.call_id = uuid.uuid4().hex
    one["call_id"] = a.call_id
    a.send(a.request("INVITE", uri, cseq=1, max_forwards=1, **one))
    challenge = a.expect(407)
    a.ack(challenge, uri, a.user, a.call_id, "mf", 1)
    a.send(a.request("INVITE", uri, cseq=2, max_forwards=1, branch="z9hG4bKmf1",
                     headers=[a.authorization(challenge, "INVITE", uri, a.user, a.password)], **one))
    invite = b.called(b.expect("INVITE"))
    assert invite.get("Max-Forwards") == "0"  # it has arrived: RFC 3261 16.6, 3
    b.reply(invite, 486)
    b.expect("ACK")
    m = a.expect(486)
    a.send(a.request("ACK", uri, user=a.user, call_id=a.call_id, cseq=2, from_tag="mf", to_tag=m.to_tag(), branch="z9hG4bKmf1",
                     contact=False))


def test_options_says_what_we_do_in_and_out_of_a_dialog(a, b):
    m = ask(a, "OPTIONS")
    for name in ("Allow", "Accept", "Supported", "Accept-Encoding", "Accept-Language"):
        assert m.get(name), name
    assert {"dialog", "presence", "message-summary", "reg"} <= set(m.get("Allow-Events").split(", "))  # RFC 6665 8.2.2
    talk(a, b)
    for p in (a, b):
        p.say("OPTIONS")
        m = p.expect(200)
        assert "UPDATE" in m.get("Allow") and "application/sdp" in m.get("Accept")
    hang_up(a, b)


def test_info_goes_through_both_ways(a, b):
    talk(a, b)
    for one, other in ((a, b), (b, a)):
        one.send(one.request("INFO", one.target, user=one.user, to=one.remote, call_id=one.call_id, cseq=one.cseq + 1,
                             from_tag=one.from_tag, to_tag=one.remote_tag, body="<x/>",
                             content_type="application/media_control+xml"))
        one.cseq += 1
        m = other.expect("INFO")
        assert m.body == "<x/>" and m.get("Content-Type") == "application/media_control+xml"
        other.reply(m, 200)
        one.expect(200)
        one.say("INFO")
        one.expect(200)
    a.say("INFO", body="x", headers=["Info-Package: nobody-knows"])
    m = a.expect(469)
    assert m.get("Recv-Info") is not None
    hang_up(a, b)


def test_an_info_that_the_other_side_refuses(a, b):
    talk(a, b)
    for status, told in ((415, 415), (481, 500), (501, 501)):
        a.say("INFO", body="x")
        b.reply(b.expect("INFO"), status)
        a.expect(told)
        if status == 481:  # RFC 5057: the dialog is gone for that side
            return


def test_methods_in_a_call_that_we_do_not_do(a, b):
    talk(a, b)
    a.say("OPTIONS")
    outside = {m.strip() for m in a.expect(200).get("Allow").split(",")}
    a.say("SUBSCRIBE", headers=["Event: dialog"])
    within = {m.strip() for m in a.expect(405).get("Allow").split(",")}
    assert within == outside - {"REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH"} and "PRACK" in within, "what a call takes"
    a.say("PRACK", headers=["RAck: 1 2 INVITE"])
    a.expect(481)
    a.say("FROBNICATE")
    m = a.next()
    assert m.status in (405, 501) and m.get("Allow")
    a.say("NOTIFY", headers=["Event: refer", "Subscription-State: active"])
    assert a.next().status in (481, 489)
    a.say("INFO", headers=["Require: foo"])
    assert a.expect(420).get("Unsupported") == "foo"
    a.say("INVITE", headers=["Require: foo"], body=a.sdp(2))
    assert a.expect(420).get("Unsupported") == "foo"
    a.say("ACK", cseq=a.cseq)
    a.say("INVITE", body="not a description")
    assert a.next().status in (400, 488)
    a.say("ACK", cseq=a.cseq)
    a.send(a.request("INVITE", a.target, user=a.user, to=a.remote, call_id=a.call_id, cseq=a.cseq + 1, from_tag=a.from_tag,
                     to_tag=a.remote_tag, body="x", content_type="text/plain"))
    a.cseq += 1
    assert a.expect(415).get("Accept")
    a.say("ACK", cseq=a.cseq)
    b.silent()
    hang_up(a, b)


@pytest.mark.parametrize("body, statuses", [
    ("v=0\r\n", (400, 488)), ("garbage", (400, 488)),
    ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", (400, 488)),  # no c=
    ("v=1\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", (400, 488)),
    ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 99999 RTP/AVP 0\r\n", (400, 488)),
])
def test_descriptions_that_are_none(a, b, body, statuses):
    a.invite("102", body=body)
    m = a.next()
    assert m.status in statuses, m.text
    assert m.status != 488 or m.get("Warning"), m.text  # RFC 3261 13.3.1.3
    a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                     to_tag=m.to_tag(), branch=a.branch, contact=False))
    b.silent()


def test_a_description_among_other_parts(a, b):
    parts = ("--b1\r\nContent-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n\r\nhello\r\n"
             f"--b1\r\nContent-Type: application/sdp\r\n\r\n{a.sdp()}\r\n--b1--\r\n")
    a.call_id, a.from_tag, uri = uuid.uuid4().hex, "mp", f"sip:102@{a.domain}"
    one = dict(user=a.user, call_id=a.call_id, from_tag="mp", body=parts, content_type="multipart/mixed;boundary=b1")
    a.send(a.request("INVITE", uri, cseq=1, **one))
    m = a.expect(407)
    a.ack(m, uri, a.user, a.call_id, "mp", 1)
    a.send(a.request("INVITE", uri, cseq=2, headers=[a.authorization(m, "INVITE", uri, a.user, a.password)], **one))
    invite = b.called(b.expect("INVITE"))
    assert "m=audio" in invite.body
    b.reply(invite, 486)
    b.expect("ACK")


@pytest.mark.parametrize("disposition, status", [("foo", 415), ("early-session;handling=required", 415), ("session;handling=required", 407),
                                                 ("foo;handling=optional", 407), ("render", 407)])
def test_a_body_for_what_we_do_not_know_is_refused_unless_it_is_optional(peer, disposition, status):
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", body="v=0\r\n", headers=[f"Content-Disposition: {disposition}"])
    assert m.status == status, m.text
    assert status != 415 or m.get("Accept") == "application/sdp"


SDP_PART = "Content-Type: application/sdp\r\n\r\nv=0\r\n"


@pytest.mark.parametrize("kind, parts, needs", [
    ("mixed", ["Content-Type: text/plain\r\n\r\nhello", SDP_PART], None),
    ("mixed", ["Content-Type: text/plain\r\n\r\nhello"], "Accept"),
    ("mixed", [SDP_PART, "Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal\r\n\r\nx"], None),
    ("mixed", ["Content-Disposition: render;handling=required\r\nContent-Type: text/plain\r\n\r\nhello", SDP_PART], "Accept"),
    ("mixed", [SDP_PART, "Content-Disposition: signal;handling=required\r\nContent-Type: application/isup\r\n\r\nx"], "Accept"),
    ("mixed", [SDP_PART, "c: application/isup\r\nContent-Disposition: signal;\r\n handling=optional\r\n\r\nx"], None),
    ("mixed", ["c: application/sdp\r\nContent-Disposition: early-session;handling=optional\r\n\r\nv=0\r\n", SDP_PART], None),
    ("mixed", ["c: application/sdp\r\nContent-Encoding: gzip\r\n\r\nx"], "Accept-Encoding"),
    ("mixed", [SDP_PART, "c: text/plain\r\ne: gzip\r\nContent-Disposition: render;handling=optional\r\n\r\nx"], None),
    ("mixed", [SDP_PART, "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n<presence/>"], None),
    ("mixed", [SDP_PART, ""], None),
    ("mixed", ["c: multipart/alternative;boundary=b2\r\n\r\n--b2\r\nc: text/x\r\n\r\n1\r\n--b2\r\n" + SDP_PART + "\r\n--b2--"], None),
    ("alternative", ["Content-Type: text/x\r\n\r\n1", SDP_PART], None),
    ("alternative", ["Content-Type: text/x\r\n\r\n1", "Content-Type: text/y\r\n\r\n1"], "Accept"),
    ("form-data", [SDP_PART], "Accept"),
])
def test_each_part_must_be_understood_unless_it_is_optional(peer, kind, parts, needs):
    """RFC 3261 8.2.3, 21.4.13, RFC 5621 4 to 6."""
    m = ask(peer, "INVITE", f"sip:102@{peer.domain}", content_type=f"multipart/{kind};boundary=b1",
            body="".join(f"--b1\r\n{part}\r\n" for part in parts) + "--b1--\r\n")
    assert m.status == (415 if needs else 407), m.text
    assert needs is None or m.get(needs) == {"Accept": "application/sdp", "Accept-Encoding": "identity"}[needs]


def test_a_body_that_is_optional_and_unknown_is_as_if_there_were_none(a, b):
    a.call_id, a.from_tag, uri = uuid.uuid4().hex, "op", f"sip:102@{a.domain}"
    one = dict(user=a.user, call_id=a.call_id, from_tag="op", body="x", content_type="application/x-y")
    optional = "Content-Disposition: session;handling=optional"
    a.send(a.request("INVITE", uri, cseq=1, headers=[optional], **one))
    m = a.expect(407)
    a.ack(m, uri, a.user, a.call_id, "op", 1)
    a.send(a.request("INVITE", uri, cseq=2, headers=[optional, a.authorization(m, "INVITE", uri, a.user, a.password)], **one))
    invite = b.called(b.expect("INVITE"))
    assert not invite.body, "the device is asked to offer"
    b.reply(invite, 486)
    b.expect("ACK")
    a.expect(486)


def test_two_tags_name_no_dialog(peer):
    for name in "From", "To":
        text = peer.request("OPTIONS", to_tag="a") if name == "To" else peer.request("OPTIONS")
        lines = [line + ";tag=b" if line.startswith(name + ": ") else line for line in text.split("\r\n")]
        peer.send("\r\n".join(lines))
        assert peer.final().status == 400, name


def test_numbers_that_nobody_has(a, b):
    for number, statuses in (("999", (404,)), ("%23%2a", (404, 484)), ("1%30%32", None), ("102;phone-context=x", None)):
        a.invite(number)
        if statuses is None:  # 102, said otherwise
            b.reply(b.called(b.expect("INVITE")), 486)
            b.expect("ACK")
            m = a.expect(486)
        else:
            m = a.next()
            assert m.status in statuses, (number, m.text)
        a.send(a.request("ACK", a.remote, user=a.user, call_id=a.call_id, cseq=a.invite_cseq, from_tag=a.from_tag,
                         to_tag=m.to_tag(), branch=a.branch, contact=False))


def test_a_contact_that_cannot_be_reached(a, b):
    call_id, uri = uuid.uuid4().hex, f"sip:102@{a.domain}"
    for contact in ("Contact: *", "Contact: <mailto:me@example.com>", "Contact: <"):
        m = a.transact("INVITE", a.user, a.password, uri, headers=[contact], contact=False, body=a.sdp(), from_user=a.user)
        assert m.status == 400, (contact, m.text)
    b.silent()
    assert call_id


def test_large_messages(peer):
    m = ask(peer, "OPTIONS", headers=[f"X-Large: {'x' * 60000}"])
    assert m is None or m.status in (200, 400, 413, 513)
    m = ask(peer, "OPTIONS", headers=[f"X-{i}: {i}" for i in range(1500)])
    assert m is None or m.status in (200, 400, 413, 513)
    assert ask(peer, "OPTIONS", headers=[f"X-Large: {'x' * 8000}"]).status == 200


def test_long_names(peer):
    assert ask(peer, "OPTIONS", call_id="c" * 255).status == 200
    assert ask(peer, "OPTIONS", call_id="c" * 2000).status in (200, 400)
    assert ask(peer, "OPTIONS", from_tag="t" * 500).status in (200, 400)
    assert ask(peer, "OPTIONS", branch="z9hG4bK" + "b" * 600).status in (200, 400)


def test_a_client_without_rport_is_answered_at_its_via(shared, addresses):
    """RFC 3261 18.2.2: to the port in the Via, at the address it came from."""
    ip = addresses.new()
    one, two = RawSip(ip, shared.ip, port=5060), RawSip(ip, shared.ip, port=5062)
    try:
        two.port = 5060  # it listens there
        two.send(two.request("OPTIONS", via_extra=""))
        m = one.final(2)
        assert m.status == 200 and "rport" not in m.get("Via")
        two.send(two.request("OPTIONS", via_extra=";rport"))
        m = two.final(2)
        assert m.status == 200 and "rport=5062" in m.get("Via")
    finally:
        one.close()
        two.close()


def test_a_via_with_a_name(peer):
    host, peer.host = peer.host, "phone.example.net"
    m = ask(peer, "OPTIONS")
    assert m.status == 200 and f"received={host}" in m.get("Via")


def test_everybody_in_one_dialog_at_once(shared, addresses, b):
    """Ten callers, one callee: each gets its own refusal."""
    callers = [Phone(addresses.new(), shared, 101) for _ in range(3)]
    try:
        for p in callers:
            p.invite("102")
        invites = [b.expect("INVITE") for _ in callers]
        assert len({m.get("Call-ID") for m in invites}) == len(callers)
        for m in invites:
            b.reply(m, 486, tag=uuid.uuid4().hex[:6])
            b.expect("ACK")
        for p in callers:
            p.refused(486)
    finally:
        for p in callers:
            p.leave()
