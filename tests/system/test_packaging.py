#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The packaging files agree with the tree: the files of make install, versions, dependencies, options; and tools/release in a repository of its own. tools/deb-test installs real packages."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import run
from sprat import BUILD, SOURCE, SPRAT, SPRATD, TRACKER, need
from tap import Skip, main, test

DEBIAN = "packaging/debian"
PACKAGES = ("sprat", "sprat-tracker")
# Part of the configurations in /etc, which debian/rules makes from the examples.
MADE_BY_RULES = ("etc/sprat", "etc/sprat-tracker.conf")
# Words of tools/setup's list that every package build has anyway (debhelper, build-essential).
ALWAYS_THERE = {"autoconf", "automake", "make", "gcc", "libc6-dev"}


def text_of(path):
    with open(os.path.join(SOURCE, path)) as f:
        return f.read()


def version():
    return re.search(r"(?m)^AC_INIT\(\[sprat\], \[([^]]+)\]", text_of("configure.ac"))[1]


def patterns(package):
    """The patterns of debian/PACKAGE.install, without where the file goes to."""
    return [line.split()[0] for line in text_of(f"{DEBIAN}/{package}.install").splitlines() if line.strip()]


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def make(t, target, stage):
    # This may be run by make, whose variables would be those of the make in here.
    result = run(t, ["make", "-C", BUILD, target, f"DESTDIR={stage}", "prefix=/usr", "sysconfdir=/etc",
                     "systemdsystemunitdir=/lib/systemd/system"], seconds=170, env={"MAKEFLAGS": "", "MAKELEVEL": ""})
    assert result.status == 0, result


