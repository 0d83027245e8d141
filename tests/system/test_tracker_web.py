#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The status page in a real browser: live numbers, charts, the token, widths, and nothing from outside."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import members
from admin import Admin, private
from browser import Browser
from sprat import SOURCE, TRACKER, need
from tap import main, test
from tracker_client import HASH, Udp, http_announce

EVIL = "<img src=x onerror=document.title='owned'>&amp;"


def picture(browser, name):
    """Kept where $SPRAT_SCREENSHOTS says, for people to look at."""
    if folder := os.environ.get("SPRAT_SCREENSHOTS"):
        browser.screenshot(os.path.join(folder, f"{name}.png"))


def announce(tracker, passkey, number, **fields):
    reply = members.http(tracker.http, passkey, number, **fields)
    assert members.reason(reply) is None, reply


def look(t, running):
    """A browser with the page, once it is live."""
    browser = Browser(t)
    browser.open(running.admin + "/")
    t.wait("the page to be live", lambda: browser.text("#state") == "live", 30)
    return browser


def filled(t):
    """A private tracker with users, torrents, and who moved what."""
    running = private(t, "--accounts-interval", "1")
    for number, (name, size) in enumerate((("Field recordings, volume 4", 12), (EVIL, 9), ("Lecture notes 2026", 5),
                                           ("Ubuntu 26.04 for the lab", 3), ("An archive of old newsgroups", 2))):
        info_hash = bytes([number]) + HASH[1:]
        running.good("POST", "torrents", {"v1": info_hash.hex(), "name": name, "size": 10 << 30})
        for peer in range(size):
            user = f"user{peer}" if peer else EVIL
            if not number:
                passkeys[user] = running.good("POST", "users", {"name": user})["passkey"]
            announce(running, passkeys[user], peer, info_hash=info_hash, event="started")
            announce(running, passkeys[user], peer, info_hash=info_hash, left=peer % 3, uploaded=(20 - peer) << 30,
                     downloaded=peer * 700 << 20)
    running.good("POST", "users/user7", {"enabled": False})
    t.wait("the accounts", lambda: running.good("GET", "accounts")["uploaded"] > 0, 20)
    return running


passkeys = {}


@test
def live_numbers_and_charts(t):
    running = Admin(t)
    browser = look(t, running)
    for number in range(7):
        http_announce(running.http, number)
    udp = Udp(t, running.udp)
    connection = udp.connect()
    for number in range(5):
        udp.announce(connection, 100 + number)
    t.wait("the peers", lambda: browser.text("#peers") == "12", 30)
    assert browser.text("#torrents") == "1" and browser.text("#peers-more") == "IPv4 12, IPv6 0"
    t.wait("a line", lambda: browser.run("return document.querySelectorAll('#peers-chart path.line').length") == 1, 30)
    t.wait("two lines", lambda: browser.run("return document.querySelectorAll('#rate-chart path.line').length") == 2, 30)
    label = browser.run("return document.getElementById('rate-chart').getAttribute('aria-label')")
    assert re.search(r"UDP now .*, at most .*; HTTP now .*, at most", label), label
    assert "MiB" in browser.text("#memory-unit") and browser.text("#uptime").startswith("Up for")
    errors = browser.text("#errors")
    http_announce(running.http, 1, port=0)
    t.wait("an error", lambda: browser.text("#errors") != errors, 30)
    picture(browser, "open")
    assert not browser.complaints(), browser.complaints()
    assert running.stop() == 0


@test
def a_tracker_that_goes_away_and_comes_back(t):
    running = Admin(t)
    browser = look(t, running)
    address = running.admin.removeprefix("http://")
    assert running.stop() == 0
    t.wait("the loss to be said", lambda: "no answer" in browser.text("#state"), 30)
    again = Admin(t, "--listen-admin", address)
    t.wait("the page to be live again", lambda: browser.text("#state") == "live", 30)
    assert again.stop() == 0


@test
def polling_pauses_while_nobody_looks(t):
    running = Admin(t)
    browser = look(t, running)
    browser.run("""
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});
        document.dispatchEvent(new Event('visibilitychange'));
        window.asked = 0;
        const real = window.fetch;
        window.fetch = (...args) => { window.asked++; return real(...args); };
    """)
    t.wait("the pause", lambda: browser.text("#state") in ("paused", "live"), 30)
    before = browser.run("return window.asked")
    browser.run("return new Promise((done) => setTimeout(done, 5000))")
    assert browser.run("return window.asked") <= before + 1, "at most the one that was under way"
    browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    t.wait("polls again", lambda: browser.run("return window.asked") > before + 1, 30)
    assert running.stop() == 0


