"""The outbox under fire: processes submit bookings to one file and deliver them, while they and their server are killed again and
again, and the server loses responses.

    outbox_consistency.py [BOOKINGS] [KILLS] [PROCESSES]

Over v1 every booking whose submission was confirmed must be in the server's database exactly once, with the identifier that the
outbox has. Over v3 it must be there exactly once, or the outbox reports it as unknown, and then it may be there at most once. Keys
that are submitted twice are one booking.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "build/release/libcallbackservice.so"))
sys.path.insert(0, str(ROOT / "bindings/python"))
from callbackservice import CallbackServiceError, Service  # noqa: E402

PATHS = {"v1": "genesys/1/service/callback/samples", "v3": "engagement/v3"}
SANDBOX = os.environ.get("CALLBACK_SANDBOX", str(ROOT / "build/release/callback-sandbox"))
# What the server does to one booking in so many. After `reset: after` and `cutBody` the booking is made.
FAULTS = [
    {"reset": "after", "probability": 0.01},
    {"reset": "before", "probability": 0.01},
    {"cutBody": 9, "probability": 0.01},
    {"status": 503, "probability": 0.005},
    {"status": 500, "probability": 0.005},
    {"status": 502, "probability": 0.005},
]
# Every so many bookings are submitted twice under one key.
TWICE_EVERY = 10


def configuration(api, port, file):
    return {
        "apiVersion": api, "dataURL": f"http://127.0.0.1:{port}/{PATHS[api]}", "serviceName": "samples", "apikey": "sandbox-key",
        "ajaxTimeout": 10000, "proxy": "none",
        "outbox": {"file": str(file), "baseDelayMs": 1000, "maxDelayMs": 2000, "maxEntries": 1000000},
    }  # fmt: skip


def phone(number):
    return f"+1415{2_000_000 + number}"


def submitter(api, port, file, ledger, first, step, bookings):
    """A process of its own: submits the bookings that its ledger does not have, and delivers until it is told to end."""
    confirmed = set(map(int, ledger.read_text().split())) if ledger.exists() else set()
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    with Service(configuration(api, port, file)) as service, ledger.open("a") as log:
        for number in range(first, bookings, step):
            if number in confirmed:
                continue
            # Without the key, a booking that was stored just before a kill would be submitted again.
            booking = {"phonenumber": phone(number), "key": f"{api}-{number}"}
            while True:
                try:
                    outcomes = [service.command("CallbackService.submit", booking) for _ in range(1 + (number % TWICE_EVERY == 0))]
                    break
                except CallbackServiceError as error:
                    if getattr(error, "name", None) not in ("STORAGE", "BUSY"):
                        raise
            assert len({outcome["entry"] for outcome in outcomes}) == 1
            log.write(f"{number}\n")
            log.flush()
        while not ending:
            time.sleep(0.05)


class Server:
    def __init__(self, directory):
        self.database = pathlib.Path(directory) / "bookings.db"
        self.port = 0
        self.start()

    def start(self):
        command = [SANDBOX, "--db", self.database, "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise AssertionError(f"the sandbox did not start: {line}")
        self.port = int(line.rsplit(":", 1)[1])
        self.order_faults(FAULTS)

    def order_faults(self, faults):
        import urllib.request

        for fault in faults:
            body = json.dumps({"method": "POST", **fault}).encode()
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.port}/sandbox/faults", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request):
                pass

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def bookings(self):
        """The identifiers of the bookings for each telephone number."""
        identifiers = collections.defaultdict(list)
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            for number, identifier in connection.execute("SELECT number, id FROM callback"):
                identifiers[number].append(identifier)
        return identifiers


def start_submitter(*arguments):
    command = [sys.executable, __file__, "--submitter", *map(str, arguments)]
    return subprocess.Popen(command)


def look_into(file, query):
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as connection:
        return connection.execute(query).fetchall()


def run(api, bookings, kills, processes, directory):
    """Submits and delivers everything; returns the rows of the outbox and the server's bookings."""
    server, workers = Server(directory), []
    try:
        return run_with(server, workers, api, bookings, kills, processes, directory)
    finally:
        # A program that reads the output of this one waits for their end too.
        for process in [*workers, server.process]:
            process.kill()
            process.wait()


