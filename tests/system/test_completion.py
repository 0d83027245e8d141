#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Completion in bash, zsh and fish: the answers of the programs, and typed lines in real shells."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import content
from daemon import Daemon
from process import run
from sprat import BUILD, SPRAT, SPRATD, TRACKER, create, main, sprat
from tap import Skip, test

PROGRAMS = {"sprat": SPRAT, "spratd": SPRATD, "sprat-tracker": TRACKER}
SCRIPTS = {"bash": "completions/bash/{}", "zsh": "completions/zsh/_{}", "fish": "completions/fish/{}.fish"}
TAB, ENOUGH = "\t", "\x18"


def script(shell, program):
    return os.path.join(BUILD, SCRIPTS[shell].format(program))


def answer(t, program, *words, env=None):
    """What the shell adds by itself, and the candidates with their descriptions."""
    result = run(t, [PROGRAMS[program], "--complete", *words], env=env)
    assert result.status == 0 and not result.err, result
    kind, *lines = result.out.splitlines()
    return kind, dict((*line.split("\t", 1), "")[:2] for line in lines)


def help_of(t, program, *words):
    """Options in a --help, with the words that their values can be and their whole text in one line."""
    text = run(t, [PROGRAMS[program], *words, "--help"]).out.partition("\nexample")[0]
    rows = re.findall(r"(?m)^ +(?:-\w, )?--([a-z-]+)(?: (\S+))?((?:.*)(?:\n {20,}\S.*)*)", text)
    return {name: (arg, " ".join(about.split())) for name, arg, about in rows}


def commands(t):
    """Every command of every program, with the words that call it."""
    yield "spratd", []
    yield "sprat-tracker", []
    for name in answer(t, "sprat", "")[1]:
        if name != "help":
            yield "sprat", [name]
    for group in answer(t, "sprat-tracker", "")[1]:
        names = answer(t, "sprat-tracker", group, "")[1]
        for name in names if group not in ("stats", "check") else [None]:
            yield "sprat-tracker", [group, name] if name else [group]


@test(seconds=120)
def every_option_of_every_command_is_offered(t):
    seen = 0
    for program, words in commands(t):
        offered = answer(t, program, *words, "--")[1]
        rows = help_of(t, program, *words)
        assert set(offered) == {f"--{name}" for name in rows}, (program, words, set(offered) ^ set(rows))
        for name, (arg, about) in rows.items():
            assert offered[f"--{name}"].split() == about.split(), (offered[f"--{name}"], about)
            values = set(re.findall(r"(?<![^|])[a-z0-9]+(?![^|])", arg))
            if values:
                assert set(answer(t, program, *words, f"--{name}", "")[1]) == values, (program, words, name)
            seen += 1
    assert seen > 150, seen


@test
def commands_are_offered_with_a_description(t):
    kind, names = answer(t, "sprat", "")
    assert kind == "words" and {"create", "get", "ls", "help"} <= set(names) and all(names.values()), names
    shown = re.findall(r"(?m)^  ([a-z]+) +(\S.*)$", run(t, [SPRAT, "--help"]).out.split("options:")[0])
    assert {name: about for name, about in names.items() if name != "help"} == dict(shown), names
    assert answer(t, "sprat", "-") == ("words", {"--help": "print the commands", "--version": "print the version"})
    assert set(answer(t, "sprat", "help", "s")[1]) == {"show", "seed", "select", "shutdown"}
    assert set(answer(t, "sprat-tracker", "")[1]) == {"user", "torrent", "client", "stats", "check"}
    assert set(answer(t, "sprat-tracker", "client", "")[1]) == {"allow", "deny", "rm", "ls"}
    assert answer(t, "sprat", "frobnicate", "") == ("words", {})


@test
def places_are_left_to_the_shell(t):
    for kind, words in (("files", ["create", ""]), ("torrents", ["get", ""]), ("torrents", ["get", "--pex", "-x", ""]),
                        ("torrents", ["verify", ""]), ("directories", ["verify", "a.torrent", ""]),
                        ("files", ["seed", ""]), ("files", ["seed", "--down-limit", "3", "a.torrent", "b", ""]),
                        ("torrents", ["add", "a", "b", ""]), ("directories", ["get", "-o", ""]),
                        ("directories", ["get", "--output=d"]), ("files", ["ls", "--socket", ""]),
                        ("words", ["get", "a.torrent", ""]), ("torrents", ["get", "--", ""]),
                        ("words", ["get", "--listen", ""]), ("words", ["ls", ""])):
        assert answer(t, "sprat", *words) == (kind, {}), (words, answer(t, "sprat", *words))
    assert answer(t, "sprat", "create", "--format=v") == ("words", {"--format=v1": "", "--format=v2": ""})
    assert answer(t, "sprat", "get", "--", "-") == ("torrents", {})
    assert answer(t, "sprat-tracker", "torrent", "add", "") == ("torrents", {})
    assert answer(t, "sprat-tracker", "torrent", "rm", "--reason", "x", "") == ("words", {})
    assert answer(t, "spratd", "-c", "") == ("files", {})


