#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/TRACKER.md, run: its shell blocks in their order, in an empty directory, as they stand there but for the
address, so that no port of this machine is in the way."""

import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import run
from sprat import BUILD, SOURCE, SPRAT, TRACKER, need
from tap import Skip, main, note, test

GUIDE = os.path.join(SOURCE, "docs", "TRACKER.md")


def blocks(kind):
    with open(GUIDE) as f:
        return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", f.read())


def play(t, found, seconds, **env):
    """Runs the blocks in one shell, which stops at the first command that fails, and returns what it said."""
    for program in ("curl", "openssl"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    script = t.path("guide", "script.sh")
    with open(script, "w") as f:
        f.write("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n")
        f.write("".join(found).replace("127.0.0.1", t.address()))
    result = run(t, ["bash", script], seconds=seconds, cwd=os.path.dirname(script),
                 env={"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": t.dir, "XDG_STATE_HOME": t.path("xdg"), **env})
    if result.status != 0:
        note(f"{result.out}\n{result.err}")
        for log in ("tracker.log", "tracker.json", "one.log", "two.log", "openssl.log"):
            path = os.path.join(os.path.dirname(script), log)
            if os.path.exists(path):
                with open(path) as f:
                    note(f"{log}: {f.read()[-2000:]}")
    assert result.status == 0, result
    return result.out


@test(seconds=120)
def from_nothing_to_ten_users_and_on(t):
    found = blocks("sh")
    assert len(found) >= 10, "the guide has its blocks"
    out = play(t, found, 110)
    assert all(f" {name}" in out or name in out for name in ("anna", "jonas", "kaja")), out
    assert "5:files" in out, "the scrapes were answered"
    assert "<title>sprat-tracker</title>" in out and '"reloaded":true' in out, out
    moved = re.findall(r"2\.9 MiB", out)
    assert len(moved) >= 2, "what anna gave is what bert took"
    assert out.count("read the settings again") == 1


@test(seconds=120)
def a_fleet(t):
    if not shutil.which("redis-server"):
        raise Skip("redis-server is not installed")
    out = play(t, blocks("sh fleet"), 110)
    assert out.count("10:incompletei") == 7, out
    assert re.search(r"anna .* 2\.0 MiB ", out), out
    assert out.count("10:incompletei2e") >= 1 and out.count("10:incompletei3e") >= 1, out


@test(seconds=90)
def a_service_without_systemd(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    for program in ("make", "ps"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    os.chmod(t.dir, 0o711)  # for who the tracker becomes
    # This may be run by make, whose variables would be those of the make in here.
    out = play(t, blocks("sh service"), 85, build=BUILD, MAKEFLAGS="", MAKELEVEL="")
    for name in ("bin/sprat-tracker", "man8/sprat-tracker.8", "sprat-tracker.conf", "sprat-tracker.service",
                 "sprat-tracker.socket"):
        assert f"/{name}\n" in out, out
    assert "\nok\nnobody\n" in out, out
    assert "nobody owns state/accounts.db\n" in out, "root's command made it for the service"
    said = [json.loads(line) for line in out.splitlines() if line.startswith('{"time":')]
    assert [line["message"] for line in said] == ["read the settings again", "stopped"], out


if __name__ == "__main__":
    need(TRACKER, SPRAT)
    main()
