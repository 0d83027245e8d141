# SPDX-License-Identifier: BSD-2-Clause
"""Nodes of libtorrent's DHT, and clients of it that have only a link. The argument is a JSON object of
its |role|, and what else that needs:

    "nodes": a DHT of |count| nodes below |net| ("127.9"), perhaps 0; the first knows nobody, and all others know the first.
             One more session, at |peer_ip|, has the metadata of the torrents |metas| and announces them in the DHT. Tells
             {"event": "ready", "bootstrap": "ADDR:PORT", "peer": "ADDR:PORT"} after |settle| seconds. SIGINT ends it.
    "fetch": a client at |ip| with |dht|, the nodes that it knows (null: no DHT), or without. Tells {"event": "ready",
             "listen": "ADDR:PORT"}, waits for SIGUSR1, adds |link| and the |peers|, and tells {"event": "fetched", "seconds": …},
             null after |limit| seconds."""

import json
import signal
import sys
import time

import libtorrent as lt

OFF = ("enable_lsd", "enable_upnp", "enable_natpmp", "enable_incoming_utp", "enable_outgoing_utp", "ssrf_mitigation")
POLL_S = 0.001
TABLE_MIN = 8
JOIN_S = 60
ANNOUNCES_S = 200
ANNOUNCE_S = 0.5  # between two announces: nodes block who sends more than 5 packets a second


def tell(**members):
    print(json.dumps(members), flush=True)


def pair(address):
    ip, _, port = address.rpartition(":")
    return ip, int(port)


def session(ip, dht):
    """|dht|: the nodes that it knows; None: it has no DHT."""
    s = lt.session({
        **dict.fromkeys(OFF, False), "listen_interfaces": f"{ip}:0", "outgoing_interfaces": ip, "enable_dht": dht is not None,
        "allow_multiple_connections_per_ip": True, "in_enc_policy": 2, "out_enc_policy": 2, "connection_speed": 500,
        "alert_mask": lt.alert.category_t.dht_notification, "alert_queue_size": 10000, "dht_bootstrap_nodes": "",
        "active_limit": -1, "active_seeds": -1, "active_dht_limit": -1,
        # Its rules against attackers assume that all nodes have public addresses.
        "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False, "dht_enforce_node_id": False})
    while not s.listen_port():
        time.sleep(POLL_S)
    for node in dht or ():
        s.add_dht_node(pair(node))
    return s


def add(s, params, folder):
    params.save_path = folder
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    return s.add_torrent(params)


def of_file(path):
    p = lt.add_torrent_params()
    p.ti = lt.torrent_info(path)
    return p


def wait_for_tables(sessions, least):
    """Until each node knows that many others, or for JOIN_S."""
    end = time.monotonic() + JOIN_S
    while time.monotonic() < end and any(s.status().dht_nodes < least for s in sessions):
        time.sleep(0.2)


def announce_missing(handles, all_nodes):
    """Until each torrent has been announced to a node: what a torrent does by itself when it is added may be lost."""
    missing = {str(h.info_hash()): h for h in handles}
    end = time.monotonic() + ANNOUNCES_S
    while time.monotonic() < end:
        for alert in (a for s in all_nodes for a in s.pop_alerts()):
            if isinstance(alert, lt.dht_announce_alert):
                missing.pop(str(alert.info_hash), None)
        if not missing:
            return
        for h in missing.values():
            h.force_dht_announce()
            time.sleep(ANNOUNCE_S)
    tell(event="missing", count=len(missing))


def nodes(args):
    over = []
    signal.signal(signal.SIGINT, lambda *_: over.append(True))
    # libtorrent blocks an address that sends more than a few packets a second: each node has one of its own.
    ips = [f"{args['net']}.{i}.1" for i in range(1, args["count"] + 1)]
    all_nodes = [session(ip, []) for ip in ips[:1]]
    first = f"{ips[0]}:{all_nodes[0].listen_port()}" if all_nodes else None
    for ip in ips[1:]:
        all_nodes.append(session(ip, [first]))
        time.sleep(0.1)
    sharer = session(args["peer_ip"], [first] if first else None)
    bootstrap = None
    if first:
        wait_for_tables([*all_nodes, sharer], min(args["count"] - 1, TABLE_MIN))
        middle = len(ips) // 2
        bootstrap = f"{ips[middle]}:{all_nodes[middle].listen_port()}"
    handles = []
    for path in args["metas"]:
        handles.append(add(sharer, of_file(path), args["folder"]))
        time.sleep(ANNOUNCE_S if first else 0)
    if first:
        announce_missing(handles, all_nodes)
    time.sleep(args["settle"])
    tell(event="ready", bootstrap=bootstrap, peer=f"{args['peer_ip']}:{sharer.listen_port()}")
    while not over:
        time.sleep(0.1)


def fetch(args):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    s = session(args["ip"], args["dht"])
    tell(event="ready", listen=f"{args['ip']}:{s.listen_port()}")
    signal.sigwait([signal.SIGUSR1])
    began = time.monotonic()
    params = lt.parse_magnet_uri(args["link"])
    params.peers = [pair(peer) for peer in args["peers"]]
    handle = add(s, params, args["folder"])
    took = None
    while took is None and time.monotonic() - began < args["limit"]:
        time.sleep(POLL_S)
        if handle.status().has_metadata:
            took = time.monotonic() - began
    tell(event="fetched", seconds=took)
    s.pause()


def main(args):
    {"nodes": nodes, "fetch": fetch}[args["role"]](args)


main(json.loads(sys.argv[1]))
