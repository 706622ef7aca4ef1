# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of server processes, and starting each system that is compared."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "test"), str(ROOT / "test" / "load")]

from harness import wait                      # noqa: E402
from harness.rawsip import RawSip             # noqa: E402
from harness.server import Server             # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


class PeerMissing(Exception):
    """A system to compare with cannot be started: the bench fails, it never prints a stored figure."""


def descendants(pid):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = open(f"/proc/{entry}/stat").read()
            except OSError:
                continue
            parents.setdefault(int(text[text.rindex(")") + 2:].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        todo += parents.get(p, [])
    return found


def cpu_seconds(pid):
    """User and system time of a process and its children, all threads."""
    total = 0
    for p in descendants(pid):
        try:
            text = open(f"/proc/{p}/stat").read()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2:].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def answers(ip, port=5060, probe_ip="127.50.0.99"):
    peer = RawSip(probe_ip, ip, port=0, server_port=port)
    try:
        return peer.alive() is not None
    finally:
        peer.close()


class Offhook:
    name = "offhook"

    def __init__(self, directory, ip):
        self.server = Server(directory, ip, release=True).start(60)
        self.ip, self.pid, self.domain = ip, self.server.process.pid, self.server.domain

    def stop(self):
        self.server.stop()


class Asterisk:
    name = "asterisk"

    def __init__(self, directory, ip, users, uac_ip, uas_ip):
        made = subprocess.run([str(ROOT / "script" / "sid-chroot"), "asterisk"], stdout=subprocess.PIPE, text=True, check=False)
        if made.returncode:
            raise PeerMissing("Asterisk: the Debian sid chroot could not be made")
        self.chroot = pathlib.Path(made.stdout.strip().splitlines()[-1])
        etc = self.chroot / "etc" / "asterisk-bench"
        shutil.rmtree(etc, ignore_errors=True)
        shutil.copytree(ROOT / "bench" / "asterisk", etc)
        for sub in ("var/lib/asterisk-bench", "run/asterisk-bench"):
            shutil.rmtree(self.chroot / sub, ignore_errors=True)
            (self.chroot / sub).mkdir(parents=True)
        conf = etc / "pjsip.conf"
        text = conf.read_text().replace("127.0.0.10", ip).replace("127.0.0.2", uac_ip).replace("127.0.0.3", uas_ip)
        for user, password in users:
            text += (f"\n[{user}]\ntype=endpoint\ncontext=bench\ndisallow=all\nallow=ulaw\nauth={user}\naors={user}\n"
                     f"[{user}]\ntype=auth\nauth_type=userpass\nusername={user}\npassword={password}\n"
                     f"[{user}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
        conf.write_text(text)
        self.log = open(directory / "asterisk.log", "wb")
        self.process = subprocess.Popen(
            ["chroot", str(self.chroot), "asterisk", "-C", "/etc/asterisk-bench/asterisk.conf", "-f"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.ip, self.pid, self.domain = ip, self.process.pid, ip
        try:
            wait.until(lambda: self.process.poll() is None and answers(ip), 60, every=0.2, why="Asterisk answers")
        except AssertionError as error:
            self.stop()
            raise PeerMissing(f"Asterisk: {error}; see {directory}/asterisk.log") from error

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
