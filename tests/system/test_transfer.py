# SPDX-License-Identifier: BSD-2-Clause
"""The main task: seed and get, v1, v2 and hybrid, directly and with our tracker, many at once, both directions at once,
with limits, over both address families."""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat
import tap
import torrent
from fake_peer import FakeSeeder
from tap import Skip, test

MIB = 1 << 20


def a_file(t, length=5 * MIB + 4321, name="file.bin"):
    return content.write_file(t.path("original", name), length, name)


def a_tree(t):
    return content.write_tree(t.path("original", "tree"), content.nested())


def one_to_one(form, payload):
    def check(t):
        path = payload(t)
        meta = sprat.create(t, path, form=form)
        seeder = sprat.seed(t, meta, os.path.dirname(path))
        getter = sprat.get(t, meta, t.path("copy"), peers=[seeder])
        stopped = getter.finish()
        content.assert_same(path, t.path("copy", os.path.basename(path)))
        order = [e["event"] for e in getter.events if e["event"] in ("ready", "complete", "stopped")]
        assert order == ["ready", "complete", "stopped"], order
        times = [e["time"] for e in getter.events]
        assert times == sorted(times), "time does not go backwards"
        size = sprat.show(t, meta)["total_size"]
        assert size <= stopped["down"] < size * 1.1 + 65536, stopped
        assert seeder.interrupt() in (0, 130), seeder.report()
        up = seeder.last("stopped")["up"]
        assert size <= up < size * 1.1 + 65536, f"{up} sent of {size}"
    return check


for form in ("v1", "v2", "hybrid"):
    tap.add(f"{form}: a file goes from one to another", one_to_one(form, a_file))
    tap.add(f"{form}: a nested tree with empty files goes whole", one_to_one(form, a_tree))


@test
def edges_of_size(t):
    """Lengths around blocks and pieces, in every format."""
    for form in ("v1", "v2", "hybrid"):
        lengths = {f"{n}": n for n in (1, 16383, 16384, 16385, 32767, 32768, 32769, 65537, 98304)}
        path = content.write_tree(t.path(form, "edges"), lengths)
        meta = torrent.write(torrent.make(path, form, 32768), t.path(f"{form}.torrent"))
        seeder = sprat.seed(t, meta, t.path(form, "x")[:-2])
        sprat.get(t, meta, t.path(f"copy-{form}"), peers=[seeder]).finish()
        content.assert_same(path, t.path(f"copy-{form}", "edges"))


@test
def only_empty_files(t):
    path = content.write_tree(t.path("original", "void"), {"a": 0, "b/c": 0})
    for form in ("v1", "v2", "hybrid"):
        meta = torrent.write(torrent.make(path, form), t.path(f"{form}.torrent"))
        result = sprat.sprat(t, "get", "-o", t.path(f"copy-{form}", "x")[:-2], "--state-dir",
                             t.path(f"s-{form}", "x")[:-2], "--listen", f"{t.address()}:0", meta)
        assert result.status in (0, 1), result  # no data at all: done at once, or refused in words
        assert result.status == 0 or result.err.strip(), result


def by_tracker(kind):
    def check(t):
        tracker = sprat.Tracker(t)
        path = a_file(t)
        meta = sprat.create(t, path, trackers=[getattr(tracker, kind)])
        sprat.seed(t, meta, os.path.dirname(path))
        sprat.get(t, meta, t.path("copy")).finish()
        content.assert_same(path, t.path("copy", "file.bin"))
    return check


for kind in ("http", "udp"):
    tap.add(f"they meet through our tracker over {kind}", by_tracker(kind))


@test(seconds=120)
def many_leechers_share_among_themselves(t):
    tracker = sprat.Tracker(t)
    path = a_file(t, 8 * MIB + 1)
    meta = sprat.create(t, path, "--piece-length", "64K", trackers=[tracker.http])
    # The seeder alone would need 8 × 4 s: who shares is faster.
    seeder = sprat.seed(t, meta, os.path.dirname(path), "--up-limit", "2M")
    getters = [sprat.get(t, meta, t.path(f"copy{i}"), "--seed", "forever") for i in range(8)]
    for i, getter in enumerate(getters):
        getter.complete(90)
        content.assert_same(path, t.path(f"copy{i}", "file.bin"))
    for getter in getters + [seeder]:
        assert getter.interrupt() in (0, 130), getter.report()
    sent = seeder.last("stopped")["up"]
    assert sent < 6 * (8 * MIB), f"the seeder sent {sent / MIB:.1f} MiB of 64"
    among = sum(g.last("stopped")["up"] for g in getters)
    assert among > 2 * (8 * MIB), f"the leechers sent {among / MIB:.1f} MiB"


