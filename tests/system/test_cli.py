#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command line by itself: help and man pages, wrong usage, create, show, verify, and bad files."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import sprat as our
import tap
from process import run
from tap import test
from terminal import columns_of, drawn_lines, on_terminal

COMMANDS = ["create", "show", "verify", "seed", "get", "add", "ls", "info", "pause", "resume", "limit", "select", "rm",
            "shutdown"]
MAN = os.path.join(our.SOURCE, "man")


def one_line(result, *words):
    """What went wrong stands on one line of stderr, and holds all words."""
    assert result.err.count("\n") == 1 and result.err.startswith("sprat"), str(result)
    for word in words:
        assert word in result.err, f"{word!r} is missing\n{result}"


def options_of(text):
    """Option names in the left column of a --help."""
    return re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M)


@test
def every_command_has_help_with_an_example(t):
    whole = our.sprat(t, "--help", status=0).out
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", whole, re.M), f"{name} is not in --help"
        text = our.sprat(t, name, "--help", status=0).out
        assert text.startswith(f"usage: sprat {name}"), text
        assert f"\nexample:\n  sprat {name}" in text, text
        assert "help" in options_of(text), text
        assert our.sprat(t, "help", name, status=0).out == text
        assert all(len(line) <= 80 for line in text.splitlines()[1:]), text


@test
def help_fits_the_terminal(t):
    for columns in (40, 80):
        for name in COMMANDS:
            text, status = on_terminal(t, [our.SPRAT, name, "--help"], columns)
            assert status == 0, text
            text, example = text.split("\nexample:", 1)  # which is to be copied, and stays whole
            # A single word may be longer than the column of descriptions.
            wide = [line for line in text.splitlines()[1:] if columns_of(line) > columns and " " in line.strip()]
            assert not wide and example, (name, columns, wide)


@test
def with_json_an_error_is_an_object(t):
    """One rule for all commands: standard error has JSON lines, and standard output only results."""
    nowhere = t.path("nowhere.sock")
    good = our.create(t, content.write_file(t.path("data"), 300000))
    os.mkdir(t.path("empty"))
    quiet = ("--listen", f"{t.address()}:0", "--state-dir", t.path("s", "x")[:-2])
    cases = [
        (["ls", "--json", "--socket", nowhere], 1, "spratd is not running"),
        (["pause", "x", "--socket", nowhere, "--json"], 1, "spratd is not running"),
        (["limit", "--json", "--up", "fast"], 2, "fast"),
        (["add", "--json"], 2, "too few arguments"),
        (["info", "--jsn", "--json"], 2, "did you mean '--json'?"),
        (["lss", "--json"], 2, "unknown command 'lss'"),
        (["show", "--json", t.path("none.torrent")], 1, "No such file"),
        (["show", "--json", "a\nb\033.torrent"], 1, "a\\nb\\x1b.torrent"),
        (["get", "--json", t.path("none.torrent")], 1, "No such file"),
        (["seed", "--json", *quiet, good, t.path("empty")], 1, t.path("empty")),
        (["get", "--json", *quiet, "--give-up-after", "1s", "-o", t.path("out"), good], 4, "gave up after 1 s"),
    ]
    for argv, status, words in cases:
        result = our.sprat(t, *argv, status=status)
        lines = [json.loads(line) for line in result.err.splitlines()]
        errors = [line["error"] for line in lines if "error" in line]
        assert len(errors) == 1 and errors[0]["status"] == status and words in errors[0]["message"], str(result)
        assert all(list(line) in (["error"], ["warning"]) for line in lines), str(result)
        events = [json.loads(line) for line in result.out.splitlines()]
        assert not events or any(e["event"] == "error" and e["fatal"] for e in events), str(result)
    # Behind "--" it is the name of a file.
    one_line(our.sprat(t, "show", "--", "--json", status=1), "--json")


