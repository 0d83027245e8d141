# SPDX-License-Identifier: BSD-2-Clause
"""Drives the preloaded fault layer (../faults/faults.h, whose layouts these are): makes calls of a program
fail, and plays a power failure with its files after it was killed."""

import contextlib
import errno
import mmap
import os
import shutil
import stat
import struct

import sprat
import tap

LIBRARY = os.path.join(sprat.BUILD, "tests/system/faults/faults.so")
OPEN, READ, WRITE, SYNC, RENAME, MKDIR, UNLINK, TRUNCATE, LOOK = (1 << n for n in range(9))
SHORT, DROP, _DELAY, _HOLD = 1, 2, 4, 8
FOREVER = 1 << 62

_HEAD = struct.Struct("<IiIIQQ")
_COUNTS = struct.Struct("<11Q")
_CONTROL = _HEAD.size + _COUNTS.size + 256
_RECORD = struct.Struct("<IIQQQQQQq")
_WRITE, _SYNC, _SYNC_FAILED, _CREATE, _MKDIR, _RENAME, _UNLINK = range(1, 8)


def need():
    if not os.access(LIBRARY, os.R_OK):
        raise tap.Skip("the fault layer has not been built")


def need_plain():
    """For tests whose faults a sanitizer's report files keep from happening: it makes system calls of its own."""
    if "ASAN_OPTIONS" in os.environ:
        raise tap.Skip("injected faults and a sanitizer do not go together")
    need()


def fatlike(how="EINVAL"):
    """The environment of a program that sees a file system like exFAT."""
    library = os.path.join(sprat.BUILD, "tests/system/faults/fatlike.so")
    if not os.path.exists(library):
        raise tap.Skip("fatlike.so has not been built")
    need_plain()
    return {"LD_PRELOAD": library, "SPRAT_FATLIKE": how}


