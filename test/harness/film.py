# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of a call with pictures: the engine that makes it, ffmpeg as who talks and shows, and what ffmpeg reads from the file."""
import os
import re
import select
import socket
import subprocess
import threading

from . import rtp, wait
from .server import TEST_BUILD

FIRST_PORT = 42000
ENCODERS = {
    "h264": ("96", ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline"]),
    "vp8": ("97", ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"]),
}


def sender(codec, hz, seconds, to, own, rate=15):
    """ffmpeg: a test picture and a tone, at the speed of a call; a key frame each second.  to: where sound and picture go."""
    pt, encoder = ENCODERS[codec]
    ip, port = own

    def url(i, size):
        return f"rtp://{to[i][0]}:{to[i][1]}?localrtpport={port + 2 * i}&localaddr={ip}&pkt_size={size}"
    return subprocess.Popen(
        ["ffmpeg", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i", f"testsrc=size=320x240:rate={rate}",
         "-re", "-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=8000",
         "-t", str(seconds), "-map", "0:v", *encoder, "-g", str(rate), "-pix_fmt", "yuv420p", "-payload_type", pt, "-f", "rtp", url(1, 1200),
         "-t", str(seconds), "-map", "1:a", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1", "-f", "rtp", url(0, 172)],
        stdout=subprocess.DEVNULL)


class Engine:
    """The media engine with one call of two legs; leg 0 is recorded."""

    def __init__(self, ip, peer):
        self.ip, self.peer, self.lines = ip, peer, []
        self.process = subprocess.Popen([os.path.join(TEST_BUILD, "film_engine"), ip, peer, str(FIRST_PORT)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self._read, daemon=True).start()
        self.ports = [int(p) for p in self.wait_for("ports").split()[1:]]

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait_for(self, begins, timeout=30):
        return wait.until(lambda: next((x for x in self.lines if x.startswith(begins)), None), timeout, why=begins)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.wait_for("ok " + line)

    def sender(self, leg, codec, hz, seconds, rate=15):
        ports = self.ports[2 * leg:2 * leg + 2]
        return sender(codec, hz, seconds, [(self.ip, p) for p in ports], (self.peer, FIRST_PORT + 4 * leg), rate)

    def stop(self):
        """It ends with its input; a sanitizer's report fails the test."""
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def streams(path):
    """(codec, width, height, pictures or blocks read, seconds) of each."""
    out, _ = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames,duration",
                 "-of", "csv=p=0", str(path))
    return [line.split(",") for line in out.split()]


def complaints(path):
    """What a decoder of all that is in it has to say."""
    return run("ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0", "-f", "null", "-")[1]


def sound(path, channel, to):
    run("ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a", "-af", f"pan=mono|c0=c{channel}", "-bitexact", str(to))
    return to


class Projector:
    """A telephone by hand that shows nothing: what it gets of a call, sound and pictures, goes on into an engine that records it, and
    what the engine asks for (key frames) goes back."""

    def __init__(self, phone, engine):
        self.phone, self.engine = phone, engine
        self.sound, self.picture, self.reports = (self._socket(phone.host, 4000 + n) for n in (0, 2, 3))
        self.to_sound, self.to_picture = (self._socket(engine.peer, FIRST_PORT + n) for n in (0, 2))
        self.over = threading.Event()

    @staticmethod
    def _socket(ip, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((ip, port))
        return s

    def answers(self, invite):
        """In mu-law, and in VP8 by the number that the other side has for it."""
        self.pt = int(re.search(r"a=rtpmap:(\d+) VP8/90000", invite.body).group(1))
        host = self.phone.host
        body = (f"v=0\r\no=- 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
                f"m=video 4002 RTP/AVPF {self.pt}\r\na=rtpmap:{self.pt} VP8/90000\r\na=rtcp-fb:{self.pt} nack pli\r\na=rtcp-fb:{self.pt} ccm fir\r\n")
        video = re.search(r"m=video (\d+) (\S+)", invite.body)
        self.wants = (rtp.where(invite.body)[0], int(video.group(1)) + 1)
        self.phone.reply(invite, 200, body=body.replace("RTP/AVPF", video.group(2)))
        self.thread = threading.Thread(target=self._pass_on, daemon=True)
        self.thread.start()

    def _pass_on(self):
        ip, ports = self.engine.ip, self.engine.ports
        while not self.over.is_set():
            for s in select.select([self.sound, self.picture, self.to_picture], [], [], 0.1)[0]:
                data = s.recv(65536)
                if s is self.sound:
                    self.to_sound.sendto(data, (ip, ports[0]))
                elif s is self.picture:
                    marker = data[1] & 0x80
                    self.to_picture.sendto(data[:1] + bytes([marker | int(ENCODERS["vp8"][0])]) + data[2:], (ip, ports[1]))
                else:
                    self.reports.sendto(data, self.wants)

    def stop(self):
        self.over.set()
        self.thread.join()
        for s in (self.sound, self.picture, self.reports, self.to_sound, self.to_picture):
            s.close()
