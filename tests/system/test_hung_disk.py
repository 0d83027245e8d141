# SPDX-License-Identifier: BSD-2-Clause
"""A disk that hangs: what spratd answers has been stored, no loop waits for the disk meanwhile, and torrents on
other disks go on. The disk hangs for as long as a test wants (the fault layer's HOLD), so nothing here is timed."""

import contextlib
import json
import os
import signal
import shutil
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import faults
import sprat
import tap
import torrent
from daemon import Daemon
from fake_peer import Dialer
from faults import LOOK, OPEN, SYNC, WRITE, Faults
from tap import add, test

KIB = 1 << 10
DATABASE = "sprat.db"


class Setting:
    """A daemon with one loop and a fault layer."""

    def __init__(self, t, *args):
        faults.need_plain()
        self.t, self.args = t, args
        self.faults = Faults(t.dir, [t.path("state"), t.path("hung")], mounts=[t.path("hung")])
        t.defer(self.faults.stop)
        self.start()

    def start(self):
        self.daemon = Daemon(self.t, *(self.args or ("--loops", "1")), env=self.faults.env())

    def crash(self):
        self.daemon.kill()
        self.start()

    def add(self, name, folder="small", **more):
        path = content.write_file(self.t.path(folder, name), 64 * KIB)
        out = torrent.write(torrent.make(path, "v1", 16 * KIB), self.t.path("torrents", f"{name}.torrent"))
        return self.daemon.rpc("torrent.add", path=out, save_dir=os.path.dirname(path), **more)

    def goes_on(self):
        """The loop answers."""
        return self.daemon.rpc("torrent.list")


class Call:
    """A request on a thread of its own, and its answer."""

    def __init__(self, t, function, *args, **params):
        self.t = t
        self.result = None
        self._thread = threading.Thread(target=self._run, args=(function, args, params), daemon=True)
        self._thread.start()

    def _run(self, function, args, params):
        self.result = function(*args, **params)

    def has_answer(self):
        return not self._thread.is_alive()

    def wait(self):
        self.t.wait("the answer", self.has_answer, 20)
        return self.result


def paused(setting):
    return setting.daemon.state("one")["state"] == "paused"


def limited(setting):
    return setting.daemon.rpc("torrent.limits", torrent="one")["down_limit"] == 5000


def skipped(setting):
    return setting.daemon.rpc("torrent.info", torrent="one")["files"][0]["priority"] == "skip"


CHANGES = {
    "torrent.pause": ({}, paused),
    "torrent.limits": ({"down_limit": 5000}, limited),
    "torrent.select": ({"skip": ["one"]}, skipped),
}


def stored_before_the_answer(method):
    params, holds = CHANGES[method]

    def check(t):
        setting = Setting(t)
        setting.add("one")
        setting.daemon.await_state("one", "seeding")
        setting.faults.hold(SYNC, DATABASE)
        call = Call(t, setting.daemon.rpc, method, torrent="one", **params)
        t.wait("the sync", lambda: setting.faults.hits() > 0, 20)
        for _ in range(3):
            setting.goes_on()
        assert not call.has_answer(), "it was answered before it was stored"
        setting.faults.stop()
        call.wait()
        setting.crash()
        assert holds(setting), f"the answer to {method} was forgotten"
    return check


for what in CHANGES:
    add(f"{what} is answered when it is stored, and no loop waits for that", stored_before_the_answer(what))


@test
def resuming_is_answered_when_it_is_stored(t):
    setting = Setting(t)
    setting.add("one", paused=True)
    setting.daemon.await_state("one", "paused")
    setting.faults.hold(SYNC, DATABASE)
    call = Call(t, setting.daemon.rpc, "torrent.resume", torrent="one")
    t.wait("the sync", lambda: setting.faults.hits() > 0, 20)
    setting.goes_on()
    assert not call.has_answer()
    setting.faults.stop()
    call.wait()
    setting.crash()
    setting.daemon.await_state("one", "seeding")


@test
def removing_is_answered_when_it_is_stored_and_waits_on_no_loop(t):
    setting = Setting(t)
    setting.add("one")
    setting.daemon.await_state("one", "seeding")
    setting.faults.hold(SYNC, DATABASE)
    call = Call(t, setting.daemon.rpc, "torrent.remove", torrent="one")
    t.wait("the sync", lambda: setting.faults.hits() > 0, 20)
    setting.goes_on()
    assert not call.has_answer(), "it was answered before it was stored"
    setting.faults.stop()
    call.wait()
    setting.crash()
    assert setting.daemon.state("one") is None, "the answer to torrent.remove was forgotten"


