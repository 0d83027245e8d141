# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium, driven by chromedriver's WebDriver protocol over HTTP (W3C), with nothing but this library."""

import base64
import json
import shutil
import urllib.error
import urllib.request

import tap
from process import Process

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window of a browser of its own, with an empty profile in the test's folder."""

    def __init__(self, t, width=1200, height=1000, dark=False):
        self.t = t
        driver, program = shutil.which("chromedriver"), shutil.which("chromium")
        if not driver or not program:
            raise tap.Skip("chromium and chromium-driver are not installed")
        home = t.path("browser", "x")[:-2]
        running = Process(t, [driver, "--port=0"], env={"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home,
                                                        "TMPDIR": home, "LANG": "C.UTF-8"}, quiet=True)
        port = running.wait_line("started successfully on port").rstrip(".").rsplit(" ", 1)[1]
        self.base = f"http://127.0.0.1:{port}"
        flags = [*FLAGS, f"--user-data-dir={t.path('browser', 'profile')}", f"--window-size={width},{height}"]
        if dark:
            flags.append("--force-dark-mode")
        options = {"args": flags, "binary": program}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{made['sessionId']}"
        t.defer(self.close)

    def close(self):
        if self.session:
            self._ask("DELETE", self.session)
            self.session = None

    def open(self, url):
        self._ask("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *args):
        """The value of a function's body in the page."""
        return self._ask("POST", f"{self.session}/execute/sync", {"script": script, "args": list(args)})

    def text(self, css):
        """What a reader sees of the first match; None if it is not there or not shown."""
        return self.run("const e = document.querySelector(arguments[0]);"
                        "return e && e.checkVisibility() ? e.innerText : null", css)

    def type(self, css, keys):
        self._ask("POST", f"{self.session}/element/{self._find(css)}/value", {"text": keys})

    def click(self, css):
        self._ask("POST", f"{self.session}/element/{self._find(css)}/click", {})

    def resize(self, width, height):
        """The size of the page itself, as a phone has it; windows have a least width."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def devtools(self, command, **params):
        return self._ask("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": params})

    def screenshot(self, path):
        """The whole page."""
        data = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def complaints(self):
        """What the browser's console has of errors and warnings."""
        return [e["message"] for e in self._ask("POST", f"{self.session}/se/log", {"type": "browser"})
                if e["level"] in ("SEVERE", "WARNING")]

    def _find(self, css):
        return self._ask("POST", f"{self.session}/element", {"using": "css selector", "value": css})[ELEMENT]

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as answer:
            raise AssertionError(f"{method} {path}: {answer.read().decode()[:500]}") from None
