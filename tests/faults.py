"""The fault matrix: what the library makes of every way in which a server can do wrong.

    faults.py [--write] [BOOKINGS]

For each fault, both commands, both APIs, blocking and started: the status, whether the deadline held (within 50 ms),
whether memory stayed below maxResponseBytes + 4 MiB, whether the next call works, and whether secrets or personal data
got into log lines, errors or diagnostics. Then, for each fault and API, a number of bookings at the same time, which the
server counts as they arrive. It prints tables, and fails when a status is not the expected one, a bound is broken, a
secret is found, or a booking arrived twice. `--write` puts the tables into docs/reliability.md.
"""

import base64
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "build/release/libcallbackservice.so"))
sys.path.insert(0, str(ROOT / "bindings/python"))
import callbackservice as binding  # noqa: E402

LIBRARY = binding._library
DEADLINE_MS, LATE_MS = 700, 50
LIMIT, ROOM = 1 << 20, 4 << 20

# Expected: schedule over v1, availability over v1, schedule over v3, availability over v3; one word for all four.
FAULTS = {
    "refused": "CONNECT",
    "silent": "TIMEOUT",
    "reset-in-request": "PROTOCOL",
    "reset-before-answer": "PROTOCOL",
    "closed-before-answer": "PROTOCOL",
    "reset-in-head": "PROTOCOL",
    "reset-in-body": "PROTOCOL",
    "trickle": "TIMEOUT",
    "announces-more": "PROTOCOL",
    "announces-less": "PROTOCOL",
    "chunked-garbage": "PROTOCOL",
    "zeros": "TOO_LARGE",
    "endless-chunks": "TOO_LARGE",
    "gzip-bomb": "PROTOCOL",
    "many-headers": "PROTOCOL",
    "redirect-loop": "PROTOCOL",
    "redirect-away": "PROTOCOL",
    "continue-flood": "OK PROTOCOL OK OK",
    "endless-interim": "TIMEOUT",
    "endless-chunk-size": "TIMEOUT",
    "not-utf8": "PROTOCOL",
    "deep-json": "PROTOCOL",
    "huge-numbers": "OK PROTOCOL OK OK",
    "repeated-keys": "OK PROTOCOL OK OK",
    "nul-bytes": "PROTOCOL",
    "unavailable": "SERVER_ERROR",
    "closed-at-reuse": "PROTOCOL OK PROTOCOL OK",
    "repeats-all": "REJECTED",
}
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

# These cost the server so much for each answer that fewer have to do.
COSTLY = {"zeros", "endless-chunks", "endless-interim", "endless-chunk-size", "gzip-bomb", "many-headers", "continue-flood", "deep-json", "silent", "trickle"}
AT_ONCE = 100


