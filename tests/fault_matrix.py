"""The fault matrix: what the library makes of every way in which a server can do wrong.

    fault_matrix.py [--write] [BOOKINGS]

For each fault, each of the commands below, both APIs, blocking and started: the status, whether the deadline held (within
50 ms), whether memory stayed below maxResponseBytes + 4 MiB, whether the next call works, whether the outcome has the identifier
that the server sent, what it says of the booking or change, and whether secrets or personal data got into log lines, messages or
diagnostics. The complete responses are also sent over HTTP/2. Then, for each fault and API, a number of bookings and changes at
the same time, which the server counts as they arrive: none may arrive twice, and none that arrived may be reported as not done,
unless the response refuses it. It prints tables, and fails when anything is not as expected. `--write` puts the tables into
docs/reliability.md.
"""

import base64
import collections
import contextlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
import capi  # noqa: E402
from capi import MODES, started, status_of  # noqa: E402
from fault_answers import ANSWERS, TIME, identifier  # noqa: E402
from fault_table import COSTLY, FAULTS  # noqa: E402
from support import ENVIRONMENT  # noqa: E402
from test_network import make_certificates  # noqa: E402

DEADLINE_MS, LATE_MS = 700, 50
REPEATS = 2
LIMIT, ROOM = 1 << 20, 4 << 20

NUMBER, NOTE = "+1 (415) 123-0099", "user & secret"
COMMANDS = {
    "schedule": {"phonenumber": NUMBER, "userData": {"note": NOTE}, "email": "e@secret.x"},
    "availability": {"numberOfDays": 1},
    "cancel": {"id": identifier(0)},
    "reschedule": {"id": identifier(0), "desiredtime": TIME, "userData": {"note": NOTE, "_customer_number": NUMBER}},
}
# What of an error says whether the command was carried out, and the end of its message if that is unknown.
EFFECTS = {
    "schedule": ("booked", "the booking may have been made"),
    "cancel": ("cancelled", "the callback may have been cancelled"),
    "reschedule": ("moved", "the callback may have been moved"),
}
CHANGES = ["cancel", "reschedule"]
CALLS = [(api, name) for api in ["v1", "v3"] for name in COMMANDS if (api, name) != ("v3", "reschedule")]
SECRETS = {
    "apikey": "key-secret-7",
    "basicAuth": {"username": "gate", "password": "pass-secret-7"},
    "headers": {"X-Site": "header-secret-7"},
    "userData": {"site": "site-secret-7"},
}
# Whatever of the above stands in a text, as it is, encoded for a URL or a header, or a number in another form.
TOLD = re.compile(r"secret|%s|415\D*123\D*0099" % base64.b64encode(b"gate:pass-secret-7").decode(), re.I)

AT_ONCE = 100
CANCELLED = 400
# Bookings for each cancel, and for each reschedule.
FOR_EACH_CHANGE = 4
BACK_OFF_MS = 10

# Calls over a network with delay, whose pauses are about as long as the server keeps idle connections.
KEEP_ALIVE_THREADS, KEEP_ALIVE_EACH = 40, 4
PAUSES = [(0.93, 1.03), (0.47, 0.53)]


