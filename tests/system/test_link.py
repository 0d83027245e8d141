# SPDX-License-Identifier: BSD-2-Clause
"""The link emulator: packets meet the requested delay, rate and loss. The tests assert counts and shortest times, never
longest times. And a download across it."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import link
import sprat
from process import Process, run
from tap import test

COUNT = 1000

# Says what time it is and sends numbered datagrams.
SENDER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
print(time.monotonic())
for i in range(int(sys.argv[3])):
    s.send(b"%6d" % i + b"x" * int(sys.argv[4]))
"""

# Tells its port, takes datagrams until one says that it is the end, and prints which came, in order, and when the last.
RECEIVER = """
import json, socket, sys, time
SO_RCVBUFFORCE = 33
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
s.bind((sys.argv[1], 0))
print(json.dumps({"event": "bound", "port": s.getsockname()[1]}), flush=True)
came, last = [], None
while (data := s.recv(2000)) != b"end":
    came.append(int(data[:6]))
    last = time.monotonic()
print(json.dumps({"event": "came", "numbers": came, "last": last}), flush=True)
"""


def datagrams(t, count=COUNT, length=6, **how):
    """Sends datagrams from side 0 to side 1; the numbers of those that came, the seconds until the last,
    and the lane's counts."""
    one = link.Link(t, **how)
    receiver = Process(t, [*one.inside(1), sys.executable, "-c", RECEIVER, one.addresses[1]])
    port = receiver.wait("bound")["port"]
    sent = run(t, [*one.inside(0), sys.executable, "-c", SENDER, one.addresses[1], port, count, length - 6])

    def settled():
        lane = one.stats()[0]
        return lane if lane["taken"] == count and lane["lost"] + lane["full"] + lane["given"] == count else None

    lane = t.wait("all packets to pass or be lost", settled, step=0.1)
    finish(t, one, port)
    came = receiver.wait("came")
    one.stop()
    return came["numbers"], came["last"] - float(sent.out), lane


def finish(t, one, port):
    """Tells the receiver from its own side, where nothing is lost."""
    say = "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n" \
          "s.sendto(b'end', (sys.argv[1], int(sys.argv[2])))"
    run(t, [*one.inside(1), sys.executable, "-c", say, one.addresses[1], port])


@test
def all_comes_in_order_over_a_good_link(t):
    numbers, _, lane = datagrams(t)
    assert numbers == list(range(COUNT)), lane


@test
def loss_is_what_was_asked_and_the_same_by_seed(t):
    first, _, lane = datagrams(t, loss=10, seed=7)
    assert COUNT * 0.85 < len(first) < COUNT * 0.95, len(first)
    assert lane["lost"] == COUNT - len(first) and lane["full"] == 0, lane
    assert datagrams(t, loss=10, seed=7)[0] == first
    assert datagrams(t, loss=10, seed=8)[0] != first


@test
def some_packets_are_overtaken(t):
    numbers, _, lane = datagrams(t, reorder=5, delay_ms=40)
    assert sorted(numbers) == list(range(COUNT)), lane
    assert numbers != sorted(numbers) and COUNT * 0.02 < lane["held"] < COUNT * 0.09, lane


@test
def a_rate_takes_its_time_and_a_short_queue_drops(t):
    # 200 packets of 1028 bytes with their headers, at 200,000 bytes a second, take a second.
    numbers, seconds, _ = datagrams(t, count=200, length=1000, rate=200000, queue=1 << 20)
    assert len(numbers) == 200 and seconds > 1, (len(numbers), seconds)
    numbers, _, lane = datagrams(t, count=200, length=1400, rate=40000, queue=64 << 10)
    assert lane["full"] > 0 and len(numbers) == 200 - lane["full"], lane


@test
def a_delay_is_felt_both_ways(t):
    one = link.Link(t, delay_ms=150)
    ping = "import socket, sys, time\n" \
           "began = time.monotonic()\n" \
           "try:\n    socket.create_connection((sys.argv[1], 1))\n" \
           "except ConnectionRefusedError:\n    print(time.monotonic() - began)"
    said = run(t, [*one.inside(0), sys.executable, "-c", ping, one.addresses[1]])
    assert float(said.out) >= 0.3, said  # a question and its refusal


@test
def nothing_is_left_when_it_is_killed(t):
    one = link.Link(t)
    place = os.readlink(f"/proc/{one.pid}/fd/60")
    inner = Process(t, [*one.inside(0), "sleep", "60"])
    t.wait("the program to be inside", lambda: os.readlink(f"/proc/{inner.pid}/ns/net") == place)
    one.send(signal.SIGKILL)
    one.status()
    # The link's end is gone from the namespace, which goes with the last program in it.
    devices = ["cat", f"/proc/{inner.pid}/net/dev"]
    t.wait("the device to be gone", lambda: "link:" not in run(t, devices).out)
    inner.kill()


@test
def a_download_crosses_a_bad_link(t):
    one = link.Link(t, delay_ms=10, loss=1, reorder=1, rate=20 << 20)
    data = content.write_file(t.path("original", "file"), 3 << 20)
    meta = sprat.create(t, data)
    seeder = sprat.seed(t, meta, os.path.dirname(data), ip=one.addresses[0], wrap=one.inside(0))
    sprat.get(t, meta, t.path("copy"), peers=[seeder], ip=one.addresses[1], wrap=one.inside(1)).finish()
    seeder.interrupt()
    content.assert_same(data, t.path("copy", "file"))
    lanes = one.stats()
    assert lanes[0]["lost"] > 0 and lanes[0]["given"] > (3 << 20) // 1500, lanes


sprat.main(sprat.SPRAT)
