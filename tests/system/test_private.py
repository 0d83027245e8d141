#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A private tracker: which announces are accepted, the messages to others, and the commands of its operator."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tracker_client
from members import HASH, Private, Udp, ask, command, http, reason, user
from process import run
from sprat import TRACKER, is_sanitized, main
from tap import test
from torrent import make, write

OTHER = bytes(range(40, 60))


def club(t, *args, **more):
    """A tracker with one torrent, and the passkeys of two users."""
    database = t.path("tracker.db")
    keys = user(t, database, "anna"), user(t, database, "bob")
    command(t, database, "torrent", "add", HASH.hex(), "--name", "the one")
    return Private(t, *args, database=database, **more), *keys


def refused(t, tracker, udp, passkey, text, retry=None, number=1, **fields):
    """Refused over both protocols, with the same reason."""
    reply = http(tracker.http, passkey, number, **fields)
    assert text in (reason(reply) or ""), reply
    if retry is not None:
        assert reply.get(b"retry in") == retry, reply
    event = {"stopped": 3, "completed": 1, "started": 2}.get(fields.pop("event", None), 0)
    said = udp.say(number, passkey, event=event, **fields)
    assert said is not None and text in said, said


def taken(tracker, udp, passkey, number=1, **fields):
    reply = http(tracker.http, passkey, number, **fields)
    assert reason(reply) is None, reply
    assert udp.say(number, passkey, **fields) is None
    return reply


@test
def passkeys_open_the_door(t):
    tracker, anna, bob = club(t)
    udp = Udp(t, tracker.udp)
    refused(t, tracker, udp, None, "no passkey", b"never")
    refused(t, tracker, udp, "0" * 32, "unknown passkey", 60)
    refused(t, tracker, udp, anna[:-1], "unknown passkey")
    refused(t, tracker, udp, anna + "0", "unknown passkey")
    refused(t, tracker, udp, "x" * 32, "unknown passkey")
    taken(tracker, udp, anna)
    taken(tracker, udp, anna.upper())
    assert reason(http(tracker.http, anna, 1, in_query=True)) is None
    assert udp.say(1, bob, path="/announce?passkey={}") is None
    assert udp.say(1, bob, path="/{}") is None
    assert udp.say(1, bob, path="/?x=1&passkey={}") is None
    assert "unknown" in udp.say(1, bob, path="/{0}x/announce")
    assert "unknown" in udp.say(1, "ab", path="/announce?passkey={0}&passkey={0}1")
    taken(tracker, udp, anna)
    reply = http(tracker.http, bob, 2)
    assert len(reply[b"peers"]) == 6, reply  # anna's peer, known by its address and port
    assert tracker.metric("denied") == 12, tracker.metric("denied")
    assert tracker.metric("peers_ipv4") == 2
    assert tracker.stop() == 0


@test
def what_users_may(t):
    tracker, anna, bob = club(t)
    udp = Udp(t, tracker.udp)
    database = tracker.database

    def within(text, passkey=anna, **fields):
        def said():
            got = reason(http(tracker.http, passkey, 3, **fields))
            return got is None if text is None else text in (got or "")
        t.wait(f"{text} from the running tracker", said, 10)

    taken(tracker, udp, anna)
    command(t, database, "user", "disable", "ANNA")
    within("account is disabled")
    refused(t, tracker, udp, anna, "account is disabled", 60)
    taken(tracker, udp, bob)
    command(t, database, "user", "enable", "anna")
    within(None)
    carl = user(t, database, "carl", "--no-leech")
    within("may not download", carl, left=5)
    refused(t, tracker, udp, carl, "may not download", 60, left=5)
    taken(tracker, udp, carl, left=0)
    command(t, database, "user", "passkey", "bob", "--expires", "2001-01-01")
    within("has expired", bob)
    refused(t, tracker, udp, bob, "has expired", 60)
    command(t, database, "user", "passkey", "bob", "--expires", "never")
    within(None, bob)
    new = command(t, database, "user", "passkey", "bob", "--rotate").split()[0]
    within("was revoked", bob)
    refused(t, tracker, udp, bob, "was revoked", b"never")
    taken(tracker, udp, new)
    more = command(t, database, "user", "passkey", "bob", "--add").split()[0]
    within(None, more)
    command(t, database, "user", "passkey", "bob", "--revoke", new)
    within("was revoked", new)
    taken(tracker, udp, more)