def memory(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


def configuration(api, base, fault, **more):
    where = "http://127.0.0.1:1" if fault == "refused" else base
    url = f"{where}/{fault}/callbacks" if api == "v3" else f"{where}/{fault}"
    return {"apiVersion": api, "dataURL": url, "serviceName": "s", "ajaxTimeout": DEADLINE_MS, "proxy": "none",
            "maxResponseBytes": LIMIT, "retry": {"baseDelayMs": BACK_OFF_MS}, **SECRETS, **more}


def said(outcome, number):
    """What an outcome says of the booking or change, in the words of `Fault.booking`."""
    name = outcome["command"].removeprefix(capi.PREFIX)
    identifiers = [outcome.get("id"), outcome.get("callback", {}).get("id")]
    words = ["id"] if identifier(number) in identifiers else []
    if "error" in outcome and name in EFFECTS:
        words.append(outcome["error"][EFFECTS[name][0]])
    return " ".join(words)


def told(text):
    """The parts of an outcome that may be logged: not what the server says."""
    error = dict(text.get("error", {}))
    for verbatim in ["serverMessage", "correlationId"]:
        error.pop(verbatim, None)
    return json.dumps(error)


def differences(fault, api, name, outcome, seconds):
    """What in an outcome is not as expected."""
    found, error = [], outcome.get("error", {})
    wanted = fault.expected(api, name)
    if (status_of(outcome), said(outcome, 0)) != wanted:
        found.append(f"{status_of(outcome)} {said(outcome, 0)!r}, not {wanted}: {outcome}")
    for member, warning in EFFECTS.values():
        if error and error["message"].endswith(warning) != (error.get(member) == "unknown"):
            found.append(f"the message does not say what {member} says: {error}")
    if name == "availability" and bool(outcome.get("unreadSlots")) != fault.unread:
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
    capi.set_log("debug", lambda level, line: lines.append(line))
    with capi.Service(configuration(api, base, fault, **more)) as service:
        if fault == "closed-at-reuse":
            run(service, name, COMMANDS[name])
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before, begun = memory("VmRSS"), time.monotonic()
        outcome = run(service, name, COMMANDS[name])
        seconds = time.monotonic() - begun
        grown = memory("VmHWM") - before
        lines += [told(outcome), json.dumps(capi.diagnostics())]
        service.configure(configuration(api, base, "ok", ajaxTimeout=10_000, **more))
        if status_of(next_outcome := run(service, name, COMMANDS[name])) != "OK":
            wrong.append(f"the next call fails: {next_outcome}")
    capi.set_log("off")
    wrong += [f"tells a secret: {line}" for line in lines if TOLD.search(line)]
    if not any("attempt 1" in line for line in lines):
        wrong.append("logged nothing")
    wrong += differences(FAULTS[fault], api, name, outcome, seconds)
    return outcome, seconds * 1000 - DEADLINE_MS, grown, wrong


def check_fault(base, fault, runs=MODES, **more):
    """A fault's row, and what is wrong."""
    cells, wrong, late, grown = collections.defaultdict(dict), [], -DEADLINE_MS, 0
    for api, name in CALLS:
        for run in runs:
            outcome, after, growth, found = measure(run, base, api, name, fault, **more)
            # Other work on the machine delays a call once; the library would be late each time.
            for _ in range(REPEATS):
                if after > LATE_MS:
                    after = min(after, measure(run, base, api, name, fault, **more)[1])
            late, grown = max(late, after), max(grown, growth)
            if after > LATE_MS:
                found.append(f"{after:.0f} ms late")
            if growth > LIMIT + ROOM:
                found.append(f"{growth >> 20} MiB")
            wrong += [f"{fault} {api} {name} {run.__name__}: {what}" for what in found]
            cells["change" if name in CHANGES else name][f"{status_of(outcome)} {said(outcome, 0)}".strip()] = None
    results = " | ".join(", ".join(cell) for cell in cells.values())
    in_time = "yes" if late <= LATE_MS else "NO"
    return f"| {fault} | {results} | {in_time} | {max(grown, 0) / (1 << 20):.1f} MiB |", wrong


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
    """What the library said of bookings and changes, by command and telephone number."""

    def __init__(self):
        self.statuses, self.words = collections.Counter(), collections.defaultdict(dict)

    def enter(self, name, number, outcome):
        self.statuses[status_of(outcome)] += 1
        self.words[name][str(number)] = said(outcome, number).split()

    def said(self, name, word):
        return {number for number, words in self.words[name].items() if word in words}


def request(name, number):
    """The data of a command for the booking of a number."""
    callback = {"id": identifier(number), "desiredtime": TIME}
    return {"schedule": {"phonenumber": str(number)}, "cancel": {"id": callback["id"]}, "reschedule": callback}[name]


def send_all(books, base, api, name, fault, numbers, cancel_within=None):
    """Runs a command for all numbers, many at the same time, and cancels the calls within so many seconds, if given."""
    with capi.Service(configuration(api, base, fault, maxConnections=AT_ONCE)) as service:
        for first in range(0, len(numbers), AT_ONCE):
            wave = numbers[first:first + AT_ONCE]
            before = len(books.words[name])
            calls = [service.start(name, request(name, number), lambda outcome, number=number: books.enter(name, number, outcome))
                     for number in wave]
            if cancel_within:
                time.sleep(random.uniform(0, cancel_within))
                for call in random.sample(calls, len(calls)):
                    service.cancel(call)
            while len(books.words[name]) < before + len(wave):
                service.dispatch()


def fetched(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def balance(base, fault, books):
    """A row of what was sent under a fault and what arrived, and what is wrong with it."""
    arrivals, wrong = fetched(f"{base}/arrived/{fault}"), []
    times = collections.Counter((name, number) for name, number in arrivals if number)
    most = max(times.values(), default=min(len(arrivals), 1))
    for name, words in books.words.items():
        arrived, asked = sum(name == other for other, _ in arrivals), len(words)
        numbers = {number for other, number in times if other == name}
        if arrived > asked or most > 1:
            wrong.append(f"of {asked} {name} {arrived} arrived, one of them {most} times")
        # A response that refuses a request says that nothing was done.
        is_refused = FAULTS[fault].expected("v1", name)[1] == "no" and fault != "refused"
        denied = set() if is_refused else books.said(name, "no")
        if denied & numbers or len(denied) > asked - arrived:
            wrong.append(f"{len(denied)} {name} are reported as not done, and {arrived} of {asked} arrived")
        if invented := books.said(name, "id") - numbers:
            wrong.append(f"{len(invented)} {name} have an identifier and did not arrive")
    bookings = len(books.words["schedule"])
    changes = sum(map(len, books.words.values())) - bookings
    statuses = ", ".join(f"{name} {count}" for name, count in books.statuses.most_common())
    denied = sum(len(books.said(name, "no")) for name in EFFECTS)
    row = f"| {fault} | {bookings} | {changes} | {statuses} | {len(arrivals)} | {most} | {denied} |"
    return row, [f"{fault}: {what}" for what in wrong]


def count(base, _, bookings):
    """Rows of what was sent under each fault and what arrived, and what is wrong with it."""
    rows, wrong, number = [], [], 4_000_000_000
    for fault in FAULTS:
        books = Books()
        for api, name in CALLS:
            if name in EFFECTS:
                size = bookings if name == "schedule" else bookings // FOR_EACH_CHANGE
                size = max(1, size // 10) if fault in COSTLY else size
                send_all(books, base, api, name, fault, range(number, number + size))
                number += size
        row, found = balance(base, fault, books)
        rows.append(row)
        wrong += found
    return rows, wrong


def cancel_calls(base, _):
    """Rows of what arrived of calls that were cancelled while they were sent, and what is wrong with them."""
    books, number = {fault: Books() for fault in ["keep-alive-hint", "reset-in-request", "silent"]}, 6_000_000_000
    for fault, entries in books.items():
        for api, name in CALLS:
            if name in EFFECTS:
                send_all(entries, base, api, name, fault, range(number, number + CANCELLED), cancel_within=0.02)
                number += CANCELLED
    rows, wrong = zip(*(balance(base, fault, entries) for fault, entries in books.items()))
    return [row.replace(" |", ", calls cancelled |", 1) for row in rows], sum(wrong, [])


def keep_alive(base, delayed):
    """What is wrong with calls at the edge of the time for which the server keeps idle connections."""
    books, entering = Books(), threading.Lock()

    def book_and_cancel(run, api, thread, pauses):
        with capi.Service(configuration(api, delayed, "keep-alive-hint", ajaxTimeout=20_000)) as service:
            for turn in range(KEEP_ALIVE_EACH):
                position = thread * KEEP_ALIVE_EACH + turn
                number = 5_000_000_000 + position * 100 + pauses * 10 + (api == "v3") * 2 + (run is started)
                name = ["schedule", "cancel"][turn % 2]
                outcome = run(service, name, request(name, number))
                with entering:
                    books.enter(name, number, outcome)
                first, last = PAUSES[pauses]
                time.sleep(first + (last - first) * (position % 41) / 40)

    threads = [threading.Thread(target=book_and_cancel, args=(run, api, thread, pauses)) for run in MODES
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
    matrix = ["| fault | schedule | availability | cancel, reschedule | deadline held | most memory |",
              "| --- | --- | --- | --- | --- | --- |"] + rows
    print("\n".join(matrix), flush=True)
    wrong += check_http2()
    rows, more = with_server(count, *(sizes or [1000]))
    cancelled, worse = with_server(cancel_calls)
    last, worst = with_server(keep_alive)
    counts = ["| fault | bookings | changes | ended | arrived | the same at most | reported as not done |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    counts += rows + cancelled + last
    print("\n".join(counts))
    wrong += more + worse + worst
    if "--write" in sys.argv:
        write([matrix, counts])
    print("\n".join(wrong) if wrong else "every fault as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
