# SPDX-License-Identifier: BSD-2-Clause
"""Programs that move one file from one process to another, each at its best, behind one face:

    mover.seed(t, job)              a Seat that serves, its data checked beforehand
    mover.fetch(t, job, seat, to)   starts fetching into a folder; returns a Fetch

A Seat has `address` and `pids`, a Fetch has `pid`, `began` and wait(), which ends when all is there and checked.
`name`, `formats` and why_not() are as those of the interop tests' clients; a mover with `once` is played once,
however many runs are wanted."""

import contextlib
import os
import shutil
import socket
import time

import clients
import lan
import peers
import sprat
import torrent
import usage
from process import Process

WAIT_S = 300


class Job:
    """What is moved: the file, and the torrent that describes it."""

    def __init__(self, t, data, form, piece_length):
        self.form, self.data, self.folder = form, data, os.path.dirname(data)
        self.size = os.path.getsize(data)
        more = ["--piece-length", str(piece_length)] if piece_length else []
        self.torrent = sprat.create(t, data, *more, form=form)

    def tracked(self, t):
        """The torrent with a tracker that nobody else uses: other programs' seeders must not join in."""
        announced = torrent.read(self.torrent)
        announced[b"announce"] = sprat.Tracker(t).http.encode()
        return torrent.write(announced, t.path("torrents", f"{len(os.listdir(t.path('torrents', '')))}.torrent"))


class Seat:
    """|torrent| is what its leechers are given, where that is another than the job's."""

    def __init__(self, address, pids, torrent=None):
        self.address, self.pids, self.torrent = address, pids, torrent

    def cpu_seconds(self):
        return sum(map(usage.cpu_seconds, self.pids))


class Fetch:
    """A process that ends when it is complete."""

    def __init__(self, process, began):
        self.process, self.began, self.pid = process, began, process.pid
        # libtorrent's Python has started, and is not counted; ours has hardly begun.
        self._cpu_before = usage.cpu_seconds(self.pid)

    def wait(self):
        """Returns (the time of its end, its CPU seconds)."""
        before = usage.ended_cpu_seconds()
        status = self.process.status(WAIT_S)
        ended = time.monotonic()
        assert status == 0, self.process.report()
        return ended, usage.ended_cpu_seconds() - before - self._cpu_before


class Sprat:
    name = "sprat"
    formats = clients.ALL
    why_not = peers.Sprat.why_not

    @staticmethod
    def seed(t, job):
        seeder = peers.Sprat.seed(t, job.torrent, job.folder)
        return Seat(seeder.address, [seeder.pid])

    @staticmethod
    def fetch(t, job, seat, to):
        began = time.monotonic()
        return Fetch(sprat.get(t, job.torrent, to, peers=[seat.address]), began)


class Libtorrent:
    name = "libtorrent"
    formats = clients.ALL
    why_not = peers.Libtorrent.why_not
    settings = {"preset": "high_performance_seed"}

    @classmethod
    def seed(cls, t, job):
        seeder = peers.Libtorrent.seed(t, job.torrent, job.folder, settings=cls.settings)
        return Seat(seeder.address, [seeder.pid])

    @classmethod
    def fetch(cls, t, job, seat, to):
        go = peers.Libtorrent.leech(t, job.torrent, to, peers=[seat.address], settings=cls.settings, stop=True)
        began = time.monotonic()
        return Fetch(go(), began)


class Aria2:
    """It finds peers by a tracker only."""

    name = "aria2"
    formats = ("v1",)
    why_not = clients.Aria2.why_not

    @staticmethod
    def seed(t, job):
        seeder, tracked = clients.Aria2(t), job.tracked(t)
        seeder.share(tracked, job.folder)
        seeder.complete(WAIT_S)
        return Seat(seeder.address, [seeder.pid], tracked)

    @staticmethod
    def fetch(t, job, seat, to):
        ip = t.address()
        port = clients.free_port(ip)
        began = time.monotonic()
        return Fetch(Process(t, [
            "aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
            "--enable-peer-exchange=false", f"--listen-port={port}", f"--interface={ip}", "--disable-ipv6=true",
            "--seed-time=0", "--file-allocation=none", "--summary-interval=0", "--console-log-level=error",
            "--show-console-readout=false", "--bt-min-crypto-level=plain", "--async-dns=false",
            f"--dir={to}", seat.torrent], env={"HOME": t.dir}), began)


