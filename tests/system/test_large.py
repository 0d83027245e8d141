#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Large files (over 4 GiB, sparse), a hundred thousand files, and disks that are slower than the sending peer. Memory
must not grow with any of these."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import faults
import sprat as our
import tap
from daemon import Daemon
from tap import test

MIB, GIB = 1 << 20, 1 << 30
MEMORY_MAX = 48 * MIB
# A download claims each unfinished file (peer/store/claims.h), at some 150 bytes.
MEMORY_MAX_CLAIMS = 72 * MIB


class Memory(threading.Thread):
    """The most anonymous memory of processes, looked at until it is stopped."""

    def __init__(self, t, *pids):
        super().__init__(daemon=True)
        self._peaks, self._over = dict.fromkeys(pids, 0), threading.Event()
        t.defer(self._over.set)
        self.start()

    def run(self):
        while not self._over.wait(0.02):
            for pid in self._peaks:
                self._peaks[pid] = max(self._peaks[pid], anonymous(pid))

    def check(self, what, most=MEMORY_MAX):
        self._over.set()
        self.join()
        peaks = [f"{peak / MIB:.1f}" for peak in self._peaks.values()]
        tap.note(f"{what}: at most {', '.join(peaks)} MiB of memory")
        assert our.is_sanitized() or max(self._peaks.values()) <= most, peaks


def anonymous(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) << 10 for line in f if line.startswith("RssAnon:")), 0)
    except OSError:
        return 0


