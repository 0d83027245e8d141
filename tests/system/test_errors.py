# SPDX-License-Identifier: BSD-2-Clause
"""Bad input of every kind: each is reported in one line with the file or peer and the cause, ends with the right
status, and loses or overwrites nothing. Hostile peers and trackers are in test_hostile.py."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import sprat
import torrent
from process import Process, run
from tap import Skip, add, test

MIB = 1 << 20


def one_line(result, *words):
    """The failure is one line on stderr with these words in it."""
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert len(lines) == 1, f"{len(lines)} lines\n{result}"
    for word in words:
        assert word in lines[0], f"{word!r} is not in the message\n{result}"


def get_args(t, meta):
    return ["get", "--listen", f"{t.address()}:0", "--state-dir", t.path("state", "x")[:-2],
            "-o", t.path("copy", "x")[:-2], meta]


GOOD = {"info": {"name": "x", "piece length": 16384, "length": 5, "pieces": bytes(20)}}


def changed(**info):
    return bencode.encode({"info": {**GOOD["info"], **info}})


BAD_TORRENTS = {
    "empty": b"",
    "text": b"this is a text file\n",
    "truncated": bencode.encode(GOOD)[:-20],
    "trailing rubbish in a number": b"d4:infod6:lengthi5xe4:name1:xee",
    "nested a million deep": b"d4:info" + b"l" * 1000000 + b"e" * 1000000 + b"e",
    "a string longer than the file": b"d4:info99999999999999:xe",
    "a huge number": b"d4:infod6:lengthi" + b"9" * 400 + b"eee",
    "no info": bencode.encode({"announce": "http://127.0.0.1/"}),
    "info is a list": bencode.encode({"info": []}),
    "negative length": changed(length=-1),
    "pieces of odd length": changed(pieces=bytes(19)),
    "too few pieces": changed(length=50000),
    "piece length zero": changed(**{"piece length": 0}),
    "total overflows": bencode.encode({"info": {
        "name": "x", "piece length": 16384, "pieces": bytes(20),
        "files": [{"length": (1 << 63) - 1, "path": ["a"]}, {"length": (1 << 63) - 1, "path": ["b"]}]}}),
    "meta version 3": changed(**{"meta version": 3}),
}


def bad_torrent(data):
    def check(t):
        meta = t.path("bad.torrent")
        with open(meta, "wb") as f:
            f.write(data)
        for args in (["show", meta], ["show", "--json", meta], get_args(t, meta),
                     ["verify", meta, t.dir], ["seed", meta, t.dir]):
            result = sprat.sprat(t, *args, status=1)
            one_line(result, "bad.torrent")
    return check


for what, data in BAD_TORRENTS.items():
    add(f"bad torrent file: {what}", bad_torrent(data))


@test
def a_torrent_file_that_is_huge(t):
    meta = t.path("huge.torrent")
    with open(meta, "wb") as f:
        f.write(b"d4:infod")
        f.truncate(8 << 30)  # sparse: it must be refused by its size, not read
    one_line(sprat.sprat(t, "show", meta, status=1, seconds=10), "huge.torrent")


@test
def a_torrent_file_that_is_a_directory(t):
    folder = t.path("folder.torrent", "x")[:-2]
    for args in (["show", folder], get_args(t, folder)):
        one_line(sprat.sprat(t, *args, status=1), "folder.torrent", "irectory")


@test
def a_torrent_file_that_is_not_there(t):
    one_line(sprat.sprat(t, "show", t.path("none.torrent"), status=1), "none.torrent", "o such file")


@test
def a_torrent_file_that_cannot_be_read(t):
    meta = torrent.write(GOOD, t.path("secret.torrent"))
    os.chmod(meta, 0)
    drop, program = None, sprat.SPRAT
    if os.getuid() == 0:
        # Root may read everything, so nobody does it, with a copy of the program where nobody can reach it.
        os.chmod(t.dir, 0o755)
        program = shutil.copy(sprat.SPRAT, t.path("sprat"))

        def drop():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
    result = run(t, [program, "show", meta], preexec=drop)
    assert result.status == 1, result
    one_line(result, "secret.torrent", "ermission denied")


@test
def a_hostile_path_never_leaves_the_folder(t):
    for number, parts in enumerate((["..", "..", "evil"], ["a", "..", "..", "evil"], ["/evil"], ["a/../../evil"],
                                    ["nul\0"], [""], ["."])):
        info = {"name": "x", "piece length": 16384, "pieces": bytes(20),
                "files": [{"length": 5, "path": parts}]}
        meta = torrent.write({"info": info}, t.path(f"{number}.torrent"))
        result = sprat.sprat(t, "show", "--json", meta)
        if result.status == 0:  # taken, made safe
            import json
            for entry in json.loads(result.out)["files"]:
                steps = entry["path"].split("/")
                assert steps[0] == "x" and not {"..", "", "."} & set(steps[1:]), entry
        else:
            one_line(result, f"{number}.torrent")


@test
def wrong_usage(t):
    for args in (["--nonsense"], ["gett"], ["get"], ["get", "--seeed", "none", "x.torrent"],
                 ["get", "--down-limit", "fast", "x.torrent"], ["get", "--seed", "maybe", "x.torrent"],
                 ["get", "--listen", "nowhere", "x.torrent"], ["create"], ["verify", "one"]):
        result = sprat.sprat(t, *args, status=2)
        assert result.err.strip(), result
    assert "get" in sprat.sprat(t, "gett", status=2).err
    assert "--seed" in sprat.sprat(t, "get", "--seeed", "none", "x", status=2).err


@test
def a_port_in_use(t):
    path = content.write_file(t.path("original", "file.bin"), MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    other = sprat.get(t, meta, t.path("copy"), "--listen", seeder.address)
    other.fail(seeder.address, "in use")
    assert seeder.alive()


# Existing files.

def existing(length):
    def check(t):
        path = content.write_file(t.path("original", "file.bin"), MIB)
        meta = sprat.create(t, path)
        seeder = sprat.seed(t, meta, os.path.dirname(path))
        other = content.write_file(t.path("copy", "file.bin"), length, "somebody's own")
        with open(other, "rb") as f:
            before = f.read()
        getter = sprat.get(t, meta, t.path("copy", "x")[:-2], peers=[seeder])
        getter.fail("file.bin")
        with open(other, "rb") as f:
            assert f.read() == before, "somebody's file was written to"
    return check


for length in (5, MIB, 3 * MIB):
    add(f"an existing file with {length} bytes of other content is not overwritten", existing(length))


@test
def an_existing_file_that_is_right_is_taken(t):
    path = content.write_file(t.path("original", "file.bin"), MIB)
    meta = sprat.create(t, path)
    os.makedirs(t.path("copy"))
    shutil.copy(path, t.path("copy", "file.bin"))
    assert sprat.get(t, meta, t.path("copy")).finish()["down"] == 0


@test
def an_existing_folder_in_the_place_of_a_file(t):
    path = content.write_file(t.path("original", "file.bin"), MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    os.makedirs(t.path("copy", "file.bin", "inside"))
    getter = sprat.get(t, meta, t.path("copy"), peers=[seeder])
    getter.wait("error", where=lambda e: "file.bin" in e["message"])
    assert os.path.isdir(t.path("copy", "file.bin", "inside"))


@test
def a_symlink_in_the_way_is_not_followed(t):
    path = content.write_tree(t.path("original", "tree"), {"d/f": MIB})
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    os.makedirs(t.path("outside"))
    os.makedirs(t.path("copy", "tree"))
    os.symlink(t.path("outside"), t.path("copy", "tree", "d"))
    getter = sprat.get(t, meta, t.path("copy"), peers=[seeder])
    getter.wait("error", 20)
    assert os.listdir(t.path("outside")) == []


# Disks.

class SmallDisk:
    """A tmpfs of a few MiB that only one process sees, in a mount namespace of its own."""

    def __init__(self, t, options):
        self.path = t.path("disk", "x")[:-2]
        self._enter = [] if os.getuid() == 0 else ["-U", "--preserve-credentials"]
        self.wrap = ["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c",
                     f'mount -t tmpfs -o {options} tmpfs {self.path} && exec "$@"', "sh"]
        probe = subprocess.run([*self.wrap, "true"], capture_output=True)
        if probe.returncode != 0:
            raise Skip("mounting in a namespace is not possible here")

    def remount(self, process, options):
        subprocess.run(["nsenter", "-t", str(process.pid), "-m", "-r", *self._enter,
                        # -r: its root, which is another one than the namespace's in a chroot.
                        # Named whole: or mount adds options of before, such as a uid unknown in there.
                        "mount", "-t", "tmpfs", "-o", f"remount,{options}", "tmpfs", self.path],
                       check=True, capture_output=True)

    def inside(self, process, name):
        return f"/proc/{process.pid}/root{self.path}/{name}"


@test
def a_limit_on_the_size_of_files_is_an_error_and_kills_nobody(t):
    path, out = content.write_file(t.path("file.bin"), MIB), t.path("out", "x.torrent")
    result = run(t, ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sprat.SPRAT, "create", "-o", out, "--piece-length", "16K",
                     path])
    assert result.status == 1, result
    one_line(result, out, "too large")
    assert os.listdir(os.path.dirname(out)) == []


@test
def a_full_disk_pauses_the_download_until_there_is_room(t):
    disk = SmallDisk(t, "size=12m")
    path = content.write_file(t.path("original", "file.bin"), 24 * MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    getter = sprat.get(t, meta, disk.path, "--seed", "forever", peers=[seeder], wrap=disk.wrap)
    error = getter.wait("error", 30)
    assert "file.bin" in error["message"] and "o space" in error["message"], error
    assert getter.alive(), getter.report()
    disk.remount(getter, "size=40m")
    getter.complete(50)
    content.assert_same(path, disk.inside(getter, "file.bin"))
    assert getter.interrupt() in (0, 130)
    down = getter.last("stopped")["down"]
    # The 12 MiB that were there are not fetched again; what was under way at the failure may be.
    assert down <= 36 * MIB, f"{down / MIB:.1f} MiB were fetched, of 24"


@test
def the_line_of_a_download_that_a_full_disk_pauses_says_so(t):
    disk = SmallDisk(t, "size=1m")
    path = content.write_file(t.path("original", "file.bin"), 2 * MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    getter = Process(t, [*disk.wrap, sprat.SPRAT, "get", "--listen", sprat.join(t.address(), 0), "--state-dir",
                         t.path("state"), "--peer", seeder.address, "-o", disk.path, meta])
    line = getter.wait_line("paused by an error, ")
    assert "o space" in line, line
    assert getter.stop(signal.SIGINT) == 130


@test
def a_read_only_disk_pauses_the_download_until_it_is_writable(t):
    disk = SmallDisk(t, "size=40m,ro")
    path = content.write_file(t.path("original", "file.bin"), 2 * MIB)
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    getter = sprat.get(t, meta, disk.path, "--seed", "forever", peers=[seeder], wrap=disk.wrap)
    error = getter.wait("error", 30)
    assert "file.bin" in error["message"] and "ead-only" in error["message"], error
    assert getter.alive(), getter.report()
    disk.remount(getter, "rw")
    getter.complete(50)
    content.assert_same(path, disk.inside(getter, "file.bin"))


# What happens to a payload under its seeder.

def under_a_seeder(harm, told):
    def check(t):
        path = content.write_file(t.path("original", "file.bin"), 8 * MIB)
        keep = t.path("keep.bin")
        shutil.copy2(path, keep)
        meta = sprat.create(t, path, "--piece-length", "64K")
        seeder = sprat.seed(t, meta, os.path.dirname(path))
        state = ["--state-dir", t.path("state", "x")[:-2]]
        getter = sprat.get(t, meta, t.path("copy"), *state, "--down-limit", "2M", peers=[seeder])
        getter.wait("progress", 20, lambda e: e["bytes_have"] > MIB)
        harm(path)
        if told:
            said = seeder.wait("error", 30)["message"]
            assert "file.bin" in said, said
        else:
            getter.wait("progress", 5)
        # With an honest seeder beside it, what is got is right, whatever the first one sent.
        os.makedirs(t.path("honest"))
        shutil.copy(keep, t.path("honest", "file.bin"))
        honest = sprat.seed(t, meta, t.path("honest"))
        if getter.alive():
            getter.interrupt()
        sprat.get(t, meta, t.path("copy"), *state, peers=[seeder, honest]).finish()
        content.assert_same(keep, t.path("copy", "file.bin"))
        if not seeder.alive():  # with nothing left to seed it may end, but not without a word
            seeder.fail("file.bin")
    return check


def overwrite(path):
    with open(path, "r+b") as f:
        f.seek(4 * MIB)
        f.write(os.urandom(4 * MIB))


def shrink(path):
    os.truncate(path, MIB // 2)


add("a payload that changes under a seeder is never taken for good", under_a_seeder(overwrite, False))
add("a payload that shrinks under a seeder is told by name", under_a_seeder(shrink, True))
add("a payload that vanishes under a seeder does no harm", under_a_seeder(os.unlink, False))


@test
def seed_without_its_data(t):
    path = content.write_file(t.path("original", "file.bin"), MIB)
    meta = sprat.create(t, path)
    os.unlink(path)
    seeder = sprat.Peer(t, "seed", meta, os.path.dirname(path))
    t.wait("it to tell what is missing", lambda: "file.bin" in "\n".join(
        seeder.errors + [str(e) for e in seeder.events]), 20)


@test
def verify_tells_what_is_wrong(t):
    path = content.write_tree(t.path("original", "tree"), {"good": MIB, "bad": MIB, "gone": 5})
    meta = sprat.create(t, path)
    sprat.sprat(t, "verify", meta, os.path.dirname(path), status=0)
    with open(os.path.join(path, "bad"), "r+b") as f:
        f.seek(1000)
        f.write(b"xxxx")
    os.unlink(os.path.join(path, "gone"))
    result = sprat.sprat(t, "verify", meta, os.path.dirname(path), status=1)
    said = result.out + result.err
    assert "bad" in said and "gone" in said, result


@test
def create_of_what_is_not_there(t):
    one_line(sprat.sprat(t, "create", "-o", t.path("x.torrent"), t.path("nothing"), status=1), "nothing")
    assert not os.path.exists(t.path("x.torrent"))


@test
def create_does_not_overwrite_a_file_silently(t):
    path = content.write_file(t.path("original", "file.bin"), 1000)
    out = content.write_file(t.path("file.torrent"), 100)
    one_line(sprat.sprat(t, "create", "-o", out, path, status=1), "file.torrent")
    assert os.path.getsize(out) == 100


sprat.main(sprat.SPRAT)