@test
def every_option_stands_in_the_man_page(t):
    pages = {name: f"sprat-{name}.1" for name in COMMANDS}
    texts = {name: our.sprat(t, name, "--help", status=0).out for name in COMMANDS}
    pages["spratd"] = "spratd.8"
    texts["spratd"] = run(t, [our.SPRATD, "--help"]).out
    for name, page in pages.items():
        with open(os.path.join(MAN, page)) as f:
            source = f.read()
        described = set(re.findall(r"^\.It .*?Fl Fl ([a-z-]+)", source, re.M))
        for option in options_of(texts[name]):
            assert option in described, f"--{option} of {name} is not in {page}"
        assert described <= set(options_of(texts[name])), f"{page} has too many: {described}"
    with open(os.path.join(MAN, "spratd.conf.5")) as f:
        keys = set(re.findall(r"^\.It Cm ([a-z-]+)", f.read(), re.M))
    valued = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+) \S", texts["spratd"], re.M)) - {"config"}
    assert keys == valued, f"spratd.conf.5 and --help differ: {keys ^ valued}"


@test
def man_pages_are_well_formed(t):
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    pages = [os.path.join(MAN, f) for f in sorted(os.listdir(MAN)) if f[-1].isdigit()]
    assert len(pages) >= len(COMMANDS) + 3
    result = run(t, ["mandoc", "-T", "lint", "-W", "warning", *pages])
    assert result.status == 0 and not result.out, str(result)


@test
def wrong_usage_is_one_line_and_status_2(t):
    cases = [
        ([], "command is missing"),
        (["--frobnicate"], "command must come first"),
        (["sede"], "did you mean 'seed'?"),
        (["frobnicate"], "unknown command 'frobnicate'"),
        (["list"], "did you mean 'ls'?"),
        (["remove", "x"], "did you mean 'rm'?"),
        (["create"], "too few arguments; usage: sprat create [options] PATH"),
        (["create", "a", "b"], "unexpected argument 'b'"),
        (["create", "--peice-length", "1M", "x"], "did you mean '--piece-length'?"),
        (["create", "--piece-length", "17K", "x"], "17K"),
        (["create", "--piece-length", "1G", "x"], "1G"),
        (["create", "--format", "v3", "x"], "v3"),
        (["create", "-t", "ftp://h/a", "x"], "ftp://h/a"),
        (["create", "-o"], "needs a value"),
        (["show"], "too few arguments"),
        (["verify", "x"], "too few arguments"),
        (["get", "--listen", "localhost", "x"], "ADDR:PORT"),
        (["get", "--listen", "127.0.0.1:70000", "x"], "70000"),
        (["get", "--up-limit", "fast", "x"], "fast"),
        (["get", "--peer", "nowhere", "x"], "HOST:PORT"),
        (["add", "--peer", "nowhere", "x"], "HOST:PORT"),
        (["get", "--max-peers", "0", "x"], "--max-peers"),
        (["get", "--no-pex=yes", "x"], "takes no value"),
        (["get", "--seed", "always", "x"], "always"),
        (["get", "--json=yes", "x"], "takes no value"),
        (["seed", "--lisen", "x"], "did you mean '--listen'?"),
        (["seed", "-o", "x", "a.torrent", "b"], "-o and -f can't be given with FILE.torrent"),
        (["rm", "all"], "--yes"),
        (["ls", "x"], "unexpected argument 'x'"),
        (["rm"], "too few arguments"),
        (["rm", "--dat", "x"], "did you mean '--data'?"),
    ]
    for argv, words in cases:
        one_line(our.sprat(t, *argv, status=2), words)
    assert our.sprat(t, "--version", status=0).out.startswith("sprat ")