def sparse(path, length, islands):
    """A file of holes with some bytes at each of the offsets."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.truncate(length)
        for at in islands:
            f.seek(at)
            f.write(f"here is {at}".encode())
    return path


def assert_islands(path, length, islands):
    assert length is None or os.path.getsize(path) == length
    with open(path, "rb") as f:
        for at in islands:
            f.seek(at)
            word = f"here is {at}".encode()
            assert f.read(len(word)) == word, at


PIECE = 16 * MIB
LARGE = 4 * GIB + 5 * PIECE + 12345
BORDERS = (2 * GIB - 5, 2 * GIB + 64, 4 * GIB - 5, 4 * GIB + 64, LARGE - 30)


@test(seconds=600)
def pieces_on_both_sides_of_4_gib_are_sent_written_and_found_again(t):
    """A file with a few bytes in every piece, so that none is like another; a seeder that has those at the borders
    only, so that little is sent; and a leecher that is killed on its way."""
    others = [at + 99 for at in range(0, LARGE, PIECE)]
    path = sparse(t.path("origin", "large"), LARGE, [*others, *BORDERS])
    torrent = our.create(t, path, "--piece-length", "16M", form="v2")
    pieces = {at // PIECE for at in BORDERS}
    kept = [at for at in others if at // PIECE in pieces]
    os.unlink(path)
    sparse(path, LARGE, [*kept, *BORDERS])
    seeder = our.Peer(t, "seed", torrent, os.path.dirname(path)).ready()
    memory = Memory(t, seeder.pid)
    seeder.wait("checked", 200)
    wanted = sum(min(PIECE, LARGE - piece * PIECE) for piece in pieces)
    args = ["--down-limit", "40M"]
    for number in 1, 2:
        leecher = our.get(t, torrent, t.path("copy"), *args, peers=[seeder])
        both = Memory(t, leecher.pid)
        enough = wanted if number == 2 else 1
        t.wait("enough", lambda: any(e.get("bytes_have", 0) >= enough for e in leecher.events), 200)
        args = []
        if number == 1:
            leecher.kill()
    assert next(e for e in leecher.events if e["event"] == "checked")["bytes_have"] > 0, leecher.report()
    leecher.stop()
    both.check("the leecher")
    memory.check("the seeder")
    assert_islands(t.path("copy", "large"), None, [*kept, *BORDERS])
    said = our.sprat(t, "verify", torrent, os.path.dirname(path), status=1, seconds=200)
    assert f"{len(pieces)} of" in said.out or "large" in said.out, str(said)


@test(seconds=600)
def a_small_file_behind_4_gib_is_fetched_alone(t):
    """In v1, its first piece begins in the large file before it, of which no more than that is kept."""
    folder = t.path("origin", "tree")
    sparse(os.path.join(folder, "a"), 4 * GIB - 5, [0, 4 * GIB - 60])
    content.write_file(os.path.join(folder, "b"), 300_000, 1)
    content.write_file(os.path.join(folder, "c"), 100_000, 2)
    torrent = our.create(t, folder, "--piece-length", "1M", form="v1")
    seeder = our.Peer(t, "seed", torrent, os.path.dirname(folder)).ready()
    seeder.wait("checked", 200)
    args = [torrent, t.path("copy"), "--state-dir", t.path("state")]
    our.get(t, *args, "--only", "b", peers=[seeder]).finish(100)
    content.assert_same(os.path.join(folder, "b"), t.path("copy", "tree", "b"))
    assert not os.path.exists(t.path("copy", "tree", "a"))
    # The rest of the last piece lies in the part file by now, and nothing is sent for it again.
    seeder.stop()
    our.get(t, *args, "--only", "b", "--only", "c").finish(30)
    content.assert_same(os.path.join(folder, "c"), t.path("copy", "tree", "c"))


@test(seconds=600)
def a_hundred_thousand_files(t):
    """More than may be open at a time, by far."""
    count = 100_000
    folder = t.path("origin", "many")
    for i in range(count):
        if i % 1000 == 0:
            os.makedirs(os.path.join(folder, f"{i // 1000:02}"))
        with open(os.path.join(folder, f"{i // 1000:02}", f"{i:05}"), "wb") as f:
            f.write(b"%d" % i * 20)
    torrent = our.create(t, folder, form="v1")
    assert len(our.show(t, torrent)["files"]) == count
    seeder = our.Peer(t, "seed", torrent, os.path.dirname(folder)).ready()
    memory = Memory(t, seeder.pid)
    seeder.wait("checked", 200)
    leecher = our.get(t, torrent, t.path("copy"), peers=[seeder])
    both = Memory(t, leecher.pid)
    leecher.finish(300)
    both.check("the leecher of 100,000 files", MEMORY_MAX_CLAIMS)
    memory.check("the seeder of 100,000 files")
    content.assert_same(folder, t.path("copy", "many"))


@test(seconds=300)
def a_slow_disk_slows_the_peer_down(t):
    """Every write takes a tenth of a second longer. What has been sent and is not on disk stays within bounds, however
    much the seeder could send: blocks are not asked for before there is room for them."""
    faults.need()
    length = 96 * MIB
    path = content.write_file(t.path("origin", "data"), length)
    torrent = our.create(t, path)
    seeder = Daemon(t)
    seeder.sprat("add", "-o", os.path.dirname(path), torrent)
    seeder.await_state("data", "seeding")
    copy = t.path("copy", "data")
    disk = faults.Faults(os.path.dirname(t.path("faults", "x")), [os.path.dirname(copy)])
    disk.slow_down(faults.WRITE, 0.1)
    leecher = our.get(t, torrent, os.path.dirname(copy), peers=[seeder.listening()], env=disk.env())
    memory = Memory(t, leecher.pid)
    ahead = 0
    while leecher.alive():
        written = os.stat(copy).st_blocks * 512 if os.path.exists(copy) else 0
        ahead = max(ahead, seeder.state("data")["uploaded"] - written)
    leecher.finish(10)
    tap.note(f"{disk.hits()} slow writes; at most {ahead / MIB:.1f} MiB were sent and not written")
    assert disk.hits() * 256 * 1024 >= length, "all of it was slow"
    assert ahead < 40 * MIB, ahead  # SWARM_WRITES_MAX blocks, what is asked for, and sockets
    memory.check("the leecher")
    content.assert_same(path, copy)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
