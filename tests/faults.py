"""The fault matrix: what the library makes of every way in which a server can do wrong.

    faults.py [--write]

For each fault, both commands, both APIs, blocking and started: the status, whether the deadline held (within 50 ms),
whether memory stayed below maxResponseBytes + 4 MiB, and whether the next call works. It prints a table, and fails when a
status is not the expected one or a bound is broken. `--write` puts the table into docs/reliability.md.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CALLBACKSERVICE_LIBRARY", str(ROOT / "target/release/libcallbackservice.so"))
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
    "not-utf8": "PROTOCOL",
    "deep-json": "PROTOCOL",
    "huge-numbers": "OK PROTOCOL OK OK",
    "repeated-keys": "OK PROTOCOL OK OK",
    "nul-bytes": "PROTOCOL",
    "unavailable": "SERVER_ERROR",
}
COMMANDS = {
    "CallbackService.schedule": b'{"phonenumber":"+14151110000"}',
    "CallbackService.availability": b'{"numberOfDays":1}',
}


def memory(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


def blocking(service, name, data):
    function = LIBRARY.cbsvc_schedule if name.endswith("schedule") else LIBRARY.cbsvc_availability
    return function(service._service, data, None)


def started(service, name, data):
    ended = []
    service.start(name, data.decode(), lambda _, outcome: ended.append(outcome.get("error", {}).get("status", 0)))
    while not ended:
        service.dispatch(None)
    return ended[0]


def configuration(api, base, fault):
    where = "http://127.0.0.1:1" if fault == "refused" else base
    url = f"{where}/{fault}/callbacks" if api == "v3" else f"{where}/{fault}"
    return {"apiVersion": api, "dataURL": url, "serviceName": "s", "ajaxTimeout": DEADLINE_MS, "proxy": "none",
            "maxResponseBytes": LIMIT, "apikey": "KEY", "handlers": "caller", "retry": {"baseDelayMs": 10}}


def measure(run, base, api, name, fault):
    """Status, milliseconds after the deadline, bytes of memory beyond those before, and whether the next call works."""
    with binding.Service(configuration(api, base, fault)) as service:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before, begun = memory("VmRSS"), time.monotonic()
        status = run(service, name, COMMANDS[name])
        late = (time.monotonic() - begun) * 1000 - DEADLINE_MS
        grown = memory("VmHWM") - before
        service.configure(configuration(api, base, "ok"))
        works = run(service, name, COMMANDS[name]) == 0
    return LIBRARY.cbsvc_status_name(status).decode(), late, grown, works


def check(base):
    rows, wrong = [], []
    for fault, expected in FAULTS.items():
        words = expected.split()
        expected = words if len(words) == 4 else words * 4
        seen, late, grown = [], -DEADLINE_MS, 0
        for api in ["v1", "v3"]:
            for name in COMMANDS:
                for run in [blocking, started]:
                    status, after, more, works = measure(run, base, api, name, fault)
                    late, grown = max(late, after), max(grown, more)
                    where = f"{fault} {api} {name} {run.__name__}"
                    wanted = expected[len(seen)]
                    if status != wanted:
                        wrong.append(f"{where}: {status}, not {wanted}")
                    if after > LATE_MS:
                        wrong.append(f"{where}: {after:.0f} ms late")
                    if more > LIMIT + ROOM:
                        wrong.append(f"{where}: {more >> 20} MiB")
                    if not works:
                        wrong.append(f"{where}: the next call fails")
                seen.append(status)
        statuses = seen[0] if len(set(seen)) == 1 else ", ".join(seen)
        rows.append(f"| {fault} | {statuses} | {'yes' if late <= LATE_MS else 'NO'} | {max(grown, 0) / (1 << 20):.1f} MiB |")
    return rows, wrong


def main():
    server = subprocess.Popen([sys.executable, ROOT / "tests/system/fault_server.py"], stdout=subprocess.PIPE, text=True)
    try:
        base = server.stdout.readline().strip().removeprefix("listening on ")
        rows, wrong = check(base)
    finally:
        server.kill()
        server.wait()
    head = ["| fault | status | deadline held | most memory |", "| --- | --- | --- | --- |"]
    print("\n".join(head + rows))
    if "--write" in sys.argv:
        path = ROOT / "docs/reliability.md"
        text = path.read_text()
        before, rest = text.split("<!-- begin -->\n")
        path.write_text(before + "<!-- begin -->\n" + "\n".join(head + rows) + "\n<!-- end -->" + rest.split("<!-- end -->")[1])
    print("\n".join(wrong) if wrong else "every fault as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