@test
def create_show_verify(t):
    tree = content.write_tree(t.path("tree"), content.nested(1 << 18))
    for form in ("hybrid", "v2", "v1"):
        out = our.create(t, tree, form=form, trackers=("http://127.0.0.1:1/a", "udp://127.0.0.1:2"))
        shown = our.show(t, out)
        assert list(shown) == ["name", "format", "info_hash_v1", "info_hash_v2", "piece_length",
                               "piece_count", "total_size", "private", "files", "trackers",
                               "web_seeds", "dht_nodes", "magnet"], list(shown)
        assert shown["name"] == "tree" and shown["format"] == form
        assert (shown["info_hash_v1"] is None) == (form == "v2")
        assert (shown["info_hash_v2"] is None) == (form == "v1")
        lengths = {f["path"]: f["length"] for f in shown["files"]}
        assert lengths == {f"tree/{k}": v for k, v in content.nested(1 << 18).items()}, lengths
        assert shown["total_size"] == sum(lengths.values())
        assert shown["trackers"] == [["http://127.0.0.1:1/a"], ["udp://127.0.0.1:2"]]
        assert shown["web_seeds"] == [] and shown["private"] is False
        assert shown["magnet"].startswith("magnet:?xt=urn:bt")
        our.sprat(t, "verify", out, os.path.dirname(tree), status=0)
        our.sprat(t, "verify", out, tree, status=0)
        human = our.sprat(t, "show", out, status=0).out
        assert "tree/a/b/c/large" in human and (shown["info_hash_v1"] or "") in human


@test
def create_gives_the_same_bytes_wherever_and_whenever(t):
    lengths = content.nested(1 << 16)
    first = content.write_tree(t.path("one", "tree"), lengths)
    for name in sorted(lengths, reverse=True):  # made in another order, at another time
        source, copy = os.path.join(first, name), t.path("two", "tree", name)
        shutil.copyfile(source, copy)
        os.utime(copy, (1, 1))
    infos = []
    for folder in (first, t.path("two", "tree")):
        with open(our.create(t, folder, "--comment", "x", "--private", "--source", "s"), "rb") as f:
            infos.append(bencode.decode(f.read())[b"info"])
    assert infos[0] == infos[1]
    assert infos[0][b"private"] == 1 and infos[0][b"source"] == b"s"
    assert not any(b"date" in key or b"time" in key for key in infos[0])


@test
def create_never_writes_over_a_file(t):
    path = content.write_file(t.path("data"), 100000)
    out = t.path("data.torrent")
    our.sprat(t, "create", path, status=0, cwd=t.dir)
    assert os.path.exists(out), "NAME.torrent in the current directory"
    with open(out, "rb") as f:
        before = f.read()
    os.chmod(out, 0o600)
    one_line(our.sprat(t, "create", path, status=1, cwd=t.dir), "data.torrent", "exists already")
    one_line(our.sprat(t, "create", "--format", "v1", "-o", out, path, status=1), "exists already")
    with open(out, "rb") as f:
        assert f.read() == before
    our.sprat(t, "create", "--format", "v1", "-f", "-o", out, path, status=0)
    assert our.show(t, out)["format"] == "v1"
    assert sorted(os.listdir(t.dir)) == ["data", "data.torrent"] + ["xdg"] * os.path.exists(t.path("xdg")), \
        f"a temporary file was left: {os.listdir(t.dir)}"


@test
def create_of_what_cannot_be(t):
    one_line(our.sprat(t, "create", t.path("nothing"), status=1), "nothing", "No such file")
    os.mkfifo(t.path("pipe"))
    one_line(our.sprat(t, "create", t.path("pipe"), status=1), "pipe")
    os.mkdir(t.path("hollow"))
    one_line(our.sprat(t, "create", t.path("hollow"), status=1), "hollow")
    path = content.write_file(t.path("data"), 1000)
    one_line(our.sprat(t, "create", "-o", t.path("no") + "/such/x.torrent", path, status=1), "x.torrent")


