# SPDX-License-Identifier: GPL-3.0-or-later
"""A baresip phone: registers, calls, answers, plays a tone and records what it hears.

Traps of 1.0: net_interface and sip_listen take an IP address; ausine fails with G.711, so aufile plays; sndfile
writes what was heard as dump-*-dec.wav; stdio must not be loaded; RTP binds 0.0.0.0, so each phone has ports of its own.
Its module mwi walks its list of subscriptions 1 ms after it was loaded, and adds one for each that it meets: a phone that has
registered by then subscribes for ever and hears nothing more.  With that module the account is made once it runs.
"""
import glob
import json
import socket
import subprocess
import threading

from . import tones, wait

CONFIG = """\
poll_method epoll
sip_listen {host}:{sip_port}
{tls}net_interface {ip}
call_local_timeout 120
call_max_calls 8
audio_player aubridge,nil
audio_source aufile,{tone}
ausrc_srate 8000
ausrc_channels 1
auplay_srate 8000
auplay_channels 1
audio_alert aubridge,nil
rtp_tos 184
rtp_ports {rtp}-{rtp_end}
rtp_timeout 0
jitter_buffer_delay 5-10
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
{record}
{modules}module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{ctrl_port}
snd_path {dir}
"""


class Baresip:
    """One phone.  `ip` must be its own loopback address, or the one of IPv6 with a sip_port of its own."""

    _next_rtp = [10000]

    def __init__(self, directory, ip, *, user=None, password=None, domain=None, server=None, tone_hz=440,
                 transport="udp", answer="manual", sip_port=5060, regint=600, outbound=True, tone_s=60, extra="", ca=None, modules=(), contacts=()):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ip, self.user, self.tone_hz, self.sip_port = ip, user, tone_hz, sip_port
        tone = self.dir / "tone.wav"
        tones.write_tone(tone, tone_hz, tone_s)
        rtp = Baresip._next_rtp[0]
        Baresip._next_rtp[0] = rtp + 40 if rtp < 19000 else 10000
        host = f"[{ip}]" if ":" in ip else ip
        (self.dir / "config").write_text(CONFIG.format(
            ip=ip, host=host, sip_port=sip_port, tone=tone, rtp=rtp, rtp_end=rtp + 38, ctrl_port=4444, dir=self.dir,
            record="module sndfile.so", modules="".join(f"module {m}.so\n" for m in modules), tls=f"sip_cafile {ca}\n" if ca else ""))
        (self.dir / "contacts").write_text("".join(c + "\n" for c in contacts))
        if user:
            proxy = f';outbound="sip:{server};transport={transport}"' if outbound else ""
            account = (f'<sip:{user}@{domain};transport={transport}>;auth_user={user};auth_pass={password}'
                       f'{proxy};answermode={answer};regint={regint}{extra}\n')
        else:
            account = f"<sip:phone@{host}:{sip_port}>;regint=0;answermode={answer}{extra}\n"
        is_late = "mwi" in modules
        (self.dir / "accounts").write_text("" if is_late else account)
        self.log = open(self.dir / "log", "wb")
        self.events = []
        self._lock = threading.Lock()
        self._replies = []
        self.process = subprocess.Popen(["/usr/bin/baresip", "-f", str(self.dir), "-v"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, cwd=self.dir)
        self._socket = wait.until(self._connect, 15, why=f"baresip {ip} starts")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if is_late:
            self.command("help")
            self.command("uanew", account.strip())

    def _connect(self):
        assert self.process.poll() is None, f"baresip ended: {(self.dir / 'log').read_text()[-2000:]}"
        try:
            return socket.create_connection((self.ip, 4444), timeout=1)
        except OSError:
            return None

    def _read(self):
        data = b""
        self._socket.settimeout(None)
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            data += chunk
            while b":" in data:
                size, rest = data.split(b":", 1)
                if len(rest) < int(size) + 1:
                    break
                message = json.loads(rest[:int(size)].decode(errors="replace"))
                data = rest[int(size) + 1:]
                with self._lock:
                    (self.events if message.get("event") else self._replies).append(message)

    def command(self, name, params=""):
        message = json.dumps({"command": name, "params": params, "token": "t"}).encode()
        with self._lock:
            before = len(self._replies)
        self._socket.sendall(str(len(message)).encode() + b":" + message + b",")
        return wait.until(lambda: len(self._replies) > before and self._replies[-1], 10, why=f"baresip {name}")

    def rings(self, timeout=10):
        wait.until(lambda: b"Incoming call from" in (self.dir / "log").read_bytes(), timeout,
                   why=f"{self.ip} {self.user} rings")

    def saw(self, kind, after=0):
        """The events of a type since number `after`."""
        with self._lock:
            return [e for e in self.events[after:] if e.get("type") == kind]

    def wait_for(self, kind, timeout=10, count=1, after=0):
        wait.until(lambda: len(self.saw(kind, after)) >= count, timeout,
                   why=lambda: f"{self.ip} {self.user}: {kind} (has {[e.get('type') for e in self.events]})")
        return self.saw(kind, after)[-1]

    def registered(self, timeout=10):
        """It registers as it starts, before the control connection is there: the log says it."""
        wait.until(lambda: b" 200 OK (" in (self.dir / "log").read_bytes(), timeout,
                   why=lambda: f"{self.ip} {self.user} registers: {(self.dir / 'log').read_text()[-800:]}")
        return self

    def dial(self, uri):
        self.command("dial", uri)

    def answer(self):
        self.command("accept")

    def hangup(self):
        self.command("hangup")

    def talks(self, seconds, count=1):
        """So long, and hangs up; `count` calls have been there then."""
        self.wait_for("CALL_ESTABLISHED", count=count)
        wait.talk(seconds)
        self.hangup()
        self.wait_for("CALL_CLOSED", count=count)

    def recordings(self):
        return sorted(glob.glob(str(self.dir / "dump-*-dec.wav")))

    def heard(self, hz, **cut):
        """The share of what was heard that holds `hz`, in the last recording."""
        files = self.recordings()
        assert files, f"{self.ip} recorded nothing"
        return tones.share(files[-1], hz, **cut)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._socket.close()
        self.log.close()
