"""The ledger: bookings from many threads while their server is killed and restarted again and again, and loses responses or
answers with errors in between.

    crash_consistency.py [BOOKINGS] [KILLS]

Every booking that resolved must be in the server's database exactly once, with the identifier that the outcome has. None whose
outcome says `"booked":"no"` may be there, and none may be there twice. The rest is `"unknown"`.
"""

import collections
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "build/release/libcallbackservice.so"))
sys.path.insert(0, str(ROOT / "bindings/python"))
from callbackservice import CallbackServiceError, Service  # noqa: E402

THREADS = 8
PATHS = {"v1": "genesys/1/service/callback/samples", "v3": "engagement/v3"}
# What the server does to one booking in so many. After `reset: after` and `cutBody` the booking is made.
FAULTS = [
    {"reset": "after", "probability": 0.02},
    {"reset": "before", "probability": 0.01},
    {"cutBody": 9, "probability": 0.02},
    *({"status": status, "probability": 0.005} for status in [302, 304, 400, 401, 404, 409, 429, 500, 502, 503]),
    {"status": 200, "body": {"msg": "hello"}, "probability": 0.005},
    {"status": 500, "body": {"code": 500, "message": "Internal error"}, "probability": 0.005},
]


def start(database, port=0):
    command = [ROOT / "build/release/callback-sandbox", "--db", database, "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline().strip()
    if not line.startswith("listening on "):
        raise AssertionError(f"the sandbox did not start: {line}")
    return server, int(line.rsplit(":", 1)[1])


def order_faults(port):
    for fault in FAULTS:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/sandbox/faults", json.dumps({"method": "POST", **fault}).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request):
            pass


def phone(number):
    return f"+1415{2_000_000 + number}"


def book(service, numbers, ledger):
    for number in numbers:
        try:
            ledger[number] = "resolved", service.schedule(phone_number=phone(number)).id
        except CallbackServiceError as rejected:
            booked = rejected.outcome["error"]["booked"]
            ledger[number] = f"{rejected.name}, {booked}", None
            if rejected.name == "CONNECT":
                # The server is being started again.
                time.sleep(0.01)


def present_in(database):
    """The identifiers of the bookings for each telephone number."""
    identifiers = collections.defaultdict(list)
    with sqlite3.connect(database) as connection:
        for number, identifier in connection.execute("SELECT number, id FROM callback"):
            identifiers[number].append(identifier)
    return identifiers


def configuration(api, port):
    return {"apiVersion": api, "dataURL": f"http://127.0.0.1:{port}/{PATHS[api]}", "serviceName": "samples", "apikey": "sandbox-key",
            "ajaxTimeout": 10000, "proxy": "none", "retry": {"attempts": 2, "baseDelayMs": 5}}


def run(bookings, kills, directory):
    database = pathlib.Path(directory) / "bookings.db"
    server, port = start(database)
    order_faults(port)
    ledger = {}
    with contextlib.ExitStack() as closing:
        services = [closing.enter_context(Service(configuration(api, port))) for api in PATHS]
        shares = [(services[first % len(services)], range(first, bookings, THREADS)) for first in range(THREADS)]
        threads = [threading.Thread(target=book, args=(service, share, ledger)) for service, share in shares]
        for thread in threads:
            thread.start()
        killed = 0
        while any(thread.is_alive() for thread in threads):
            if killed < kills and len(ledger) > bookings * (killed + 1) // (kills + 1):
                server.send_signal(signal.SIGKILL)
                server.wait()
                server.stdout.close()
                server, port = start(database, port)
                order_faults(port)
                killed += 1
            time.sleep(0.002)
    server.send_signal(signal.SIGTERM)
    server.wait()
    return ledger, present_in(database), killed


def main():
    bookings, kills = (int(word) for word in (sys.argv[1:] + ["20000", "20"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as directory:
        ledger, present, killed = run(bookings, kills, directory)
    table = collections.defaultdict(collections.Counter)
    wrong = 0
    for number, (state, identifier) in ledger.items():
        identifiers = present.get(phone(number), [])
        times = len(identifiers)
        table[state][times] += 1
        lost = state == "resolved" and identifiers != [identifier]
        invented = state.endswith(", no") and times != 0
        wrong += lost or invented or times > 1
    print(f"{len(ledger)} bookings from {THREADS} threads, the server killed {killed} times")
    print(f"{'what the library said':34} {'not there':>10} {'once':>8} {'twice':>8}")
    for state, times in sorted(table.items()):
        print(f"{state:34} {times[0]:10} {times[1]:8} {sum(count for often, count in times.items() if often > 1):8}")
    complete = len(ledger) == bookings and killed == kills and not set(present) - set(map(phone, ledger))
    print("the ledger is right" if complete and not wrong else f"{wrong} entries are wrong, or some are missing")
    return 0 if complete and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
