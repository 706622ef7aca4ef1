# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 of a Debian sid chroot as provider or as another PBX.  Made by script/sid-chroot; needs root."""
import itertools
import os
import pathlib
import shutil
import subprocess

from . import wait
from .rawsip import RawSip

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_numbers = itertools.count(1)

ASTERISK = """[directories]
astetcdir => {etc}
astmoddir => /usr/lib/x86_64-linux-gnu/asterisk/modules
astvarlibdir => {run}
astdbdir => {run}
astkeydir => {run}
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {run}
astrundir => {run}
astlogdir => {run}
astsbindir => /usr/sbin
[options]
verbose = 3
"""
MODULES = """res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_timing_timerfd res_rtp_asterisk res_crypto res_srtp
 res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_authenticator_digest
 res_pjsip_outbound_authenticator_digest res_pjsip_outbound_registration res_pjsip_endpoint_identifier_ip
 res_pjsip_endpoint_identifier_user res_pjsip_caller_id res_pjsip_nat res_pjsip_rfc3326 res_pjsip_pubsub
 res_pjsip_diversion chan_pjsip bridge_simple bridge_native_rtp bridge_builtin_features bridge_holding chan_bridge_media
 res_pjsip_refer res_clioriginate app_dial app_transfer app_echo app_playtones app_senddtmf pbx_config func_callerid codec_ulaw codec_alaw""".split()
# What is dialled decides: a tone, one who presses 1 first, one who sends a REFER, or a failure.  Global variables: KEYS, D(…), pressed when
# [out] is answered; TARGET, the URI that the REFER is to.
EXTENSIONS = """[provider]
exten => _X.,1,NoOp(${CALLERID(num)} calls ${EXTEN})
 same => n,Goto(answer,1)
exten => answer,1,Answer()
 same => n,PlayTones(1000)
 same => n,Wait(60)
exten => 33777,1,Answer()
 same => n,Wait(2)
 same => n,SendDTMF(1)
 same => n,PlayTones(1000)
 same => n,Wait(60)
exten => 33888,1,Answer()
 same => n,Wait(2)
 same => n,Transfer(PJSIP/${TARGET})
 same => n,NoOp(transfer: ${TRANSFERSTATUS})
exten => 486,1,Hangup(17)
exten => 603,1,Hangup(21)
exten => 404,1,Hangup(1)
exten => 503,1,Hangup(34)
exten => _+X.,1,NoOp(${CALLERID(num)} calls ${EXTEN})
 same => n,Goto(answer,1)
[out]
exten => _X.,1,Set(CALLERID(all)=Bob <4930123456>)
 same => n,Dial(PJSIP/${EXTEN}@offhook,30,${KEYS})
"""


def endpoint(aor, more="", match=None):
    """pjsip.conf of an Asterisk that talks to one server: where that is, how they talk, and the address it is known by."""
    text = "[offhook]\ntype=endpoint\ncontext=provider\ndisallow=all\nallow=ulaw\ndirect_media=no\naors=offhook\n" \
        f"{more}\n[offhook]\ntype=aor\n{aor}\n"
    return text + (f"[offhook]\ntype=identify\nendpoint=offhook\nmatch={match}\n" if match else "")


def at(ip, more=""):
    """... a server at that address."""
    return endpoint(f"contact=sip:{ip}:5060", more, match=ip)


class Asterisk:
    """`pjsip`: endpoints and what belongs to them; the transport is there.  `within`: words before its command (nsenter …)."""

    def __init__(self, directory, ip, pjsip, within=()):
        self.ip, self.within = ip, list(within)
        made = subprocess.run([str(ROOT / "script" / "sid-chroot"), "asterisk"], stdout=subprocess.PIPE, text=True, check=True)
        self.chroot = pathlib.Path(made.stdout.strip())
        name = f"trunk-{os.getpid()}-{next(_numbers)}"
        self.etc, self.run = f"/etc/asterisk-{name}", f"/run/asterisk-{name}"
        for path in self.etc, self.run:
            (self.chroot / path[1:]).mkdir(parents=True)
        self._write("asterisk.conf", ASTERISK.format(etc=self.etc, run=self.run))
        self._write("modules.conf", "[modules]\nautoload=no\n" + "".join(f"load={m}.so\n" for m in MODULES))
        self._write("logger.conf", "[general]\n[logfiles]\nconsole => notice,warning,error,verbose\n")
        self._write("rtp.conf", "[general]\nrtpstart=30000\nrtpend=31000\nicesupport=no\n")
        self._write("extensions.conf", EXTENSIONS)
        self._write("indications.conf", "[general]\ncountry=us\n[us]\ndescription=us\nringcadence=2000,4000\n")
        self._write("pjsip.conf", "[global]\ntype=global\nuser_agent=provider\nendpoint_identifier_order=ip,username,auth_username\n"
                    "[udp]\ntype=transport\nprotocol=udp\n"
                    f"bind={ip}:5060\n[tcp]\ntype=transport\nprotocol=tcp\nbind={ip}:5060\n" + pjsip)
        self.directory = directory
        self.process = None

    def _write(self, name, text):
        (self.chroot / self.etc[1:] / name).write_text(text)

    def serve_tls(self, authority):
        """Port 5061, with a certificate of that authority; it believes whoever it calls."""
        files = dict(zip(("tls.pem", "tls.key"), authority.sign("asterisk", f"IP:{self.ip}")))
        for name, made in files.items():
            self._write(name, made.read_text())
        with open(self.chroot / self.etc[1:] / "pjsip.conf", "a") as f:
            f.write(f"[tls]\ntype=transport\nprotocol=tls\nmethod=tlsv1_2\nbind={self.ip}:5061\ncert_file={self.etc}/tls.pem\n"
                    f"priv_key_file={self.etc}/tls.key\nverify_server=no\n")
        return self

    def start(self):
        self.log = open(self.directory / "asterisk.log", "ab")
        self.process = subprocess.Popen(self.within + ["chroot", str(self.chroot), "asterisk", "-C", self.etc + "/asterisk.conf", "-f", "-vvv"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait.until(self._answers, 30, why=lambda: f"Asterisk starts: {self.text()[-2000:]}")
        return self

    def text(self):
        return (self.directory / "asterisk.log").read_text(errors="replace")

    def _answers(self):
        if self.within:
            return "Asterisk Ready." in self.text()
        peer = RawSip(self.ip.rsplit(".", 1)[0] + ".250", self.ip, port=0)
        try:
            return peer.alive() is not None
        finally:
            peer.close()

    def cli(self, command):
        return subprocess.run(["chroot", str(self.chroot), "asterisk", "-C", self.etc + "/asterisk.conf", "-rx", command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=20).stdout

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.log.close()
        self.process = None

    def remove(self):
        self.stop()
        for path in self.etc, self.run:
            shutil.rmtree(self.chroot / path[1:], ignore_errors=True)
