#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Local discovery (BEP 14) with the clients of others, in both directions, in network namespaces: there is no tracker, and no
address is named."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from netns import Lan
from tap import Skip, note

ON = {"SPRAT_LSD": "yes"}
ANYWHERE = ("--listen", "0.0.0.0:6881", "--listen", "[::]:6881")


def prepare(t, client, form):
    sprat.need()
    if why := client.why_not():
        raise Skip(why)
    lan = Lan(t, 2)
    for host in lan.hosts:  # Transmission and aria2 join the group where a route to it leads
        host.ip("route", "add", "default", "dev", "eth0")
    path = content.write_file(t.path("original", "data"), 700_000)
    meta = sprat.create(t, path, form=form)
    if why := client.why_not_load(t, meta):
        raise Skip(why)
    return lan, path, meta


def to_us(client, form):
    def check(t):
        lan, path, meta = prepare(t, client, form)
        with lan.hosts[1].inside():
            theirs = client(t, ip=lan.addresses[1], lsd=True)
            theirs.share(meta, os.path.dirname(path))
            theirs.complete()
            began = time.monotonic()
            sprat.get(t, meta, t.path("copy"), "--seed", "none", *ANYWHERE, wrap=lan.hosts[0].wrap, env=ON).finish()
        note(f"{time.monotonic() - began:.2f} s until we have it")
        content.assert_same(path, t.path("copy", "data"))
    return check


def to_them(client, form):
    def check(t):
        lan, path, meta = prepare(t, client, form)
        sprat.seed(t, meta, os.path.dirname(path), *ANYWHERE, wrap=lan.hosts[0].wrap, env=ON)
        began = time.monotonic()
        with lan.hosts[1].inside():
            theirs = client(t, ip=lan.addresses[1], lsd=True)
            theirs.share(meta, t.path("copy"))
            theirs.complete()
        note(f"{time.monotonic() - began:.2f} s until {client.name} has it")
        content.assert_same(path, t.path("copy", "data"))
    return check


for client in clients.CLIENTS:
    for form in client.formats:
        tap.add(f"from {client.name} to us, {form}", to_us(client, form))
        tap.add(f"from us to {client.name}, {form}", to_them(client, form))


if __name__ == "__main__":
    tap.main()
