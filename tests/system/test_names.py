# SPDX-License-Identifier: BSD-2-Clause
"""Trees with more than plain files: executables, symlinks, hidden files (BEP 47), names in any bytes, deep paths, equal
files. They arrive unchanged, and the same tree has the same info-hash."""

import json
import os
import shutil
import stat
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat
import tap
import torrent
from daemon import Daemon
from tap import test

FORMS = ("v1", "v2", "hybrid")


def transfer(t, path, form, *create_args):
    meta = sprat.create(t, path, *create_args, form=form)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    sprat.get(t, meta, t.path(f"copy-{form}"), peers=[seeder]).finish()
    seeder.interrupt()
    copy = t.path(f"copy-{form}", os.path.basename(path))
    content.assert_same(path, copy)
    return meta, copy


def every_form(check):
    for form in FORMS:
        tap.add(f"{form}: {check.__name__.replace('_', ' ')}", lambda t, form=form: check(t, form))
    return check


@every_form
def an_executable_arrives_executable(t, form):
    path = content.write_tree(t.path("original", "tree"), {"run": 70000, "bin/tool": 5, "data": 100})
    for name in ("run", "bin/tool"):
        os.chmod(os.path.join(path, name), 0o755)
    _, copy = transfer(t, path, form)
    for name, wanted in (("run", True), ("bin/tool", True), ("data", False)):
        mode = os.stat(os.path.join(copy, name)).st_mode
        assert bool(mode & stat.S_IXUSR) == wanted, f"{name}: {mode:o}"


@every_form
def a_hidden_file_and_a_deep_path_arrive(t, form):
    deep = "/".join(f"level {i}" for i in range(30)) + "/end"
    path = content.write_tree(t.path("original", "tree"), {".hidden": 33, deep: 20000, "n" * 200: 1})
    transfer(t, path, form)


@every_form
def the_same_content_twice_arrives_twice(t, form):
    """In v2 both files have one pieces root, and one entry in the piece layers."""
    path = content.write_tree(t.path("original", "tree"), {"one": 300000, "three": 40})
    for name, source in (("two", "one"), ("four", "three")):
        shutil.copy(os.path.join(path, source), os.path.join(path, name))
    transfer(t, path, form)


@every_form
def a_symlink_is_no_way_out(t, form):
    """A link is left out, told, or arrives as a link that stays inside; what it points to is never read."""
    path = content.write_tree(t.path("original", "tree"), {"file": 40000})
    secret = content.write_file(t.path("secret"), 1000, "secret")
    os.symlink("file", os.path.join(path, "inside"))
    os.symlink(secret, os.path.join(path, "outside"))
    meta = t.path("x.torrent")
    result = sprat.sprat(t, "create", "-o", meta, "--format", form, path)
    if result.status != 0:
        assert "outside" in result.err, result
        return
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    sprat.get(t, meta, t.path("copy"), peers=[seeder]).finish()
    copy = t.path("copy", "tree")
    content.assert_same(os.path.join(path, "file"), os.path.join(copy, "file"))
    assert not os.path.lexists(os.path.join(copy, "outside")), os.listdir(copy)
    inside = os.path.join(copy, "inside")
    assert not os.path.lexists(inside) or os.path.realpath(inside) == os.path.join(os.path.realpath(copy), "file")


@every_form
def long_and_odd_names_are_kept(t, form):
    """Up to 255 bytes; controls of C1 and marks of direction are valid UTF-8 and lie in old data."""
    names = ["a" * 246 + ".mkv", "\u6f22" * 85, "it\u00e2\u0080\u0099s.mp3", "a\u2068b\u2069", "exe\u202egpj",
             "\u200emark", "del\x7f", "c:\\*?"]
    path = content.write_tree(t.path("original", "tree"), {name: 20000 + i for i, name in enumerate(names)})
    meta, copy = transfer(t, path, form)
    sprat.sprat(t, "verify", meta, copy, status=0)
    # The names are exact in JSON, and nothing of them moves a cursor, in JSON either.
    shown = sprat.sprat(t, "show", "--json", meta, status=0).out
    assert sorted(f["path"] for f in json.loads(shown)["files"]) == sorted("tree/" + name for name in names)
    for text in (shown, sprat.sprat(t, "show", meta).out, sprat.sprat(t, "verify", meta, path).out,
                 sprat.sprat(t, "verify", meta, t.path("nothing", "x")[:-2]).out):
        odd = [c for c in text if ord(c) in range(0x7f, 0xa0) or c in "\u200e\u202e\u2068\u2069"]
        assert not odd, (odd, text)
    assert "exe\\u202egpj" in sprat.sprat(t, "show", meta).out


