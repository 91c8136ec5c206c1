"""The fault matrix: what the library makes of every way in which a server can do wrong.

    fault_matrix.py [--write] [BOOKINGS]

For each fault, both commands, both APIs, blocking and started: the status, whether the deadline held (within 50 ms),
whether memory stayed below maxResponseBytes + 4 MiB, whether the next call works, whether the outcome has the identifier that
the server sent, what it says of the booking, and whether secrets or personal data got into log lines, messages or
diagnostics. The complete responses are also sent over HTTP/2. Then, for each fault and API, a number of bookings at the same
time, which the server counts as they arrive: none may arrive twice, and none that arrived may be reported as not booked,
unless the response refuses it. It prints tables, and fails when anything is not as expected. `--write` puts the tables into
docs/reliability.md.
"""

import base64
import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "build/release/libcallbackservice.so"))
sys.path[:0] = [str(ROOT / "bindings/python"), str(ROOT / "tests/system")]
import callbackservice as binding  # noqa: E402
from fault_answers import ANSWERS, identifier  # noqa: E402
from fault_table import COSTLY, FAULTS  # noqa: E402
from support import ENVIRONMENT  # noqa: E402
from test_network import make_certificates  # noqa: E402

DEADLINE_MS, LATE_MS = 700, 50
REPEATS = 2
LIMIT, ROOM = 1 << 20, 4 << 20


COMMANDS = {
    "CallbackService.schedule": b'{"phonenumber":"+1 (415) 123-0099","userData":{"note":"user & secret"},"email":"e@secret.x"}',
    "CallbackService.availability": b'{"numberOfDays":1}',
}
SECRETS = {
    "apikey": "key-secret-7",
    "basicAuth": {"username": "gate", "password": "pass-secret-7"},
    "headers": {"X-Site": "header-secret-7"},
    "userData": {"site": "site-secret-7"},
}
# Whatever of the above stands in a text, as it is, encoded for a URL or a header, or a number in another form.
TOLD = re.compile(r"secret|%s|415\D*123\D*0099" % base64.b64encode(b"gate:pass-secret-7").decode(), re.I)

AT_ONCE = 100
BACK_OFF_MS = 10

# Bookings over a network with delay, whose pauses are about as long as the server keeps idle connections.
KEEP_ALIVE_THREADS, KEEP_ALIVE_EACH = 40, 4
PAUSES = [(0.93, 1.03), (0.47, 0.53)]


