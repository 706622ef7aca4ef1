# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, made with openssl: roots, and what they sign."""
import subprocess


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Authority:
    def __init__(self, directory, name="Test root"):
        directory.mkdir(parents=True, exist_ok=True)
        self.dir, self.pem, self.key = directory, directory / "root.pem", directory / "root.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.pem))

    def sign(self, file, names, *, expired=False, usage="serverAuth,clientAuth", common="peer"):
        """(certificate, key) for names as openssl writes them: "DNS:a.example,IP:127.0.0.1"."""
        pem, key, csr, ext = (self.dir / f"{file}.{end}" for end in ("pem", "key", "csr", "ext"))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common}",
            "-keyout", str(key), "-out", str(csr))
        ext.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n")
        # "openssl x509" takes no dates: a validity of -1 days ends yesterday.
        run("openssl", "x509", "-req", "-in", str(csr), "-CA", str(self.pem), "-CAkey", str(self.key), "-CAcreateserial",
            "-days", "-1" if expired else "20", "-extfile", str(ext), "-out", str(pem))
        return pem, key