@test(seconds=180)
def every_installed_file_is_in_one_package(t):
    if not shutil.which("make"):
        raise Skip("make is not installed")
    stage = os.path.dirname(t.path("stage", "x"))
    make(t, "install", stage)
    installed = files_of(stage)
    assert "usr/bin/sprat" in installed and len(installed) > 20, installed
    owned = {name: [p for p in PACKAGES for pattern in patterns(p)
                    if fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")] for name in installed}
    wrong = {name: packages for name, packages in owned.items() if len(packages) != 1}
    assert not wrong, f"each must be in one package's .install: {wrong}"
    idle = [pattern for p in PACKAGES for pattern in patterns(p) if pattern not in MADE_BY_RULES
            and not any(fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/") for name in installed)]
    assert not idle, f"nothing is installed for {idle}"
    make(t, "uninstall", stage)
    assert files_of(stage) == [], "make uninstall removes what make install brought"


@test
def one_version_everywhere(t):
    news = re.search(r"(?m)^## (\S+) \(", text_of("NEWS.md"))[1]
    package = re.match(r"sprat \(([^)]+)-\d+\) ", text_of(f"{DEBIAN}/changelog"))[1]
    shown = [run(t, [program, "--version"]).out.split() for program in (SPRAT, SPRATD, TRACKER)]
    assert {news, package, *(words[1] for words in shown)} == {version()}, (news, package, shown, version())


@test
def packages_need_what_setup_installs(t):
    """tools/setup is the list; the packages' own may not part from it."""
    setup = text_of("tools/setup")
    build = re.search(r"(?s)^build='(.*?)'", setup, re.M)[1].split()
    assert "libipsec-mb-dev" in setup
    control = text_of(f"{DEBIAN}/control")
    field = re.search(r"(?ms)^Build-Depends:\n(.*?)^(?=\S)", control)[1]
    depends = {re.match(r" ([^ :,]+)", line)[1] for line in field.splitlines()}
    assert {"debhelper-compat", "dh-sequence-installsysusers"} <= depends, depends
    ours = depends - {"debhelper-compat", "dh-sequence-installsysusers"}
    assert ours == set(build) - ALWAYS_THERE | {"libipsec-mb-dev"}, ours ^ set(build)
    assert control.count("${shlibs:Depends}") == len(PACKAGES), "the libraries are found by what the programs link"


@test
def images_take_their_libraries_from_the_packages(t):
    """So no list of libraries can be out of date; and their commands have options that the programs know."""
    text = text_of("packaging/Dockerfile").replace("\\\n", "")
    installs = re.findall(r"apt-get install -y --no-install-recommends ([^&]+)", text)
    assert len(installs) == len(PACKAGES), installs
    for words in installs:
        assert {w for w in words.split() if not w.startswith("/deb/")} <= {
            "ca-certificates", "systemd-standalone-sysusers"}, words
    programs = {"sprat": SPRAT, "spratd": SPRATD, "sprat-tracker": TRACKER}
    commands = [json.loads(found) for found in re.findall(r"(?m)CMD (\[.*\])$", text)]
    ours = [words for words in commands if words[0] in programs]
    assert {words[0] for words in ours} == set(programs), commands
    for words in ours:
        sub = words[1:2] if words[0] == "sprat" else []
        known = run(t, [programs[words[0]], *sub, "--help"]).out
        for option in (w for w in words if w.startswith("--")):
            assert re.search(rf"{option}\b", known), f"{words[0]} has no {option}"


@test
def configurations_in_etc_come_from_the_examples(t):
    """The lines that debian/rules changes are there."""
    assert re.search(r"(?m)^#state-file = /var/lib/sprat-tracker/", text_of("tracker/daemon/sprat-tracker.conf"))
    assert "docs/spratd.conf.example" in text_of(f"{DEBIAN}/rules")


class Repository:
    """A small project with the files that tools/release changes, whose distcheck makes a tarball."""

    def __init__(self, t, last="1.0.0", chapter="## 1.1.0 (not released yet)"):
        if not shutil.which("git"):
            raise Skip("git is not installed")
        self.t = t
        self.dir = os.path.dirname(t.path("repository", "x"))
        self.env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": t.dir}
        for name, content in {
                "configure.ac": f"AC_INIT([sprat], [{last}], [x], [sprat])\n",
                "NEWS.md": f"# News\n\n{chapter}\n- A thing.\n\n## {last} (2026-01-01)\n- The first.\n",
                "packaging/debian/changelog": f"sprat ({last}-1) unstable; urgency=medium\n\n  * x\n\n -- A <a@b>  x\n",
                "autogen.sh": "#!/bin/sh\n",
                "configure": "#!/bin/sh\nv=$(sed -n 's/.*sprat\\], \\[\\([^]]*\\).*/\\1/p' ../configure.ac)\n"
                             "printf 'distcheck:\\n\\ttest ! -e ../broken\\n\\ttar -cJf sprat-%s.tar.xz ../NEWS.md\\n' "
                             "\"$v\" >Makefile\n",
                ".gitignore": "/.build/\n"}.items():
            path = os.path.join(self.dir, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(content)
            os.chmod(path, 0o755)
        os.makedirs(os.path.join(self.dir, "tools"))
        shutil.copy(os.path.join(SOURCE, "tools", "release"), os.path.join(self.dir, "tools", "release"))
        for words in (["init", "-q", "-b", "main"], ["config", "user.name", "A Person"],
                      ["config", "user.email", "person@localhost"]):
            self.git(*words)
        self.commit("begin")
        self.git("tag", f"v{last}")

    def git(self, *words):
        return subprocess.run(["git", "-C", self.dir, *words], env={**os.environ, **self.env}, check=True,
                              capture_output=True, text=True).stdout.strip()

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def release(self, *words):
        return run(self.t, [os.path.join(self.dir, "tools", "release"), *words], seconds=60,
                   env={**self.env, "MAKEFLAGS": "", "MAKELEVEL": ""})

    def snapshot(self):
        return self.git("rev-parse", "main"), self.git("tag"), self.git("worktree", "list"), self.git("status", "-s")

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()


@test(seconds=90)
def a_release(t):
    repo = Repository(t)
    before = repo.snapshot()
    dry = repo.release("--dry-run", "1.1.0")
    assert dry.status == 0 and "dry run" in dry.out, dry
    assert repo.snapshot() == before, "a dry run changes nothing"
    done = repo.release("1.1.0")
    assert done.status == 0, done
    assert repo.git("tag") == "v1.0.0\nv1.1.0" and repo.git("rev-parse", "v1.1.0^{}") == repo.git("rev-parse", "main")
    assert repo.git("status", "-s") == "" and repo.git("log", "-1", "--format=%s") == "release: 1.1.0"
    assert "[sprat], [1.1.0]" in repo.read("configure.ac")
    assert re.search(r"(?m)^## 1\.1\.0 \(\d{4}-\d\d-\d\d\)$", repo.read("NEWS.md"))
    assert repo.read("packaging/debian/changelog").startswith("sprat (1.1.0-1) unstable"), "and the package"
    result = run(t, ["sha256sum", "-c", "SHA256SUMS"], cwd=os.path.join(repo.dir, ".build", "release"))
    assert result.out == "sprat-1.1.0.tar.xz: OK\n", result


@test(seconds=90)
def no_release(t):
    """Each with its reason, and nothing is changed."""
    repo = Repository(t)
    for words, reason in (
            (["1.1"], "no version"), (["1.0.0"], "exists already"), (["0.9.0"], "not newer"),
            (["1.2.0"], "NEWS.md has no chapter"), ([], "usage:"), (["1.1.0", "x"], "usage:")):
        before = repo.snapshot()
        result = repo.release(*words)
        assert result.status != 0 and reason in result.err, (words, result)
        assert repo.snapshot() == before, words
    with open(os.path.join(repo.dir, "stray"), "w") as f:
        f.write("not committed")
    result = repo.release("1.1.0")
    assert result.status != 0 and "not committed" in result.err, result
    os.rename(os.path.join(repo.dir, "stray"), os.path.join(repo.dir, "broken"))
    repo.commit("a tree whose distcheck fails")
    before = repo.snapshot()
    result = repo.release("1.1.0")
    assert result.status != 0 and "nothing was tagged" in result.err, result
    assert repo.snapshot() == before, "a failure changes nothing"


if __name__ == "__main__":
    need(SPRAT, SPRATD, TRACKER)
    main()