@test
def verify_names_what_is_wrong(t):
    lengths = {"good": 100000, "gone": 50000, "bad": 70000, "short": 60000, "empty": 0}
    tree = content.write_tree(t.path("tree"), lengths)
    out = our.create(t, tree)
    os.unlink(os.path.join(tree, "gone"))
    with open(os.path.join(tree, "bad"), "r+b") as f:
        f.seek(66000)
        f.write(b"other")
    os.truncate(os.path.join(tree, "short"), 20000)
    result = our.sprat(t, "verify", out, t.dir, status=1)
    one_line(result, "3 of 5 files")
    state = {line.split()[1]: line.split()[0] for line in result.out.splitlines()}
    assert state["tree/good"] == "ok" and state["tree/empty"] == "ok", str(result)
    assert state["tree/gone"] == "missing" and state["tree/short"] == "short", str(result)
    assert state["tree/bad"] not in ("ok", "missing", "short"), str(result)
    quiet = our.sprat(t, "verify", "-q", out, t.dir, status=1)
    assert "good" not in quiet.out and "gone" in quiet.out, str(quiet)
    one_line(our.sprat(t, "verify", out, t.path("nowhere"), status=1), "nowhere")
    one_line(our.sprat(t, "verify", out, out, status=1), "not a directory")


def deep(count):
    return b"d4:info" + b"l" * count + b"e" * count + b"e"


def writers(t, path):
    """The commands that write a file of the user's choice, as functions of its name."""
    listen = f"{t.address()}:0"
    return {"create": lambda *args, **more: our.sprat(t, "create", *args, path, **more),
            "seed": lambda *args, **more: our.sprat(t, "seed", "--listen", listen, "--state-dir", t.path("s", "x")[:-2],
                                                    *args, path, **more)}


@test
def an_output_replaces_regular_files_only(t):
    """The same rule for every command that writes one, and nothing is hashed before it is known."""
    path = content.write_file(t.path("data"), 100000)
    target = content.write_file(t.path("target"), 777)
    os.mkdir(t.path("dir"))
    os.symlink("target", t.path("link"))
    os.symlink("none", t.path("nowhere"))
    os.mkfifo(t.path("pipe"))
    device = "/dev/full"
    before = os.stat(device)
    for name, write in writers(t, path).items():
        one_line(write("-o", target, status=1), f"{target}: exists already", "-f to replace it")
        for what, word in (("dir", "a directory"), ("link", "a symbolic link"), ("nowhere", "a symbolic link"),
                           ("pipe", "a pipe")):
            for force in ((), ("-f",)):
                one_line(write(*force, "-o", t.path(what), status=1), t.path(what), word)
        one_line(write("-f", "-o", device, status=1), device, "a device")
        one_line(write("-o", os.path.join(t.dir, "none", "x"), status=1), "No such file")
        one_line(write("-f", "-o", path, status=1), path, "is the content itself")
        assert os.stat(target).st_size == 777 and os.stat(path).st_size == 100000, name
        assert os.readlink(t.path("link")) == "target" and stat.S_ISFIFO(os.lstat(t.path("pipe")).st_mode), name
    assert os.stat(device).st_ino == before.st_ino and stat.S_ISCHR(os.stat(device).st_mode)
    left = [n for n in os.listdir(t.dir) if n.startswith(".sprat")]
    assert not left, left


@test
def an_output_to_standard_output(t):
    path = content.write_file(t.path("data"), 100000)
    good = our.create(t, path)
    with open(good, "rb") as f:
        raw = f.read()
    for command in ("create", "seed"):
        more = ["--listen", f"{t.address()}:0", "--state-dir", t.path("s", "x")[:-2]] if command == "seed" else []
        child = subprocess.Popen([our.SPRAT, command, *more, "-o", "-", path], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd=t.dir)
        try:
            # The reader sees the end, also while seed goes on.
            assert child.stdout.read() == raw, command
            if command == "seed":
                t.wait("seeding", lambda: b"seeding" in child.stderr.readline(), 30)
                child.send_signal(signal.SIGINT)
            child.stdout.close()
            child.stderr.read()
            assert child.wait(30) == (130 if command == "seed" else 0), command
        finally:
            child.kill()
            child.wait()
            child.stderr.close()
    assert sorted(os.listdir(t.dir)) == ["data", "s", "torrents"], os.listdir(t.dir)


