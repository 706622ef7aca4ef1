# SPDX-License-Identifier: GPL-3.0-or-later
"""PBX-7, TEN-2: calls are recorded when the tenant or one of the two extensions wants it, and what is kept is heard, limited and deleted."""
import io
import wave

import numpy
import pytest

from harness import film, tones, wait
from harness.rawcall import Phone, hang_up, talk
from harness.rtp import where
from harness.talker import Talker, level_at, pass_time, talking

CALLER, CALLEE = 600, 1000  # what each says, in Hz


def tenant(server):
    return next(t for t in server.get("/api/tenants", who="admin")["items"] if t["domain"] == server.domain)


def choose(server, **fields):
    return server.api("PATCH", f"/api/tenants/{tenant(server)['id']}", fields, who="admin", expect=200).json()


def choose_for(server, number, **fields):
    server.api("PATCH", f"/api/extensions/{server.extension(number)['id']}", fields, expect=200)


def speak(server, addresses, frames=60, **more):
    """101 calls 102, and both say their tones."""
    with talking(server, addresses, **more) as (a, b):
        a.says_hz, b.says_hz = CALLER, CALLEE
        pass_time(a, b, frames=frames)


def recordings(server, n=1, **filters):
    """All of them, once there are n that have ended."""
    def ended():
        items = server.get("/api/recordings", params=filters)["items"]
        return items if len(items) >= n and all(r["ended_at"] for r in items) else None
    items = wait.until(ended, 10, why=f"{n} recordings")
    assert len(items) == n
    return items


def content(server, one, who="tenant", status=200, **headers):
    answer = server.api("GET", f"/api/recordings/{one['id']}/content", who=who, headers=headers, expect=status)
    return answer


def tracks(raw):
    with wave.open(io.BytesIO(raw)) as w:
        pcm = numpy.frombuffer(w.readframes(w.getnframes()), "<i2").astype(float).reshape(-1, w.getnchannels())
        assert w.getframerate() == 8000
    return pcm.T


def share(track, hz):
    """Of windows of 100 ms, in how many is that frequency most of what is heard?"""
    windows = [track[i:i + 800] for i in range(0, len(track) - 799, 800)]
    return sum(level_at(w, hz) ** 2 / 2 > 0.5 * max(1e4, numpy.mean(w ** 2)) for w in windows) / len(windows)


def test_the_tenants_calls_are_recorded_with_each_on_a_track_of_its_own(server, addresses):
    choose(server, record_audio=True)
    speak(server, addresses)
    (one,) = recordings(server)
    (call,) = server.cdrs()
    assert (one["caller"], one["callee"], one["final_dest"], one["direction"]) == ("101", "102", "102", "internal")
    assert (one["call_id"], one["part"], one["format"], one["tracks"], one["fault"]) == (call["id"], 1, "wav", 2, "")
    assert [one["caller_extension_id"], one["callee_extension_id"]] == [server.extension(n)["id"] for n in ("101", "102")]
    answer = content(server, one)
    assert answer.headers["Content-Type"] == "audio/wav"
    left, right = tracks(answer.content)
    assert one["bytes"] == len(answer.content) - 44 and one["milliseconds"] == len(left) // 8
    assert share(left, CALLER) > 0.5 and share(right, CALLEE) > 0.5
    assert share(left, CALLEE) == share(right, CALLER) == 0
    assert server.get(f"/api/recordings/{one['id']}") == one
    assert recordings(server, call_id=call["id"]) == [one]
    assert server.get("/api/recordings", params={"caller": "102"})["items"] == []


def test_nothing_is_recorded_that_nobody_wants(server, addresses):
    """Control."""
    speak(server, addresses, frames=10)
    server.cdrs()
    assert server.get("/api/recordings")["items"] == []
    assert server.get("/api/storage") == {"disk_quota_mb": 0, "recordings": 0, "recordings_bytes": 0, "call_reports_bytes": 0}


@pytest.mark.parametrize("who", ["101", "102"])
def test_one_extension_is_enough_and_both_may_be_in_one_track(server, addresses, who):
    choose(server, record_two_tracks=False)
    choose_for(server, who, record_audio=True)
    speak(server, addresses)
    (one,) = recordings(server)
    (both,) = tracks(content(server, one).content)
    assert one["tracks"] == 1
    assert level_at(both, CALLER) > 1000 and level_at(both, CALLEE) > 1000


