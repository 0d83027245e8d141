# SPDX-License-Identifier: BSD-2-Clause
"""A libtorrent session with many seeding torrents. Its argument is a JSON object:

    torrents   folder of torrent files; folder: where their data is
    resume     file with the resume data of all: written by role "prepare", read by role "run"
    ip, role

Prints {"event": "began"} when Python has loaded, {"event": "ready"} when all seed and, in "prepare", ends; "run"
ends with SIGINT."""

import json
import os
import signal
import sys
import time

import libtorrent as lt

WAIT_S = 600


def tell(event, **members):
    print(json.dumps({"event": event, "time": time.monotonic(), **members}), flush=True)


def session(ip):
    off = dict.fromkeys(("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"), False)
    return lt.session({
        **off, "listen_interfaces": f"{ip}:0", "alert_queue_size": 100000, "connections_limit": 8000,
        "listen_queue_size": 3000,
        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.storage_notification,
        "allow_multiple_connections_per_ip": True, "in_enc_policy": 2, "out_enc_policy": 2})


def fresh(args):
    for name in sorted(os.listdir(args["torrents"])):
        p = lt.add_torrent_params()
        p.ti = lt.torrent_info(os.path.join(args["torrents"], name))
        yield p


def resumed(args):
    with open(args["resume"], "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        yield lt.read_resume_data(data[at + 4:at + 4 + size])
        at += 4 + size


def add_all(s, params, folder):
    count = 0
    for p in params:
        p.save_path = folder
        p.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        s.async_add_torrent(p)
        count += 1
    return count


def until_seeding(s, count):
    seeding, end = set(), time.monotonic() + WAIT_S
    while len(seeding) < count and time.monotonic() < end:
        s.wait_for_alert(100)
        for alert in s.pop_alerts():
            if isinstance(alert, lt.torrent_finished_alert):
                seeding.add(alert.handle)
    return list(seeding)


def save(s, handles, path):
    for handle in handles:
        handle.save_resume_data(lt.save_resume_flags_t.save_info_dict)
    left = len(handles)
    with open(path, "wb") as f:
        while left:
            s.wait_for_alert(100)
            for alert in s.pop_alerts():
                if isinstance(alert, lt.save_resume_data_alert):
                    data = lt.write_resume_data_buf(alert.params)
                    f.write(len(data).to_bytes(4, "big") + data)
                left -= isinstance(alert, (lt.save_resume_data_alert, lt.save_resume_data_failed_alert))


def main(args):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    tell("began")
    s = session(args["ip"])
    prepare = args["role"] == "prepare"
    count = add_all(s, fresh(args) if prepare else resumed(args), args["folder"])
    handles = until_seeding(s, count)
    tell("ready", listen=f"{args['ip']}:{s.listen_port()}", torrents=len(handles))
    if prepare:
        save(s, handles, args["resume"])
    else:
        signal.sigwait([signal.SIGINT])


main(json.loads(sys.argv[1]))
