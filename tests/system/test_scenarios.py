"""The scenarios of tests/scenarios.json in every language: tests/scenarios/README.md describes them.

The runners print what they have seen, and it is compared here.
"""

import json
import socket
import sys
import unittest

from operations import control
from support import ROOT, Case, Sandbox, python_environment, run

FILE = ROOT / "tests" / "scenarios.json"
RUNNERS = ROOT / "tests" / "scenarios"
SCENARIOS = json.loads(FILE.read_text())
PREFIX = "CallbackService."
MISSING = object()


def value_at(document, pointer):
    """The value at a JSON Pointer, or MISSING."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key) if isinstance(document, list) else key]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return document


class Scenarios(Case):
    @classmethod
    def setUpClass(cls):
        configuration = ("--config", RUNNERS / "sandbox.toml", "--now", SCENARIOS["now"], "--speed", "0")
        cls.sandbox = cls.enterClassContext(Sandbox(*configuration))

    def test_in_c(self):
        self.check([self.compile(RUNNERS / "runner.c", "-std=c99")], ["blocking", "started", "poll"])

    def test_in_cpp(self):
        program = self.compile(RUNNERS / "runner.cpp", "-std=c++17", compiler="g++")
        self.check([program], ["blocking", "started", "poll"])

    def test_in_python(self):
        self.check([sys.executable, RUNNERS / "runner.py"], ["blocking", "started"], env=python_environment())

    def test_every_name_is_there_once(self):
        names = [scenario["name"] for scenario in SCENARIOS["scenarios"]]
        self.assertEqual(len(names), len(set(names)))

    def check(self, program, forms, **options):
        """Runs every scenario in every form."""
        for index, scenario in enumerate(SCENARIOS["scenarios"]):
            for form in forms:
                with self.subTest(scenario["name"], form=form):
                    directory = self.scratch / f"{index}-{form}"
                    directory.mkdir()
                    base = self.prepare(scenario)
                    printed = run(*program, FILE, index, base, form, cwd=directory, **options)
                    self.compare(scenario, form, [json.loads(line) for line in printed.splitlines()])

    def prepare(self, scenario):
        """Puts the sandbox into the state of the scenario; the base of the server's addresses."""
        if scenario.get("server") == "none":
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                return f"http://127.0.0.1:{closed.getsockname()[1]}"
        control(self.sandbox, "reset", {})
        for fault in scenario.get("faults", []):
            control(self.sandbox, "faults", {"count": 1, **fault})
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
        self.assertEqual({pointer: value_at(outcome, pointer) for pointer in expected}, expected, outcome)
        for pointer in step.get("present", []):
            self.assertIsNot(value_at(outcome, pointer), MISSING, f"{pointer} is missing in {outcome}")
        for pointer in step.get("absent", []):
            self.assertIs(value_at(outcome, pointer), MISSING, f"{pointer} is there in {outcome}")


if __name__ == "__main__":
    unittest.main()