@test
def adding_is_answered_when_it_is_stored_and_waits_on_no_loop(t):
    setting = Setting(t)
    setting.add("two")
    setting.daemon.await_state("two", "seeding")
    setting.faults.hold(SYNC, DATABASE)
    call = Call(t, setting.add, "one", paused=True, down_limit=5000, skip=["one"])
    t.wait("the sync", lambda: setting.faults.hits() > 0, 20)
    for _ in range(3):
        assert [x["name"] for x in setting.goes_on()] == ["two"]
    assert not call.has_answer(), "it was answered before it was stored"
    setting.faults.stop()
    call.wait()
    setting.crash()
    assert paused(setting) and limited(setting) and skipped(setting), "the answer to torrent.add was forgotten"


@test
def a_torrent_that_could_not_be_added_is_not_stored(t):
    """The daemon ends between the commit and the torrent's loop."""
    setting = Setting(t)
    setting.goes_on()
    setting.faults.hold(SYNC, DATABASE)
    call = Call(t, lambda: refusal(setting, "one"))
    t.wait("the sync", lambda: setting.faults.hits() > 0, 20)
    end = Call(t, setting.daemon.talk, request("daemon.shutdown"))
    pause = request("torrent.pause", torrent="one")
    t.wait("the end to begin", lambda: b"shutting down" in setting.daemon.talk(pause), 20)
    setting.faults.stop()
    end.wait()
    assert setting.daemon.status() == 0
    assert "is ending" in call.wait(), call.result
    setting.start()
    assert setting.goes_on() == []