@test
def a_super_seed_serves_one_and_many(t):
    """It looks like somebody who gets the pieces one by one; nobody starves by that."""
    tracker = sprat.Tracker(t)
    path = a_file(t)
    meta = sprat.create(t, path, trackers=[tracker.http])
    sprat.seed(t, meta, os.path.dirname(path), "--super-seed")
    for names in (["alone"], ["a", "b", "c"]):
        getters = [sprat.get(t, meta, t.path(name)) for name in names]
        for getter, name in zip(getters, names):
            getter.finish()
            content.assert_same(path, t.path(name, "file.bin"))


@test
def sequential_asks_for_the_pieces_in_order(t):
    path = a_file(t)
    metainfo = torrent.make(path, "v1", 65536)
    with open(path, "rb") as f:
        data = f.read()
    asked = []
    seeder = FakeSeeder(t, torrent.hashes(metainfo)[0], data, 65536,
                        bend=lambda index, begin, block: asked.append((index, begin)) or block)
    sprat.get(t, torrent.write(metainfo, t.path("x.torrent")), t.path("copy"), "--sequential",
              peers=[seeder.address]).finish()
    assert len(asked) >= len(data) // 16384 and asked == sorted(asked), asked


@test(seconds=90)
def upload_and_download_at_once(t):
    """A leecher in the middle, the only way between seeder and second leecher, passes on what it has."""
    path = a_file(t, 6 * MIB)
    meta = sprat.create(t, path, "--piece-length", "64K")
    seeder = sprat.seed(t, meta, os.path.dirname(path), "--up-limit", "1M")
    middle = sprat.get(t, meta, t.path("middle"), "--seed", "forever", peers=[seeder]).ready()
    last = sprat.get(t, meta, t.path("last"), peers=[middle])
    while True:
        event = middle.wait("progress", 30)
        if event["up"] > 0:
            assert event["bytes_have"] < event["bytes_total"], "it sent only when it had all"
            break
    last.finish()
    content.assert_same(path, t.path("last", "file.bin"))


def limited(which):
    def check(t):
        path = a_file(t, 4 * MIB)
        meta = sprat.create(t, path, "--piece-length", "64K")
        up = ["--up-limit", "1M"] if which == "up" else []
        down = ["--down-limit", "1M"] if which == "down" else []
        seeder = sprat.seed(t, meta, os.path.dirname(path), *up)
        began = time.monotonic()
        sprat.get(t, meta, t.path("copy"), *down, peers=[seeder]).finish()
        took = time.monotonic() - began
        assert 2.5 <= took <= 10, f"4 MiB at 1 MiB/s took {took:.1f} s"
    return check


for which in ("up", "down"):
    tap.add(f"the {which} limit holds", limited(which))