@test
def torrents_are_registered_removed_and_brought_back(t):
    tracker, anna, _ = club(t)
    udp = Udp(t, tracker.udp)
    refused(t, tracker, udp, anna, "is not registered", 30, info_hash=OTHER)
    assert tracker.metric("torrents") == 0, "an unknown torrent fills no table"
    command(t, tracker.database, "torrent", "add", OTHER.hex())
    t.wait("the torrent", lambda: reason(http(tracker.http, anna, 1, info_hash=OTHER)) is None, 10)
    taken(tracker, udp, anna, info_hash=OTHER)
    command(t, tracker.database, "torrent", "rm", OTHER.hex(), "--reason", "a better one is there: päng")
    t.wait("the removal", lambda: reason(http(tracker.http, anna, 1, info_hash=OTHER)), 10)
    refused(t, tracker, udp, anna, "this torrent was removed: a better one is there: päng", b"never", info_hash=OTHER)
    # Who only leaves is let go, so that what he moved until then counts.
    assert reason(http(tracker.http, anna, 1, info_hash=OTHER, event="stopped", uploaded=77)) is None
    listed = {one["v1"]: one for one in ask(t, tracker.database, "torrent", "ls")}
    assert listed[OTHER.hex()]["removed"] > 0 and "päng" in listed[OTHER.hex()]["reason"]
    command(t, tracker.database, "torrent", "add", OTHER.hex(), "--name", "again")
    t.wait("its return", lambda: reason(http(tracker.http, anna, 1, info_hash=OTHER)) is None, 10)
    assert "registered already" in command(t, tracker.database, "torrent", "add", OTHER.hex(), status=1)
    assert "never registered" in command(t, tracker.database, "torrent", "rm", "0" * 40, "--reason", "x", status=1)


@test
def slots_bound_what_is_leeched_at_once(t):
    database = t.path("tracker.db")
    passkey = user(t, database, "dora", "--slots", "2")
    hashes = [bytes([n] * 20) for n in range(1, 5)]
    for one in hashes:
        command(t, database, "torrent", "add", one.hex())
    tracker = Private(t, database=database)
    udp = Udp(t, tracker.udp)
    for one in hashes[:2]:
        taken(tracker, udp, passkey, info_hash=one, left=9)
    refused(t, tracker, udp, passkey, "too many torrents at once", 10, info_hash=hashes[2], left=9)
    taken(tracker, udp, passkey, info_hash=hashes[2], left=0)  # a seed needs no slot
    taken(tracker, udp, passkey, info_hash=hashes[1], left=9)
    assert reason(http(tracker.http, passkey, 1, info_hash=hashes[0], left=9, event="stopped")) is None
    taken(tracker, udp, passkey, info_hash=hashes[3], left=9)
    refused(t, tracker, udp, passkey, "too many torrents at once", info_hash=hashes[2], left=9)
    assert reason(http(tracker.http, passkey, 1, info_hash=hashes[3], left=0, event="completed")) is None
    taken(tracker, udp, passkey, info_hash=hashes[2], left=9)