def test_both_hear_that_they_are_recorded_and_then_each_other(server, addresses):
    choose(server, record_audio=True, announce_recording=True)
    with talking(server, addresses) as (a, b):
        a.says_hz, b.says_hz = CALLER, CALLEE
        pass_time(a, b, frames=60)
        for t, other in (a, CALLEE), (b, CALLER):
            heard = numpy.concatenate(t.heard)
            assert share(heard, 1400) * len(heard) / 8000 >= 0.2, "the tone"
            assert t.hears(other)
    assert recordings(server)


def test_direct_media_gives_way(server, addresses):
    """ACC-6: what is recorded goes through us."""
    for account in server.get("/api/accounts")["items"]:
        server.api("PATCH", f"/api/accounts/{account['id']}", {"direct_media": True, "nat": "never"}, expect=200)
    choose_for(server, "102", record_audio=True)
    speak(server, addresses)
    assert share(tracks(content(server, recordings(server)[0]).content)[1], CALLEE) > 0.5


def test_who_is_transferred_is_recorded_in_the_new_call(server, addresses):
    """101 talks to 102, which sends it on to 103: two calls, two recordings."""
    choose(server, record_audio=True)
    a, b, c = (Talker(Phone(addresses.new(), server, n)) for n in (101, 102, 103))
    invite, ok = talk(a.phone, b.phone, offer=a.sdp(), answer=b.sdp())
    a.meets(ok.body), b.meets(invite.body)
    pass_time(a, b, frames=20)
    b.phone.say("REFER", headers=[f"Refer-To: <sip:103@{server.domain}>"])
    b.phone.expect(202)
    invite = c.phone.called(c.phone.expect("INVITE"))
    c.phone.reply(invite, 200, body=c.sdp())
    c.meets(invite.body)
    c.phone.expect("ACK")
    offer = a.phone.expect("INVITE")
    a.phone.reply(offer, 200, body=a.sdp())
    a.phone.expect("ACK")
    a.says_hz, c.says_hz = CALLER, CALLEE
    pass_time(a, c, frames=50)
    b.phone.say("BYE")
    a.phone.say("BYE")
    new, old = recordings(server, 2)
    assert new["call_id"] != old["call_id"]
    assert (new["caller"], new["final_dest"], old["final_dest"]) == ("101", "103", "102")
    left, right = tracks(content(server, new).content)
    assert share(left, CALLER) > 0.4 and share(right, CALLEE) > 0.4
    for t in a, b, c:
        t.media.close()
        t.phone.close()


def test_a_range_of_it_is_sent(server, addresses):
    choose(server, record_audio=True)
    speak(server, addresses, frames=10)
    (one,) = recordings(server)
    whole = content(server, one).content
    for asked, piece in (("bytes=0-43", whole[:44]), ("bytes=44-", whole[44:]), ("bytes=-100", whole[-100:]), (f"bytes=10-{len(whole) + 5}", whole[10:])):
        answer = content(server, one, status=206, Range=asked)
        assert answer.content == piece
        begin = whole.index(piece) if asked != "bytes=44-" else 44
        assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(piece) - 1}/{len(whole)}" or asked.startswith("bytes=-")
    assert content(server, one, status=416, Range=f"bytes={len(whole)}-").headers["Content-Range"] == f"bytes */{len(whole)}"
    for odd in "bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=x-":
        assert content(server, one, Range=odd).content == whole


def test_owners_of_extensions_see_their_own_and_delete_them_when_they_may(server, addresses):
    choose(server, record_audio=True, extensions_delete_recordings=False)
    speak(server, addresses, frames=10)
    (one,) = recordings(server)
    server.add_owner("102")
    server.add_owner("103")
    path = f"/api/recordings/{one['id']}"
    assert server.get("/api/recordings", who="102")["items"] == [one] and content(server, one, who="102").content
    assert server.get("/api/recordings", who="103")["items"] == []
    for method, where in ("GET", path), ("GET", f"{path}/content"), ("DELETE", path), ("POST", f"{path}/destroy"):
        server.api(method, where, who="103", expect=404)
    server.api("DELETE", path, who="102", expect=403)
    assert content(server, one).content
    choose(server, extensions_delete_recordings=True)
    server.api("DELETE", path, who="102", expect=204)
    server.api("GET", f"{path}/content", expect=404)
    server.api("DELETE", path, expect=404)
    assert server.get("/api/storage")["recordings_bytes"] == 0