@test
def torrents_of_the_daemon_are_offered(t):
    d = Daemon(t, "--save-dir", t.path("saved", "x")[:-2])
    names = ["a plain one", "turned\u202eround", "--flag", "twin", "twin"]
    for i, name in enumerate(names):
        path = t.path(str(i), name)
        content.write_file(path, 40_000 + i)
        d.sprat("add", create(t, path))
    env = {"SPRAT_SOCKET": d.socket}
    kind, offered = answer(t, "sprat", "pause", "", env=env)
    hashes = [each["info_hash_v1"] for each in d.listing() if each["name"] != "a plain one"]
    assert kind == "words" and set(offered) == {"all", "a plain one", *hashes}, offered
    assert offered["a plain one"] and "turned\\u202eround" in offered.values(), offered
    assert set(answer(t, "sprat", "info", "a p", env=env)[1]) == {"a plain one"}
    assert answer(t, "sprat", "info", "a plain one", "", env=env)[1] == {}, "there is only one"
    assert "a plain one" in answer(t, "sprat", "pause", "x", "", env=env)[1], "there can be several"
    assert "a plain one" in answer(t, "sprat", "info", "--socket", d.socket, "")[1], "the socket that is typed"
    d.stop()
    assert answer(t, "sprat", "info", "", env=env) == ("words", {}), "nothing is said where there is no daemon"


@test
def a_daemon_that_hangs_is_not_waited_for(t):
    d = Daemon(t)
    d.send(19)
    assert answer(t, "sprat", "pause", "", env={"SPRAT_SOCKET": d.socket}) == ("words", {"all": ""})
    d.send(18)


class Shell:
    """An interactive shell on a terminal, with our scripts loaded, in a folder with some files."""

    SETUP = {
        "bash": ["--norc", "--noprofile", "-i"],
        "zsh": ["-f", "-i"],
    }

    def __init__(self, t, name):
        self.t = t
        path = shutil.which(name)
        if not path:
            raise Skip(f"{name} is not installed")
        folder = os.path.dirname(t.path("folder", "x"))
        for file in ("one.torrent", "two words.torrent", "plain.txt"):
            with open(os.path.join(folder, file), "w"):
                pass
        os.makedirs(os.path.join(folder, "deep down"))
        self.out = t.path("typed")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(path, [name, *self.SETUP[name]], {
                "PATH": f"{BUILD}:/usr/bin:/bin", "HOME": t.path("home"), "TERM": "dumb", "PS1": "READY", "COLUMNS": "200",
                "LC_ALL": "C.UTF-8", "ZDOTDIR": t.path("home"), "OUT": self.out, "HISTFILE": ""})
        t.defer(self.close)
        self.seen = ""
        if name == "bash":
            self.enter("bind -x '\"\\C-x\": printf %s \"$READLINE_LINE\" >$OUT; READLINE_LINE=; READLINE_POINT=0'")
            for program in PROGRAMS:
                self.enter(f"source '{script('bash', program)}'")
        else:
            self.enter(f"fpath=('{os.path.dirname(script('zsh', 'sprat'))}' $fpath)")
            self.enter(f"autoload -U compinit; compinit -u -d '{t.path('zcompdump')}'")
            self.enter("tell() { print -rn -- \"$BUFFER\" >$OUT; BUFFER=; }; zle -N tell; bindkey '^X' tell; unsetopt beep")
            self.enter("setopt no_list_beep; LISTMAX=1000; zstyle ':completion:*' list-prompt ''")

    def close(self):
        os.close(self.fd)
        try:
            os.kill(self.pid, 9)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)

    def read(self):
        ready, _, _ = select.select([self.fd], [], [], 0.05)
        if ready:
            self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def write(self, text):
        os.write(self.fd, text.encode())

    def enter(self, line):
        self.seen = ""
        self.write(f"{line}; echo DO''NE\r")
        while "DONE" not in self.seen:
            assert self.t.left() > 1, self.seen
            self.read()

    def typed(self, keys):
        """The line after these keys."""
        self.seen = ""
        if os.path.exists(self.out):
            os.unlink(self.out)
        self.write(keys + ENOUGH)
        while not os.path.exists(self.out) or self.read():
            assert self.t.left() > 1, self.seen
            self.read()
        self.enter("true")
        with open(self.out) as f:
            return f.read()

    def listed(self, keys, until):
        """What is shown after these keys, once it has |until| in it."""
        self.seen = ""
        self.write(keys)
        self.t.wait(f"{until!r} after {keys!r}", lambda: self.read() or until in self.seen, 20)
        shown = self.seen
        self.typed("")
        return shown


