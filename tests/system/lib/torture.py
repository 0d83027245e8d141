# SPDX-License-Identifier: BSD-2-Clause
"""Downloads that are killed at random moments, with or without a simulated power failure, and a check of the result: all
pieces that the state database has as stored must be right on disk. The check shares no code with the programs."""

import hashlib
import json
import os
import random
import shutil
import socket
import sqlite3
import time

import content
import faults
import sprat
import tap
import torrent
from process import Process

PIECES_PER_ROW = 4096
BLOCK = torrent.BLOCK


class Layout:
    """Where the pieces of a torrent lie below a folder, and what they hash to, from the torrent file alone."""

    def __init__(self, path):
        meta = torrent.read(path)
        info = meta[b"info"]
        self.name = os.fsdecode(info[b"name"])
        self.piece_length = info[b"piece length"]
        self.pieces = []  # of (name in the folder or None for a pad, offset, length)
        self.sha1, self.roots = None, None
        if b"pieces" in info:
            self._v1(info)
        if b"file tree" in info:
            self._v2(info, meta[b"piece layers"])

    def _v1(self, info):
        whole = info[b"pieces"]
        self.sha1 = [whole[i:i + 20] for i in range(0, len(whole), 20)]
        files = info.get(b"files")
        if files is None:
            files = [{b"length": info[b"length"], b"path": []}]
        piece, room = [], self.piece_length
        for f in files:
            name = os.path.join(self.name, *map(os.fsdecode, f[b"path"]))
            at, left = 0, f[b"length"]
            while left:
                n = min(left, room)
                piece.append((None if b"p" in f.get(b"attr", b"") else name, at, n))
                at, left, room = at + n, left - n, room - n
                if not room:
                    self.pieces.append(piece)
                    piece, room = [], self.piece_length
        if piece:
            self.pieces.append(piece)

    def _v2(self, info, layers):
        self.roots, pieces = [], []
        for parts, f in _leaves(info[b"file tree"], ()):
            length, root = f[b"length"], f.get(b"pieces root")
            single = len(info[b"file tree"]) == 1 and parts == (info[b"name"],)
            name = self.name if single else os.path.join(self.name, *map(os.fsdecode, parts))
            for number in range(-(-length // self.piece_length)):
                at = number * self.piece_length
                pieces.append([(name, at, min(self.piece_length, length - at))])
                small = length <= self.piece_length
                self.roots.append((root if small else layers[root][32 * number:32 * number + 32], small))
        if self.sha1 is None:
            self.pieces = pieces

    def wrong(self, folder, claimed):
        """The claimed pieces that are not what they should be."""
        return [n for n in sorted(claimed) if not self.is_right(folder, n)]

    def stored(self, number):
        return sum(length for name, _, length in self.pieces[number] if name is not None)

    def is_right(self, folder, number):
        data, stored = b"", b""
        for name, offset, length in self.pieces[number]:
            part = bytes(length) if name is None else _read(os.path.join(folder, name), offset, length)
            data += part
            stored += b"" if name is None else part
        if self.sha1 is not None and hashlib.sha1(data).digest() != self.sha1[number]:
            return False
        if self.roots is None:
            return True
        root, small = self.roots[number]
        leaves = [hashlib.sha256(stored[i:i + BLOCK]).digest() for i in range(0, len(stored), BLOCK)]
        if not small:
            leaves += [bytes(32)] * (self.piece_length // BLOCK - len(leaves))
        return torrent._merkle(leaves, bytes(32)) == root


def _leaves(tree, above):
    for name in sorted(tree):
        if name == b"":
            yield above, tree[name]
        else:
            yield from _leaves(tree[name], (*above, name))


def _read(path, offset, length):
    """A part of the file, which may stand under its working name (--incomplete-suffix)."""
    for name in (path, path + ".incomplete"):
        try:
            with open(name, "rb") as f:
                f.seek(offset)
                return f.read(length)
        except FileNotFoundError:
            continue
    return b""


def claims(state_dir, scratch):
    """The pieces that the database in the folder claims, read from a copy, so that the database's own
    recovery is left to the program; and how often it was committed to, as far as can be told."""
    os.makedirs(scratch, exist_ok=True)
    for suffix in ("", "-wal"):
        target = os.path.join(scratch, "sprat.db" + suffix)
        if os.path.exists(target):
            os.unlink(target)
        if os.path.exists(os.path.join(state_dir, "sprat.db" + suffix)):
            shutil.copyfile(os.path.join(state_dir, "sprat.db" + suffix), target)
    found = set()
    if not os.path.exists(os.path.join(scratch, "sprat.db")):
        return found
    db = sqlite3.connect(os.path.join(scratch, "sprat.db"))
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'pieces'").fetchone():
            return found
        for chunk, bits in db.execute("SELECT chunk, bits FROM pieces"):
            for i in range(8 * len(bits)):
                if bits[i >> 3] & 0x80 >> (i & 7):
                    found.add(chunk * PIECES_PER_ROW + i)
    finally:
        db.close()
    return found


class Given:
    """A torrent that is there already."""

    def __init__(self, path, meta):
        self.path, self.meta = path, meta


class Source:
    """A torrent with its original and several daemons that seed it."""

    def __init__(self, t, form, tree, seed, trackers=(), scale=1):
        self.form, self.tree = form, tree
        label = f"{form}-{'tree' if tree else 'file'}-{seed}"
        if tree:
            # Odd lengths, so that in v1 most pieces belong to several files.
            lengths = {f"d{i % 3}/f{i}": scale * 200_000 * (i + 1) // 3 + 7 * i for i in range(9)}
            lengths["d0/empty"] = 0
            self.path = content.write_tree(t.path("original", label), lengths, seed)
        else:
            self.path = content.write_file(t.path("original", label), scale * 3_000_000 + 777, seed)
        self.meta = sprat.create(t, self.path, "--piece-length", "32K", form=form, trackers=trackers)
        self.layout = Layout(self.meta)


def seeders(t, sources, count=3):
    """Daemons that seed all of them; returns their addresses."""
    found = []
    for number in range(count):
        ip = t.address()
        path = t.path(f"seeder-{number}.sock")
        process = Process(t, [sprat.SPRATD, "--foreground", "--state-dir", t.path(f"seeder-{number}"),
                              "--socket", path, "--listen", sprat.join(ip, 0)])
        address = t.wait("a seeder", lambda: _listening(t, path) or not process.alive(), 30)
        for source in sources:
            sprat.sprat(t, "add", "--socket", path, "-o", os.path.dirname(source.path), source.meta,
                        status=0)
        for source in sources:
            name = os.path.basename(source.path)
            t.wait(f"{name} to be seeded", lambda: any(
                x["name"] == name and x["state"] == "seeding" for x in _call(path, "torrent.list") or []), 30)
        found.append(address)
    return found


def _listening(t, socket):
    info = _call(socket, "daemon.info")
    return info and info["listen"][0]


def _call(path, method):
    """What a daemon answers, or None if none does."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
            s.settimeout(20 * tap.SLOWER)
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
            s.shutdown(socket.SHUT_WR)
            data = b""
            while part := s.recv(65536):
                data += part
        except OSError:
            return None
    return json.loads(data)["result"] if data else None


class Victim:
    """A download that is killed again and again. With `power`, most kills are power
    failures, which also take away what a kill -9 before them left unsynced. `options` are for its program."""

    def __init__(self, t, source, peers, seed, daemon=False, power=False, options=()):
        self.t, self.source, self.peers, self.options = t, source, peers, options
        self.daemon, self.power = daemon, power
        self.random = random.Random(seed)
        self.label = f"{source.form}-{'tree' if source.tree else 'file'}-{'daemon' if daemon else 'get'}-{seed}"
        base = t.path("victims", self.label, "x")[:-2]
        self.state, self.folder = os.path.join(base, "state"), os.path.join(base, "copy")
        self.scratch = os.path.join(base, "scratch")
        os.makedirs(self.folder)
        os.makedirs(self.state, mode=0o700)
        os.makedirs(os.path.join(base, "faults"))
        self.faults = faults.Faults(os.path.join(base, "faults"), [self.state, self.folder], True) if power else None
        self.ip = t.address()
        self.claimed, self.kills, self.lost = set(), 0, 0
        self.had = 0  # bytes that the last life knew to be right
        self.whole = 0  # times it was complete
        self.lag = 0  # the most that was right and not yet committed at a kill
        self.added = False
        self.process = None

    def start(self):
        env = self.faults.env() if self.faults else None
        if self.faults and self.random.random() < 0.2:
            # A sync fails first, which a good one after it must not cover up.
            self.faults.fail(faults.SYNC, first=self.random.randrange(6), count=1, match="/copy/",
                             flags=self.random.choice((0, faults.DROP)))
        elif self.faults:
            self.faults.stop()
        limit = f"{self.random.choice((500, 1500, 4000))}K"
        # Some are named, the others are the tracker's to tell.
        peers = self.random.sample(self.peers, self.random.randint(0, len(self.peers)))
        listen = ["--listen", sprat.join(self.ip, 0), "--down-limit", limit]
        to = [word for peer in peers for word in ("--peer", peer)]
        if self.daemon:
            self.socket = os.path.join(self.state, "sock")
            self.process = Process(self.t, [sprat.SPRATD, "--foreground", "--state-dir", self.state,
                                            "--socket", self.socket, *listen, *self.options], env=env)
        else:
            self.process = Process(self.t, [sprat.SPRAT, "get", "--json", "-o", self.folder,
                                            "--state-dir", self.state, *listen, *to, *self.options,
                                            self.source.meta], env=env)
        return to

    def live(self, seconds):
        """One life, then the look at what it left. Returns whether it came to its end by itself."""
        to = self.start()
        if self.daemon:
            self._add(to)
        ended = self._wait(seconds)
        self.process.kill()
        self.kills += not ended
        cut = self.power and self.random.random() < 0.7
        if cut:
            self.lost += faults.power_cut(self.faults, self.random)
        self.look()
        self._compare(cut or (self.power and self.faults.hits() > 0))
        self.process.close()
        return ended

    def _compare(self, thrown_away):
        """Progress never goes back: after kill -9, all that was verified is still on disk and found again;
        after a power failure, at least what was committed."""
        events = self.process.events
        found = next((e["bytes_have"] for e in events if e["event"] == "checked"), None)
        if found is not None:
            assert found >= self.had, f"{self}: {found} bytes after {self.had}, kill {self.kills}"
        committed = sum(self.source.layout.stored(n) for n in self.claimed)
        verified = max((e["bytes_have"] for e in events if "bytes_have" in e), default=0)
        self.lag = max(self.lag, verified - committed)
        self.had = max(committed, 0 if thrown_away else verified)

    def _add(self, to):
        """Once it was stored, the daemon knows the torrent."""
        self.t.wait(f"{self} to listen", lambda: _call(self.socket, "daemon.info") or not self.process.alive(), 20)
        result = sprat.sprat(self.t, "add", "--socket", self.socket, "--json", "-o", self.folder, *to,
                             self.source.meta)
        assert result.status == 0 or "already" in result.err, f"{self}: {result}"

    def _is_whole(self):
        state = _call(self.socket, "torrent.list")
        return state and any(x.get("completed_at") for x in state)

    def _wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.process.alive():
                assert self.process.status() == 0, f"{self}: {self.process.report()}"
                return True
            if self.daemon and self._is_whole():
                return True
            time.sleep(0.005)
        return False

    def begin_anew(self):
        """The download was complete: all of it is thrown away."""
        content.assert_same(self.source.path, os.path.join(self.folder, self.source.layout.name))
        assert len(self.claimed) == len(self.source.layout.pieces), f"{self}: complete with {len(self.claimed)}"
        self.whole += 1
        self.claimed, self.had = set(), 0
        for folder in (self.folder, self.state):
            shutil.rmtree(folder)
        os.makedirs(self.folder)
        os.makedirs(self.state, mode=0o700)
        if self.faults and os.path.exists(self.faults.journal):
            os.unlink(self.faults.journal)

    def look(self):
        now = claims(self.state, self.scratch)
        gone = self.claimed - now
        assert not gone, f"{self}: after kill {self.kills}, {len(gone)} claims are gone: {sorted(gone)[:10]}"
        wrong = self.source.layout.wrong(self.folder, now)
        assert not wrong, f"{self}: after kill {self.kills}, claimed and not right: {wrong[:10]} of {len(now)}"
        self.claimed = now

    def finish(self, seconds=200):
        """Lets it come to its end, which must be a good one. Where nobody is named and the tracker names none but former
        lives, whom it takes for peers still, it is asked again after a minute, and after two more."""
        if self.faults:
            self.faults.stop()
        to = self.start()
        if self.daemon:
            self._add(to)
            try:
                self.t.wait(f"{self} to be complete", self._is_whole, seconds, step=0.1)
            except AssertionError as e:
                raise AssertionError(f"{e}\n{_call(self.socket, 'torrent.list')}\n{self.process.report()}") from None
            self.process.stop()
        else:
            assert self.process.status(seconds) == 0, f"{self}: {self.process.report()}"
        self.look()
        assert len(self.claimed) == len(self.source.layout.pieces), f"{self}: {len(self.claimed)} claims"
        content.assert_same(self.source.path, os.path.join(self.folder, self.source.layout.name))
        self.process.close()

    def __str__(self):
        return self.label
