"""What the tests of the examples in other languages share: packages, a running sandbox, and running an example."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
library_directory = ROOT / "build" / "library"
SANDBOX = ROOT / "build" / "release" / "callback-sandbox"
TIMEOUT = 120
# The clock of a sandbox that must not move: a Monday, within the hours of both services.
NOW = "2030-01-07T10:30:00Z"

sys.path.insert(0, str(ROOT / "tools"))
import debian_tools  # noqa: E402


def require_packages(packages):
    """Installs the Debian packages that are missing as root, or fails with one line that names them."""
    if not shutil.which("dpkg-query"):
        return  # Another distribution: the example itself says what is missing.
    missing = [package for package in packages if not is_installed(package)]
    try:
        debian_tools.install("the test of this example", missing)
    except SystemExit as reason:
        raise AssertionError(str(reason)) from None


def is_installed(package):
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


@contextlib.contextmanager
def start_sandbox(*arguments, listen="127.0.0.1:0"):
    """A running sandbox, of which it yields the base URL; `arguments` are options of callback-sandbox."""
    process = subprocess.Popen([SANDBOX, "--listen", listen, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline().strip()
        assert line.startswith("listening on "), f"the sandbox did not start: {line}"
        yield line.removeprefix("listening on ")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(timeout=10)


def unused_address():
    """An address on loopback at which no server listens, such as 127.0.0.1:40000."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % taken.getsockname()[1]


def data_url(base, service="samples"):
    """The configuration key dataURL of the v1 API of a sandbox."""
    return f"{base}/genesys/1/service/callback/{service}"


def configuration(base, api="v1", **more):
    """A configuration for a sandbox, as a dictionary."""
    if api == "v3":
        version = {"apiVersion": "v3", "apikey": "sandbox-key", "serviceName": "samples"}
        return {**version, "dataURL": f"{base}/engagement/v3", "proxy": "none", **more}
    return {"dataURL": data_url(base), "proxy": "none", **more}


def request(method, url, body=None):
    """The response to a request with a JSON body, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as response:
        return json.loads(response.read() or "null")


def add_fault(base, **fault):
    """Makes a sandbox answer wrongly; sandbox/README.md lists the members of a fault."""
    request("POST", f"{base}/sandbox/faults", fault)


def bookings(base, number, service="samples"):
    """What a sandbox has booked for a telephone number: the properties of each callback over v1."""
    return request("GET", f"{data_url(base, service)}?{urllib.parse.urlencode({'_customer_number': number})}")


def environment(**more):
    """The environment of an example: the library is found, and the locale knows ASCII only."""
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(library_directory),
        "LC_ALL": "C",
        "PYTHONPATH": str(ROOT / "bindings" / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run_example(command, *arguments, expected=0, timeout=TIMEOUT, env=None, **options):
    """Runs `command`, a list of words, with `arguments`; fails with what it printed unless it ends with `expected`.

    Returns what subprocess.run returns. `expected` may be None: then every end but a signal is allowed.
    """
    words = [str(word) for word in [*command, *arguments]]
    options = {"cwd": ROOT, "env": env or environment(), "timeout": timeout, **options}
    done = subprocess.run(words, capture_output=True, encoding="utf-8", **options)
    wrong = done.returncode < 0 if expected is None else done.returncode != expected
    if wrong:
        raise AssertionError(f"{' '.join(words)}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Case(unittest.TestCase):
    """A test with a directory of its own."""

    longMessage = True

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = pathlib.Path(directory.name)

    def write_configuration(self, *arguments, **more):
        """The path of a file with a configuration; the arguments are those of configuration()."""
        path = self.scratch / "config.json"
        path.write_text(json.dumps(configuration(*arguments, **more)))
        return path
