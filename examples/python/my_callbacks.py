"""Shows a caller the callbacks of a telephone number, moves one and cancels one.

    my_callbacks.py DATA_URL NUMBER [move ID TIME | cancel ID]

DATA_URL is that of a v1 API, and TIME a time with a zone, such as 2030-12-01T10:00:00+01:00.
The exit code is 0 if it was done, 1 if it was refused, and 2 if that is not known.
"""

import sys

from callbackservice import CallbackServiceError, NotFound, Service, SlotUnavailable


def show(service, number):
    callbacks = service.query(phone_number=number, state="!COMPLETED").callbacks
    for callback in callbacks:
        when = callback.desired_time.isoformat(" ", "minutes") if callback.desired_time else "as soon as possible"
        print(f"{callback.id}  {when}  {callback.state}")
    print(f"{len(callbacks)} callbacks")


def move(service, identifier, time):
    try:
        service.reschedule(identifier, desired_time=time)
        print("moved")
    except SlotUnavailable as refusal:
        print("This time is not free. The contact center offers:")
        for slot in refusal.slots[:3]:
            print(" ", slot.utc_time.isoformat(" ", "minutes"))
        raise


def cancel(service, identifier):
    service.cancel(identifier)
    print("cancelled")


def main(data_url, number, action="show", *arguments):
    with Service({"dataURL": data_url}) as service:
        try:
            if action == "show":
                show(service, number)
            elif action == "move":
                move(service, *arguments)
            else:
                cancel(service, *arguments)
        except NotFound:
            print("There is no such callback.")
            return 1
        except CallbackServiceError as error:
            print(error, file=sys.stderr)
            if "unknown" in (error.moved, error.cancelled):
                print("Look at the list again: it may have been done.", file=sys.stderr)
                return 2
            return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or [*sys.argv[3:4], len(sys.argv)] not in ([3], ["move", 6], ["cancel", 5]):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