@test
def users_and_swarms_with_the_token(t):
    running = filled(t)
    browser = look(t, running)
    assert browser.text("#private") is None and browser.text("#login") is not None
    browser.type("#token", "a-wrong-token-0123456789")
    browser.click("#login button")
    t.wait("the refusal", lambda: "missing or wrong" in (browser.text("#login-error") or ""), 30)
    assert browser.run("return sessionStorage.length") == 0
    browser.type("#token", running.token)
    browser.click("#login button")
    t.wait("the users", lambda: browser.text("#users") is not None, 30)
    assert browser.text("#login") is None and browser.text("#login-error") is None
    swarms, users = browser.text("#swarms"), browser.text("#users")
    assert swarms.startswith("Field recordings, volume 4") and EVIL in swarms, swarms
    assert users.startswith(EVIL) and "disabled" in users, users
    assert "11 users of 12 may announce; 5 torrents are registered" in browser.text("#members-more"), (
        browser.text("#members-more"))
    assert browser.run("return document.title") == "sprat-tracker", "names are text"
    picture(browser, "private")
    browser.open(running.admin + "/")
    t.wait("the users after a reload", lambda: browser.text("#users") is not None, 30)
    browser.click("#forget")
    assert browser.text("#users") is None and browser.run("return sessionStorage.length") == 0
    assert running.stop() == 0


@test
def widths_and_the_dark(t):
    running = filled(t)
    browser = Browser(t, dark=True)
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(running.admin + "/")
    browser.run("sessionStorage.setItem('token', arguments[0])", running.token)
    for width, height in ((320, 640), (390, 844), (768, 1024), (1440, 900)):
        browser.resize(width, height)
        browser.open(running.admin + "/")
        t.wait("the users", lambda: browser.text("#users") is not None, 30)
        t.wait("a chart", lambda: browser.run("return document.querySelectorAll('#rate-chart path').length") == 2, 30)
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} pixels in a window of {width}"
        picture(browser, f"dark-{width}")
    light, dark = (browser.run("return getComputedStyle(document.documentElement).backgroundColor")
                   for _ in (browser.devtools("Emulation.setEmulatedMedia", features=[
                       {"name": "prefers-color-scheme", "value": scheme}]) for scheme in ("light", "dark")))
    assert light != dark, light
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    browser.resize(390, 844)
    t.wait("a chart", lambda: browser.run("return document.querySelectorAll('#rate-chart path').length") == 2, 30)
    picture(browser, "light-390")
    assert running.stop() == 0


@test
def everything_has_a_name(t):
    """What a screen reader needs: a language, a title, one first heading, labels, and charts with words."""
    running = Admin(t)
    browser = Browser(t)
    browser.open(running.admin + "/")
    assert browser.run("return document.documentElement.lang") == "en"
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    nameless = browser.run("""
        return [...document.querySelectorAll('input, [role=img], [role=region], section')].filter((e) =>
            !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML)""")
    assert not nameless, nameless
    broken = browser.run("""return [...document.querySelectorAll('[aria-labelledby]')].filter((e) =>
        !document.getElementById(e.getAttribute('aria-labelledby'))).length""")
    assert broken == 0
    assert running.stop() == 0


@test
def nothing_comes_from_outside(t):
    running = Admin(t)
    for path, kind in (("/", "text/html; charset=utf-8"), ("/status.css", "text/css; charset=utf-8"),
                       ("/status.js", "text/javascript; charset=utf-8"), ("/icon.svg", "image/svg+xml")):
        status, headers, body = running.raw("GET", path)
        assert status == 200 and headers["Content-Type"] == kind, (path, status)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'") and "unsafe" not in policy, policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        hosts = set(re.findall(rb"https?://([\w.-]+)", body)) - {b"www.w3.org"}
        assert not hosts, (path, hosts)
        assert not re.search(rb"\son\w+=|<style|javascript:|innerHTML", body), path
        with open(os.path.join(SOURCE, "web", os.path.basename(path) or "index.html"), "rb") as f:
            assert f.read() == body
    assert running.stop() == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
