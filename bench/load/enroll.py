#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fills the database of a private tracker for tracker-load: users, and the torrents of `tracker-load --hashes`.

    tracker-load --torrents 10000 --hashes | enroll.py SPRAT-TRACKER DATABASE USERS PASSKEYS

The command makes the database and its first user; the rest goes in by one transaction, since ten thousand commands
would take ten thousand syncs. PASSKEYS is the file for tracker-load's --passkeys.
"""

import os
import sqlite3
import subprocess
import sys


def main(tracker, database, users, passkeys):
    subprocess.run([tracker, "user", "add", "user0", "--database", database], check=True, stdout=subprocess.DEVNULL)
    keys = [os.urandom(16) for _ in range(int(users))]
    with sqlite3.connect(database) as db:
        change = db.execute("UPDATE counter SET change = change + 1 RETURNING change").fetchone()[0]
        for n, key in enumerate(keys, 1):
            user = db.execute("INSERT INTO users (name, class, enabled, can_leech, slots, added, change) VALUES "
                              "(?, '', 1, 1, 0, 0, ?)", (f"user{n}", change)).lastrowid
            db.execute("INSERT INTO passkeys VALUES (?, ?, 0, 0, 0, ?)", (key, user, change))
        for line in sys.stdin:
            wire = bytes.fromhex(line.split()[0])
            torrent = db.execute("INSERT INTO torrents (name, size, v1, freeleech, hidden, added, removed, reason, "
                                 "change) VALUES ('', 0, ?, 0, 0, 0, 0, '', ?)", (wire, change)).lastrowid
            db.execute("INSERT INTO hashes VALUES (?, ?)", (wire, torrent))
    db.close()
    with open(passkeys, "w") as out:
        out.writelines(key.hex() + "\n" for key in keys)


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