@test
def clients_by_peer_id(t):
    tracker, anna, _ = club(t)
    udp = Udp(t, tracker.udp)
    names = {name: name.encode() + b"x" * (20 - len(name)) for name in ("-qB4650-", "-qB4100-", "-TR4000-")}

    def may(name):
        reply = http(tracker.http, anna, 1, peer_id=names[name])
        said = udp.say(1, anna, peer_id=names[name])
        for refusal in (said, reason(reply)):
            assert refusal in (None, "this client is not allowed on this tracker"), refusal
        # A new rule may come to count between the two questions: then neither answer is the one waited for.
        return said is None if (reason(reply) is None) == (said is None) else None

    def rules(*words, **expected):
        command(t, tracker.database, "client", *words)
        t.wait(f"{words} to count", lambda: [may(n) for n in names] == expected["gives"], 10)

    assert [may(n) for n in names] == [True, True, True]
    rules("deny", "--", "-qB41", gives=[True, False, True])
    rules("allow", "--", "-qB", gives=[True, False, False])
    rules("allow", "--", "-TR40", gives=[True, False, True])
    rules("rm", "--", "-qB41", gives=[True, True, True])
    assert command(t, tracker.database, "client", "ls").split() == ["allow", "-TR40", "allow", "-qB"]
    assert "there is no such rule" in command(t, tracker.database, "client", "rm", "--", "-ZZ", status=1)
    assert "printable" in command(t, tracker.database, "client", "deny", "--", "a b", status=1)


@test
def scrapes(t):
    tracker, anna, _ = club(t)
    command(t, tracker.database, "torrent", "add", OTHER.hex(), "--hidden")
    t.wait("the other torrent", lambda: reason(http(tracker.http, anna, 1, info_hash=OTHER)) is None, 10)
    http(tracker.http, anna, 1)

    def scrape(path):
        status, body = tracker_client.http_get(tracker.http, path + "?" + "&".join(
            "info_hash=" + "".join(f"%{b:02x}" for b in one) for one in (HASH, OTHER, bytes(20))))
        assert status == 200
        return tracker_client.bencode.decode(body)
    assert "no passkey" in reason(scrape("/scrape"))
    assert "unknown passkey" in reason(scrape(f"/{'0' * 32}/scrape"))
    files = scrape(f"/{anna}/scrape")[b"files"]
    assert files[HASH][b"incomplete"] == 1
    assert files[OTHER][b"incomplete"] == 0 and files[bytes(20)][b"incomplete"] == 0
    udp = Udp(t, tracker.udp)
    packet = tracker_client.struct.pack("!QII", udp.connect(), 2, 5) + HASH
    assert "tracker is private" in udp.error(packet)


@test
def other_paths_are_none(t):
    tracker, anna, _ = club(t)
    for path in ("/", f"/{anna}", f"/{anna}/stats", "/announce/x"):
        assert tracker_client.http_get(tracker.http, path)[0] == 404, path
    assert "unknown passkey" in reason(http(tracker.http, f"x/{anna}", 1))
    assert "unknown passkey" in reason(http(tracker.http, anna + "/", 1))


@test
def whose_peers_are_given(t):
    """No member is given their own other client, and nobody a client of a disabled user, from that second on."""
    tracker, anna, bob = club(t)
    udp = Udp(t, tracker.udp)

    def ports(passkey, number):
        over_http = {port for _, port in tracker_client.compact(http(tracker.http, passkey, number)[b"peers"])}
        over_udp = {port for _, port in tracker_client.compact(udp.ask(udp.packet(number, passkey))[20:])}
        return over_http, over_udp
    for number, passkey in ((1, anna), (2, anna), (3, bob), (4, bob)):
        taken(tracker, udp, passkey, number)
    assert ports(anna, 1) == ({1003, 1004},) * 2 and ports(bob, 3) == ({1001, 1002},) * 2
    command(t, tracker.database, "user", "disable", "bob")
    t.wait("bob's peers are gone", lambda: ports(anna, 1) == (set(), set()), 15)
    command(t, tracker.database, "user", "enable", "bob")
    t.wait("bob's peers are back", lambda: ports(anna, 1) == ({1003, 1004},) * 2, 15)
    assert tracker.stop() == 0