@test
def a_name_that_no_disk_can_hold_is_cut(t):
    """300 bytes keep their extension, and two of 255 bytes on one path stay two."""
    path = content.write_file(t.path("original", "plain"), 50000)
    metainfo = torrent.make(path, "v1", 16384)
    info = metainfo["info"]
    del info["length"]
    info["name"] = "tree"
    info["files"] = [{"length": 20000, "path": ["x" * 296 + ".mkv"]}, {"length": 10000, "path": ["y" * 255]},
                     {"length": 20000, "path": ["y" * 255]}]
    meta = torrent.write(metainfo, t.path("x.torrent"))
    names = ["x" * 240 + ".mkv", "y" * 255, "y" * 253 + ".1"]
    with open(path, "rb") as f:
        data = f.read()
    os.makedirs(t.path("there", "tree"))
    for name, at, end in zip(names, (0, 20000, 30000), (20000, 30000, 50000)):
        with open(t.path("there", "tree", name), "wb") as f:
            f.write(data[at:end])
    seeder = sprat.seed(t, meta, t.path("there"))
    sprat.get(t, meta, t.path("copy"), peers=[seeder]).finish()
    content.assert_same(t.path("there"), t.path("copy"))


def linked(t):
    """A torrent of two files that lie elsewhere, with links where the torrent wants them: of each file, of the
    directory, and a directory that links are read from by another name. Returns the torrent and the three."""
    store = content.write_tree(t.path("store"), {"a": 60000, "b": 50000})
    shutil.copytree(store, t.path("origin", "album"))
    meta = sprat.create(t, t.path("origin", "album"))
    os.makedirs(t.path("files", "album"))
    for name in "ab":
        os.symlink(f"../../store/{name}", t.path("files", "album", name))
    os.makedirs(t.path("whole"))
    os.symlink("../store", t.path("whole", "album"))
    return meta, store, (t.path("files"), t.path("whole"), t.path("whole", "album"))


@test
def content_behind_links_of_ones_own_is_read(t):
    meta, store, folders = linked(t)
    for i, folder in enumerate(folders):
        sprat.sprat(t, "verify", meta, folder, status=0)
        seeder = sprat.seed(t, meta, folder)
        sprat.get(t, meta, t.path(f"copy{i}"), peers=[seeder]).finish()
        content.assert_same(store, t.path(f"copy{i}", "album"))
        seeder.interrupt()
        seeder.status(20)
        complaints = [e for e in seeder.events if e["event"] in ("warning", "error")]
        assert not complaints, "what is known of it is saved, also behind a link: " + str(complaints)
    seeder = sprat.Peer(t, "seed", t.path("whole", "album")).ready()
    assert seeder.last("ready")["name"] == "album", seeder.report()
    sprat.get(t, seeder.last("ready")["torrent"], t.path("last"), peers=[seeder]).finish()
    content.assert_same(store, t.path("last", "album"))


@test
def nothing_is_written_through_a_link(t):
    meta, store, _ = linked(t)
    seeder = sprat.seed(t, meta, t.path("origin"))
    for name, target in (("file", "album/a"), ("folder", "album")):
        victim = t.path(f"victim-{name}")
        if name == "file":
            content.write_file(victim, 60000, "precious")
        else:
            content.write_tree(victim, {"a": 60000}, "precious")
        before = {path: open(os.path.join(victim, path), "rb").read() for path in content.files_below(victim)} \
            if name == "folder" else open(victim, "rb").read()
        trap = t.path(f"trap-{name}", target)
        os.makedirs(os.path.dirname(trap), exist_ok=True)
        os.symlink(victim, trap)
        told = sprat.sprat(t, "get", "--adopt", "--listen", f"{t.address()}:0",
                           "--state-dir", t.path(f"state-{name}", "x")[:-2], "-o",
                           t.path(f"trap-{name}", "x")[:-2], "--peer", seeder.address, meta, status=1, seconds=60)
        assert "a symbolic link or another kind of file is in the way" in told.err, str(told)
        after = {path: open(os.path.join(victim, path), "rb").read() for path in content.files_below(victim)} \
            if name == "folder" else open(victim, "rb").read()
        assert after == before, f"{name}: written through the link"


