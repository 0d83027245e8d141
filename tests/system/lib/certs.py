# SPDX-License-Identifier: BSD-2-Clause
"""A certificate authority of a test's own, by the openssl command, and HTTPS clients that believe it."""

import os
import shutil
import ssl

import tap
from process import run


class Authority:
    """Certificates for 127.0.0.0/8 addresses and ::1, made in the test's folder."""

    def __init__(self, t, name="ca"):
        if not shutil.which("openssl"):
            raise tap.Skip("the openssl command is not installed")
        self.t = t
        self.key, self.cert = t.path(f"{name}.key"), t.path(f"{name}.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      self.key, "-out", self.cert, "-days", "2", "-subj", f"/CN={name}")

    def issue(self, name, *addresses, days=1):
        """Paths of a certificate, with our own behind it, and of its key. Negative days: expired."""
        key, request, cert = (self.t.path(f"{name}.{kind}") for kind in ("key", "csr", "pem"))
        names = ",".join(f"IP:{a}" for a in addresses)
        extensions = self.t.path(f"{name}.ext")
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={names}\n" if names else "")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                      "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                      "-days", str(days), "-extfile", extensions, "-out", cert)
        with open(self.cert) as ca, open(cert, "a") as chain:
            chain.write(ca.read())
        return cert, key

    def context(self, **more):
        """A client that believes this authority and nobody else."""
        context = ssl.create_default_context(cafile=self.cert)
        for name, value in more.items():
            setattr(context, name, value)
        return context

    def _openssl(self, *args):
        result = run(self.t, ["openssl", *args], env={"HOME": self.t.dir, "RANDFILE": os.devnull})
        assert result.status == 0, result