@test
def an_output_in_the_content_is_no_part_of_it(t):
    tree = content.write_tree(t.path("album"), {"a": 60000, "b/c": 5000})
    our.sprat(t, "create", ".", cwd=tree, status=0)
    again = our.sprat(t, "create", "-f", ".", cwd=tree, status=0)
    assert "album.torrent was left out: it is the output file" in again.err, str(again)
    for out in ("album.torrent", t.path("album", "b", "x.torrent"), "b/../../album/b/x.torrent"):
        our.sprat(t, "create", "-f", "-o", out, ".", cwd=tree, status=0)
        our.sprat(t, "verify", out, "..", cwd=tree, status=0)
        names = [f["path"] for f in json.loads(our.sprat(t, "show", "--json", out, cwd=tree, status=0).out)["files"]]
        assert os.path.basename(out) not in [os.path.basename(name) for name in names], names
    # What is no torrent is content, and -f does not change that.
    refused = our.sprat(t, "create", "-f", "-o", "a", ".", cwd=tree, status=1)
    one_line(refused, "album/a is not a torrent file", "part of the content")
    assert os.stat(t.path("album", "a")).st_size == 60000


@test
def a_torrent_is_called_as_it_was_named(t):
    content.write_tree(t.path("pool", "4f1c"), {"a": 60000})
    os.mkdir(t.path("seeds"))
    os.symlink("../pool/4f1c", t.path("seeds", "album"))
    for path, name in (("album", "album"), ("./album/", "album"), ("album/.", "4f1c"), ("../seeds/album", "album")):
        out = our.sprat(t, "create", "-f", path, cwd=t.path("seeds"), status=0).out
        assert f"{name}.torrent" in out, out
        assert our.show(t, t.path("seeds", f"{name}.torrent"))["name"] == name
    long = content.write_file(t.path("n" * 255), 20000)
    our.sprat(t, "create", long, cwd=t.dir, status=0)
    assert our.show(t, t.path("n" * 247 + ".torrent"))["name"] == "n" * 255


@test
def create_tells_what_a_person_will_stumble_on(t):
    path = content.write_file(t.path("data"), 100000)
    for url, warned in (("http://127.0.0.1:6969", True), ("https://tracker.example/", True),
                        ("http://127.0.0.1:6969/announce", False), ("udp://127.0.0.1:6969", False)):
        made = our.sprat(t, "create", "-f", "-t", url, path, cwd=t.dir, status=0)
        assert ("end in /announce" in made.err) == warned, str(made)
        assert not warned or made.err.rstrip().endswith(url.rstrip("/") + "/announce"), made.err
    assert "--format v1" in made.out and "Transmission 3.00" in made.out, made.out
    assert "magnet:" not in made.out, made.out
    made = our.sprat(t, "create", "-f", "--format", "v1", path, cwd=t.dir, status=0)
    assert "note" not in made.out, made.out