class Faults:
    """One program's fault layer. env() is what the program is started with. `mounts` are directories that the
    program takes for mounts."""

    def __init__(self, folder, roots, journal=False, mounts=()):
        self.roots = roots
        self.mounts = os.path.join(folder, "mounts")
        with open("/proc/self/mountinfo", encoding="utf-8") as kernel, open(self.mounts, "w", encoding="utf-8") as f:
            f.write(kernel.read())
            for i, path in enumerate(mounts):
                f.write(f"{9000 + i} 1 0:{9000 + i} / {path} rw - nfs4 host:/{i} rw\n")
        self.journal = os.path.join(folder, "journal") if journal else None
        self._path = os.path.join(folder, "control")
        with open(self._path, "wb") as f:
            f.write(bytes(_CONTROL))
        with open(self._path, "r+b") as f:
            self._memory = mmap.mmap(f.fileno(), _CONTROL)

    def env(self):
        env = {"LD_PRELOAD": LIBRARY, "SPRAT_FAULTS_ROOT": ":".join(self.roots),
               "SPRAT_FAULTS_CONTROL": self._path, "SPRAT_FAULTS_MOUNTS": self.mounts,
               "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        if self.journal:
            env["SPRAT_FAULTS_JOURNAL"] = self.journal
        return env

    def fail(self, ops, number=errno.EIO, first=0, count=FOREVER, match="", flags=0):
        """From now on, the calls of `ops` on paths with `match`, `count` of them from the `first` on (0: the
        next), fail with that errno."""
        self.stop()
        self._memory[_HEAD.size + _COUNTS.size:] = match.encode().ljust(256, b"\0")
        self._memory[_HEAD.size:_HEAD.size + 16] = bytes(16)
        _HEAD.pack_into(self._memory, 0, 0, number, flags, 0, first, count)
        struct.pack_into("<I", self._memory, 0, ops)

    def slow_down(self, ops, seconds, match=""):
        """From now on, each call of `ops` on paths with `match` takes so much longer."""
        self.fail(ops, 0, match=match, flags=_DELAY)
        struct.pack_into("<I", self._memory, 12, int(seconds * 1e6))

    def hold(self, ops, match=""):
        """From now on, calls of `ops` on paths with `match` do not begin before stop(); hits() counts them."""
        self.fail(ops, 0, match=match, flags=_HOLD)

    def stop(self):
        struct.pack_into("<I", self._memory, 0, 0)

    def seen(self):
        return _COUNTS.unpack_from(self._memory, _HEAD.size)[0]

    def hits(self):
        return _COUNTS.unpack_from(self._memory, _HEAD.size)[1]

    def calls(self, op):
        return _COUNTS.unpack_from(self._memory, _HEAD.size)[2 + op.bit_length() - 1]

    def close(self):
        self._memory.close()


class _Record:
    def __init__(self, position, fields, data):
        self.position = position
        (self.type, _, self.dev, self.ino, self.offset, self.len, self.covers, self.size,
         self.mtime_ns) = fields
        self.data = data

    def inode(self):
        return self.dev, self.ino

    def names(self):
        return [os.fsdecode(part) for part in self.data.split(b"\0")]


def _read_journal(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at + _RECORD.size <= len(data):
        fields = _RECORD.unpack_from(data, at)
        end = at + _RECORD.size + fields[1]
        if end > len(data):
            break
        yield _Record(at, fields, data[at + _RECORD.size:end])
        at = end


def power_cut(faults, random):
    """Plays a power failure: of what no sync covered, each sector of a file has any of the contents that it
    had since, and each change of a name may or may not have happened. Starts a new journal. Returns how
    many writes were not covered."""
    records = list(_read_journal(faults.journal)) if os.path.exists(faults.journal) else []
    uncovered, known = _uncovered(records)
    paths = _paths_by_inode(faults.roots)
    lost = 0
    for inode, writes in uncovered.items():
        if inode in paths and writes:
            lost += sum(not w.durable for w in writes)
            _revert(paths[inode], writes, known.get(inode), random)
    _revert_names(records, random)
    for root in faults.roots:
        for path in _files_below(root):
            if path.endswith("-shm"):
                _scramble(path, random)
    folder = os.path.dirname(faults.journal)
    for name in os.listdir(folder):
        if name.startswith("journal"):
            os.unlink(os.path.join(folder, name))
    return lost


def _uncovered(records):
    """Writes that no sync covered, by inode, each with whether a sync of it failed; and the last sync of
    each inode."""
    open_writes, known = {}, {}
    for r in records:
        writes = open_writes.setdefault(r.inode(), [])
        if r.type == _WRITE:
            r.dropped = r.durable = False
            writes.append(r)
        elif r.type == _SYNC_FAILED:
            for w in writes:
                w.dropped = w.dropped or (w.position < r.covers and not w.durable)
        elif r.type == _SYNC:
            # What was dropped no later sync brings back, but a later write to the same place may.
            for w in writes:
                w.durable = w.durable or (w.position < r.covers and not w.dropped)
            if not any(w.dropped for w in writes):
                open_writes[r.inode()] = [w for w in writes if not w.durable]
            known[r.inode()] = r
    return open_writes, known


def _revert(path, writes, sync, random):
    """Gives each sector one of its contents since the last sync."""
    sector = random.choice((512, 4096))
    # How the disk went: nothing arrived, most did, any.
    arrives = random.choice((0.0, 0.0, 0.5, 0.9, 1.0))
    now = os.stat(path)
    sizes = [now.st_size, sync.size if sync else writes[0].size]
    times = [now.st_mtime_ns, sync.mtime_ns if sync else writes[0].mtime_ns]
    keep = {}  # sector: index of the last write that reached it
    for index, w in enumerate(writes):
        for number in range(w.offset // sector, (w.offset + w.len - 1) // sector + 1):
            if w.durable or (not w.dropped and random.random() < arrives):
                keep[number] = index
    with open(path, "r+b") as f:
        for index in range(len(writes) - 1, -1, -1):
            w = writes[index]
            before = w.data.ljust(w.len, b"\0")
            for number in range(w.offset // sector, (w.offset + w.len - 1) // sector + 1):
                start = max(w.offset, number * sector)
                end = min(w.offset + w.len, (number + 1) * sector)
                if keep.get(number, -1) < index:
                    f.seek(start)
                    f.write(before[start - w.offset:end - w.offset])
        f.truncate(random.choice(sizes) if arrives < 1 else now.st_size)
    os.utime(path, ns=(now.st_atime_ns, random.choice(times)))


def _revert_names(records, random):
    """Undoes changes of names in directories that were not synced afterwards, the latest first. Those of one
    directory reach the disk in their order."""
    synced = {}
    for r in records:
        if r.type == _SYNC:
            synced[r.inode()] = max(synced.get(r.inode(), 0), r.covers)
    changes = [r for r in records if r.type in (_CREATE, _MKDIR, _RENAME, _UNLINK) and
               r.position >= synced.get(r.inode(), 0)]
    stays = set()
    for r in reversed(changes):
        if r.inode() in stays or random.random() < 0.5:
            stays.add(r.inode())
        else:
            _undo_name(r)


def _undo_name(r):
    names = r.names()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if r.type == _CREATE:
            os.unlink(names[0])
        elif r.type == _MKDIR:
            shutil.rmtree(names[0])
        elif r.type == _RENAME:
            os.rename(names[1], names[0])
            if names[2]:
                os.link(names[2], names[1])
        elif r.type == _UNLINK and not os.path.lexists(names[0]):
            os.link(names[1], names[0])


def _files_below(root):
    if os.path.isfile(root):
        yield root
    for folder, _, names in os.walk(root):
        for name in names:
            yield os.path.join(folder, name)


def _paths_by_inode(roots):
    found = {}
    for root in roots:
        for path in _files_below(root):
            s = os.lstat(path)
            if stat.S_ISREG(s.st_mode):
                found[s.st_dev, s.st_ino] = path
    return found


def _scramble(path, random):
    """SQLite's shared memory is never synced: whatever is there after a power failure is legal."""
    if random.random() < 0.5:
        os.unlink(path)
    else:
        with open(path, "r+b") as f:
            f.write(random.randbytes(os.path.getsize(path)))
