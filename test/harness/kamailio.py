# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio as edge proxy before the server: Path for registrations, Record-Route for calls."""
import subprocess

from . import wait
from .rawsip import RawSip

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
auto_aliases=no
{listen}loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "path.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("path", "use_received", 1)
modparam("rr", "append_fromtag", 0)

request_route {{
	if (!mf_process_maxfwd_header("20")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
	if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
	if (is_method("OPTIONS") && uri == myself) {{ sl_send_reply("200", "OK"); exit; }}
	if (has_totag()) {{
		if (loose_route()) {{ t_relay(); exit; }}
		if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
		sl_send_reply("404", "Not Here");
		exit;
	}}
	t_check_trans();
	if (is_method("REGISTER")) {{
		add_path_received("edge");
		$du = "sip:{core}:5060;transport={transport}";
		t_relay();
		exit;
	}}
	if ($si == "{core}") {{
		loose_route();
		record_route();
		t_relay();
		exit;
	}}
	record_route();
	$du = "sip:{core}:5060;transport={transport}";
	t_relay();
}}
"""


# Over TCP it closes what is idle for two seconds, and connects anew when it has something to say.
LISTEN = {"udp": "disable_tcp=yes\nlisten=udp:{ip}:5060\n",
          "tcp": "tcp_connection_lifetime=2\ntcp_children=2\nlisten=udp:{ip}:5060\nlisten=tcp:{ip}:5060\n"}


class Kamailio:
    """A proxy on `ip` before `server`; for phones it looks like the server.  transport: between it and the server."""

    def __init__(self, directory, ip, server, transport="udp"):
        self.ip, self.server, self.sip_port = ip, server, 5060
        directory.mkdir(parents=True)
        config = directory / "kamailio.cfg"
        config.write_text(CONFIG.format(ip=ip, core=server.ip, transport=transport, listen=LISTEN[transport].format(ip=ip)))
        self.log = open(directory / "kamailio.log", "ab")
        self.process = subprocess.Popen(["kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-f", str(config), "-Y", str(directory),
                                         "-P", str(directory / "pid")],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=directory)

    def start(self, addresses):
        probe = RawSip(addresses.new(), self.ip)
        try:
            def answers():
                assert self.process.poll() is None, "kamailio ended: see its log"
                return probe.alive()
            wait.until(answers, 20, why="kamailio answers")
        finally:
            probe.close()
        return self

    @property
    def domain(self):
        return self.server.domain

    def password(self, extension):
        return self.server.password(extension)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
