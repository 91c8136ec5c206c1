"""A step of an IVR script: stores a callback for the caller, and leaves. It does not wait for the server, which may be away;
deliverer.py sends the booking.

    submit.py CONFIG_FILE PHONE_NUMBER KEY [DESIRED_TIME]

CONFIG_FILE holds a JSON object with dataURL and outbox.file. KEY identifies the request, such as the identifier of the call: a
script that runs this step twice stores one booking.
"""

import json
import pathlib
import sys

from callbackservice import CallbackServiceError, Service


def main(path, number, key, desired_time=None):
    config = json.loads(pathlib.Path(path).read_text())
    # This process only stores: it starts no thread, and sends nothing.
    config["outbox"]["deliver"] = "command"
    try:
        with Service(config) as service:
            submission = service.submit(key=key, phone_number=number, desired_time=desired_time)
    except CallbackServiceError as error:
        print(f"not stored: {error}", file=sys.stderr)
        return 1
    # From here on the booking is on disk, whatever happens to this process, the server or the power supply.
    print("stored as", submission.entry)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: submit.py CONFIG_FILE PHONE_NUMBER KEY [DESIRED_TIME]")
    sys.exit(main(*sys.argv[1:]))
