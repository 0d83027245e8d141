# SPDX-License-Identifier: BSD-2-Clause
"""Other people's BitTorrent clients behind one small face, so that a test can run over all of them.

    client = Transmission(t)                  starts it on loopback, without DHT, LSD, PEX or uTP
    client.share(path, folder)                adds a torrent whose payload is in folder, or shall be
    client.complete(seconds)                  waits until all of it is there
    client.announced()                        waits until its tracker knows it
    client.leave()                            stops, and tells the tracker
    client.address                            where it listens, "ADDR:PORT"

`formats` says what a client understands, `why_not()` why it cannot run here (None when it can),
`why_not_load(t, path)` why this version of it cannot take a torrent that it ought to (None when it can),
`takes_peers` whether share() may be told peers' addresses, `makes_empty_files` whether it creates them.
Transmission takes no loopback address from a tracker, but accepts incoming connections
(`connects_out` is False): who seeds to it must connect, as a seeder does that learns of a leecher.
"""

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../system/lib"))

import torrent
from process import Process, run
from sprat import join

ALL = ("v1", "hybrid", "v2")


class Libtorrent:
    """python3-libtorrent, a session inside the test program. Its UDP tracker connection ids are cached a
    process, not a session, so two of it must not use the same UDP tracker."""

    name = "libtorrent"
    formats = ALL
    takes_peers = True
    connects_out = True
    makes_empty_files = True

    @staticmethod
    def why_not():
        try:
            import libtorrent  # noqa: F401
        except ImportError:
            return "python3-libtorrent is not installed"
        return None

    @classmethod
    def why_not_load(cls, t, path):
        return None

    def __init__(self, t, ip=None, dht=None, lsd=False):
        """|dht|: a list of addresses of DHT nodes, perhaps empty; None: no DHT."""
        import libtorrent
        self._lt = libtorrent
        self.t = t
        self.ip = ip or t.address()
        quiet = dict.fromkeys((
            "enable_dht", "enable_upnp", "enable_natpmp", "enable_incoming_utp",
            "enable_outgoing_utp", "rate_limit_ip_overhead"), False)
        self._session = libtorrent.session({
            **quiet, "listen_interfaces": join(self.ip, 0), "outgoing_interfaces": self.ip,
            "allow_multiple_connections_per_ip": True, "alert_mask": 0, "min_reconnect_time": 1,
            "in_enc_policy": 2, "out_enc_policy": 2, "close_redundant_connections": True,
            "enable_lsd": lsd, "ssrf_mitigation": False, "announce_to_all_trackers": True,
            "announce_to_all_tiers": True,
            # Its rules against attackers assume that all nodes have public addresses.
            **({} if dht is None else {
                "enable_dht": True, "dht_bootstrap_nodes": "", "dht_restrict_routing_ips": False,
                "dht_restrict_search_ips": False, "dht_enforce_node_id": False})})
        self._handle = None
        self._asked = time.monotonic()
        t.defer(self.close)
        port = t.wait("libtorrent to listen", self._session.listen_port, 10)
        self.address = join(self.ip, port)
        for node in dht or ():
            at, _, number = node.rpartition(":")
            self._session.add_dht_node((at, int(number)))

    def announce_in_dht(self):
        self._handle.force_dht_announce()

    def share(self, path, folder, peers=()):
        os.makedirs(folder, exist_ok=True)
        params = self._lt.add_torrent_params()
        params.ti = self._lt.torrent_info(path)
        params.save_path = folder
        params.flags &= ~self._lt.torrent_flags.auto_managed & ~self._lt.torrent_flags.paused
        self._handle = self._session.add_torrent(params)
        for peer in peers:
            self.connect(peer)

    def share_link(self, link, folder, peers=()):
        """As share(), of a magnet link."""
        os.makedirs(folder, exist_ok=True)
        params = self._lt.parse_magnet_uri(link)
        params.save_path = folder
        params.flags &= ~self._lt.torrent_flags.auto_managed & ~self._lt.torrent_flags.paused
        self._handle = self._session.add_torrent(params)
        for peer in peers:
            self.connect(peer)

    def connect(self, peer):
        ip, _, port = peer.rpartition(":")
        self._handle.connect_peer((ip.strip("[]"), int(port)))

    def peers(self):
        """The IP addresses that it is connected to, or tries."""
        return [p.ip[0] for p in self._handle.get_peer_info()]

    def is_complete(self):
        return self._handle.status().is_seeding

    def complete(self, seconds=60):
        try:
            self.t.wait("libtorrent to complete", self._complete_or_ask, seconds, 0.25)
        except AssertionError:
            raise AssertionError(f"libtorrent: {self.state()}") from None

    def complete_or_inconsistent(self, seconds=60):
        """Waits for the end; False if it is that v1 and v2 hashes seem to describe different data."""
        def ended():
            return self._complete_or_ask() or self._is_inconsistent()
        self.t.wait("libtorrent to complete", ended, seconds, 0.25)
        return self.is_complete()

    def _is_inconsistent(self):
        return "v1 and v2 hashes" in self._handle.status().errc.message()

    def ask_again(self):
        """Announces now, if it did not for 3 s; by itself it may wait for 5 minutes, whatever the tracker says."""
        if time.monotonic() - self._asked > 3:
            self._asked = time.monotonic()
            self._handle.force_reannounce(0, -1, self._lt.reannounce_flags_t.ignore_min_interval)

    def _complete_or_ask(self):
        self.ask_again()  # for one that began before its seeder was known
        return self.is_complete()

    def announced(self):
        def has():
            return any(e["fails"] == 0 and not e["updating"] and e["verified"]
                       for e in self._handle.trackers())
        self.t.wait("libtorrent to announce", has, 15, 0.1)

    def tracker_says(self):
        """What its trackers complained of."""
        return " ".join(e["message"] for e in self._handle.trackers())

    def state(self):
        s = self._handle.status()
        return f"{s.state} {s.total_done}/{s.total_wanted} peers={s.num_peers} {s.errc.message()}"

    def totals(self):
        s = self._handle.status()
        return {"up": s.total_payload_upload, "down": s.total_payload_download}

    def leave(self):
        """Stops, and tells the tracker."""
        self._session.remove_torrent(self._handle)
        self._handle = None

    def close(self):
        self._handle = None
        # The session's end waits for trackers that may be gone; the proxy does it behind our back.
        session, self._session = self._session, None
        if session:
            session.pause()
            del session

    @classmethod
    def make(cls, t, path, out, form, trackers=(), piece_length=65536):
        """Creates a torrent file with this client's own maker."""
        import libtorrent as lt
        storage = lt.file_storage()
        lt.add_files(storage, path)
        flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[form]
        maker = lt.create_torrent(storage, piece_length, flags)
        for url in trackers:
            maker.add_tracker(url)
        lt.set_piece_hashes(maker, os.path.dirname(path))
        with open(out, "wb") as f:
            f.write(lt.bencode(maker.generate()))
        return out

    @classmethod
    def load(cls, t, path):
        """What this client reads in a torrent file: (info-hash v1, v2 or None, total, [(path, length)])."""
        import libtorrent as lt
        info = lt.torrent_info(path)
        hashes, files = info.info_hashes(), info.files()
        listed = [(files.file_path(i), files.file_size(i)) for i in range(files.num_files())
                  if not files.file_flags(i) & lt.file_flags_t.flag_pad_file]
        return (str(hashes.v1) if hashes.has_v1() else None, str(hashes.v2) if hashes.has_v2() else None,
                listed)