def try_lines(shell):
    for keys, line in (
            ("sprat cr" + TAB, "sprat create "),
            ("sprat create --form" + TAB, "sprat create --format "),
            ("sprat create --format h" + TAB, "sprat create --format hybrid "),
            ("sprat create --format=h" + TAB, "sprat create --format=hybrid "),
            ("sprat get o" + TAB, "sprat get one.torrent "),
            ("sprat get tw" + TAB, "sprat get two\\ words.torrent "),
            ("sprat create p" + TAB, "sprat create plain.txt "),
            ("sprat get -o de" + TAB, "sprat get -o deep\\ down/"),
            ("sprat get --output=de" + TAB, "sprat get --output=deep\\ down/"),
            ("sprat verify two\\ words.torrent de" + TAB, "sprat verify two\\ words.torrent deep\\ down/"),
            ("spratd --pex y" + TAB, "spratd --pex yes "),
            ("sprat-tracker us" + TAB, "sprat-tracker user "),
            ("sprat-tracker user pa" + TAB, "sprat-tracker user passkey "),
            ("sprat-tracker torrent add o" + TAB, "sprat-tracker torrent add one.torrent "),
            ("sprat-tracker user add anna --dat" + TAB, "sprat-tracker user add anna --database ")):
        got = shell.typed(keys)
        assert got == line, f"{keys!r} became {got!r}, not {line!r}"


@test
def bash_completes_what_is_typed(t):
    shell = Shell(t, "bash")
    try_lines(shell)
    assert shell.typed("sprat get p" + TAB) == "sprat get p", "this is not a torrent file"
    shown = shell.listed("sprat create --for" + 2 * TAB, "(replace")
    assert "--format  (BitTorrent version" in shown and "--force  (replace" in shown, shown
    assert shell.typed("sprat create $(touch danger)" + TAB) == "sprat create $(touch danger)"
    assert not os.path.exists(t.path("folder", "danger")), "what is typed is not run"


@test
def zsh_completes_what_is_typed(t):
    shell = Shell(t, "zsh")
    try_lines(shell)
    shown = shell.listed("sprat create --f" + 2 * TAB, "-- replace")
    assert re.search(r"--force +-- replace", shown), shown


@test
def fish_completes_what_is_typed(t):
    if not shutil.which("fish"):
        raise Skip("fish is not installed")
    folder = os.path.dirname(t.path("folder", "x"))
    for file in ("one.torrent", "two words.torrent", "plain.txt"):
        with open(os.path.join(folder, file), "w"):
            pass
    os.makedirs(os.path.join(folder, "deep down"))

    def offered(line):
        sources = "; ".join(f"source '{script('fish', program)}'" for program in PROGRAMS)
        result = run(t, ["fish", "--no-config", "-c", f"{sources}; complete -C \"$LINE\""], cwd=folder, env={
            "PATH": f"{BUILD}:/usr/bin:/bin", "HOME": t.path("home"), "LINE": line, "LC_ALL": "C.UTF-8"})
        assert result.status == 0 and not result.err, result
        return dict((*each.split("\t", 1), "")[:2] for each in result.out.splitlines())

    assert offered("sprat cr") == {"create": answer(t, "sprat", "cr")[1]["create"]}
    assert set(offered("sprat create --format ")) == {"v1", "v2", "hybrid"}
    assert set(offered("sprat create --format=v")) == {"--format=v1", "--format=v2"}
    assert offered("sprat create --fo")["--force"].startswith("replace")
    assert set(offered("sprat get ")) == {"one.torrent", "two words.torrent", "deep down/"}
    assert set(offered("sprat get -o ")) == {"deep down/"}
    assert set(offered("sprat get --output=de")) == {"--output=deep down/"}
    assert set(offered("sprat verify two\\ words.torrent ")) == {"deep down/"}
    assert "plain.txt" in offered("sprat create ")
    assert set(offered("spratd --pex ")) == {"yes", "no"}
    assert "passkey" in offered("sprat-tracker user ")


@test
def torrents_with_any_name_are_typed_whole(t):
    shell = Shell(t, "bash")
    d = Daemon(t)
    for i, name in enumerate(["it's; rm $HOME & co", "plain"]):
        path = t.path(str(i), name)
        content.write_file(path, 40_000 + i)
        d.sprat("add", "-o", os.path.dirname(path), create(t, path))
    shell.enter(f"export SPRAT_SOCKET={d.socket}")
    line = shell.typed("sprat info it" + TAB)
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout
    assert words == "sprat\ninfo\nit's; rm $HOME & co\n", line
    assert shell.typed("sprat pause pl" + TAB) == "sprat pause plain "


@test
def scripts_are_right_for_their_shells(t):
    tried = 0
    for shell in SCRIPTS:
        for program in PROGRAMS:
            path = script(shell, program)
            with open(path) as f:
                assert not re.search(r"@\w+@", f.read()), f"{path}: a place that was not filled"
            if shutil.which(shell):
                result = run(t, [shell, "-n", path])
                assert result.status == 0 and not result.err, result
                tried += 1
    assert tried > 0


if __name__ == "__main__":
    main(SPRAT, SPRATD, TRACKER)