@test
def seed_stops_at_its_ratio(t):
    path = a_file(t, 2 * MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    middle = sprat.get(t, meta, t.path("middle"), "--seed", "1.0", peers=[seeder]).ready()
    middle.complete()
    assert middle.alive(), "it goes on seeding after completion"
    sprat.get(t, meta, t.path("last"), peers=[middle]).finish()
    middle.finish(30)
    assert middle.last("stopped")["up"] >= 2 * MIB


@test
def seed_of_a_bare_path_prints_where_its_torrent_is(t):
    path = a_tree(t)
    seeder = sprat.Process(t, [sprat.SPRAT, "seed", "--listen", f"{t.address()}:0", "--state-dir",
                               t.path("state", "x")[:-2], path])
    kept = seeder.wait_line("torrent: ", 20).split(": ", 1)[1]
    sprat.sprat(t, "verify", kept, os.path.dirname(path), status=0)
    assert seeder.stop(signal.SIGINT) in (0, 130), seeder.report()
    assert "magnet:" in seeder.report()


@test
def over_ipv6(t):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skip("no IPv6 here") from None
    tracker = sprat.Tracker(t, ip="::1")
    path = a_file(t)
    for kind in ("http", "udp"):
        meta = sprat.create(t, path, trackers=[getattr(tracker, kind)], out=t.path(f"{kind}.torrent"))
        seeder = sprat.seed(t, meta, os.path.dirname(path), ip="::1")
        sprat.get(t, meta, t.path(f"copy-{kind}"), ip="::1").finish()
        content.assert_same(path, t.path(f"copy-{kind}", "file.bin"))
        seeder.interrupt()


@test
def three_get_a_hybrid_tree_at_once(t):
    """All announce both hashes, and each gets it whole, by whichever hash it met the others."""
    tracker = sprat.Tracker(t)
    path = a_tree(t)
    meta = sprat.create(t, path, trackers=[tracker.udp])
    sprat.seed(t, meta, os.path.dirname(path))
    getters = [sprat.get(t, meta, t.path(f"copy{i}")) for i in range(3)]
    for i, getter in enumerate(getters):
        getter.finish()
        content.assert_same(path, t.path(f"copy{i}", "tree"))


@test
def several_at_once_on_one_state_directory(t):
    state = ["--state-dir", t.path("shared", "x")[:-2]]
    pairs = []
    for i in range(4):
        path = a_file(t, MIB + i, f"file{i}")
        meta = sprat.create(t, path)
        seeder = sprat.seed(t, meta, os.path.dirname(path), *state)
        pairs.append((path, meta, seeder))
    copies = t.path("copies", "x")[:-2]
    # The seeders hold those torrents in that state directory, so the getters have another.
    other = ["--state-dir", t.path("other", "x")[:-2]]
    getters = [sprat.get(t, meta, copies, *other, peers=[seeder]) for _, meta, seeder in pairs]
    for (path, _, _), getter in zip(pairs, getters):
        getter.finish()
        content.assert_same(path, os.path.join(copies, os.path.basename(path)))


@test
def the_same_torrent_twice_is_refused_by_name(t):
    state = ["--state-dir", t.path("shared", "x")[:-2]]
    path = a_file(t, MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path), *state)
    result = sprat.sprat(t, "get", *state, "--listen", f"{t.address()}:0", "-o", t.path("copy", "x")[:-2], meta)
    assert result.status == 1, result
    assert str(seeder.pid) in result.err, result
    assert seeder.alive()


@test
def more_files_than_descriptors(t):
    path = content.write_tree(t.path("original", "tree"), {f"{i % 20}/{i}": 300 + i for i in range(1500)})
    meta = sprat.create(t, path, "--piece-length", "64K", form="v1")
    few = ("prlimit", "--nofile=100:100")
    seeder = sprat.seed(t, meta, os.path.dirname(path), wrap=few)
    sprat.get(t, meta, t.path("copy"), peers=[seeder], wrap=few).finish()
    content.assert_same(path, t.path("copy", "tree"))


@test
def the_tracker_hears_started_completed_and_stopped(t):
    import fake_tracker
    path = a_file(t, MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(seeder.address))
    other = torrent.read(meta)
    other[b"announce"] = tracker.url.encode()
    meta = torrent.write(other, t.path("announced.torrent"))
    sprat.get(t, meta, t.path("copy")).finish()
    by_hash = {}
    for query in tracker.asked:
        by_hash.setdefault(query["info_hash"], []).append(query.get("event", b""))
    one, two = torrent.hashes(other)
    assert set(by_hash) == {one, two[:20]}, "a hybrid announces both its hashes"
    for events in by_hash.values():
        said = [e for e in events if e]
        assert said == [b"started", b"completed", b"stopped"], said
    assert all(len(q["peer_id"]) == 20 for q in tracker.asked)
    lefts = [int(q["left"]) for q in tracker.asked if q.get("event") == b"started"]
    assert lefts == [MIB] * 2, lefts


sprat.main(sprat.SPRAT, sprat.TRACKER)