class Transmission:
    """transmission-daemon, driven over its RPC."""

    name = "transmission"
    formats = ("v1", "hybrid")
    takes_peers = False
    connects_out = False
    makes_empty_files = False

    @staticmethod
    def why_not():
        return None if shutil.which("transmission-daemon") else "transmission-daemon is not installed"

    @classmethod
    def why_not_load(cls, t, path):
        """Transmission 3.00, which Debian 12 has, refuses every torrent with an empty dictionary key, and
        each v2 file tree has one (its issue 1339; 4.0 reads hybrids)."""
        if run(t, ["transmission-show", path]).status == 0:
            return None
        return "this transmission reads no hybrid torrents (its issue 1339, mended in 4.0)"

    def __init__(self, t, ip=None, more=None, ca=None, lsd=False, dht=None):
        """|more| are further settings; |ca|: a file with the one authority that it believes over HTTPS; |dht|: addresses of
        DHT nodes, or None: no DHT."""
        self.t = t
        self.ip = ip or t.address()
        six = ":" in self.ip
        port, self._rpc_port = free_port(self.ip), free_port(self.ip)
        self._rpc_ip = "::1" if six else self.ip
        self.address = join(self.ip, port)
        home = os.path.join(t.dir, f"transmission-{port}")
        os.makedirs(home)
        settings = {
            # It binds its HTTP requests to an IPv4 address that is given, and then reaches no ::1.
            "bind-address-ipv4": "0.0.0.0" if six else self.ip, "bind-address-ipv6": self.ip if six else "::1",
            "peer-port": port, "rpc-bind-address": self._rpc_ip, "rpc-port": self._rpc_port,
            "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False, "utp-enabled": False,
            "dht-enabled": dht is not None, "lpd-enabled": lsd, "pex-enabled": False, "encryption": 0,
            "port-forwarding-enabled": False, "download-dir": home, "incomplete-dir-enabled": False,
            "trash-original-torrent-files": False, "preallocation": 1, "message-level": 2,
            "speed-limit-up-enabled": False, "speed-limit-down-enabled": False, **(more or {})}
        with open(os.path.join(home, "settings.json"), "w") as f:
            json.dump(settings, f)
        with open(os.path.join(home, "dht.bootstrap"), "w") as f:
            f.writelines(node.replace(":", " ") + "\n" for node in dht or ())
        self._session = ""
        t.defer(self._remove_lock)
        self._process = Process(t, ["transmission-daemon", "--foreground", "--config-dir", home],
                                env={"HOME": home, **({"CURL_CA_BUNDLE": ca} if ca else {})})
        t.wait("transmission's RPC", self._answers, 20, 0.1)

    @property
    def pid(self):
        return self._process.pid

    def share(self, path, folder, peers=()):
        assert not peers, "transmission takes no peers by hand"
        os.makedirs(folder, exist_ok=True)
        _write_pads(path, folder)
        with open(path, "rb") as f:
            self._add(folder, metainfo=base64.b64encode(f.read()).decode())

    def share_link(self, link, folder):
        """As share(), of a magnet link."""
        os.makedirs(folder, exist_ok=True)
        self._add(folder, filename=link)

    def _add(self, folder, **what):
        reply = self._call("torrent-add", {**what, "download-dir": folder, "paused": False})
        assert "torrent-added" in reply, reply
        self._id = reply["torrent-added"]["id"]

    def _status(self):
        fields = ["percentDone", "leftUntilDone", "status", "errorString", "uploadedEver", "downloadedEver",
                  "peersConnected", "recheckProgress", "trackerStats"]
        return self._call("torrent-get", {"ids": [self._id], "fields": fields})["torrents"][0]

    def is_complete(self):
        s = self._status()
        return s["leftUntilDone"] == 0 and s["percentDone"] == 1 and s["status"] in (5, 6)

    def complete(self, seconds=60):
        try:
            self.t.wait("transmission to complete", self.is_complete, seconds, 0.2)
        except AssertionError:
            raise AssertionError(f"transmission: {self._status()}\n{self._process.report()}") from None

    def announced(self):
        def has():
            stats = self._status()["trackerStats"]
            return any(e["hasAnnounced"] and e["lastAnnounceSucceeded"] for e in stats)
        self.t.wait("transmission to announce", has, 30, 0.1)

    def totals(self):
        s = self._status()
        return {"up": s["uploadedEver"], "down": s["downloadedEver"]}

    def leave(self):
        self._call("torrent-remove", {"ids": [self._id]})

    def _remove_lock(self):
        """Killed, it leaves a file in /tmp (TMPDIR or not) that is named after its session."""
        if self._session:
            with contextlib.suppress(OSError):
                os.remove(f"/tmp/tr_session_id_{self._session}")

    def _answers(self):
        try:
            return self._call("session-get", {})
        except OSError:
            assert self._process.alive(), self._process.report()
            return None

    def _call(self, method, arguments):
        for _ in range(2):
            connection = http.client.HTTPConnection(self._rpc_ip, self._rpc_port, timeout=10)
            connection.request("POST", "/transmission/rpc",
                               json.dumps({"method": method, "arguments": arguments}),
                               {"X-Transmission-Session-Id": self._session})
            reply = connection.getresponse()
            body = reply.read()
            connection.close()
            if reply.status != 409:
                break
            self._session = reply.headers["X-Transmission-Session-Id"]
        assert reply.status == 200, f"{method}: HTTP {reply.status} {body[:200]}"
        answer = json.loads(body)
        assert answer["result"] == "success", answer
        return answer["arguments"]

    @classmethod
    def make(cls, t, path, out, form, trackers=(), piece_length=65536):
        urls = [word for url in trackers for word in ("-t", url)]
        result = run(t, ["transmission-create", "-o", out, "-s", piece_length // 1024, *urls, path])
        assert result.status == 0, result
        return out

    @classmethod
    def load(cls, t, path):
        result = run(t, ["transmission-show", path], env={"TZ": "UTC"})
        assert result.status == 0, result
        found = [line.split()[-1] for line in result.out.splitlines() if line.strip().startswith("Hash:")]
        return found[0], None, None


class Aria2:
    """aria2c, one process a torrent; it finds its peers through a tracker only."""

    name = "aria2"
    formats = ("v1", "hybrid")
    takes_peers = False
    connects_out = True
    makes_empty_files = True

    @staticmethod
    def why_not():
        return None if shutil.which("aria2c") else "aria2 is not installed"

    @classmethod
    def why_not_load(cls, t, path):
        """aria2 1.36, which Debian 12 has, drops empty dictionary keys before it hashes, so that it gets the
        info-hash of every hybrid wrong and finds nobody (its issue 1903; 1.37 is right)."""
        right = torrent.hashes(torrent.read(path))[0].hex()
        if cls.load(t, path)[0] == right:
            return None
        return "this aria2 gets the info-hash of hybrid torrents wrong (its issue 1903, mended in 1.37)"

    def __init__(self, t, ip=None, more=(), lsd=False, dht=()):
        """|more| are further options; |dht|: addresses of DHT nodes, the first of which is used."""
        self.t = t
        self._dht = [f"--dht-entry-point={node}" for node in dht[:1]]
        self._lsd = lsd
        self._more = list(more)
        self.ip = ip or t.address()
        self._port = free_port("::" if ":" in self.ip else "0.0.0.0")
        self.address = join(self.ip, self._port)
        self._process = None
        self._rpc_port = free_port("127.0.0.1")

    @property
    def pid(self):
        return self._process.pid

    def share(self, path, folder, peers=()):
        assert not peers, "aria2 takes no peers by hand"
        _write_pads(path, folder)
        self._start(path, folder)

    def share_link(self, link, folder):
        """As share(), of a magnet link."""
        self._start(link, folder)

    def _start(self, what, folder):
        os.makedirs(folder, exist_ok=True)
        six = ":" in self.ip
        self._process = Process(self.t, [
            "aria2c", "--no-conf", "--enable-dht6=false", f"--bt-enable-lpd={'true' if self._lsd else 'false'}",
            # Its UDP tracker client lives in its DHT; without an entry point that has nobody to talk to.
            "--enable-dht=true", f"--dht-listen-port={self._port}",
            f"--dht-file-path={os.path.join(self.t.dir, 'dht')}", "--enable-peer-exchange=false", f"--listen-port={self._port}", f"--interface={self.ip}",
            f"--disable-ipv6={'false' if six else 'true'}", "--seed-ratio=0.0", "--check-integrity=true",
            "--file-allocation=none", "--summary-interval=0", "--console-log-level=notice",
            "--bt-tracker-interval=1", "--bt-min-crypto-level=plain", "--async-dns=false",
            "--allow-overwrite=true", "--enable-rpc=true", f"--rpc-listen-port={self._rpc_port}",
            "--bt-stop-timeout=0", *self._dht, *self._more, f"--dir={folder}", what], env={"HOME": self.t.dir})
        try:
            self.t.wait("aria2's RPC", self._answers, 20, 0.1)
        except AssertionError:
            raise AssertionError(f"aria2 has no torrent:\n{self._process.report()}") from None

    def _answers(self):
        try:
            return self._status()
        except OSError:
            assert self._process.alive(), self._process.report()
            return None

    def _status(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._rpc_port, timeout=10)
        connection.request("POST", "/jsonrpc", json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "aria2.tellActive", "params": []}))
        active = json.loads(connection.getresponse().read())["result"]
        connection.close()
        return active[0] if active else None

    def leave(self):
        self._process.stop(signal.SIGINT)

    def is_complete(self):
        status = self._status()
        return bool(status) and status.get("seeder") == "true" and \
            status["completedLength"] == status["totalLength"] and "verifiedLength" not in status

    def complete(self, seconds=60):
        try:
            self.t.wait("aria2 to complete", self.is_complete, seconds, 0.2)
        except AssertionError:
            raise AssertionError(f"aria2: {self._status()}\n{self._process.report()}") from None

    def announced(self):
        time.sleep(1)  # it does not tell; it announces at once

    def totals(self):
        status = self._status()
        return {"up": int(status["uploadLength"]), "down": None}

    @classmethod
    def load(cls, t, path):
        result = run(t, ["aria2c", "--no-conf", "--show-files=true", path], env={"HOME": t.dir})
        assert result.status == 0, result
        found = [line.split()[-1] for line in result.out.splitlines() if line.startswith("Info Hash:")]
        return found[0], None, None


