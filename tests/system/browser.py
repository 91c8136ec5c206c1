"""A headless Chromium that is controlled through WebDriver."""

import base64
import json
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

DEADLINE = 30


class Browser:
    """A browser window. `dark` sets the preferred colour scheme."""

    def __init__(self, width=1280, height=900, dark=False, arguments=()):
        self.directory = tempfile.TemporaryDirectory()
        # Everything that the browser stores is removed with this directory.
        environment = {"HOME": self.directory.name, "PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": self.directory.name}
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        for line in self.driver.stdout:
            if found := re.search(r"on port (\d+)\.", line):
                self.base = f"http://127.0.0.1:{found[1]}"
                break
        arguments = [
            *arguments,
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            f"--window-size={width},{height}",
            f"--user-data-dir={self.directory.name}/profile",
            *(["--force-dark-mode"] if dark else []),
        ]
        options = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        created = self.command("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.session = f"/session/{created['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.command("DELETE", self.session)
        self.driver.terminate()
        self.driver.stdout.close()
        self.driver.wait(timeout=10)
        self.directory.cleanup()

    def command(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, url):
        self.command("POST", f"{self.session}/url", {"url": url})

    def run(self, script):
        """Returns the result of a script."""
        return self.command("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def wait(self, script):
        """Waits until a script returns a true value, and returns it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if found := self.run(script):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{script}\ndid not become true; the page contains\n{self.run('return document.body.innerText')}")

    def press(self, keys):
        """Presses keys in order."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self.command("POST", f"{self.session}/actions", body)

    def console(self):
        """Returns the messages of the browser's console."""
        return [entry["message"] for entry in self.command("POST", f"{self.session}/se/log", {"type": "browser"})]

    def picture(self, path):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.command("GET", f"{self.session}/screenshot")))
