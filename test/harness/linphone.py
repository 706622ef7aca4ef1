# SPDX-License-Identifier: GPL-3.0-or-later
"""A linphone phone (linphonec), driven by its command line; plays a tone from a file and records what it hears."""
import os
import pty
import subprocess
import threading

from . import tones, wait
from .home import environment

# Over TLS it is reached by address, and linphone compares a certificate with DNS names only: the chain is checked, not the name.
RC = """\
[sip]
bind_address={ip}
use_ipv6={six}
sip_port=5060
sip_tcp_port={tcp}
sip_tls_port={tls}
root_ca={ca}
verify_server_cn=0
default_proxy=0
{media}register_only_when_network_is_up=0
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
domain={domain}
[rtp]
audio_rtp_port={rtp}-{rtp_end}
[net]
mtu=1300
[sound]
echocancellation=0
"""


class Linphone:
    _next_rtp = [30000]

    def __init__(self, directory, ip, *, user, password, domain, server, tone_hz=600, transport="udp", tone_s=60, media_encryption=None,
                 friends=(), ca=None):
        self.dir, self.ip, self.user = directory, ip, user
        for d in (".local/share/linphone", ".config/linphone"):  # without them it never registers
            (directory / d).mkdir(parents=True, exist_ok=True)
        rtp = Linphone._next_rtp[0]
        Linphone._next_rtp[0] += 20
        (directory / "rc").write_text(RC.format(
            ip=ip, six=int(":" in ip), tcp=5060 if transport == "tcp" else 0, tls=-1 if transport == "tls" else 0, ca=ca or "", server=server, transport=transport, user=user,
            password=password, domain=domain, rtp=rtp, rtp_end=rtp + 18,
            media=f"media_encryption={media_encryption}\n" if media_encryption else "")
            + "".join(f"[friend_{i}]\nurl=<{uri}>\npol=accept\nsubscribe=1\n" for i, uri in enumerate(friends)))
        tones.write_tone(directory / "tone.wav", tone_hz, tone_s)
        self._heard = directory / "heard.wav"
        self.output = ""
        # On a pipe it would keep what it says to itself until it ends.
        self._terminal, slave = pty.openpty()
        self.process = subprocess.Popen(["/usr/bin/linphonec", "-c", "rc"], cwd=directory, stdin=slave, stdout=slave,
                                        stderr=slave, env=environment(directory, TERM="dumb"))
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()
        self.command("soundcard use files")
        self.command(f"play {directory / 'tone.wav'}")
        self.command(f"record {self._heard}")

    def _read(self):
        while True:
            try:
                chunk = os.read(self._terminal, 65536)
            except OSError:
                return
            if not chunk:
                return
            self.output += chunk.decode(errors="replace")

    def command(self, line):
        os.write(self._terminal, (line + "\n").encode())

    def wait_for(self, text, timeout=15):
        try:
            wait.until(lambda: text in self.output, timeout)
        except AssertionError as error:
            raise AssertionError(f"linphone {self.user}: no {text!r} in {self.output[-1500:]!r}") from error
        return self

    def registered(self, timeout=15):
        """It says so only when asked."""
        def is_registered():
            self.command("status register")
            return "registered, identity" in self.output
        wait.until(is_registered, timeout, every=0.3, why=f"linphone {self.user} registers")
        return self

    def dial(self, uri):
        self.command(f"call {uri}")

    def answer(self):
        self.wait_for("Receiving new incoming call")
        self.command("answer")

    def hangup(self):
        self.command("terminate")

    def press(self, keys):
        """Digits, as telephone events."""
        self.command(keys)

    @property
    def heard_path(self):
        """Its recording: it is stopped, as it writes the last of it when it closes."""
        self.stop()
        return self._heard

    def heard(self, hz, **cut):
        return tones.share(self.heard_path, hz, **cut)

    def stop(self):
        if self.process.poll() is None:
            try:
                self.command("quit")
                self.process.wait(5)
            except (subprocess.TimeoutExpired, OSError):
                self.process.kill()
                self.process.wait()
        if self._terminal >= 0:
            os.close(self._terminal)
        self._terminal = -1
