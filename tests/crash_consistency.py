"""The ledger: bookings, reschedules and cancels from many threads while their server is killed and restarted again and again, and
loses responses or answers with errors in between.

    crash_consistency.py [BOOKINGS] [KILLS]

Every booking that resolved must be in the server's database exactly once, with the identifier that the outcome has, and every
reschedule and cancel that resolved must have been carried out exactly once. None whose outcome says `no` may be there, none
may be there twice, and no reschedule or cancel may have been received twice. The rest is `unknown`.
"""

import collections
import contextlib
import datetime
import json
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
sys.path.insert(0, str(ROOT / "tests/system"))
import capi  # noqa: E402
from support import RELEASE  # noqa: E402

THREADS = 8
PATHS = {"v1": "genesys/1/service/callback/samples", "v3": "engagement/v3"}
# What the server does to one request in so many. After `reset: after`, `cutBody` and `carryOut` it has carried it out.
FAULTS = [
    {"reset": "after", "probability": 0.02},
    {"reset": "before", "probability": 0.01},
    {"cutBody": 1, "probability": 0.02},
    *({"carryOut": True, "status": status, "body": "<html>", "probability": 0.005} for status in [302, 500, 502, 504]),
    *({"status": status, "probability": 0.005} for status in [302, 304, 400, 401, 404, 409, 429, 500, 502, 503]),
    {"status": 500, "body": {"code": 500, "message": "Internal error"}, "probability": 0.005},
    # Responses that confirm nothing: a booking needs an identifier, and another one does not confirm a change.
    {"operation": "schedule", "status": 200, "body": {"msg": "hello"}, "probability": 0.005},
    *({"operation": operation, "status": 200, "body": {"_id": "another", "data": {"id": "another"}}, "probability": 0.005}
      for operation in ["reschedule", "cancel"]),
]

# The time to which a booking is moved: one of so many slots from tomorrow on, so that none is full.
SLOTS, SLOT_MS, DAY_MS = 2500, 900_000, 86_400_000
EFFECTS = {"schedule": "booked", "reschedule": "moved", "cancel": "cancelled"}


class Entry:
    """What was asked for one telephone number, and what the library said, by command."""

    def __init__(self):
        self.said, self.id, self.moved_to = {}, None, None

    def run(self, mode, service, name, data):
        outcome = mode(service, name, data)
        error = outcome.get("error")
        self.said[name] = f"{error['name']}, {error[EFFECTS[name]]}" if error else "resolved"
        if error and error["name"] == "CONNECT":
            # The server is being started again.
            time.sleep(0.01)
        return outcome


def start(database, port=0):
    command = [RELEASE / "callback-sandbox", "--db", database, "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline().strip()
    if not line.startswith("listening on "):
        raise AssertionError(f"the sandbox did not start: {line}")
    return server, int(line.rsplit(":", 1)[1])


def order_faults(port):
    for fault in FAULTS:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/sandbox/faults", json.dumps(fault).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request):
            pass


def phone(number):
    return f"+1415{2_000_000 + number}"


def utc(milliseconds):
    time = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def work(first, port, tomorrow, numbers, ledger):
    """A thread: books for each number, and moves, cancels or does both with most of what was booked."""
    api, mode = list(PATHS)[first % 2], capi.MODES[first // 2 % 2]
    with capi.Service(configuration(api, port)) as service:
        for turn, number in enumerate(numbers):
            entry = Entry()
            entry.id = entry.run(mode, service, "schedule", {"phonenumber": phone(number)}).get("id")
            if entry.id and turn & 1 and api == "v1":
                entry.moved_to = tomorrow + turn % SLOTS * SLOT_MS
                entry.run(mode, service, "reschedule", {"id": entry.id, "desiredtime": utc(entry.moved_to)})
            if entry.id and turn & 2:
                entry.run(mode, service, "cancel", {"id": entry.id})
            ledger[number] = entry


def configuration(api, port):
    return {"apiVersion": api, "dataURL": f"http://127.0.0.1:{port}/{PATHS[api]}", "serviceName": "samples", "apikey": "sandbox-key",
            "ajaxTimeout": 10000, "proxy": "none", "retry": {"attempts": 2, "baseDelayMs": 5}}


def run(bookings, kills, database):
    """The ledger, and how often the server was killed."""
    server, port = start(database)
    order_faults(port)
    ledger, killed = {}, 0
    tomorrow = (int(time.time() * 1000) + DAY_MS) // SLOT_MS * SLOT_MS
    threads = [threading.Thread(target=work, args=(first, port, tomorrow, range(first, bookings, THREADS), ledger))
               for first in range(THREADS)]
    for thread in threads:
        thread.start()
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
    return ledger, killed


class Database:
    """What the server has stored."""

    def __init__(self, file):
        self.identifiers, self.state, self.times = collections.defaultdict(list), {}, {}
        with contextlib.closing(sqlite3.connect(file)) as connection:
            for number, identifier, *state in connection.execute("SELECT number, id, desired, state, reason FROM callback"):
                self.identifiers[number].append(identifier)
                self.state[identifier] = state
            for name, identifier, *times in connection.execute("SELECT operation, subject, received, done FROM request_count"):
                self.times[name, identifier] = times

    def carried_out(self, number, entry, name):
        """How often a command was carried out, and whether that fits all else in the database."""
        if name == "schedule":
            identifiers = self.identifiers[phone(number)]
            return len(identifiers), entry.id is None or identifiers == [entry.id]
        received, done = self.times.get((name, entry.id), (0, 0))
        desired, *state = self.state[entry.id]
        is_changed = desired == entry.moved_to if name == "reschedule" else state == ["COMPLETED", "CANCELLED"]
        return done, received <= 1 and is_changed == (done > 0)


def compare(ledger, database):
    """How often the commands were carried out, by command and what the library said, and how many entries are wrong."""
    table, wrong = collections.defaultdict(collections.Counter), 0
    for number, entry in ledger.items():
        for name, said in entry.said.items():
            times, fits = database.carried_out(number, entry, name)
            table[name, said][min(times, 2)] += 1
            is_right = {"resolved": times == 1, "no": times == 0, "unknown": times <= 1}[said.split()[-1]]
            wrong += not (fits and is_right)
    return table, wrong


def main():
    bookings, kills = (int(word) for word in (sys.argv[1:] + ["20000", "20"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "bookings.db"
        ledger, killed = run(bookings, kills, file)
        database = Database(file)
    table, wrong = compare(ledger, database)
    print(f"{len(ledger)} bookings from {THREADS} threads, the server killed {killed} times")
    print(f"{'what the library said':34} {'not done':>10} {'once':>8} {'twice':>8}")
    for name in EFFECTS:
        for (other, said), times in sorted(table.items()):
            if other == name:
                print(f"{f'{name}: {said}':34} {times[0]:10} {times[1]:8} {times[2]:8}")
    complete = len(ledger) == bookings and killed == kills and not set(database.identifiers) - set(map(phone, ledger))
    print("the ledger is right" if complete and not wrong else f"{wrong} entries are wrong, or some are missing")
    return 0 if complete and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