@test
def counters_are_required(t):
    """Missing bytes must not look like a client that began anew; a missing size is only a magnet link."""
    tracker, anna, _ = club(t)
    for name in ("uploaded", "downloaded"):
        assert reason(http(tracker.http, anna, 1, **{name: None})) == f"{name} is missing"
        assert reason(http(tracker.http, anna, 1, **{name: ""})) == f"{name} is missing"
    assert http(tracker.http, anna, 1, left=None)[b"incomplete"] == 1


@test
def refusals_leave_nothing_behind(t):
    tracker, _, _ = club(t)
    before = tracker.metric("memory_bytes")
    udp = Udp(t, tracker.udp)
    for n in range(3000):
        assert udp.say(n % 1000, os.urandom(16).hex(), info_hash=os.urandom(20)) is not None
    assert tracker.metric("torrents") == 0 and tracker.metric("accounts_waiting") == 0
    if not is_sanitized():
        assert tracker.metric("memory_bytes") < before + (4 << 20)
    assert tracker.metric("denied") == 3000


@test
def the_commands(t):
    database = t.path("tracker.db")
    conf = t.path("tracker.conf")
    with open(conf, "w") as f:
        f.write(f"private = yes\ndatabase = {database}\nannounce-url = http://t.example:6969/announce\n"
                "announce-url = udp://t.example:6969/announce\n")
    out = run(t, [TRACKER, "user", "add", "eva", "--class", "staff", "--slots", "3", "-c", conf]).out.split()
    assert len(out[0]) == 32
    assert out[1:] == [f"http://t.example:6969/{out[0]}/announce", f"udp://t.example:6969/{out[0]}/announce"]
    assert out[0] in run(t, [TRACKER, "user", "passkey", "eva", "-c", conf]).out
    listed, = ask(t, database, "user", "ls")
    assert listed["name"] == "eva" and listed["class"] == "staff" and listed["slots"] == 3
    assert listed["enabled"] and listed["can_leech"] and listed["uploaded"] == 0
    assert oct(os.stat(database).st_mode & 0o777) == "0o600"
    for words, status, text in (
            (["user", "add", "eva"], 1, "there is a user eva already"),
            (["user", "add", "EVA"], 1, "already"),
            (["user", "add", ""], 1, "name is 1 to 64"),
            (["user", "add", "x" * 65], 1, "name is 1 to 64"),
            (["user", "add", "a\nb"], 1, "name is 1 to 64"),
            (["user", "add", "x", "--slots", "many"], 2, "'many'"),
            (["user", "add"], 2, "argument is missing"),
            (["user", "add", "a", "b"], 2, "unexpected argument 'b'"),
            (["user", "ad", "a"], 2, "did you mean 'add'"),
            (["user", "show", "nobody"], 1, "there is no user nobody"),
            (["user", "disable", "nobody"], 1, "there is no user nobody"),
            (["user", "passkey", "eva", "--expires", "tomorrow"], 2, "'tomorrow'"),
            (["user", "passkey", "eva", "--expires", "2030-02-31"], 2, "2030-02-31"),
            (["user", "passkey", "eva", "--rotate", "--add"], 2, "only one of"),
            (["user", "passkey", "eva", "--revoke", "12"], 2, "32 hex digits"),
            (["user", "passkey", "eva", "--revoke", "0" * 32], 1, "no such passkey"),
            (["torrent", "add", "nowhere.torrent"], 1, "nowhere.torrent"),
            (["torrent", "add", "0" * 40, "1" * 40], 2, "one of 40 digits and one of 64"),
            (["torrent", "rm", "0" * 40], 2, "--reason is missing"),
            (["torrent", "rm", "0", "--reason", "x"], 2, "not an info-hash"),
            (["stats", "more"], 2, "unexpected argument")):
        err = command(t, database, *words, status=status)
        assert text in err and err.count("\n") == 1 and err.startswith("sprat-tracker"), (words, err)
    err = command(t, t.path("none.db"), "user", "ls", status=1)
    assert "none.db" in err and "No such file" in err
    assert not os.path.exists(t.path("none.db"))
    result = run(t, [TRACKER, "user", "ls"])
    assert result.status == 2 and "--database" in result.err
    for words in (["user"], ["torrent"], ["client"], ["user", "add"], ["user", "ls"], ["stats"], ["client", "deny"]):
        out = run(t, [TRACKER, *words, "--help"])
        assert out.status == 0 and out.out.startswith("usage: sprat-tracker " + " ".join(words)), out


