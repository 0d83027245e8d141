#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Selection of files: unwanted files are not touched, even if a v1 piece spans wanted and unwanted files."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat
import tap
import torture
from tap import test

# In v1 with pieces of 32 KiB, most pieces belong to several of these files.
TREE = {"a/one": 70_001, "a/two": 10_007, "a/three": 12_345, "b/four": 150_003, "b/five": 20_000, "c/six": 90_011,
        "a/empty": 0}


class Torrent:
    def __init__(self, t, form, name="tree"):
        self.path = content.write_tree(t.path("original", name), TREE)
        self.meta = sprat.create(t, self.path, "--piece-length", "32K", form=form)
        self.seeder = sprat.seed(t, self.meta, os.path.dirname(self.path))
        self.layout = torture.Layout(self.meta)

    def assert_only(self, folder, names):
        """Exactly these files are there, and right; a part file beside them does not count."""
        copy = os.path.join(folder, os.path.basename(self.path))
        found = content.files_below(copy)
        assert set(found) == set(names), f"{sorted(found)} instead of {sorted(names)}"
        for name in names:
            content.assert_same(os.path.join(self.path, name), found[name])


def part_files(folder):
    return [name for name in os.listdir(folder) if name.endswith(".part")]


def only_some(form):
    def check(t):
        torrent, folder, state = Torrent(t, form), t.path("copy", "x")[:-2], ["--state-dir", t.path("state")]
        sprat.get(t, torrent.meta, folder, *state, "--only", "a/two", "--only", "five",
                  peers=[torrent.seeder]).finish()
        torrent.assert_only(folder, ["a/two", "b/five"])
        assert len(part_files(folder)) == (form == "v1")
        claimed = torture.claims(t.path("state"), t.path("scratch"))
        # Files that are wanted after all have their parts already; nobody fetches them twice.
        had = sum(torrent.layout.stored(n) for n in claimed)
        stopped = sprat.get(t, torrent.meta, folder, *state, "--skip", "b/four", peers=[torrent.seeder]).finish()
        torrent.assert_only(folder, [name for name in TREE if name != "b/four"])
        whole = sum(TREE.values())
        assert stopped["down"] <= whole - had, f"fetched {stopped['down']} of {whole} with {had} there"
        sprat.get(t, torrent.meta, folder, *state, peers=[torrent.seeder]).finish()
        torrent.assert_only(folder, list(TREE))
        assert part_files(folder) == [], "nothing lies in it any more"
        wrong = torrent.layout.wrong(folder, torture.claims(t.path("state"), t.path("scratch")))
        assert not wrong, wrong
    return check


for form in ("v1", "v2", "hybrid"):
    tap.add(f"get: some files, then others, then all: {form}", only_some(form))


@test
def what_lies_in_parts_is_believed_after_a_restart_and_served(t):
    torrent, folder = Torrent(t, "v1"), t.path("copy", "x")[:-2]
    state = ["--state-dir", t.path("state")]
    first = sprat.get(t, torrent.meta, folder, *state, "--only", "b/*", "--seed", "forever",
                      peers=[torrent.seeder]).ready()
    first.complete()
    first.interrupt()
    torrent.seeder.interrupt()
    again = sprat.get(t, torrent.meta, folder, *state, "--only", "b/*", "--seed", "forever").ready()
    again.complete()
    # Another peer gets what it wants of it, though not all is there.
    other = t.path("other", "x")[:-2]
    sprat.get(t, torrent.meta, other, "--only", "b/*", peers=[again]).finish()
    torrent.assert_only(other, ["b/four", "b/five"])
    torrent.assert_only(folder, ["b/four", "b/five"])


@test
def a_file_that_was_there_before_is_not_moved(t):
    """Deselecting a file that is there leaves it there, and its data is used."""
    torrent, folder = Torrent(t, "v1"), t.path("copy", "x")[:-2]
    state = ["--state-dir", t.path("state")]
    sprat.get(t, torrent.meta, folder, *state, "--only", "a/*", peers=[torrent.seeder]).finish()
    sprat.get(t, torrent.meta, folder, *state, "--only", "b/*", peers=[torrent.seeder]).finish()
    torrent.assert_only(folder, ["a/one", "a/two", "a/three", "a/empty", "b/four", "b/five"])


@test
def a_pattern_without_a_file_is_an_error(t):
    torrent = Torrent(t, "v2")
    sprat.get(t, torrent.meta, t.path("copy"), "--only", "nothing*").fail("nothing*", "tree", status=1)
    assert not os.path.exists(t.path("copy", "tree"))


def chosen_at_run_time(form):
    def check(t):
        torrent = Torrent(t, form)
        socket, folder = t.path("socket"), t.path("copy", "x")[:-2]
        args = [sprat.SPRATD, "--foreground", "--state-dir", t.path("state"), "--socket", socket,
                "--listen", sprat.join(t.address(), 0)]
        daemon = sprat.Process(t, args)
        t.wait("a daemon", lambda: torture._call(socket, "daemon.info"), 30)

        def tell(*words, status=0):
            return sprat.sprat(t, words[0], "--socket", socket, *words[1:], status=status)

        def until(names):
            """Waits until just these files are whole."""
            def there():
                try:
                    torrent.assert_only(folder, names)
                    return torture._call(socket, "torrent.list")[0]["state"] == "seeding"
                except AssertionError:
                    return False
            try:
                t.wait(f"{names} only", there, 20, step=0.1)
            except AssertionError as e:
                raise AssertionError(f"{e}: {daemon.report()} {tell('info', '--json', 'tree', status=None).out}") from None

        def choose(*words):
            t.wait("the choice to be taken", lambda: tell("select", *words, "tree", status=None).status == 0, 30)

        tell("add", "-o", folder, "--peer", torrent.seeder.address, "--skip", "*", "--only", "five", torrent.meta)
        tell("rm", "tree")
        t.wait("its removal", lambda: not torture._call(socket, "torrent.list"), 30)
        tell("add", "-o", folder, "--peer", torrent.seeder.address, "--only", "a/one", torrent.meta)
        until(["a/one"])
        choose("--want", "c/six")
        until(["a/one", "c/six"])
        daemon.stop()
        daemon = sprat.Process(t, args)
        t.wait("a daemon", lambda: torture._call(socket, "daemon.info"), 30)
        choose("--high", "b/*")
        until(["a/one", "b/four", "b/five", "c/six"])
        choose("--skip", "b/*")
        choose("--want", "*")
        until(list(TREE))
        assert part_files(folder) == []
        assert tell("select", "tree", status=2).err and tell("select", "--want", "x", "tree", status=1).err
        daemon.stop()
        claimed = torture.claims(t.path("state"), t.path("scratch"))
        assert len(claimed) == len(torrent.layout.pieces) and not torrent.layout.wrong(folder, claimed)
    return check


for form in ("v1", "hybrid"):
    tap.add(f"spratd: the choice is changed while it runs: {form}", chosen_at_run_time(form))

if __name__ == "__main__":
    sprat.main(sprat.SPRAT, sprat.SPRATD)