def run_with(server, workers, api, bookings, kills, processes, directory):
    file = pathlib.Path(directory) / "callbacks.db"

    def start(number):
        ledger = pathlib.Path(directory) / f"ledger-{number}"
        return start_submitter(api, server.port, file, ledger, number, processes, bookings)

    workers += [start(number) for number in range(processes)]
    killed = 0
    deadline = time.monotonic() + 900
    while True:
        time.sleep(random.uniform(0.05, 0.4))
        if killed < kills:
            victim = random.randrange(processes + 1)
            if victim == processes:
                server.kill()
                time.sleep(random.uniform(0, 0.2))
                server.start()
            else:
                workers[victim].kill()
                workers[victim].wait()
                workers[victim] = start(victim)
            killed += 1
            continue
        for number, worker in enumerate(workers):
            if worker.poll() is not None:
                raise AssertionError(f"submitter {number} has ended with {worker.returncode}")
        confirmed = sum(
            len(ledger.read_text().split()) for ledger in pathlib.Path(directory).glob("ledger-*")
        )
        [(open_entries,)] = look_into(
            file, "SELECT count(*) FROM entry WHERE finished_at IS NULL AND (due_at IS NOT NULL OR claim IS NOT NULL)"
        )
        if confirmed == bookings and open_entries == 0:
            break
        if time.monotonic() > deadline:
            states = look_into(file, "SELECT delivery, count(*) FROM entry GROUP BY 1")
            raise AssertionError(f"not complete: {confirmed} submitted, {open_entries} open, {states}")
    for worker in workers:
        worker.terminate()
    for worker in workers:
        # One that was started again a moment ago may not handle the signal yet.
        if worker.wait(30) not in (0, -signal.SIGTERM):
            raise AssertionError(f"a submitter has ended with {worker.returncode}")
    server.process.terminate()
    server.process.wait()
    server.process.stdout.close()
    rows = look_into(file, "SELECT key, delivery, booking FROM entry")
    return rows, server.bookings()


def check(api, bookings, kills, processes):
    with tempfile.TemporaryDirectory() as directory:
        started = time.monotonic()
        rows, present = run(api, bookings, kills, processes, directory)
        took = time.monotonic() - started
    problems = collections.Counter()
    table = collections.defaultdict(collections.Counter)
    entries = {key: (delivery, booking) for key, delivery, booking in rows}
    problems["keys that are there twice"] += len(rows) - len(entries)
    for number in range(bookings):
        delivery, booking = entries.get(f"{api}-{number}", ("lost", None))
        identifiers = present.get(phone(number), [])
        table[delivery][min(len(identifiers), 2)] += 1
        problems["lost"] += delivery == "lost"
        problems["booked twice"] += len(identifiers) > 1
        problems["delivered, but not there"] += delivery == "delivered" and identifiers != [booking]
        problems["neither delivered nor unknown"] += delivery not in ("delivered", "unknown")
        problems["unknown over v1"] += api == "v1" and delivery == "unknown"
    print(f"{api}: {bookings} bookings from {processes} processes, {kills} kills, {took:.0f} s")
    print(f"{'what the outbox says':24} {'not there':>10} {'once':>8} {'twice':>8}")
    for delivery, times in sorted(table.items()):
        print(f"{delivery:24} {times[0]:10} {times[1]:8} {times[2]:8}")
    wrong = {problem: count for problem, count in problems.items() if count}
    print("exactly as it should be" if not wrong else f"WRONG: {wrong}", flush=True)
    return not wrong


def main():
    if sys.argv[1:2] == ["--submitter"]:
        api, port, file, ledger, first, step, bookings = sys.argv[2:]
        return submitter(api, int(port), file, pathlib.Path(ledger), int(first), int(step), int(bookings))
    bookings, kills, processes = (int(word) for word in (sys.argv[1:] + ["20000", "50", "8"][len(sys.argv) - 1 :]))
    return 0 if all([check(api, bookings, kills, processes) for api in PATHS]) else 1


if __name__ == "__main__":
    sys.exit(main())