@test
def what_is_not_found_has_its_reason(t):
    meta, store, folders = linked(t)
    os.unlink(t.path("files", "album", "a"))
    os.symlink("nowhere", t.path("files", "album", "a"))
    told = sprat.sprat(t, "verify", meta, t.path("files"), status=1).out
    assert "album/a" in told and "target does not exist" in told, told
    if os.geteuid() == 0:
        os.lchown(t.path("files", "album", "b"), 65534, 65534)
        told = sprat.sprat(t, "verify", meta, t.path("files"), status=1).out
        assert "only your own links and root's are followed" in told, told
    # macOS writes names decomposed; a copy of another encoding has other bytes.
    name = "caf\u00e9 \u1ec7.txt"
    tree = content.write_tree(t.path("mac", "tree"), {name: 30000, "dir \u00fc/x": 400, "plain": 5})
    meta = sprat.create(t, tree)
    for old, new in ((name, unicodedata.normalize("NFD", name)), ("dir \u00fc", "dir u\u0308")):
        os.rename(os.path.join(tree, old), os.path.join(tree, new))
    told = sprat.sprat(t, "verify", meta, t.path("mac"), status=1).out
    assert told.count("another Unicode form") == 2, told


@test
def what_spratd_downloads_although_a_namesake_is_there_is_said(t):
    name = "caf\u00e9.txt"
    tree = content.write_tree(t.path("origin", "tree"), {name: 30000, "plain": 70000})
    meta = sprat.create(t, tree)
    content.write_tree(t.path("mac", "tree"), {unicodedata.normalize("NFD", name): 30000, "plain": 70000})
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("mac"), meta)
    daemon.await_state("tree", "downloading")
    for told in (daemon.state("tree")["note"], daemon.stderr, daemon.sprat("info", "tree").out):
        assert f"tree/{name} is downloaded: " in told and "another Unicode form" in told, told
    daemon.sprat("rm", "tree")
    t.wait("its removal", lambda: daemon.listing() == [], 10)
    daemon.sprat("add", "-o", t.path("origin"), meta)
    daemon.await_state("tree", "seeding")
    assert daemon.state("tree")["note"] == "" and "note" not in daemon.sprat("info", "tree").out
    assert daemon.stderr.count("another Unicode form") == 1, daemon.stderr


@test
def names_that_are_not_utf8(t):
    """A v1 torrent from elsewhere may hold any bytes: its files land under safe names, all of them."""
    path = content.write_file(t.path("original", "plain"), 50000)
    metainfo = torrent.make(path, "v1", 16384)
    info = metainfo["info"]
    del info["length"]
    info["name"] = b"caf\xe9"
    info["files"] = [{"length": 20000, "path": [b"\xff\xfe", b"a\x80b"]}, {"length": 30000, "path": [b"\xe9"]}]
    meta = torrent.write(metainfo, t.path("x.torrent"))
    shown = sprat.show(t, meta)
    assert [f["length"] for f in shown["files"]] == [20000, 30000], shown
    target = t.path("there", "x")[:-2]
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    for entry in shown["files"]:
        os.makedirs(os.path.dirname(os.path.join(target, entry["path"])), exist_ok=True)
        with open(os.path.join(target, entry["path"]), "wb") as f:
            f.write(data[at:at + entry["length"]])
        at += entry["length"]
    sprat.sprat(t, "verify", meta, target, status=0)
    seeder = sprat.seed(t, meta, target)
    sprat.get(t, meta, t.path("copy"), peers=[seeder]).finish()
    content.assert_same(target, t.path("copy"))


@test
def names_that_differ_by_case_only_stay_apart(t):
    path = content.write_tree(t.path("original", "tree"), {"File": 100, "file": 200, "FILE": 300})
    for form in FORMS:
        transfer(t, path, form)


@test
def the_same_tree_has_the_same_hash_wherever_and_whenever(t):
    lengths = content.nested(1 << 17)
    one = content.write_tree(t.path("here", "tree"), lengths)
    two = t.path("there", "tree")
    # Written in another order, with other times and modes.
    for name in reversed(sorted(lengths)):
        os.makedirs(os.path.dirname(os.path.join(two, name)), exist_ok=True)
        shutil.copyfile(os.path.join(one, name), os.path.join(two, name))
        os.utime(os.path.join(two, name), (1, 1))
        os.chmod(os.path.join(two, name), 0o600)
    for form in FORMS:
        shown = [sprat.show(t, sprat.create(t, path, form=form)) for path in (one, two)]
        for key in ("info_hash_v1", "info_hash_v2", "files", "piece_length"):
            assert shown[0][key] == shown[1][key], (form, key)


sprat.main(sprat.SPRAT, sprat.SPRATD)
