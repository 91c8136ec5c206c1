"""The sandbox under load from wrk: bookings per second on one core, and slots for a week."""

import contextlib
import datetime
import re
import subprocess

import tools
from clients import CLIENT_CORE, SERVER_CORE

SERVICE = "/genesys/1/service/callback/week"
CONFIG = "[services.week]\nslot_minutes = 5\n"
SCRIPT = """
wrk.method = "POST"
wrk.body = "_customer_number=4151110000&subject=billing"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
"""
MIN_BOOKINGS_PER_SECOND, MAX_MILLISECONDS = 2000, 5.0


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
    pinned = ["taskset", "-c", str(CLIENT_CORE), *command]
    output = subprocess.run(pinned, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"the sandbox rejected requests\n{output}")
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", output)
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}[median[2]]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), float(median[1]) * unit


def add_rows(report, seconds):
    script = tools.BUILD / "book.lua"
    script.write_text(SCRIPT)
    tomorrow = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
    with sandbox() as base:
        rate, _ = wrk(base + SERVICE, 16, seconds, "-s", str(script))
    with sandbox() as base:
        start = f"{tomorrow}T00:00:00.000Z"
        _, median = wrk(f"{base}{SERVICE}/availability?start={start}&number-of-days=7", 1, seconds)
    report.add("sandbox: bookings per second, in memory, on one core", f"{rate:,.0f}/s",
               budget=f"≥ {MIN_BOOKINGS_PER_SECOND:,}/s", met=rate >= MIN_BOOKINGS_PER_SECOND)
    report.add("sandbox: slots of 5 minutes for a week (2,016), median", f"{median:.2f} ms",
               budget=f"≤ {MAX_MILLISECONDS:.0f} ms", met=median <= MAX_MILLISECONDS)
