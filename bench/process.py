# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of server processes, and starting each system that is compared."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "test"), str(ROOT / "test" / "load")]

from harness import wait                      # noqa: E402
from harness.rawsip import RawSip             # noqa: E402
from harness.server import RELEASE_BUILD, Server  # noqa: E402

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


def run_seconds(pid):
    """The same from the scheduler, in nanoseconds: exact for short runs.  Of threads that live; none may end in between."""
    total = 0
    for p in descendants(pid):
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                total += int(open(f"/proc/{p}/task/{task}/schedstat").read().split()[0])
        except OSError:
            continue
    return total / 1e9


def answers(ip, port=5060):
    peer = RawSip(ip.rsplit(".", 1)[0] + ".99", ip, port=0, server_port=port)
    try:
        return peer.alive() is not None
    finally:
        peer.close()


def bench_program(name):
    """A program of bench/meson.build, built beside the server that is measured."""
    program = pathlib.Path(RELEASE_BUILD, "bench", name).resolve()
    if not program.exists():
        raise RuntimeError(f"{program} is missing: meson compile -C {RELEASE_BUILD} bench")
    return str(program)


def sid_chroot(package, title):
    made = subprocess.run([str(ROOT / "script" / "sid-chroot"), package], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise PeerMissing(f"{title}: the Debian sid chroot could not be made")
    return pathlib.Path(made.stdout.strip().splitlines()[-1])


class Peer:
    """Another system's process.  `ready` is asked until it is true; one that does not start is a missing peer."""

    def __init__(self, directory, ip, command, ready):
        self.ip, self.domain = ip, ip
        self.log_path = directory / f"{self.name}.log"
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.process.pid

        def is_up():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}")
            return ready()
        try:
            wait.until(is_up, 60, every=0.2, why=f"{self.name} answers")
        except AssertionError as error:
            self.stop()
            raise PeerMissing(f"{self.name}: {error}; see {self.log_path}") from error

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Offhook:
    name = "offhook"

    def __init__(self, directory, ip):
        self.server = Server(directory, ip, release=True).start(60)
        self.ip, self.pid, self.domain = ip, self.server.process.pid, self.server.domain

    def stop(self):
        self.server.stop()


class Asterisk(Peer):
    name = "asterisk"

    def __init__(self, directory, ip, users, uac_ip, uas_ip):
        chroot = sid_chroot("asterisk", "Asterisk")
        etc = chroot / "etc" / "asterisk-bench"
        shutil.rmtree(etc, ignore_errors=True)
        shutil.copytree(ROOT / "bench" / "asterisk", etc)
        for sub in ("var/lib/asterisk-bench", "run/asterisk-bench"):
            shutil.rmtree(chroot / sub, ignore_errors=True)
            (chroot / sub).mkdir(parents=True)
        conf = etc / "pjsip.conf"
        text = conf.read_text().replace("127.0.0.10", ip).replace("127.0.0.2", uac_ip).replace("127.0.0.3", uas_ip)
        for user, password in users:
            text += (f"\n[{user}]\ntype=endpoint\ncontext=bench\ndisallow=all\nallow=ulaw\nauth={user}\naors={user}\n"
                     f"[{user}]\ntype=auth\nauth_type=userpass\nusername={user}\npassword={password}\n"
                     f"[{user}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
        conf.write_text(text)
        super().__init__(directory, ip, ["chroot", str(chroot), "asterisk", "-C", "/etc/asterisk-bench/asterisk.conf",
                                         "-f"], lambda: answers(ip))


class Rtpengine(Peer):
    """The media relay alone, in user space; calls reach it through Kamailio."""
    name = "rtpengine"

    def __init__(self, directory, ip):
        chroot = sid_chroot("rtpengine-daemon", "rtpengine")
        super().__init__(directory, ip, [
            "chroot", str(chroot), "rtpengine", "--table=-1", f"--interface={ip}", f"--listen-ng={ip}:2223",
            "--foreground", "--log-stderr", "--log-level=3", "--port-min=30000", "--port-max=40000",
            "--num-threads=2", "--timeout=300"], self._pongs)

    def _pongs(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.bind((self.ip.rsplit(".", 1)[0] + ".99", 0))
            s.connect((self.ip, 2223))
            try:
                s.send(b"1 d7:command4:pinge")
                return b"pong" in s.recv(2048)
            except (TimeoutError, ConnectionRefusedError):
                return False


class Kamailio(Peer):
    """The proxy that anchors calls at rtpengine.  Its own CPU is not counted."""
    name = "kamailio"

    def __init__(self, directory, ip, rtpengine_ip, uas_ip):
        self._run(directory, ip, "kamailio.cfg", {"KAMAILIO:": f"{ip}:", "RTPENGINE:": f"{rtpengine_ip}:", "CALLEE:": f"{uas_ip}:"})

    def _run(self, directory, ip, name, values):
        chroot = sid_chroot("kamailio", "Kamailio")
        text = (ROOT / "bench" / "kamailio" / name).read_text()
        for key, value in values.items():
            text = text.replace(key, value)
        (chroot / "etc" / f"{directory.name}-{name}").write_text(text)
        (chroot / "run" / "kamailio").mkdir(parents=True, exist_ok=True)
        super().__init__(directory, ip, ["chroot", str(chroot), "kamailio", "-f", f"/etc/{directory.name}-{name}", "-DD", "-E",
                                         "-m", "256", "-M", "32"], lambda: answers(ip))


class Registrar(Kamailio):
    """Kamailio as registrar and proxy of calls."""
    PASSWORD = "pw"

    def __init__(self, directory, ip, uas_ip):
        self._run(directory, ip, "signalling.cfg", {'"KAMAILIO"': f'"{ip}"', "KAMAILIO:": f"{ip}:", "CALLEE:": f"{uas_ip}:",
                                                    "PASSWORD": self.PASSWORD})


class Floor(Peer):
    """bench/relay_floor.c: the least a relay in user space can do."""
    name = "floor"

    def __init__(self, directory, ip, calls, peers):
        self.ports = directory / "floor.ports"
        self.ports.unlink(missing_ok=True)
        super().__init__(directory, ip, [bench_program("relay_floor"), "--calls", str(calls), "--local", ip,
                                         "--peers", peers, "--ports", str(self.ports)], self.ports.exists)
