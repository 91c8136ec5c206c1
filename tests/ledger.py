"""The ledger: bookings from many threads while their server is killed and restarted again and again.

    ledger.py [BOOKINGS] [KILLS]

Every booking that resolved must be in the server's database exactly once, every one that was rejected as never sent must
not be there, and none may be there twice. The rest, whose answer was lost, are told apart by their status.
"""

import collections
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "build/release/libcallbackservice.so"))
sys.path.insert(0, str(ROOT / "bindings/python"))
from callbackservice import Rejected, Service  # noqa: E402

THREADS = 8
UNCLEAR = "the booking may have been made"


def start(database, port=0):
    command = [ROOT / "build/release/callback-sandbox", "--db", database, "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline().strip()
    if not line.startswith("listening on "):
        raise AssertionError(f"the sandbox did not start: {line}")
    return server, int(line.rsplit(":", 1)[1])


def book(service, numbers, ledger):
    for number in numbers:
        try:
            service.schedule(phonenumber=f"+1{number:010}")
            ledger[number] = "resolved"
        except Rejected as rejected:
            unclear = rejected.outcome["error"]["message"].endswith(UNCLEAR)
            ledger[number] = f"{rejected.name}, {'answer lost' if unclear else 'not booked'}"
            if rejected.name == "CONNECT":
                # The server is being started again.
                time.sleep(0.01)


def booked(database):
    with sqlite3.connect(database) as connection:
        return collections.Counter(int(number.removeprefix("+1")) for (number,) in connection.execute("SELECT number FROM callback"))


def run(bookings, kills, directory):
    database = pathlib.Path(directory) / "bookings.db"
    server, port = start(database)
    config = {"dataURL": f"http://127.0.0.1:{port}/genesys/1/service/callback/samples", "ajaxTimeout": 10000, "proxy": "none",
              "retry": {"attempts": 2, "baseDelayMs": 5}}
    ledger = {}
    with Service(config) as service:
        shares = [range(first, bookings, THREADS) for first in range(THREADS)]
        threads = [threading.Thread(target=book, args=(service, share, ledger)) for share in shares]
        for thread in threads:
            thread.start()
        killed = 0
        while any(thread.is_alive() for thread in threads):
            if killed < kills and len(ledger) > bookings * (killed + 1) // (kills + 1):
                server.send_signal(signal.SIGKILL)
                server.wait()
                server.stdout.close()
                server, port = start(database, port)
                killed += 1
            time.sleep(0.002)
    server.send_signal(signal.SIGTERM)
    server.wait()
    return ledger, booked(database), killed


def main():
    bookings, kills = (int(word) for word in (sys.argv[1:] + ["20000", "20"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as directory:
        ledger, present, killed = run(bookings, kills, directory)
    table = collections.defaultdict(collections.Counter)
    wrong = 0
    for number, state in ledger.items():
        times = present[number]
        table[state][times] += 1
        lost = state == "resolved" and times != 1
        invented = state.endswith("not booked") and times != 0
        wrong += lost or invented or times > 1
    print(f"{len(ledger)} bookings from {THREADS} threads, the server killed {killed} times")
    print(f"{'what the library said':34} {'not there':>10} {'once':>8} {'twice':>8}")
    for state, times in sorted(table.items()):
        print(f"{state:34} {times[0]:10} {times[1]:8} {sum(count for often, count in times.items() if often > 1):8}")
    complete = len(ledger) == bookings and killed == kills and not set(present) - set(ledger)
    print("the ledger is right" if complete and not wrong else f"{wrong} entries are wrong, or some are missing")
    return 0 if complete and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
