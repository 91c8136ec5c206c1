"""The sandbox under load from wrk: bookings a second on one core, and how long a week of slots takes."""

import contextlib
import datetime
import re
import subprocess

import tools
from peers import CLIENT_CORE, SERVER_CORE

SERVICE = "/genesys/1/service/callback/week"
CONFIG = "[services.week]\nslot_minutes = 5\n"
SCRIPT = """
wrk.method = "POST"
wrk.body = "_customer_number=4151110000&subject=billing"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
"""
BOOKINGS_A_SECOND, MOST_MILLISECONDS = 2000, 5.0


@contextlib.contextmanager
def sandbox():
    """A sandbox on one core, with bookings in memory."""
    config = tools.BUILD / "sandbox.toml"
    config.write_text(CONFIG)
    command = [tools.RELEASE / "callback-sandbox", "--listen", "127.0.0.1:0", "--config", config]
    server = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *command], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip().removeprefix("listening on ")
    finally:
        server.terminate()
        server.communicate()


def wrk(url, connections, seconds, *options):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url]
    shown = subprocess.run(["taskset", "-c", str(CLIENT_CORE), *command], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in shown:
        raise SystemExit(f"the sandbox refused what it was asked\n{shown}")
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", shown)
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}[middle[2]]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", shown)[1]), float(middle[1]) * unit


def add_rows(table, seconds):
    script = tools.BUILD / "book.lua"
    script.write_text(SCRIPT)
    tomorrow = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
    with sandbox() as base:
        rate, _ = wrk(base + SERVICE, 16, seconds, "-s", str(script))
    with sandbox() as base:
        start = f"{tomorrow}T00:00:00.000Z"
        _, middle = wrk(f"{base}{SERVICE}/availability?start={start}&number-of-days=7", 1, seconds)
    table.add("sandbox: bookings a second, in memory, on one core", f"{rate:,.0f}/s", "", "", "",
              f"≥ {BOOKINGS_A_SECOND:,}/s", rate >= BOOKINGS_A_SECOND)
    table.add("sandbox: a week of slots of 5 minutes (2,016), median", f"{middle:.2f} ms", "", "", "",
              f"≤ {MOST_MILLISECONDS:.0f} ms", middle <= MOST_MILLISECONDS)
