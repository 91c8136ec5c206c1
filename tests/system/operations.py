"""Commands against a sandbox with a fixed clock, over both APIs, blocking and started."""

import functools
import json
import pathlib
import tempfile
import urllib.parse
import urllib.request

import capi
from support import Case, Sandbox

# A Monday. The clock stands still.
NOW = "2030-01-07T10:30:00Z"
SERVICES = """
[services.samples]
slot_minutes = 15
places = 2
lookup_keys = ["straße", 'say "hi" & go']
virtual_queue = "VQ samples"
access_number = "+15550100"

[services.support]
slot_minutes = 30
places = 2
hours = ["Mon-Fri 09:00-17:00"]

[services.unstaffed]
agents = 0
"""
NUMBER = "+14151110000"
EVENTS = {
    "schedule": ("scheduled", "scheduleError"),
    "cancel": ("cancelled", "cancelError"),
    "reschedule": ("rescheduled", "rescheduleError"),
    "retrieve": ("retrieved", "retrieveError"),
    "query": ("found", "queryError"),
    "queuePosition": ("queuePosition", "queuePositionError"),
    "estimatedWaitTime": ("estimatedWaitTime", "estimatedWaitTimeError"),
    "queueStatus": ("queueStatus", "queueStatusError"),
    "openFor": ("openFor", "openForError"),
    "callIn": ("callInCreated", "callInError"),
}


def later(time):
    """A time on the next day."""
    return f"2030-01-08T{time}:00.000Z"


def over(*apis):
    """Runs a test over these APIs, blocking and started."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for api in apis:
                for mode in capi.MODES:
                    with self.subTest(api=api, mode=mode.__name__):
                        control(self.sandbox, "reset", {})
                        test(self, Caller(self, api, mode))
        return run
    return decorate


def control(sandbox, path, data=None):
    """What a control route of the sandbox responds."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"{sandbox.base}/sandbox/{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        text = response.read()
    return json.loads(text) if text else None


class Caller:
    """A service of one test, which checks the event of every command."""

    def __init__(self, test, api, mode, service="samples", **more):
        url = test.sandbox.v1.replace("samples", service) if api == "v1" else test.sandbox.v3
        configuration = {"apiVersion": api, "dataURL": url, "serviceName": service, "apikey": "sandbox-key", "proxy": "none", **more}
        self.test, self.api, self.mode, self.events = test, api, mode, []
        self.service = test.enterContext(capi.Service(configuration, self.events))

    def run(self, name, data):
        del self.events[:]
        outcome = self.mode(self.service, name, data)
        event = EVENTS[name]["error" in outcome]
        self.test.assertEqual(self.events, [(capi.PREFIX + event, outcome)])
        self.test.assertEqual(outcome["command"], capi.PREFIX + name)
        return outcome

    def resolved(self, name, data):
        outcome = self.run(name, data)
        self.test.assertEqual(outcome["state"], "resolved", outcome)
        return outcome

    def rejected(self, name, data, status, **members):
        """The outcome of a rejection whose error has these members."""
        outcome = self.run(name, data)
        error = outcome.get("error", {})
        self.test.assertEqual((outcome["state"], error.get("name")), ("rejected", status), outcome)
        self.test.assertEqual({key: error.get(key) for key in members}, members, outcome)
        return outcome

    def book(self, time=None, **more):
        return self.resolved("schedule", {"phonenumber": NUMBER, "desiredtime": time, **more})["id"]

    def callback(self, id):
        return self.resolved("retrieve", {"id": id})["callback"]

    def ids(self, data):
        return {callback["id"] for callback in self.resolved("query", data)["callbacks"]}


class Shared(Case):
    """Tests with one sandbox, which each of them resets."""

    CONFIGURATION = SERVICES

    @classmethod
    def setUpClass(cls):
        file = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "sandbox.toml"
        file.write_text(cls.CONFIGURATION)
        cls.sandbox = cls.enterClassContext(Sandbox("--config", file, "--now", NOW, "--speed", "0"))

    def times(self, operation, subject):
        """How often the server received an operation, and how often it carried it out."""
        query = urllib.parse.urlencode({"operation": operation, "subject": subject})
        [count] = control(self.sandbox, f"operations?{query}")
        return count["received"], count["done"]

    def inject(self, **fault):
        control(self.sandbox, "faults", {"count": 1, **fault})

    def set_clock(self, now):
        control(self.sandbox, "clock", {"now": now})
