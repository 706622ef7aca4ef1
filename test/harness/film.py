# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of a call with pictures: the engine that makes it, ffmpeg as who talks and shows, and what ffmpeg reads from the file."""
import os
import subprocess
import threading

from . import wait
from .server import TEST_BUILD

FIRST_PORT = 42000
ENCODERS = {
    "h264": ("96", ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline"]),
    "vp8": ("97", ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"]),
}


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
        """ffmpeg: a test picture and a tone, at the speed of a call; a key frame each second."""
        pt, encoder = ENCODERS[codec]
        port = FIRST_PORT + 4 * leg

        def to(i, size):
            return f"rtp://{self.ip}:{self.ports[2 * leg + i]}?localrtpport={port + 2 * i}&localaddr={self.peer}&pkt_size={size}"
        return subprocess.Popen(
            ["ffmpeg", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i", f"testsrc=size=320x240:rate={rate}",
             "-re", "-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=8000",
             "-t", str(seconds), "-map", "0:v", *encoder, "-g", str(rate), "-pix_fmt", "yuv420p", "-payload_type", pt, "-f", "rtp", to(1, 1200),
             "-t", str(seconds), "-map", "1:a", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1", "-f", "rtp", to(0, 172)],
            stdout=subprocess.DEVNULL)

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
