# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Exim as a mail server of its own: on one loopback address, everything that it takes in one maildir."""
import email
import email.policy
import os
import pathlib
import pwd
import socket
import subprocess
import tempfile

from . import wait

CONFIG = """
primary_hostname = {name}
local_interfaces = {ip}
daemon_smtp_ports = {port} : {ssl_port}
tls_on_connect_ports = {ssl_port}
tls_certificate = {cert}
tls_privatekey = {key}
tls_advertise_hosts = {advertise}
auth_advertise_hosts = *
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/pid
keep_environment =
host_lookup =
rfc1413_hosts =
never_users =
exim_user = {user}
exim_group = {group}
trusted_users = {user}
acl_smtp_rcpt = rcpt
message_size_limit = 64M
begin acl
rcpt:
  deny message = no such mailbox
       condition = ${{if eq{{$local_part}}{{nobody}}}}
  defer message = come back later
       condition = ${{if exists{{{dir}/busy}}}}
  deny message = sign in first
       condition = ${{if exists{{{dir}/closed}}}}
       !authenticated = *
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  maildir_format
  directory = {dir}/box
  create_directory
  user = {user}
  group = {group}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{anna}}}}{{eq{{$auth3}}{{mail secret}}}}}}}}
  server_set_id = $auth2
"""


class MailServer:
    """`certificate` is a pair of paths; without STARTTLS when tls is False."""

    name = "mail.example.com"

    def __init__(self, ip, certificate, tls=True, port=2525, ssl_port=2465):
        self.ip, self.port, self.ssl_port, self.process = ip, port, ssl_port, None
        # Exim serves as a user of its own, who sees nothing of pytest's folders
        self.folder = tempfile.TemporaryDirectory(prefix="offhook-mail-")
        self.dir = pathlib.Path(self.folder.name)
        user = pwd.getpwnam("Debian-exim") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        cert, key = self.dir / "cert.pem", self.dir / "key.pem"
        cert.write_bytes(pathlib.Path(certificate[0]).read_bytes())
        key.write_bytes(pathlib.Path(certificate[1]).read_bytes())
        for name in ("spool", "log", "box"):
            (self.dir / name).mkdir()
        config = self.dir / "exim.conf"
        config.write_text(CONFIG.format(name=self.name, ip=ip, port=port, ssl_port=ssl_port, cert=cert, key=key, dir=self.dir,
                                        user=user.pw_uid, group=user.pw_gid, advertise="*" if tls else ""))
        if os.geteuid() == 0:
            for path in (self.dir, *self.dir.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
            os.chown(config, 0, 0)
        self.start()

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/exim4", "-C", str(self.dir / "exim.conf"), "-bdf", "-q1h"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.dir / "errors", "wb"))
        wait.until(self.answers, 20, why="the mail server listens")

    def answers(self):
        assert self.process.poll() is None, (self.dir / "errors").read_text() + self.log()
        try:
            with socket.create_connection((self.ip, self.port), 5) as s:
                return s.recv(3) == b"220"
        except OSError:
            return False

    def log(self):
        return "".join(p.read_text() for p in (self.dir / "log").iterdir())

    def mails(self):
        """What lies in the mailbox, oldest first."""
        new = self.dir / "box" / "new"
        found = sorted(new.iterdir(), key=lambda p: p.stat().st_mtime_ns) if new.exists() else []
        return [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in found]

    def wait(self, n=1):
        """The first n mails."""
        wait.until(lambda: len(self.mails()) >= n, 30, why=lambda: f"{n} mails; the server says {self.log()}")
        return self.mails()

    def set(self, what, on=True):
        """busy: it answers 451; closed: only to who has signed in."""
        (self.dir / what).touch() if on else (self.dir / what).unlink()

    def stop(self):
        """Its children for single connections end with these."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def close(self):
        self.stop()
        self.folder.cleanup()