@test
def torrent_files_of_all_kinds(t):
    database = t.path("tracker.db")
    payload = t.path("original", "file.bin")
    with open(payload, "wb") as f:
        f.write(os.urandom(100000))
    for form in ("v1", "v2", "hybrid"):
        meta = write(make(payload, form), t.path(f"{form}.torrent"))
        # One content is three torrents: their info dictionaries differ.
        assert "not marked private" in run(t, [TRACKER, "torrent", "add", meta, "--database", database]).err
    listed = ask(t, database, "torrent", "ls")
    assert [(bool(o["v1"]), bool(o["v2"])) for o in listed] == [(True, True), (False, True), (True, False)]
    assert all(o["size"] == 100000 and o["name"] == "file.bin" for o in listed)
    both = listed[0]
    # Half of a hybrid that stands alone becomes the other's half.
    other = t.path("other.db")
    command(t, other, "torrent", "add", both["v1"])
    command(t, other, "torrent", "add", both["v1"], both["v2"])
    one, = ask(t, other, "torrent", "ls")
    assert (one["v1"], one["v2"]) == (both["v1"], both["v2"])
    command(t, other, "torrent", "add", "1" * 64)
    assert "no damage" in command(t, other, "check")
    assert "two torrents" in command(t, other, "torrent", "add", both["v1"], "1" * 64, status=1)
    garbage = t.path("garbage.torrent")
    with open(garbage, "wb") as f:
        f.write(b"d4:infoi1ee")
    assert garbage in command(t, database, "torrent", "add", garbage, status=1)


@test
def a_database_that_is_none(t):
    for name, make_it, text in (
            ("text", lambda path: write_bytes(path, b"hello\n" * 1000), "is not a database"),
            ("foreign", foreign, "database of another program"),
            ("newer", newer, "newer version"),
            ("torn", lambda path: torn(t, path), "damaged")):
        path = t.path(name + ".db")
        make_it(path)
        with open(path, "rb") as f:
            before = f.read()
        result = run(t, [TRACKER, "--private", "yes", "--database", path, "--listen-http", "127.0.0.1:0"])
        assert result.status == 1 and path in result.err and text in result.err, (name, result)
        said = [line for line in result.err.splitlines() if "the tracker runs as root" not in line]
        assert len(said) == 1, result
        assert path in command(t, path, "user", "ls", status=1)
        assert path in command(t, path, "check", status=1)
        with open(path, "rb") as f:
            assert f.read() == before, "it was changed"
    result = run(t, [TRACKER, "--private", "yes", "--database", t.path("no", "such") + "/dir/db",
                     "--listen-http", "127.0.0.1:0"])
    assert result.status == 1 and "No such file" in result.err
    result = run(t, [TRACKER, "--private", "yes"])
    assert result.status == 2 and "needs a database" in result.err
    result = run(t, [TRACKER, "--private", "yes", "--database", "x", "--allow-list", "y"])
    assert result.status == 2 and "has no lists" in result.err


def write_bytes(path, data):
    with open(path, "wb") as f:
        f.write(data)


def foreign(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE x (y)")
    db.close()


def newer(path):
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA application_id = {0x53707472}")
        db.execute("PRAGMA user_version = 99")
    db.close()


def torn(t, path):
    """The database of a hundred users, half of whose pages are noise."""
    for n in range(3):
        user(t, path, f"user{n}")
    with open(path, "r+b") as f:
        f.seek(0, 2)
        size = f.tell()
        f.seek(4096)
        f.write(os.urandom(size - 4096))


main(TRACKER)
