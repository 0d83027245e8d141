# SPDX-License-Identifier: BSD-2-Clause
"""The administrator's side of sprat-tracker: a tracker with an admin address, and its API."""

import json
import os
import urllib.error
import urllib.request

import tap
from sprat import Tracker, join

TOKEN = "a-token-for-tests-0123456789"


def write_secret(path, text):
    """A file that nobody else may read."""
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
        f.write(text)


class Admin(Tracker):
    """`sprat-tracker` with an admin address, with the token in a file unless told otherwise."""

    def __init__(self, t, *args, token=TOKEN, ip=None):
        self.token = token
        if token:
            path = t.path("token")
            write_secret(path, token + "\n")
            args += ("--admin-token-file", path)
        ip = ip or t.address()
        super().__init__(t, "--listen-admin", join(ip, 0), *args, ip=ip)
        self.admin = f"http://{self.wait_line('listening admin').split()[-1]}"

    def raw(self, method, path, body=None, token=None):
        """(status, headers, body as bytes)"""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.admin + path, data=data, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20 * tap.SLOWER) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def api(self, method, path, body=None, token=True):
        """(status, answer) of a call below /api/; with our token unless another, or none, is given."""
        status, headers, data = self.raw(method, f"/api/{path}", body, self.token if token is True else token)
        assert headers["Content-Type"] == "application/json", headers
        return status, json.loads(data) if data else None

    def good(self, method, path, body=None):
        status, answer = self.api(method, path, body)
        assert status in (200, 201), (status, answer)
        return answer

    def refused(self, method, path, body=None, status=400, words=""):
        got, answer = self.api(method, path, body)
        assert got == status and list(answer) == ["error"] and words in answer["error"], (got, answer)


def private(t, *args, **more):
    """A private tracker with its database in the test's folder."""
    return Admin(t, "--private", "yes", "--database", t.path("accounts.db"), *args, **more)
