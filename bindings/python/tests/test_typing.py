"""The types of the package as a program sees them."""

import importlib.util
import os
import subprocess
import sys

import pytest
from support import ENVIRONMENT, PACKAGE

GOOD = """
import datetime
import uuid
import zoneinfo
from typing import Optional, Tuple

from typing_extensions import assert_type

from callbackservice import (
    AsyncService, Availability, Booking, Callback, Callbacks, CallbackServiceError, DeliveryCounts, Event, OutboxEntries,
    OutboxEntry, Service, Slot, StartedCall, Submission,
)
from callbackservice.types import Happened

service = Service({"dataURL": "http://127.0.0.1/"})
now = datetime.datetime.now(datetime.timezone.utc)
assert_type(service.schedule(phone_number="1", desired_time=now, user_data={"a": uuid.uuid4()}), Booking)
assert_type(service.schedule({"phonenumber": "1"}).id, Optional[str])
assert_type(service.availability(start_date=now, timezone=zoneinfo.ZoneInfo("Europe/Berlin")), Availability)
assert_type(service.availability(number_of_days=1).slots, Tuple[Slot, ...])
assert_type(service.start.schedule(phone_number=1), StartedCall[Booking])
assert_type(service.start.query(state="QUEUED").result(timeout=None), Callbacks)
assert_type(service.cancel(uuid.uuid4()), Callback)
assert_type(service.submit(key="a", phone_number=1), Submission)
assert_type(service.start.deliver(timeout=1.5), StartedCall[DeliveryCounts])
assert_type(service.outbox(delivery="waiting"), OutboxEntries)
assert_type(service.resend(service.outbox().entries[0].entry).error, Optional[CallbackServiceError])
with service as same:
    assert_type(same, Service)

@service.on("scheduled", "scheduleError")
def log(event: Event) -> None:
    if event.error:
        assert_type(event.error, CallbackServiceError)
        assert_type(event.error.booked, Optional[Happened])

async def book() -> None:
    async with AsyncService("{}") as aservice:
        assert_type(await aservice.schedule(phone_number="1"), Booking)
        assert_type(await aservice.retrieve("1"), Callback)
        assert_type(await aservice.forget("1"), OutboxEntry)
"""

BAD = """
from callbackservice import Service
service = Service({"dataURL": "http://127.0.0.1/"})
service.schedule(phone_nmber="1")
service.schedule(phone_number=1.5)
service.availability(number_of_days="1")
service.on("nonsense")
service.schedule(phone_number="1").slots
service.cancel(service.start.schedule(phone_number="1"))
service.outbox(delivery="lost")
service.forget(service.outbox().entries[0])
"""


def checked(*command, program, directory):
    path = directory / "program.py"
    path.write_text(program)
    environment = {**ENVIRONMENT, "PYTHONPATH": "", "MYPYPATH": str(PACKAGE)}
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, env=environment, cwd=directory)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
@pytest.mark.skipif(bool(os.environ.get("INSTALLED")), reason="not of a checkout")
def test_mypy(tmp_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    status, shown = checked(*command, program=GOOD, directory=tmp_path)
    assert status == 0, shown
    status, shown = checked(*command, program=BAD, directory=tmp_path)
    wrong = {int(line.split(":")[1]) for line in shown.splitlines() if ": error:" in line}
    assert wrong == {4, 5, 6, 7, 8, 9, 10, 11}, shown
