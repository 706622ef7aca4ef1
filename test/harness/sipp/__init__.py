# SPDX-License-Identifier: GPL-3.0-or-later
"""sipp: many simple phones.  A run returns its counts; a scenario file stands beside this one or is given as text."""
import csv
import glob
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Sipp:
    def __init__(self, directory, scenario, server, ip, *, port=5060, domain=None, rows=None, rate=10, calls=None,
                 hold_ms=None, transport="u1", timeout_s=120, media_port=None, args=(), builtin=False):
        directory.mkdir(parents=True, exist_ok=True)
        self.dir = directory
        path = os.path.join(HERE, f"{scenario}.xml")
        if not os.path.exists(path) and not builtin:
            path = str(directory / "scenario.xml")
            with open(path, "w") as f:
                f.write(scenario)
        command = ["/usr/bin/sipp", server, "-i", ip, "-p", str(port), "-mi", ip, "-nostdin", "-t", transport,
                   "-l", "100000", "-recv_timeout", "20000", "-trace_stat", "-stf", str(directory / "stat.csv"),
                   "-trace_err", "-error_file", str(directory / "errors.log"), "-timeout", f"{timeout_s}s",
                   *(("-sn", scenario) if builtin else ("-sf", path)), *args]
        if domain:
            command += ["-s", domain]
        if rows is not None:
            with open(directory / "rows.csv", "w") as f:
                f.write("SEQUENTIAL\n" + "".join(";".join(r) + "\n" for r in rows))
            command += ["-inf", str(directory / "rows.csv")]
        if calls is not None:
            command += ["-m", str(calls)]
        if rate is not None:
            command += ["-r", str(rate)]
        if hold_ms is not None:
            command += ["-d", str(hold_ms)]
        if media_port is not None:
            command += ["-mp", str(media_port)]
        self.log = open(directory / "out.log", "wb")
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)

    def wait(self, timeout=180):
        self.process.wait(timeout)
        self.log.close()
        return self

    def stop(self):
        """For callees: they have no end of their own."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def counts(self):
        with open(self.dir / "stat.csv") as f:
            row = list(csv.DictReader(f, delimiter=";"))[-1]
        return {"ok": int(row["SuccessfulCall(C)"]), "failed": int(row["FailedCall(C)"]),
                "retransmissions": int(row["Retransmissions(C)"])}

    def errors(self, n=3000):
        text = ""
        for path in glob.glob(str(self.dir / "*errors*.log")) + [str(self.dir / "out.log")]:
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()[-n:]
        return text


def credentials(user, password):
    return f"[authentication username={user} password={password}]"