def test_what_is_being_recorded_is_not_deleted(server, addresses):
    choose(server, record_audio=True)
    with talking(server, addresses) as (a, b):
        def shown():  # it is held back for a while: mostly its end follows
            pass_time(a, b)
            return server.get("/api/recordings")["items"]
        (one,) = wait.until(shown, 40, why="the recording")
        assert one["ended_at"] is None
        server.api("DELETE", f"/api/recordings/{one['id']}", expect=409)
        content(server, one, status=404)
    assert recordings(server)[0]["id"] == one["id"]


def test_nothing_is_kept_beyond_the_quota(server, addresses):
    """TEN-2: the file ends where the quota does, the next call has none, and it is said."""
    choose(server, record_audio=True, disk_quota_mb=1)
    with talking(server, addresses) as (a, b):
        def ended():  # 32 kB each second
            pass_time(a, b, frames=50)
            return any(r["ended_at"] for r in server.get("/api/recordings")["items"])
        wait.until(ended, 90, why="the end of the quota")
    (one,) = recordings(server)
    assert one["fault"] == "quota" and (1 << 20) - 64000 < one["bytes"] <= 1 << 20
    speak(server, addresses, frames=10)
    server.cdrs(2)
    assert server.get("/api/recordings")["items"] == [one]
    assert server.get("/api/event_logs", params={"key": "storage_full"})["items"][0]["reason"] == "recordings are not kept"
    server.api("DELETE", f"/api/recordings/{one['id']}", expect=204)

    def recorded():
        speak(server, addresses, frames=5)
        return server.get("/api/recordings")["items"]
    assert wait.until(recorded, 30, why="room again")


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_a_call_with_pictures_is_recorded_with_them(server, addresses, tmp_path, codec):
    """Wanted by one of the two; its sound alone is not."""
    choose_for(server, "102", record_video=True)
    speak(server, addresses, frames=5)  # control: shows nothing
    a, b = (Phone(addresses.new(), server, n) for n in (101, 102))
    pt, name = film.ENCODERS[codec][0], {"h264": "H264", "vp8": "VP8"}[codec]
    body = [p.sdp(formats="0") + f"m=video 4002 RTP/AVP {pt}\r\na=rtpmap:{pt} {name}/90000\r\n" for p in (a, b)]
    invite, ok = talk(a, b, offer=body[0], answer=body[1])
    senders = [film.sender(codec, hz, 4, [where(sdp), where(sdp, "video")], (p.host, 4000))
               for p, sdp, hz in ((a, ok.body, CALLER), (b, invite.body, CALLEE))]
    assert [s.wait(60) for s in senders] == [0, 0]
    hang_up(a, b)
    (one,) = recordings(server)
    assert (one["format"], one["fault"], one["caller"]) == ("avi", "", "101")
    answer = content(server, one)
    assert answer.headers["Content-Type"] == "video/x-msvideo"
    path = tmp_path / "call.avi"
    path.write_bytes(answer.content)
    sound, *pictures = film.streams(path)
    assert sound[0] == "pcm_s16le" and [p[0] for p in pictures] == [codec] * 2
    assert all(int(p[-1]) >= 20 for p in pictures), "frames"
    assert film.complaints(path) == ""
    for channel, hz in enumerate((CALLER, CALLEE)):
        assert tones.share(film.sound(path, channel, tmp_path / f"{channel}.wav"), hz, skip_s=1.5, cut_s=1) >= 0.6
    for p in a, b:
        p.close()


def test_one_cut_off_by_a_kill_is_kept_as_far_as_it_went(server, addresses):
    choose(server, record_audio=True)
    a, b = (Talker(Phone(addresses.new(), server, n)) for n in (101, 102))
    invite, ok = talk(a.phone, b.phone, offer=a.sdp(), answer=b.sdp())
    a.meets(ok.body), b.meets(invite.body)
    a.says_hz, b.says_hz = CALLER, CALLEE
    pass_time(a, b, frames=150)
    server.kill()
    server.start()
    (one,) = recordings(server)
    assert one["fault"] == "interrupted"
    raw = content(server, one).content
    left, right = tracks(raw)
    assert one["bytes"] == len(raw) and 1000 <= one["milliseconds"] <= 4000
    assert share(left, CALLER) > 0.5 and share(right, CALLEE) > 0.5
    for t in a, b:
        t.media.close()
        t.phone.close()