def memory(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


def blocking(service, name, data):
    try:
        return service.command(name, data)
    except binding.CallbackServiceError as rejected:
        return rejected.outcome


def started(service, name, data):
    ended = []
    service.start(name, data, lambda _, outcome: ended.append(outcome))
    while not ended:
        service.dispatch(None)
    return ended[0]


def status_of(outcome):
    return outcome["error"]["name"] if "error" in outcome else "OK"


def configuration(api, base, fault, **more):
    where = "http://127.0.0.1:1" if fault == "refused" else base
    url = f"{where}/{fault}/callbacks" if api == "v3" else f"{where}/{fault}"
    return {"apiVersion": api, "dataURL": url, "serviceName": "s", "ajaxTimeout": DEADLINE_MS, "proxy": "none",
            "maxResponseBytes": LIMIT, "retry": {"baseDelayMs": BACK_OFF_MS}, **SECRETS, **more}


def booking_of(outcome, number):
    """What the outcome of a booking says of it, in the words of `Fault.booking`."""
    words = ["id"] if outcome.get("id") == identifier(number) else []
    if "error" in outcome:
        words.append(outcome["error"]["booked"])
    return " ".join(words)


def told(text):
    """The parts of an outcome that may be logged: not what the server says."""
    error = dict(text.get("error", {}))
    for verbatim in ["serverMessage", "correlationId"]:
        error.pop(verbatim, None)
    return json.dumps(error)


def differences(fault, name, outcome, seconds):
    """What in an outcome is not as expected, beside its status."""
    found, error = [], outcome.get("error", {})
    if name == "CallbackService.schedule" and booking_of(outcome, 0) != fault.booking:
        found.append(f"the booking is {booking_of(outcome, 0)!r}, not {fault.booking!r}: {outcome}")
    if name == "CallbackService.availability" and bool(outcome.get("unreadSlots")) != fault.unread:
        found.append("times that cannot be read are not repeated" if fault.unread else "some times were not read")
    if error and error.get("retryAfterMs") != fault.retry_after_ms:
        found.append(f"retryAfterMs is {error.get('retryAfterMs')}")
    # Each repetition waits for at least half of a delay that doubles.
    least = sum(BACK_OFF_MS / 2 * 2 ** attempt for attempt in range(error.get("attempts", 1) - 1)) / 1000
    if seconds < least:
        found.append(f"repeated without a pause: {seconds * 1000:.0f} ms for {error['attempts']} attempts")
    return found


def measure(run, base, api, name, fault, **more):
    """The outcome, milliseconds after the deadline, bytes of memory beyond those before, and what is wrong."""
    lines, wrong = [], []
    binding.set_log("debug", lambda level, line: lines.append(line))
    with binding.Service(configuration(api, base, fault, **more)) as service:
        if fault == "closed-at-reuse":
            run(service, name, COMMANDS[name])
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before, begun = memory("VmRSS"), time.monotonic()
        outcome = run(service, name, COMMANDS[name])
        seconds = time.monotonic() - begun
        grown = memory("VmHWM") - before
        lines += [told(outcome), json.dumps(binding.diagnostics())]
        service.configure(configuration(api, base, "ok", **more))
        if status_of(next_outcome := run(service, name, COMMANDS[name])) != "OK":
            wrong.append(f"the next call fails: {next_outcome}")
    binding.set_log("off")
    wrong += [f"tells a secret: {line}" for line in lines if TOLD.search(line)]
    if not any("attempt 1" in line for line in lines):
        wrong.append("logged nothing")
    wrong += differences(FAULTS[fault], name, outcome, seconds)
    return outcome, seconds * 1000 - DEADLINE_MS, grown, wrong


def check_fault(base, fault, runs=(blocking, started), **more):
    """A fault's row, and what is wrong."""
    seen, wrong, late, grown = [], [], -DEADLINE_MS, 0
    for api in ["v1", "v3"]:
        for name in COMMANDS:
            wanted = FAULTS[fault].status(len(seen))
            for run in runs:
                outcome, after, growth, found = measure(run, base, api, name, fault, **more)
                # Other work on the machine delays a call once; the library would be late each time.
                for _ in range(REPEATS):
                    if after > LATE_MS:
                        after = min(after, measure(run, base, api, name, fault, **more)[1])
                late, grown = max(late, after), max(grown, growth)
                if status_of(outcome) != wanted:
                    found.append(f"{status_of(outcome)}, not {wanted}: {outcome.get('error', {}).get('message')}")
                if after > LATE_MS:
                    found.append(f"{after:.0f} ms late")
                if growth > LIMIT + ROOM:
                    found.append(f"{growth >> 20} MiB")
                wrong += [f"{fault} {api} {name} {run.__name__}: {what}" for what in found]
            seen.append(status_of(outcome))
    statuses = seen[0] if len(set(seen)) == 1 else ", ".join(seen)
    in_time = "yes" if late <= LATE_MS else "NO"
    return f"| {fault} | {statuses} | {FAULTS[fault].booking or '-'} | {in_time} | {max(grown, 0) / (1 << 20):.1f} MiB |", wrong


def check(base, _):
    rows, wrong = [], []
    for fault in FAULTS:
        row, found = check_fault(base, fault)
        rows.append(row)
        wrong += found
    return rows, wrong


def check_http2():
    """What is wrong with the complete responses over HTTP/2."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        return ["HTTP/2 was not tried: `make test` sets up the environment that it needs"]
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        files = pathlib.Path(directory)
        make_certificates(files)
        command = [python, ROOT / "tests/system/fault_server_h2.py", files / "server.pem", files / "server.key"]
        with server_of(command) as server:
            base = address(server)
            for fault in [*ANSWERS, "no-content-with-length", "not-modified-with-length"]:
                if fault in FAULTS:
                    # Blocking calls speak HTTP/1.1 always.
                    wrong += check_fault(base, fault, [started], tls={"caFile": str(files / "ca.pem")})[1]
    return [f"HTTP/2 {what}" for what in wrong]


class Books:
    """What the library said of bookings, by telephone number."""

    def __init__(self):
        self.statuses, self.bookings = collections.Counter(), {}

    def enter(self, number, outcome):
        self.statuses[status_of(outcome)] += 1
        self.bookings[str(number)] = booking_of(outcome, number)

    def said(self, word):
        return {number for number, words in self.bookings.items() if word in words.split()}


def book_all(books, base, api, fault, numbers):
    """Books for all numbers, many at the same time."""
    with binding.Service(configuration(api, base, fault, maxConnections=AT_ONCE)) as service:
        for first in range(0, len(numbers), AT_ONCE):
            wave = numbers[first:first + AT_ONCE]
            before = len(books.bookings)
            for number in wave:
                service.start("CallbackService.schedule", {"phonenumber": str(number)},
                              lambda _, outcome, number=number: books.enter(number, outcome))
            while len(books.bookings) < before + len(wave):
                service.dispatch(None)


def fetched(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def balance(base, fault, books):
    """A row of what was booked under a fault and what arrived, and what is wrong with it."""
    arrived, most = fetched(f"{base}/counts").get(fault, [0, 0])
    numbers = set(fetched(f"{base}/numbers/{fault}"))
    asked, wrong = len(books.bookings), []
    if arrived > asked or most > 1:
        wrong.append(f"of {asked} bookings {arrived} arrived, one of them {most} times")
    # A response that refuses a booking says that it was not made.
    refused = FAULTS[fault].booking == "no" and fault != "refused"
    denied = set() if refused else books.said("no")
    if denied & numbers or len(denied) > asked - arrived:
        wrong.append(f"{len(denied)} bookings are reported as not made, and {arrived} of {asked} arrived")
    if invented := books.said("id") - numbers:
        wrong.append(f"{len(invented)} bookings have an identifier and did not arrive")
    statuses = ", ".join(f"{name} {count}" for name, count in books.statuses.most_common())
    row = f"| {fault} | {asked} | {statuses} | {arrived} | {most} | {len(books.said('no'))} |"
    return row, [f"{fault}: {what}" for what in wrong]


def count(base, _, bookings):
    """Rows of what was booked under each fault and what arrived, and what is wrong with it."""
    rows, wrong, number = [], [], 4_000_000_000
    for fault in FAULTS:
        books = Books()
        size = max(1, bookings // 10) if fault in COSTLY else bookings
        for api in ["v1", "v3"]:
            book_all(books, base, api, fault, range(number, number + size))
            number += size
        row, found = balance(base, fault, books)
        rows.append(row)
        wrong += found
    return rows, wrong


def keep_alive(base, delayed):
    """What is wrong with bookings at the edge of the time for which the server keeps idle connections."""
    books, entering = Books(), threading.Lock()

    def book(run, api, thread, pauses):
        with binding.Service(configuration(api, delayed, "keep-alive-hint", ajaxTimeout=20_000)) as service:
            for turn in range(KEEP_ALIVE_EACH):
                position = thread * KEEP_ALIVE_EACH + turn
                number = 5_000_000_000 + position * 100 + pauses * 10 + (api == "v3") * 2 + (run is started)
                outcome = run(service, "CallbackService.schedule", {"phonenumber": str(number)})
                with entering:
                    books.enter(number, outcome)
                first, last = PAUSES[pauses]
                time.sleep(first + (last - first) * (position % 41) / 40)

    threads = [threading.Thread(target=book, args=(run, api, thread, pauses)) for run in [blocking, started]
               for api in ["v1", "v3"] for thread in range(KEEP_ALIVE_THREADS) for pauses in range(len(PAUSES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row, wrong = balance(base, "keep-alive-hint", books)
    if set(books.statuses) != {"OK"}:
        wrong.append(f"keep-alive-hint with network delay: {dict(books.statuses)}")
    return [row.replace("keep-alive-hint", "keep-alive-hint, 20 ms of network")], wrong


@contextlib.contextmanager
def server_of(command):
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def address(server):
    return server.stdout.readline().split()[-1]


def with_server(section, *arguments):
    """Runs a section with the addresses of a server: one without and one with network delay."""
    with server_of([sys.executable, ROOT / "tests/system/fault_server.py"]) as server:
        return section(address(server), address(server), *arguments)


def write(tables):
    path = ROOT / "docs/reliability.md"
    text = path.read_text()
    for number, table in enumerate(tables, 1):
        begin, end = f"<!-- begin {number} -->\n", f"\n<!-- end {number} -->"
        text = text.split(begin)[0] + begin + "\n".join(table) + end + text.split(end)[1]
    path.write_text(text)


def main():
    sizes = [int(word) for word in sys.argv[1:] if word.isdigit()]
    rows, wrong = with_server(check)
    matrix = ["| fault | status | booking | deadline held | most memory |", "| --- | --- | --- | --- | --- |"] + rows
    print("\n".join(matrix), flush=True)
    wrong += check_http2()
    rows, more = with_server(count, *(sizes or [1000]))
    last, worse = with_server(keep_alive)
    counts = ["| fault | bookings | ended | arrived | the same at most | reported as not made |", "| --- | --- | --- | --- | --- | --- |"]
    counts += rows + last
    print("\n".join(counts))
    wrong += more + worse
    if "--write" in sys.argv:
        write([matrix, counts])
    print("\n".join(wrong) if wrong else "every fault as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
