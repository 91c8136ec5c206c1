"""The example programs, against the sandbox."""

import datetime
import re
import sys

from support import ENVIRONMENT, ROOT, Sandbox, run

from callbackservice import Service

EXAMPLES = ROOT / "examples/python"


def example(name, *arguments, expected=0):
    return run(sys.executable, EXAMPLES / name, *arguments, env=ENVIRONMENT, expected=expected)


def test_quickstart():
    with Sandbox() as sandbox:
        for api in ["v1", "v3"]:
            shown = example("quickstart.py", api, sandbox.base)
            assert re.search(rf"^\d booked over {api}$", shown, re.M), shown
            assert "event: scheduleError" in shown and "offers instead" in shown


def test_asyncio_loop():
    with Sandbox() as sandbox:
        assert example("asyncio_loop.py", sandbox.v1, 200) == "one cancelled\n200 booked, 0 refused\n"


def test_my_callbacks():
    number = "+14151112222"
    with Sandbox() as sandbox, Service({"dataURL": sandbox.v1}) as service:
        start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        first, *_, last = service.availability(start_date=start, number_of_days=3).slots
        ids = [service.schedule(phone_number=number, desired_time=first.utc_time).id for _ in range(2)]
        shown = example("my_callbacks.py", sandbox.v1, number)
        assert shown.endswith("2 callbacks\n") and all(id in shown for id in ids) and "SCHEDULED" in shown
        assert example("my_callbacks.py", sandbox.v1, number, "cancel", ids[0]) == "cancelled\n"
        assert example("my_callbacks.py", sandbox.v1, number, "move", ids[1], last.utc_time.isoformat()) == "moved\n"
        shown = example("my_callbacks.py", sandbox.v1, number)
        assert shown == f"{ids[1]}  {last.utc_time.isoformat(' ', 'minutes')}  SCHEDULED\n1 callbacks\n"
        past = "2020-01-01T00:00:00Z"
        example("my_callbacks.py", sandbox.v1, number, "move", ids[1], past, expected=1)
        assert "no such callback" in example("my_callbacks.py", sandbox.v1, number, "cancel", "369-0", expected=1)
        example("my_callbacks.py", sandbox.v1, number, "jump", expected=1)
