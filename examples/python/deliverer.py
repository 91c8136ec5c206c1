"""A daemon that delivers the bookings of an outbox, until SIGTERM or SIGINT ends it.

    deliverer.py CONFIG_FILE

CONFIG_FILE holds a JSON object with dataURL and outbox.file. For each entry that is delivered, refused, unknown or expired, it
prints one line without personal data.
"""

import json
import pathlib
import signal
import sys

from callbackservice import Service


def report(event):
    if event.error:
        print(event.entry, "not delivered:", event.error.name, flush=True)
    else:
        print(event.entry, "delivered as", event.result.id or "", flush=True)


def main(path):
    config = json.loads(pathlib.Path(path).read_text())
    config["outbox"]["deliver"] = "thread"
    ending = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.append(True))
    with Service(config) as service:
        service.on("scheduled", "scheduleError")(report)
        while not ending:
            # Handlers run in here.
            service.dispatch(0.25)
    # What is under way is given back, and looked up by the next deliverer.
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: deliverer.py CONFIG_FILE")
    sys.exit(main(sys.argv[1]))