class Transmission:
    """Takes no address of 127.0.0.0/8 from a tracker, so both are on addresses of lan.py. It asks one peer for 8 MiB
    a second and no more (512 blocks, once a second), so once is enough."""

    name = "transmission"
    formats = ("v1",)
    once = True

    class Fetch:
        def __init__(self, daemon):
            self.daemon, self.pid, self.began = daemon, daemon.pid, time.monotonic()
            self._cpu_before = usage.cpu_seconds(self.pid)

        def wait(self):
            self.daemon.complete(WAIT_S)
            return time.monotonic(), usage.cpu_seconds(self.pid) - self._cpu_before

    @staticmethod
    def why_not():
        return clients.Transmission.why_not() or lan.why_not()

    @staticmethod
    def seed(t, job):
        seeder, tracked = clients.Transmission(t, lan.ADDRESSES[0]), job.tracked(t)
        seeder.share(tracked, job.folder)
        seeder.complete(WAIT_S)
        seeder.announced()
        return Seat(seeder.address, [seeder.pid], tracked)

    @classmethod
    def fetch(cls, t, job, seat, to):
        # Without preallocation, as the others: the file's growth is what is watched.
        leecher = clients.Transmission(t, lan.ADDRESSES[1], {"preallocation": 0})
        fetch = cls.Fetch(leecher)
        leecher.share(seat.torrent, to)
        return fetch


class Nginx:
    """The floor: nginx sends by sendfile, curl stores, nobody checks anything."""

    name = "nginx, curl"
    formats = ("v1",)

    @staticmethod
    def why_not():
        for program in ("nginx", "curl"):
            if not shutil.which(program):
                return f"{program} is not installed"
        return None

    @staticmethod
    def seed(t, job):
        server = Server(t, job.folder)
        return Seat(server.url + os.path.basename(job.data), server.workers())

    @staticmethod
    def fetch(t, job, seat, to):
        began = time.monotonic()
        return Fetch(Process(t, ["curl", "-sS", "-f", "-o", os.path.join(to, os.path.basename(job.data)),
                                 seat.address]), began)


class Server:
    """nginx with one worker that serves a folder; `rate` limits each connection, in bytes a second. With a host, which is
    a Namespace, it runs there at that address."""

    def __init__(self, t, folder, rate=0, host=None, address=None):
        ip, port = address or (t.address(), 0)
        port = port or clients.free_port(ip)
        home = t.path("nginx", "")
        lines = [f"{name} {home}{name};" for name in (
            "client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")]
        with open(home + "conf", "w") as f:
            f.write(f"""daemon off; worker_processes 1; error_log stderr; pid {home}pid;
                user {'root' if os.geteuid() == 0 else 'nobody'};
                events {{ worker_connections 1024; }}
                http {{ {' '.join(lines)} access_log off; sendfile on; tcp_nopush on; output_buffers 2 512k;
                    server {{ listen {ip}:{port}; root {folder}; {f'limit_rate {int(rate)};' if rate else ''} }} }}
                """)
        self._host = host
        self._master = Process(t, [*(host.wrap if host else ()), "nginx", "-e", "stderr", "-c", home + "conf"])
        self.url = f"http://{ip}:{port}/"
        t.wait("nginx to listen", lambda: self._listens(ip, port), 10)

    def workers(self):
        with open(f"/proc/{self._master.pid}/task/{self._master.pid}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def _listens(self, ip, port):
        assert self._master.alive(), self._master.report()
        with self._host.inside() if self._host else contextlib.nullcontext(), socket.socket() as probe:
            return probe.connect_ex((ip, port)) == 0 and self.workers()


MOVERS = {mover.name: mover for mover in (Sprat, Libtorrent, Aria2, Transmission, Nginx)}