CLIENTS = (Libtorrent, Transmission, Aria2)


class Opentracker:
    """Debian's opentracker, on its own loopback address. It serves only torrents on its list, so it is
    started by allow(), when the torrents (which hold its address) exist."""

    @staticmethod
    def why_not():
        return None if shutil.which("opentracker") else "opentracker is not installed"

    def __init__(self, t):
        self.t = t
        self.ip = t.address()
        self._port = free_port(self.ip)
        self.http = f"http://{self.ip}:{self._port}/announce"
        self.udp = f"udp://{self.ip}:{self._port}/announce"

    def allow(self, *torrents):
        # Run by root it goes to live in its folder as nobody, who must be able to read the list.
        home = os.path.join(self.t.dir, "opentracker")
        os.makedirs(home)
        os.chmod(self.t.dir, 0o711)
        os.chmod(home, 0o755)
        with open(os.path.join(home, "list"), "w") as f:
            for path in torrents:
                for found in filter(None, torrent.hashes(torrent.read(path))):
                    f.write(found[:20].hex() + "\n")
        os.chmod(f.name, 0o644)
        self._process = Process(self.t, ["opentracker", "-i", self.ip, "-p", self._port, "-P", self._port,
                                         "-d", home, "-w", "list"])
        self.t.wait("opentracker to listen", self._listens, 10)
        return self

    def _listens(self):
        assert self._process.alive(), self._process.report()
        with socket.socket() as probe:
            return probe.connect_ex((self.ip, self._port)) == 0


def free_port(ip):
    """A TCP port that nobody listens on at ip, for programs that can't be told 0."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as probe:
        probe.bind((ip, 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        free_port("::1")
    except OSError:
        return False
    return True


def _write_pads(path, folder):
    """Transmission and aria2 take pad files (BEP 47) for payload and check them on disk, so as seeders they
    need them there."""
    info = torrent.read(path)[b"info"]
    root = os.path.join(folder.encode(), info[b"name"])
    if not os.path.isdir(root):
        return
    for entry in info.get(b"files", []):
        if b"p" in entry.get(b"attr", b""):
            pad = os.path.join(root, *entry[b"path"])
            os.makedirs(os.path.dirname(pad), exist_ok=True)
            with open(pad, "wb") as f:
                f.truncate(entry[b"length"])