def memory(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


def blocking(service, name, data):
    try:
        service.command(name, data)
    except binding.Rejected as rejected:
        return rejected.outcome["error"]
    return {"status": 0}


def started(service, name, data):
    ended = []
    service.start(name, data, lambda _, outcome: ended.append(outcome.get("error", {"status": 0})))
    while not ended:
        service.dispatch(None)
    return ended[0]


def configuration(api, base, fault, **more):
    where = "http://127.0.0.1:1" if fault == "refused" else base
    url = f"{where}/{fault}/callbacks" if api == "v3" else f"{where}/{fault}"
    return {"apiVersion": api, "dataURL": url, "serviceName": "s", "ajaxTimeout": DEADLINE_MS, "proxy": "none",
            "maxResponseBytes": LIMIT, "retry": {"baseDelayMs": 10}, **SECRETS, **more}


def measure(run, base, api, name, fault):
    """Status, milliseconds after the deadline, bytes of memory beyond those before, and what else is wrong."""
    lines, wrong = [], []
    binding.set_log("debug", lambda level, line: lines.append(line))
    with binding.Service(configuration(api, base, fault)) as service:
        if fault == "closed-at-reuse":
            run(service, name, COMMANDS[name])
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before, begun = memory("VmRSS"), time.monotonic()
        error = run(service, name, COMMANDS[name])
        late = (time.monotonic() - begun) * 1000 - DEADLINE_MS
        grown = memory("VmHWM") - before
        lines += [json.dumps(error), json.dumps(binding.diagnostics())]
        service.configure(configuration(api, base, "ok"))
        if run(service, name, COMMANDS[name])["status"] != 0:
            wrong.append("the next call fails")
    binding.set_log("off")
    wrong += [f"tells a secret: {line}" for line in lines if TOLD.search(line)]
    if not any("attempt 1" in line for line in lines):
        wrong.append("logged nothing")
    return LIBRARY.cbsvc_status_name(error["status"]).decode(), late, grown, wrong


def check(base):
    rows, wrong = [], []
    for fault, expected in FAULTS.items():
        words = expected.split()
        expected = words if len(words) == 4 else words * 4
        seen, late, grown = [], -DEADLINE_MS, 0
        for api in ["v1", "v3"]:
            for name in COMMANDS:
                for run in [blocking, started]:
                    status, after, more, found = measure(run, base, api, name, fault)
                    late, grown = max(late, after), max(grown, more)
                    wanted = expected[len(seen)]
                    if status != wanted:
                        found.append(f"{status}, not {wanted}")
                    if after > LATE_MS:
                        found.append(f"{after:.0f} ms late")
                    if more > LIMIT + ROOM:
                        found.append(f"{more >> 20} MiB")
                    wrong += [f"{fault} {api} {name} {run.__name__}: {what}" for what in found]
                seen.append(status)
        statuses = seen[0] if len(set(seen)) == 1 else ", ".join(seen)
        rows.append(f"| {fault} | {statuses} | {'yes' if late <= LATE_MS else 'NO'} | {max(grown, 0) / (1 << 20):.1f} MiB |")
    return rows, wrong


def book_all(base, api, fault, numbers):
    """Books for all numbers, many at the same time; how many ended in each status."""
    ended = collections.Counter()
    with binding.Service(configuration(api, base, fault, maxConnections=AT_ONCE)) as service:
        for first in range(0, len(numbers), AT_ONCE):
            wave = numbers[first:first + AT_ONCE]
            before = ended.total()
            for number in wave:
                service.start("CallbackService.schedule", {"phonenumber": number},
                              lambda _, outcome: ended.update([outcome.get("error", {}).get("name", "OK")]))
            while ended.total() < before + len(wave):
                service.dispatch(None)
    return ended


def count(base, bookings):
    """Rows of what was booked under each fault and what arrived, and what is wrong with it."""
    rows, wrong, number = [], [], 4_000_000_000
    for fault in FAULTS:
        ended, asked = collections.Counter(), 0
        for api in ["v1", "v3"]:
            size = max(1, bookings // 10) if fault in COSTLY else bookings
            ended += book_all(base, api, fault, range(number, number + size))
            number, asked = number + size, asked + size
        with urllib.request.urlopen(f"{base}/counts") as answer:
            arrived, most = json.load(answer).get(fault, [0, 0])
        statuses = ", ".join(f"{name} {count}" for name, count in ended.most_common())
        rows.append(f"| {fault} | {asked} | {statuses} | {arrived} | {most} |")
        if arrived > asked or most > 1:
            wrong.append(f"{fault}: of {asked} bookings {arrived} arrived, one of them {most} times")
    return rows, wrong


def with_server(section, *arguments):
    server = subprocess.Popen([sys.executable, ROOT / "tests/system/fault_server.py"], stdout=subprocess.PIPE, text=True)
    try:
        base = server.stdout.readline().strip().removeprefix("listening on ")
        return section(base, *arguments)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


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
    matrix = ["| fault | status | deadline held | most memory |", "| --- | --- | --- | --- |"] + rows
    print("\n".join(matrix))
    rows, more = with_server(count, *(sizes or [1000]))
    counts = ["| fault | bookings | ended | arrived | the same at most |", "| --- | --- | --- | --- | --- |"] + rows
    print("\n".join(counts))
    wrong += more
    if "--write" in sys.argv:
        write([matrix, counts])
    print("\n".join(wrong) if wrong else "every fault as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
