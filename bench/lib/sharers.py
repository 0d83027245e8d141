# SPDX-License-Identifier: BSD-2-Clause
"""Programs that bring one file from host 0 of a Lan to all others, behind one face:

    sharer.play(t, lan, data, folders)   seconds from the first command to the last copy, folders[n] of host n

`name`; `swarm`: whether the receivers feed each other; why_not() says why it can't be played here, or None."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as xml

import sprat
from movers import Server
from process import Process

PORT = 8700


def _missing(*programs):
    lacking = [program for program in programs if not shutil.which(program)]
    return f"{', '.join(lacking)} is not installed: tools/setup bench" if lacking else None


def _listens(t, host, address, process):
    def reached():
        assert process.alive(), process.report()
        with host.inside(), socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(address) == 0
    t.wait(f"{address} to listen", reached, 60)


def _all_end(t, processes):
    """The time at which the last of them has ended well."""
    for process in processes:
        assert process.status(t.left()) == 0, process.report()
    return time.monotonic()


class Sprat:
    name, swarm = "sprat seed, get", True
    off = {"SPRAT_DHT": "no", "SPRAT_LSD": "no"}

    @staticmethod
    def why_not():
        return None

    @classmethod
    def play(cls, t, lan, data, folders):
        def start(n, verb, *args):
            return Process(t, [*lan.hosts[n].wrap, sprat.SPRAT, verb, "--json", "--listen", f"{lan.addresses[n]}:6881",
                               "--state-dir", t.path(f"state-{n}", ""), *args], env=cls.off)
        count = len(lan.hosts) - 1
        began = time.monotonic()
        seeder = start(0, "seed", "--until", str(count), data)
        link = seeder.wait("ready", 600)["magnet"]
        getters = [start(n, "get", "-o", folders[n], link) for n in range(1, count + 1)]
        ended = max(getter.wait("complete", t.left())["time"] for getter in getters)
        _all_end(t, [seeder, *getters])
        return ended - began


class Curl:
    """What both web servers share."""

    swarm = False

    @staticmethod
    def fetch(t, lan, url, folders):
        return _all_end(t, [Process(t, [*lan.hosts[n].wrap, "curl", "-sS", "-f", "-O", "--output-dir", folders[n], url])
                            for n in range(1, len(lan.hosts))])


class Nginx(Curl):
    name = "nginx, curl"

    @staticmethod
    def why_not():
        return _missing("nginx", "curl")

    @classmethod
    def play(cls, t, lan, data, folders):
        began = time.monotonic()
        server = Server(t, os.path.dirname(data), host=lan.hosts[0], address=(lan.addresses[0], PORT))
        return cls.fetch(t, lan, server.url + os.path.basename(data), folders) - began


class Python(Curl):
    name = "python3 -m http.server, curl"

    @staticmethod
    def why_not():
        return _missing("curl")

    @classmethod
    def play(cls, t, lan, data, folders):
        began = time.monotonic()
        server = Process(t, [*lan.hosts[0].wrap, "/usr/bin/python3", "-m", "http.server", "--bind", lan.addresses[0],
                             "--directory", os.path.dirname(data), str(PORT)])
        _listens(t, lan.hosts[0], (lan.addresses[0], PORT), server)
        return cls.fetch(t, lan, f"http://{lan.addresses[0]}:{PORT}/{os.path.basename(data)}", folders) - began


class Rsync:
    name, swarm = "rsync", False

    @staticmethod
    def why_not():
        return _missing("rsync")

    @staticmethod
    def play(t, lan, data, folders):
        config = t.path("rsyncd.conf")
        with open(config, "w") as f:
            f.write(f"use chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n"
                    f"[files]\npath = {os.path.dirname(data)}\n")
        began = time.monotonic()
        server = Process(t, [*lan.hosts[0].wrap, "rsync", "--daemon", "--no-detach", "--config", config, "--port",
                             str(PORT), "--address", lan.addresses[0]])
        _listens(t, lan.hosts[0], (lan.addresses[0], PORT), server)
        url = f"rsync://{lan.addresses[0]}:{PORT}/files/{os.path.basename(data)}"
        return _all_end(t, [Process(t, [*lan.hosts[n].wrap, "rsync", url, folders[n]])
                            for n in range(1, len(lan.hosts))]) - began


class Wormhole:
    """One sender for each receiver: a code is good for one. The mailbox server, which is there before, is on host 0 too."""

    name, swarm = "magic-wormhole", False

    @staticmethod
    def why_not():
        found = subprocess.run(["/usr/bin/python3", "-c", "import wormhole_mailbox_server"], capture_output=True,
                               check=False)
        return _missing("wormhole") or (None if found.returncode == 0 else
                                        "python3-magic-wormhole-mailbox-server is not installed: tools/setup bench")

    @staticmethod
    def play(t, lan, data, folders):
        at = lan.addresses[0]
        server = Process(t, [*lan.hosts[0].wrap, "/usr/bin/python3", "-m", "twisted", "wormhole-mailbox", "--port",
                             f"tcp:{PORT}:interface={at}"], cwd=t.path("mailbox", "x")[:-2])
        _listens(t, lan.hosts[0], (at, PORT), server)
        ways = ["--relay-url", f"ws://{at}:{PORT}/v1", "--transit-helper", f"tcp:{at}:9"]

        def start(n, *args):
            return Process(t, [*lan.hosts[n].wrap, "wormhole", *ways, *args], cwd=folders[n] if n else t.dir)
        began = time.monotonic()
        codes = [f"{n}-a-{n}" for n in range(1, len(lan.hosts))]
        senders = [start(0, "send", "--hide-progress", "--code", code, data) for code in codes]
        getters = [start(n, "receive", "--hide-progress", "--accept-file", code) for n, code in enumerate(codes, 1)]
        return _all_end(t, senders + getters) - began


class Syncthing:
    """One folder that all hosts share with all: host 0 has the file. Discovery, relays and reports are off. The time
    begins when all run and are connected, with the file's arrival in the folder of host 0, which is then scanned."""

    name, swarm = "syncthing", True

    @staticmethod
    def why_not():
        return _missing("syncthing")

    @classmethod
    def play(cls, t, lan, data, folders):
        homes = [t.path(f"home-{n}", "x")[:-2] for n in range(len(lan.hosts))]
        source = t.path("source", "x")[:-2]
        folders = [source, *folders[1:]]
        for folder in folders:
            os.makedirs(os.path.join(folder, ".stfolder"))
        for home in homes:
            subprocess.run(["syncthing", "generate", "--home", home, "--no-default-folder", "--skip-port-probing"],
                           check=True, capture_output=True)
        ids = [cls._id(home) for home in homes]
        for n, home in enumerate(homes):
            cls._configure(home, n, ids, lan.addresses, folders[n])
        for n, home in enumerate(homes):
            Process(t, [*lan.hosts[n].wrap, "syncthing", "serve", "--home", home, "--no-browser", "--no-upgrade"],
                    env={"HOME": home, "STNOUPGRADE": "1", "STMONITORED": "yes"}) # one process, which restarts nothing
        t.wait("all to be connected", lambda: cls._connected(lan, 0) == len(lan.hosts) - 1, 600, step=0.5)
        began = time.monotonic()
        os.link(data, os.path.join(source, os.path.basename(data)))
        cls._ask(lan, 0, "POST", "db/scan?folder=bench")
        for folder in folders[1:]:
            copy = os.path.join(folder, os.path.basename(data))
            t.wait("the copies", lambda copy=copy: os.path.exists(copy), t.left())
        return time.monotonic() - began

    @staticmethod
    def _id(home):
        return xml.parse(os.path.join(home, "config.xml")).getroot().find("device").get("id")

    @staticmethod
    def _configure(home, n, ids, addresses, folder):
        root = xml.Element("configuration", version="36")
        shared = xml.SubElement(root, "folder", id="bench", label="bench", path=folder, type="sendreceive",
                                rescanIntervalS="0", fsWatcherEnabled="false", ignorePerms="true")
        for number, identity in enumerate(ids):
            xml.SubElement(shared, "device", id=identity)
            device = xml.SubElement(root, "device", id=identity, name=str(number), compression="never")
            xml.SubElement(device, "address").text = f"tcp://{addresses[number]}:22000"
        gui = xml.SubElement(root, "gui", enabled="true", tls="false")
        xml.SubElement(gui, "address").text = f"{addresses[n]}:8384"
        xml.SubElement(gui, "apikey").text = "bench"
        xml.SubElement(gui, "insecureSkipHostcheck").text = "true"
        options = xml.SubElement(root, "options")
        for name, value in {"listenAddress": f"tcp://{addresses[n]}:22000", "globalAnnounceEnabled": "false",
                            "localAnnounceEnabled": "false", "relaysEnabled": "false", "natEnabled": "false",
                            "urAccepted": "-1", "autoUpgradeIntervalH": "0", "crashReportingEnabled": "false",
                            "startBrowser": "false", "reconnectionIntervalS": "2",
                            "minHomeDiskFree": "0"}.items():
            xml.SubElement(options, name).text = value
        xml.ElementTree(root).write(os.path.join(home, "config.xml"))

    @staticmethod
    def _ask(lan, n, method, path):
        request = urllib.request.Request(f"http://{lan.addresses[n]}:8384/rest/{path}", method=method,
                                         headers={"X-API-Key": "bench"})
        with lan.hosts[n].inside(), urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    @classmethod
    def _connected(cls, lan, n):
        try:
            return sum(c["connected"] for c in json.loads(cls._ask(lan, n, "GET", "system/connections"))
                       ["connections"].values())
        except OSError:
            return 0


SHARERS = {"sprat": Sprat, "nginx": Nginx, "python": Python, "rsync": Rsync, "wormhole": Wormhole,
           "syncthing": Syncthing}
