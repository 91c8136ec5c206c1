"""The scenarios of tests/scenarios.json in every language: tests/scenarios/README.md describes them.

The runners print what they have seen, and it is compared here.
"""

import json
import re
import socket
import sys
import urllib.request

from support import ROOT, Case, Sandbox, python_environment, run

FILE = ROOT / "tests" / "scenarios.json"
RUNNERS = ROOT / "tests" / "scenarios"
SCENARIOS = json.loads(FILE.read_text("utf-8"))
STEPS = [(scenario, step) for scenario in SCENARIOS["scenarios"] for step in scenario["steps"]]
SCENARIO_MEMBERS = {"name", "api", "config", "sandbox", "server", "steps"}
STEP_MEMBERS = {"command", "data", "from", "status", "events", "starts", "expect", "same", "present", "absent"}
PREFIX = "CallbackService."
MISSING = object()
# For the runners in C and C++: what they leak or overrun is an error.
CHECKED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def value_at(document, pointer):
    """The value at a JSON Pointer, or MISSING."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key) if isinstance(document, list) else key]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return document


def exact(value):
    """A text that differs where JSON does: 1 and true are equal in Python."""
    return "missing" if value is MISSING else json.dumps(value, sort_keys=True)


def section(title):
    """A section of the document that lists commands and events."""
    return (ROOT / "docs" / "behaviour.md").read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


class Scenarios(Case):
    @classmethod
    def setUpClass(cls):
        configuration = ("--config", RUNNERS / "sandbox.toml", "--now", SCENARIOS["now"], "--speed", "0")
        cls.sandbox = cls.enterClassContext(Sandbox(*configuration))
        # Bound and not listening: no other program gets the port, and connections are refused.
        closed = cls.enterClassContext(socket.socket())
        closed.bind(("127.0.0.1", 0))
        cls.refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"

    def test_in_c(self):
        self.check([self.compile(RUNNERS / "runner.c", "-std=c99", *CHECKED)], ["blocking", "started", "poll"])

    def test_in_cpp(self):
        program = self.compile(RUNNERS / "runner.cpp", "-std=c++17", *CHECKED, compiler="g++")
        self.check([program], ["blocking", "started", "poll"])

    def test_in_python(self):
        self.check([sys.executable, RUNNERS / "runner.py"], ["blocking", "started"], env=python_environment())

    def test_the_list_is_well_formed(self):
        names = [scenario["name"] for scenario in SCENARIOS["scenarios"]]
        self.assertEqual(len(names), len(set(names)))
        # A misspelt expectation would expect nothing.
        for scenario, step in STEPS:
            self.assertEqual((set(scenario) - SCENARIO_MEMBERS, set(step) - STEP_MEMBERS), (set(), set()), scenario["name"])

    def test_every_command_resolves_over_every_api_that_has_it(self):
        table = re.findall(r"^\| `(CallbackService\.\w+)` \|.*\|(.*)\|$", section("Commands"), re.M)
        others = {"v1": "v3 only", "v3": "v1 only"}
        documented = {(command, api) for command, purpose in table for api in others if others[api] not in purpose}
        self.assertGreater(len(documented), 15)
        resolved = {(step["command"], scenario["api"]) for scenario, step in STEPS if step["status"] == "OK"}
        self.assertEqual(documented - resolved, set())

    def test_every_event_is_published(self):
        documented = set(re.findall(r"`CallbackService\.(\w+)`", section("Events"))) - {"ready", "configure"}
        self.assertGreater(len(documented), 15)
        self.assertEqual(documented, {name for _, step in STEPS for name in step["events"]})

    def check(self, program, forms, **options):
        """Runs every scenario in every form."""
        for index, scenario in enumerate(SCENARIOS["scenarios"]):
            for form in forms:
                with self.subTest(scenario["name"], form=form):
                    directory = self.scratch / f"{index}-{form}"
                    directory.mkdir()
                    base = self.prepare(scenario)
                    printed = run(*program, FILE, index, base, form, cwd=directory, encoding="utf-8", **options)
                    self.compare(scenario, form, [json.loads(line) for line in printed.strip().split("\n")])

    def prepare(self, scenario):
        """Puts the sandbox into the state of the scenario; the base of the server's addresses."""
        if scenario.get("server") == "none":
            return self.refusing
        for request in [{"path": "/sandbox/reset", "data": {}}, *scenario.get("sandbox", [])]:
            body = json.dumps(request["data"]).encode()
            url = self.sandbox.base + request["path"]
            urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})).close()
        return self.sandbox.base

    def compare(self, scenario, form, lines):
        opened, *lines = lines
        self.assertEqual(opened, {"events": [[PREFIX + "ready", {}]], "outcome": None, "status": "OK"})
        self.assertEqual(len(lines), len(scenario["steps"]))
        outcomes = [line["outcome"] for line in lines]
        for number, (step, line) in enumerate(zip(scenario["steps"], lines)):
            with self.subTest(step=number, command=step["command"]):
                self.compare_step(step, form, line, outcomes)

    def compare_step(self, step, form, line, outcomes):
        outcome = line["outcome"]
        self.assertEqual(line["status"], step["status"], outcome)
        if form != "blocking" and step.get("starts") is False:
            self.assertEqual((outcome, line["events"]), (None, []))
            return
        names = [PREFIX + name for name in step["events"]]
        if form != "blocking":
            # A call that was started has a completion, under the name of the event or else of the command. Then the
            # subscribers of the event are notified; without handlers, the completion is the event.
            completion = names[-1] if names else step["command"]
            names = [*names[:-1], completion, *(names[-1:] if form == "started" else [])]
        self.assertEqual([name for name, _ in line["events"]], names)
        if line["events"]:
            self.assertEqual(line["events"][-1][1], outcome)
        is_resolved = step["status"] == "OK"
        self.assertEqual((outcome["command"], outcome["state"]), (step["command"], "resolved" if is_resolved else "rejected"))
        self.assertEqual(value_at(outcome, "/error/name"), MISSING if is_resolved else step["status"])

        expected = dict(step.get("expect", {}))
        for same in step.get("same", []):
            expected[same["to"]] = value_at(outcomes[same["step"]], same["pointer"])
        for pointer, value in expected.items():
            self.assertEqual(exact(value_at(outcome, pointer)), exact(value), f"{pointer} of {outcome}")
        for pointer in [*step.get("present", []), *(same["to"] for same in step.get("same", []))]:
            self.assertIsNot(value_at(outcome, pointer), MISSING, f"{pointer} is missing in {outcome}")
        for pointer in step.get("absent", []):
            self.assertIs(value_at(outcome, pointer), MISSING, f"{pointer} is there in {outcome}")

