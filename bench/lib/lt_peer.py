# SPDX-License-Identifier: BSD-2-Clause
"""One libtorrent peer in a process of its own, which speaks as `sprat seed --json` and `sprat get --json` do:
events ready, checked, progress, complete and stopped, one JSON object a line. Its argument is a JSON object:

    torrent, folder, ip        what, where to, and the address to be on
    role                       "seed" checks what is there and says checked; "get" waits for SIGUSR1 first
    trackers, peers            URLs, and "ADDR:PORT"s to connect to
    up_limit                   bytes a second, 0 for none
    settings                   more of libtorrent's settings; "preset": "high_performance_seed" begins with those
    stop                       true: end when complete

SIGINT ends it."""

import json
import signal
import sys
import time

import libtorrent as lt

PROGRESS_S = 0.5
QUIET = ("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp", "enable_incoming_utp",
         "enable_outgoing_utp", "rate_limit_ip_overhead", "ssrf_mitigation")


def tell(event, **members):
    print(json.dumps({"event": event, "time": time.monotonic(), **members}), flush=True)


def session(args):
    settings = dict(args.get("settings", {}))
    preset = getattr(lt, settings.pop("preset", "default_settings"))()
    s = lt.session({
        **preset, **dict.fromkeys(QUIET, False), "listen_interfaces": f"{args['ip']}:0",
        "outgoing_interfaces": args["ip"], "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.status_notification, "upload_rate_limit": args.get("up_limit", 0),
        # Loopback is as good as the Internet here: no encryption, and nobody is slowed down at the start.
        "in_enc_policy": 2, "out_enc_policy": 2, "connection_speed": 500, **settings})
    # Peers on local networks are in a class of their own that has no limits. All into the global one:
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
    s.set_peer_class_filter(everybody)
    while not s.listen_port():
        time.sleep(0.01)
    return s


def parameters(args):
    p = lt.add_torrent_params()
    p.ti = lt.torrent_info(args["torrent"])
    p.save_path = args["folder"]
    p.trackers = args.get("trackers", [])
    p.peers = [(peer.rpartition(":")[0], int(peer.rpartition(":")[2])) for peer in args.get("peers", [])]
    p.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    return p


def totals(handle):
    s = handle.status()
    return {"up": s.total_payload_upload, "down": s.total_payload_download,
            "wasted": s.total_redundant_bytes + s.total_failed_bytes, "peers": s.num_peers}


def run(args):
    over = []
    signal.signal(signal.SIGINT, lambda *_: over.append(True))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    seeding = args["role"] == "seed"
    s = session(args)
    torrent = parameters(args)
    tell("ready", listen=f"{args['ip']}:{s.listen_port()}")
    if not seeding:
        signal.sigwait([signal.SIGUSR1])
    handle = s.add_torrent(torrent)
    said, next_progress = False, 0
    while not over:
        s.wait_for_alert(50)
        finished = any(isinstance(a, lt.torrent_finished_alert) for a in s.pop_alerts())
        if finished and not said:
            said = True
            tell("checked" if seeding else "complete", **totals(handle))
            if args.get("stop"):
                break
        if time.monotonic() >= next_progress:
            next_progress = time.monotonic() + PROGRESS_S
            tell("progress", **totals(handle))
    tell("stopped", **totals(handle))
    s.pause()


run(json.loads(sys.argv[1]))