def request(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


def refusal(setting, name):
    """The error of adding a torrent that is not added."""
    path = content.write_file(setting.t.path("small", name), 64 * KIB)
    out = torrent.write(torrent.make(path, "v1", 16 * KIB), setting.t.path("torrents", f"{name}.again"))
    answer = setting.daemon.talk(request("torrent.add", path=out, save_dir=os.path.dirname(path)))
    return json.loads(answer)["error"]["message"] if answer else ""


# A mount that hangs.

def serves(setting, added):
    """Another torrent's peer is answered."""
    peer = Dialer(setting.t, setting.daemon.listening(), bytes.fromhex(added["info_hash_v1"]))
    peer.socket.close()


@test
def a_mount_that_hangs_holds_up_its_own_torrents_only(t):
    setting = Setting(t)
    two = setting.add("two")
    for name in ("one", "other"):
        setting.add(name, "hung", paused=True)
    setting.daemon.await_state("two", "seeding")
    setting.faults.hold(OPEN | LOOK, "/hung")
    for name in ("one", "other"):
        setting.daemon.rpc("torrent.resume", torrent=name)
    t.wait("the disk to hang", lambda: setting.faults.hits() > 0, 20)
    assert setting.daemon.state("one")["state"] == "checking"
    serves(setting, two)
    setting.add("three")
    setting.daemon.await_state("three", "seeding")
    setting.daemon.rpc("torrent.pause", torrent="two")
    setting.daemon.rpc("torrent.resume", torrent="two")
    setting.daemon.await_state("two", "seeding")
    setting.faults.stop()
    for name in ("one", "other"):
        setting.daemon.await_state(name, "seeding")


MANY = 8  # directories of one mount that hangs


@test
def a_mount_that_hangs_with_many_directories_holds_up_no_adding_elsewhere(t):
    setting = Setting(t)
    names = [f"hung{i}" for i in range(MANY)]
    for name in names:
        setting.add(name, f"hung/{name}", paused=True)
        setting.daemon.await_state(name, "paused")
    setting.faults.hold(OPEN | LOOK, "/hung")
    calls = [Call(t, ask_to_add, setting, t.path("hung", f"{i}.torrent")) for i in range(MANY)]
    for name in names:
        setting.daemon.rpc("torrent.resume", torrent=name)
    t.wait("the disk to hang", lambda: setting.faults.hits() >= 2, 20)
    setting.add("two")
    setting.daemon.await_state("two", "seeding")
    assert not any(call.has_answer() for call in calls)
    setting.faults.stop()
    for call in calls:
        call.wait()
    for name in names:
        setting.daemon.await_state(name, "seeding")


def starting_while_many_directories_hang(end):
    def check(t):
        setting = Setting(t)
        names, healthy = [f"hung{i}" for i in range(MANY)], [f"well{i}" for i in range(4)]
        for name in names + healthy:
            setting.add(name, f"hung/{name}" if name in names else name)
            setting.daemon.await_state(name, "seeding")
        end(setting.daemon)
        setting.faults.hold(OPEN | LOOK, "/hung")
        setting.start()
        for name in healthy:
            setting.daemon.await_state(name, "seeding")
        assert all(setting.daemon.state(name)["state"] == "checking" for name in names)
        setting.faults.stop()
        for name in names:
            setting.daemon.await_state(name, "seeding")
    return check


# After a clean end, seeds are only looked at; after a crash, they are loaded.
for what, end in (("a clean end", Daemon.stop), ("a crash", Daemon.kill)):
    add(f"the daemon starts after {what} while a mount with many directories hangs",
        starting_while_many_directories_hang(end))


@test
def the_daemon_starts_while_a_mount_hangs(t):
    setting = Setting(t)
    two = setting.add("two", peers=["127.0.0.1:1"])
    setting.add("one", "hung")
    setting.add("other", "hung", peers=["127.0.0.1:1"])
    for name in ("one", "two", "other"):
        setting.daemon.await_state(name, "seeding")
    setting.daemon.kill()
    setting.faults.hold(OPEN | LOOK, "/hung")
    setting.start()
    setting.daemon.await_state("two", "seeding")
    serves(setting, two)
    assert setting.daemon.state("one")["state"] == "checking"
    setting.faults.stop()
    for name in ("one", "other"):
        setting.daemon.await_state(name, "seeding")


@test
def adding_to_a_mount_that_hangs_waits_on_no_loop(t):
    setting = Setting(t)
    setting.add("two")
    setting.daemon.await_state("two", "seeding")
    os.mkdir(t.path("hung"))
    setting.faults.hold(OPEN | LOOK, "/hung")
    calls = [Call(t, setting.add, "one", "hung"), Call(t, add_from, setting, t.path("hung", "x.torrent"))]
    t.wait("the disk to hang", lambda: setting.faults.hits() >= 2, 20)
    for _ in range(3):
        assert [x["name"] for x in setting.goes_on()] == ["two"]
    setting.add("three")
    assert not any(call.has_answer() for call in calls)
    setting.faults.stop()
    for call in calls:
        call.wait()
    setting.daemon.await_state("one", "seeding")
    setting.daemon.await_state("three", "seeding")


def ask_to_add(setting, path):
    """Adds a torrent whose file does not exist. The answer is empty if the daemon ends first."""
    with contextlib.suppress(ConnectionResetError):
        return setting.daemon.talk(request("torrent.add", path=path, save_dir="/tmp"))
    return b""


def add_from(setting, path):
    answer = ask_to_add(setting, path)
    assert b"x.torrent" in answer and b"error" in answer, answer


@test
def adding_to_a_mount_that_hangs_is_refused_in_the_end(t):
    setting = Setting(t)
    path = content.write_file(t.path("hung", "one"), 64 * KIB)
    data = torrent.make(path, "v1", 16 * KIB)
    there, elsewhere = (torrent.write(data, t.path(folder, "one.torrent")) for folder in ("hung", "torrents"))
    folder = os.path.dirname(path)
    setting.faults.hold(OPEN | LOOK, "/hung")
    calls = [(Call(t, setting.daemon.ask, "torrent.add", path=name, save_dir=folder), hung)
             for name, hung in ((there, there), (elsewhere, folder))]
    for call, hung in calls:
        message = call.wait()["error"]["message"]
        assert f"{hung} has not answered for 15 s" in message and "nothing was added" in message, message
    assert setting.goes_on() == []
    setting.add("two")
    setting.daemon.await_state("two", "seeding")
    setting.faults.stop()
    # The disk does one after the other for a path, so that this answer comes after the end of the earlier requests.
    for name in (there, elsewhere):
        answer = setting.daemon.rpc("torrent.add", path=name, save_dir=folder)
        assert ("already" in answer) == (name == elsewhere), answer
    setting.daemon.await_state("one", "seeding")


@test
def a_seed_that_is_looked_at_after_a_restart_has_its_pieces(t):
    setting = Setting(t)
    setting.add("one", "hung")
    setting.add("other", "hung", paused=True)
    setting.daemon.await_state("one", "seeding")
    setting.daemon.rpc("torrent.pause", torrent="one")
    assert setting.daemon.stop() == 0
    setting.faults.hold(OPEN | LOOK, "/hung")
    setting.start()
    one = setting.daemon.await_state("one", "paused")
    assert one["pieces_have"] == one["pieces_total"] and one["bytes_have"] == one["total_size"], one
    setting.faults.stop()


@test
def a_download_that_waits_for_its_check_is_listed_with_what_is_stored(t):
    setting = Setting(t)
    path = content.write_file(t.path("hung", "one"), 64 * KIB)
    out = torrent.write(torrent.make(path, "v1", 16 * KIB), t.path("one.torrent"))
    with open(path, "r+b") as f:
        f.write(bytes(16 * KIB))  # one piece of four is not there
    setting.daemon.rpc("torrent.add", path=out, save_dir=os.path.dirname(path))
    setting.daemon.await_state("one", "downloading")
    assert setting.daemon.stop() == 0
    setting.faults.hold(OPEN | LOOK, "/hung")
    setting.start()
    one = setting.daemon.await_state("one", "checking")
    assert (one["pieces_have"], one["bytes_have"]) == (3, 48 * KIB), one
    assert " 75.0%" in setting.daemon.sprat("ls").out
    setting.faults.stop()


@test
def a_torrent_on_a_mount_that_hangs_can_be_removed(t):
    setting = Setting(t)
    setting.add("one", "hung")
    setting.daemon.await_state("one", "seeding")
    setting.faults.hold(OPEN | LOOK, "/hung")
    setting.daemon.rpc("torrent.remove", torrent="one", data=True)
    t.wait("the disk to hang", lambda: setting.faults.hits() > 0, 20)
    setting.goes_on()
    setting.crash()
    assert setting.daemon.state("one") is None, "the answer to torrent.remove was forgotten"
    setting.faults.stop()
    setting.add("one", "hung")
    setting.daemon.await_state("one", "seeding")


def signals(daemon):
    """How many signals the daemon's loop has taken."""
    return sum(signal.strsignal(signal.SIGTERM) in line for line in daemon.errors)


@test
def the_third_signal_ends_a_daemon_whose_torrent_waits_for_a_mount(t):
    setting = Setting(t)
    setting.add("one", "hung", paused=True)
    setting.daemon.await_state("one", "paused")
    setting.faults.hold(OPEN | LOOK, "/hung")
    setting.daemon.rpc("torrent.resume", torrent="one")
    t.wait("the disk to hang", lambda: setting.faults.hits() > 0, 20)
    for count in (1, 2):
        setting.daemon.send(signal.SIGTERM)
        t.wait(f"{count} signals", lambda: signals(setting.daemon) == count, 20)
    assert setting.daemon.alive()
    assert setting.daemon.stop() == 1, setting.daemon.report()
    setting.faults.stop()
    setting.start()
    setting.daemon.await_state("one", "seeding")


@test
def the_third_signal_ends_a_daemon_whose_disk_thread_waits_for_a_mount(t):
    setting = Setting(t)
    os.mkdir(t.path("hung"))
    setting.faults.hold(OPEN | LOOK, "/hung")
    Call(t, ask_to_add, setting, t.path("hung", "x.torrent"))
    t.wait("the disk to hang", lambda: setting.faults.hits() > 0, 20)
    setting.daemon.send(signal.SIGTERM)
    t.wait("the signal", lambda: signals(setting.daemon) == 1, 20)

    def ended():
        """Signals that come too fast are taken for one, and without a loop nobody says how many came."""
        setting.daemon.send(signal.SIGTERM)
        return not setting.daemon.alive()
    t.wait("the end", ended, 20)
    assert setting.daemon.status() == 1, setting.daemon.report()
    setting.faults.stop()
    setting.start()
    setting.goes_on()


@test
def a_download_to_a_mount_that_hangs_leaves_blocks_to_the_other_torrents(t):
    """Both torrents are of one loop; two loops have fewer blocks each than a torrent may write at a time."""
    elsewhere = tempfile.mkdtemp(prefix="sprat-test-", dir="/dev/shm")
    t.defer(lambda: shutil.rmtree(elsewhere))
    if os.stat(elsewhere).st_dev == os.stat(t.dir).st_dev:
        raise tap.Skip("there is only one file system")
    setting = Setting(t, "--loops", "2")
    os.mkdir(t.path("hung"))
    peers = {}
    for name, size in (("large", 32 << 20), ("small", 1 << 20)):
        path = content.write_file(t.path("origin", name), size)
        out = torrent.write(torrent.make(path, "v1", 64 * KIB), t.path("torrents", f"{name}.torrent"))
        peers[name] = (out, sprat.seed(t, out, os.path.dirname(path)).address)
    setting.faults.hold(WRITE, "/hung")
    fetch(setting, *peers["large"], t.path("hung"))
    setting.add("between", paused=True)
    t.wait("most blocks to be taken", lambda: setting.daemon.state("large")["downloaded"] >= 8 << 20, 20)
    fetch(setting, *peers["small"], elsewhere)
    setting.daemon.await_state("small", "seeding", seconds=30)
    setting.faults.stop()
    setting.daemon.await_state("large", "seeding")


def fetch(setting, out, peer, folder):
    setting.daemon.rpc("torrent.add", path=out, save_dir=folder, peers=[peer])


@test
def what_is_no_directory_is_said(t):
    setting = Setting(t)
    added = setting.add("one", paused=True)
    os.rename(added["save_dir"], added["save_dir"] + ".away")
    content.write_file(added["save_dir"], 10)
    setting.daemon.rpc("torrent.resume", torrent="one")
    setting.daemon.await_state("one", "error")
    assert "is not a directory" in setting.daemon.state("one")["error"]


sprat.main(sprat.SPRATD)