@test
def bad_torrent_files_are_named_with_the_cause(t):
    good = our.create(t, content.write_file(t.path("data"), 300000))
    with open(good, "rb") as f:
        raw = f.read()
    cases = {"empty": b"", "text": b"hello world\n", "binary": bytes(range(256)) * 100,
             "deep": deep(100000), "deep-ends-early": b"l" * 5000000, "no-info": b"de",
             "truncated": raw[:-10], "half": raw[:len(raw) // 2], "number": b"i1e",
             "long-string": b"99999999999999999999:x", "negative": b"d4:info-1:e"}
    for name, data in cases.items():
        path = t.path(f"{name}.torrent")
        with open(path, "wb") as f:
            f.write(data)
        for command in (["show"], ["get", "-o", t.path("out")]):
            one_line(our.sprat(t, *command, path, status=1), f"{name}.torrent")
        one_line(our.sprat(t, "verify", path, t.dir, status=1), f"{name}.torrent")
    assert not os.path.exists(t.path("out")), "nothing is made for a torrent that can't be read"
    huge = t.path("huge.torrent")
    with open(huge, "wb") as f:
        f.truncate(1 << 40)
    one_line(our.sprat(t, "show", huge, status=1, seconds=5), "huge.torrent")
    one_line(our.sprat(t, "show", t.dir, status=1), t.dir, "directory")
    one_line(our.sprat(t, "show", t.path("none.torrent"), status=1), "none.torrent", "No such file")
    os.mkfifo(t.path("pipe.torrent"))
    one_line(our.sprat(t, "show", t.path("pipe.torrent"), status=1, seconds=5), "pipe.torrent")
    one_line(our.sprat(t, "show", "a\nb\033[31m.torrent", status=1), "a\\nb\\x1b[31m.torrent")
    if os.geteuid() != 0:
        os.chmod(good, 0)
        one_line(our.sprat(t, "show", good, status=1), "ermission denied")


@test
def show_reads_magnet_links_and_standard_input(t):
    out = our.create(t, content.write_file(t.path("data"), 300000), trackers=("http://127.0.0.1:1/a",))
    whole = our.show(t, out)
    link = json.loads(our.sprat(t, "show", "--json", "--link", whole["magnet"], status=0).out)
    assert list(link) == list(whole)
    for key in ("name", "format", "info_hash_v1", "info_hash_v2", "trackers", "web_seeds", "dht_nodes", "magnet"):
        assert link[key] == whole[key], key
    for key in ("piece_length", "piece_count", "total_size", "private", "files"):
        assert link[key] is None, key
    one_line(our.sprat(t, "show", "magnet:?xt=urn:btih:xyz", status=1), "magnet")
    one_line(our.sprat(t, "get", "magnet:?xt=urn:btih:xyz", status=1), "magnet")
    nobody = "magnet:?xt=urn:btih:" + whole["info_hash_v1"]
    one_line(our.sprat(t, "show", nobody, status=1), "no tracker and no peer")
    with open(out, "rb") as f:
        piped = subprocess.run([our.SPRAT, "show", "--json", "-"], stdin=f, capture_output=True, text=True,
                               timeout=20)
    assert json.loads(piped.stdout) == whole


@test
def a_reader_that_leaves_ends_it_quietly(t):
    out = our.create(t, content.write_tree(t.path("tree"), {f"file {i}": 1 for i in range(3000)}))
    child = subprocess.Popen([our.SPRAT, "show", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(10) == 1 and err == b"", (child.returncode, err)
    with open("/dev/full", "w") as f:
        full = subprocess.run([our.SPRAT, "show", out], stdout=f, stderr=subprocess.PIPE, timeout=10)
    assert full.returncode == 1 and b"No space left" in full.stderr, full


@test
def progress_on_a_terminal_fits_its_width(t):
    name = "a long name, ファイル and so on, that no terminal of eighty columns has room for, by far"
    path = content.write_file(t.path(name), 40 << 20)
    for columns in (20, 60, 80, 200):
        text, status = on_terminal(t, [our.SPRAT, "create", "-f", "-o", t.path("x.torrent"), path], columns)
        assert status == 0, text
        drawn = drawn_lines(text)
        assert drawn, f"no progress line in {text!r}"
        for line in drawn:
            assert columns_of(line) < columns, f"{columns}: {line!r}"
            assert "\ufffd" not in line, "cut in the middle of a character"
    plain = our.sprat(t, "create", "-f", "-o", t.path("x.torrent"), path, status=0).out
    assert "\033" not in plain and "\r" not in plain, "no control sequences into a pipe"
    dumb, _ = on_terminal(t, [our.SPRAT, "create", "-f", "-o", t.path("x.torrent"), path], 80,
                          {"TERM": "dumb"}.items())
    assert "\033" not in dumb, "nor to a terminal that knows none"


@test
def ctrl_c_during_create_leaves_nothing(t):
    path = t.path("large")
    with open(path, "wb") as f:
        f.truncate(8 << 30)
    text, status = on_terminal(t, [our.SPRAT, "create", "-o", t.path("x.torrent"), path], 80,
                               until=lambda written: b"%" in written)
    assert status in (-2, 130), (status, text)
    assert os.listdir(t.dir) == ["large"], os.listdir(t.dir)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
