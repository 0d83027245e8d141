#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The DHT and magnet links with Transmission and aria2, in both directions. The DHT has nodes of ours, one per network, at
addresses that Transmission's DHT accepts (it ignores 127/8), in network namespaces. The downloader has a link with nothing but
the v1 info-hash."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from daemon import Daemon
from netns import Lan
from tap import Skip, note

ON = {"SPRAT_DHT": "yes"}
NODES = 12     # Transmission searches only once it knows more than eight
SECONDS = 300  # and it asks its first nodes slowly


class Dht:
    """A local network with nodes, a host for us and a host for them."""

    def __init__(self, t):
        self.t = t
        self.lan = Lan(t, NODES + 2, "45.33")
        self.known = [f"{address}:6881" for address in self.lan.addresses[:NODES]]
        self.nodes = [self.ours(n, self.known[n - 1], state=f"node{n}") for n in range(NODES)]
        t.wait("the nodes to know each other", lambda: all(self._knows(n) for n in self.nodes), 60)

    def _knows(self, daemon):
        return daemon.rpc("daemon.dht")["nodes"][0]["nodes_good"] >= NODES // 2

    def options(self, host, bootstrap):
        return ("--listen", f"{self.lan.addresses[host]}:6881", "--dht-bootstrap", bootstrap)

    def ours(self, host, bootstrap, state):
        return Daemon(self.t, "--loops", "1", *self.options(host, bootstrap), env=ON, state=state, wrap=self.lan.hosts[host].wrap)


def prepare(t, client, form):
    sprat.need(sprat.SPRAT, sprat.SPRATD)
    if why := client.why_not():
        raise Skip(why)
    path = content.write_file(t.path("original", "data"), 700_000)
    meta = sprat.create(t, path, form=form)
    if why := client.why_not_load(t, meta):
        raise Skip(why)
    return Dht(t), path, meta, "magnet:?xt=urn:btih:" + sprat.show(t, meta)["info_hash_v1"]


def to_us(client, form):
    def check(t):
        dht, path, meta, link = prepare(t, client, form)
        began = time.monotonic()
        with dht.lan.hosts[NODES + 1].inside():
            theirs = client(t, ip=dht.lan.addresses[NODES + 1], dht=dht.known)
            theirs.share(meta, os.path.dirname(path))
            theirs.complete()
            sprat.get(t, link, t.path("copy"), "--seed", "none", *dht.options(NODES, dht.known[0]), env=ON,
                      wrap=dht.lan.hosts[NODES].wrap).finish(SECONDS - 60)
        note(f"{time.monotonic() - began:.1f} s until we have it")
        content.assert_same(path, t.path("copy", "data"))
    return check


def to_them(client, form):
    def check(t):
        dht, path, meta, link = prepare(t, client, form)
        sprat.seed(t, meta, os.path.dirname(path), *dht.options(NODES, dht.known[0]), env=ON,
                   wrap=dht.lan.hosts[NODES].wrap)
        began = time.monotonic()
        with dht.lan.hosts[NODES + 1].inside():
            theirs = client(t, ip=dht.lan.addresses[NODES + 1], dht=dht.known)
            theirs.share_link(link, t.path("copy"))
            theirs.complete(SECONDS - 60)
        note(f"{time.monotonic() - began:.1f} s until {client.name} has it")
        content.assert_same(path, t.path("copy", "data"))
    return check


for client in (clients.Transmission, clients.Aria2):
    for form in client.formats:
        tap.add(f"from {client.name} to us, {form}", to_us(client, form), SECONDS)
        tap.add(f"from us to {client.name}, {form}", to_them(client, form), SECONDS)


if __name__ == "__main__":
    tap.main()
