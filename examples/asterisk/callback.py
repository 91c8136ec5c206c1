#!/usr/bin/env python3
"""An AGI script that offers a caller three times for a callback, and books the one that is chosen.

    same => n,AGI(callback.py,/etc/asterisk/callback.json)
    same => n,Verbose(1,${CALLBACK_STATUS})

The file holds a JSON object with dataURL and outbox.file. Every booking goes through the outbox: it survives a hang-up,
the end of this script and a server that is away, which examples/python/deliverer.py waits for. The variable
CALLBACK_STATUS is BOOKED, STORED (it will be booked), NONE or FAILED. The recordings are in the directory callback of
the sounds.
"""

import json
import pathlib
import re
import sys
import time

from agi import Agi, Failed, HungUp
from callbackservice import CallbackServiceError, CallTimeout, NetworkError, RateLimited, ServerError, Service
from callbackservice import SlotUnavailable, Unauthorized

AWAY = (NetworkError, CallTimeout, ServerError, RateLimited, Unauthorized)
"""Errors after which the server can book later."""

PATIENCE = 8
"""Seconds that a caller waits for the server."""


class Callback:
    def __init__(self, agi, service):
        self.agi, self.service = agi, service
        # A script that runs twice in one call books once.
        self.call = agi.variables["agi_uniqueid"]

    def run(self):
        """What becomes of the call, for CALLBACK_STATUS."""
        present, _ = self.present()
        if present:
            return self.announce(present, self.delivered(present))
        number = self.number()
        for _ in range(3 if number else 0):
            try:
                slots = self.service.availability(number_of_days=1, max_time_slots=3).slots
            except SlotUnavailable as closed:
                slots = closed.slots
            except AWAY as error:
                report(self.agi, f"no slots, storing the callback: {error.name}")
                return self.announce(self.store(number), None)
            if not slots:
                self.agi.play("callback/no-times")
                return "NONE"
            slot = self.choice(slots[:3])
            if slot is None:
                return "NONE"
            stored = self.store(number, slot.utc_time)
            entry = self.delivered(stored)
            if not entry or entry.delivery != "refused" or entry.error.name != "SLOT_UNAVAILABLE":
                return self.announce(stored, entry)
            self.agi.play("callback/taken")
        return "NONE"

    def number(self):
        """The number of the caller, who is asked for it if the network does not send it; None if it is not known."""
        number = self.agi.variables.get("agi_callerid", "")
        for _ in range(2):
            if re.fullmatch(r"\+?\d{5,15}", number):
                return number
            number = self.agi.ask("callback/your-number", 15, 10000)
        return number if re.fullmatch(r"\d{5,15}", number) else None

    def choice(self, slots):
        """The slot that the caller chooses, if any: a digit may be pressed at any time."""
        digits = "123"[: len(slots)]
        for _ in range(2):
            for digit, slot in zip(digits, slots):
                pressed = self.agi.play(f"callback/press-{digit}-for", digits)
                pressed = pressed or self.agi.say_time(slot.utc_time, digits)
                if pressed:
                    return slots[int(pressed) - 1]
            pressed = self.agi.ask("callback/choose", 1)
            if pressed and pressed in digits:
                return slots[int(pressed) - 1]
        return None

    def present(self):
        """The booking of this call in the outbox, and how many others were refused or have expired."""
        ended = 0
        while entries := self.service.outbox(key=f"{self.call}/{ended + 1}").entries:
            if entries[0].delivery not in ("refused", "expired"):
                return entries[0].entry, ended
            ended += 1
        return None, ended

    def store(self, number, desired_time=None):
        """Once this has returned, the booking is on disk."""
        _, ended = self.present()
        submission = self.service.submit(key=f"{self.call}/{ended + 1}", phone_number=number, desired_time=desired_time)
        report(self.agi, f"stored as {submission.entry}")
        return submission.entry

    def delivered(self, stored):
        """The entry after an attempt to deliver it, by this script or a faster deliverer; None if it is not known."""
        deadline = time.monotonic() + PATIENCE
        try:
            self.service.deliver(timeout=PATIENCE)
            while True:
                [entry] = self.service.outbox(entry=stored).entries
                if entry.delivery != "sending" or time.monotonic() > deadline:
                    return entry
                time.sleep(0.1)
        except CallbackServiceError as error:
            report(self.agi, f"{stored} remains: {error}")
            return None

    def announce(self, stored, entry):
        """Tells the caller what has become of a stored booking."""
        delivery = entry.delivery if entry else "waiting"
        report(self.agi, f"{stored} {delivery}: {entry and (entry.id or entry.error) or ''}")
        status, sound = {
            "delivered": ("BOOKED", "callback/booked"),
            "refused": ("FAILED", "callback/failed"),
            "expired": ("FAILED", "callback/failed"),
        }.get(delivery, ("STORED", "callback/you-will-be-called"))
        try:
            self.agi.play(sound)
        except (HungUp, Failed):
            report(self.agi, f"{stored} remains {delivery}, although the caller has not heard it")
        return status


def report(agi, text):
    """For the console of Asterisk, and for its log; without personal data."""
    print(text, file=sys.stderr)
    try:
        agi.command("VERBOSE", text, 1)
    except (HungUp, Failed):
        pass


def try_to_play(agi, sound):
    try:
        agi.play(sound)
    except (HungUp, Failed):
        pass


def main(path):
    agi, status = Agi(), "FAILED"
    try:
        config = json.loads(pathlib.Path(path).read_text())
        # This process delivers while the caller waits, and starts no thread.
        config["outbox"]["deliver"] = "command"
        with Service(config) as service:
            status = Callback(agi, service).run()
    except HungUp:
        report(agi, "the caller has hung up before a callback was stored")
        status = "NONE"
    except (CallbackServiceError, Failed, OSError, ValueError, KeyError) as error:
        report(agi, f"no callback: {type(error).__name__}: {error}")
        try_to_play(agi, "callback/failed")
    try:
        agi.command("SET VARIABLE", "CALLBACK_STATUS", status)
    except (HungUp, Failed):
        pass
    return 1 if status == "FAILED" else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
