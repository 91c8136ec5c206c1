"""The AGI script: the test plays Asterisk, over pipes."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from support import EXAMPLES, NOW, TIMEOUT, Case, add_fault, bookings, configuration, data_url, environment, request
from support import run_example, start_sandbox, unused_address

NUMBER = "+14155550123"
FIRST, SECOND, THIRD, FOURTH = [f"2030-01-07T{time}:00.000Z" for time in ["10:30", "10:45", "11:00", "11:15"]]
STOPPED = ["--now", NOW, "--speed", "0"]
COMMAND = re.compile(r'(STREAM FILE|SAY DATETIME|GET DATA|VERBOSE|SET VARIABLE)((?: "(?:[^"\\]|\\.)*")+)\n')
SILENT = {"STREAM FILE": "200 result=0 endpos=0", "SAY DATETIME": "200 result=0", "GET DATA": "200 result= (timeout)"}


class Asterisk:
    """One run of the script in a call.

    `replies` maps a command, such as "GET DATA callback/choose", or all of one name, such as "VERBOSE", to a reply, to
    a function that acts on this object and returns one, or to a list of these, one for each time.
    """

    def __init__(self, config, replies, unique="1893493800.7", caller=NUMBER):
        self.replies, self.heard, self.variables = replies, [], {}
        self.is_dead = self.is_gone = False
        script = [sys.executable, EXAMPLES / "asterisk/callback.py", config]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Asterisk starts scripts in a directory of its own, and its locale is often C.
        self.process = subprocess.Popen(script, **pipes, text=True, encoding="utf-8", env=environment(), cwd="/")
        watchdog = threading.Timer(TIMEOUT, self.process.kill)
        watchdog.start()
        try:
            self.send("agi_request: callback.py", f"agi_uniqueid: {unique}", f"agi_callerid: {caller}", "")
            self.play()
            if self.is_gone:
                self.errors = self.process.stderr.read()
            else:
                self.errors = self.process.communicate()[1]
            self.process.stderr.close()
            self.status = self.process.wait()
        finally:
            watchdog.cancel()
            self.process.kill()

    def send(self, *lines):
        for line in lines:
            self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def play(self):
        while not self.is_gone and (line := self.process.stdout.readline()):
            command = COMMAND.fullmatch(line)
            assert command, f"not a command: {line!r}"
            arguments = [re.sub(r"\\(.)", r"\1", text) for text in re.findall(r'"((?:[^"\\]|\\.)*)"', command[2])]
            self.heard.append(" ".join([command[1], arguments[0]]))
            if command[1] == "SET VARIABLE":
                self.variables[arguments[0]] = arguments[1]
            reply = self.reply(command[1], self.heard[-1])
            if not self.is_gone:
                self.send(reply)

    def reply(self, name, command):
        reply = self.replies.get(command, self.replies.get(name))
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else None
        if callable(reply):
            reply = reply(self)
        if self.is_dead and name in SILENT:
            return "511 Command Not Permitted on a dead channel or intercept routine"
        return reply or SILENT.get(name, "200 result=1")

    def hang_up(self):
        """What Asterisk does when the caller hangs up during a command."""
        self.is_dead = True
        self.process.send_signal(signal.SIGHUP)
        self.send("HANGUP")
        return None

    def disconnect(self):
        """The caller hangs up, and Asterisk closes the pipes while the script works."""
        self.process.send_signal(signal.SIGHUP)
        self.is_gone = True
        self.process.stdin.close()
        self.process.stdout.close()

    @property
    def sounds(self):
        return [command.removeprefix("STREAM FILE callback/") for command in self.heard if command.startswith("STREAM")]


def hang_up_with(digits):
    """The caller presses digits, and hangs up at once."""

    def reply(asterisk):
        asterisk.send(f"200 result={digits}")
        asterisk.disconnect()

    return reply


def chosen(digit):
    return {"GET DATA callback/choose": f"200 result={digit}"}


class AsteriskTests(Case):
    def config(self, base, **more):
        outbox = {"file": str(self.scratch / "callbacks.db"), "baseDelayMs": 50, "maxDelayMs": 100}
        path = self.scratch / "callback.json"
        path.write_text(json.dumps({**configuration(base), "retry": {"attempts": 1}, "outbox": outbox, **more}))
        return path

    def wait_for(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not happen")
            time.sleep(0.02)

    def deliver(self, config):
        """Runs the deliverer of the examples until it has reported one entry."""
        command = [sys.executable, EXAMPLES / "python/deliverer.py", config]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
            line = process.stdout.readline()
            process.terminate()
        return line

    def times(self, base):
        return [booking["_desired_time"] for booking in bookings(base, NUMBER)]

    def test_the_slot_that_the_caller_chooses_is_booked(self):
        with start_sandbox(*STOPPED) as base:
            call = Asterisk(self.config(base), chosen(2))
            self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "BOOKED"}))
            self.assertEqual(call.sounds, ["press-1-for", "press-2-for", "press-3-for", "booked"])
            # 2030-01-07T10:30:00Z and the quarters of an hour that follow.
            said = [command for command in call.heard if command.startswith("SAY")]
            self.assertEqual(said, [f"SAY DATETIME {1894012200 + 900 * index}" for index in range(3)])
            self.assertEqual(self.times(base), [SECOND])
            self.assertNotIn(NUMBER, call.errors)

    def test_a_digit_can_be_pressed_during_the_times(self):
        for command, expected in [("STREAM FILE callback/press-3-for", THIRD), ("SAY DATETIME 1894012200", FIRST)]:
            digit = {THIRD: 51, FIRST: 49}[expected]
            with self.subTest(command), start_sandbox(*STOPPED) as base:
                config = self.config(base)
                call = Asterisk(config, {command: f"200 result={digit} endpos=8000"}, unique=command[:6])
                self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"})
                self.assertEqual(self.times(base), [expected])

    def test_a_second_run_in_the_same_call_books_nothing_more(self):
        with start_sandbox(*STOPPED) as base:
            config = self.config(base)
            Asterisk(config, chosen(1))
            call = Asterisk(config, chosen(2))
            self.assertEqual((call.variables, call.sounds), ({"CALLBACK_STATUS": "BOOKED"}, ["booked"]))
            self.assertEqual(self.times(base), [FIRST])
            Asterisk(config, chosen(2), unique="1893493800.8")
            self.assertEqual(sorted(self.times(base)), [FIRST, SECOND])

    def test_a_caller_without_a_number_is_asked_for_it(self):
        with start_sandbox(*STOPPED) as base:
            number = {"GET DATA callback/your-number": ["200 result=12", "200 result=4155550123"]}
            call = Asterisk(self.config(base), {**chosen(1), **number}, caller="anonymous")
            self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"})
            self.assertEqual([entry["_desired_time"] for entry in bookings(base, "4155550123")], [FIRST])
            call = Asterisk(self.config(base), chosen(1), unique="2", caller="unknown")
            self.assertEqual(call.variables, {"CALLBACK_STATUS": "NONE"})

    def test_a_caller_who_chooses_nothing_is_not_booked(self):
        with start_sandbox(*STOPPED) as base:
            for replies in [{}, chosen(7), chosen("*")]:
                call = Asterisk(self.config(base), replies)
                self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "NONE"}))
            self.assertEqual(self.times(base), [])

    def test_a_hang_up_before_the_choice_books_nothing(self):
        commands = ["STREAM FILE callback/press-1-for", "SAY DATETIME 1894013100", "GET DATA callback/choose"]
        for command in commands:
            for reply in [Asterisk.hang_up, "200 result=-1"]:
                with self.subTest(command), start_sandbox(*STOPPED) as base:
                    call = Asterisk(self.config(base), {command: reply})
                    self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "NONE"}))
                    self.assertIn("hung up before a callback was stored", call.errors)
                    self.assertEqual(self.times(base), [])

    def test_a_booking_survives_a_hang_up_while_it_is_made(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", delayMs=500)
            call = Asterisk(self.config(base), {"GET DATA callback/choose": hang_up_with(1)})
            self.assertEqual(call.status, 0, call.errors)
            self.assertRegex(call.errors, r"stored as (\S+)\n\1 delivered: 369-\S+\n\1 remains delivered, although")
            self.assertNotIn("Traceback", call.errors)
            self.assertEqual(self.times(base), [FIRST])

    def test_a_hang_up_after_the_booking_is_reported(self):
        with start_sandbox(*STOPPED) as base:
            call = Asterisk(self.config(base), {**chosen(1), "STREAM FILE callback/booked": Asterisk.hang_up})
            self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "BOOKED"}))
            self.assertIn("although the caller has not heard it", call.errors)
            self.assertEqual(self.times(base), [FIRST])

    def test_a_killed_script_books_once_when_it_runs_again(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", carryOut=True, delayMs=60000, count=1)
            config = self.config(base)

            def kill(asterisk):
                hang_up_with(1)(asterisk)
                self.wait_for(lambda: self.times(base))
                asterisk.process.kill()

            self.assertEqual(Asterisk(config, {"GET DATA callback/choose": kill}).status, -signal.SIGKILL)
            self.assertEqual(self.times(base), [FIRST])
            call = Asterisk(config, chosen(2))
            self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"})
            self.assertEqual(self.times(base), [FIRST])

    def test_a_closed_office_offers_nothing(self):
        with start_sandbox("--now", "2030-01-05T10:30:00Z", "--speed", "0") as base:
            call = Asterisk(self.config(base, dataURL=data_url(base, "support")), chosen(1))
            self.assertEqual((call.status, call.sounds, call.variables), (0, ["no-times"], {"CALLBACK_STATUS": "NONE"}))

    def test_a_time_that_is_taken_meanwhile_is_replaced_by_another(self):
        with start_sandbox(*STOPPED) as base:

            def taken(asterisk):
                for index in range(5):
                    request("POST", data_url(base), {"_customer_number": f"+1415555010{index}", "_desired_time": FIRST})

            config = self.config(base)
            call = Asterisk(config, {**chosen(1), "STREAM FILE callback/press-3-for": [taken]})
            self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"}, call.errors)
            offered = ["press-1-for", "press-2-for", "press-3-for"]
            self.assertEqual(call.sounds[:5], [*offered, "taken", "press-1-for"])
            self.assertEqual(self.times(base), [SECOND])
            call = Asterisk(config, chosen(1))
            self.assertEqual((call.sounds, self.times(base)), (["booked"], [SECOND]))

    def test_a_refused_number_is_not_booked(self):
        with start_sandbox(*STOPPED) as base:
            body = json.dumps({"code": "7036", "phrase": "Bad Request", "message": "impossible number"})
            add_fault(base, operation="schedule", status=400, body=body)
            call = Asterisk(self.config(base), chosen(1))
            self.assertEqual((call.status, call.variables), (1, {"CALLBACK_STATUS": "FAILED"}))
            self.assertEqual(call.sounds[-1], "failed")
            self.assertIn("refused: REJECTED", call.errors)

    def test_a_server_that_is_away_gets_the_booking_once_when_it_is_back(self):
        address = unused_address()
        config = self.config(f"http://{address}")
        for _ in range(2):
            call = Asterisk(config, chosen(1))
            self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "STORED"}))
            self.assertEqual(call.sounds, ["you-will-be-called"])
        with start_sandbox(*STOPPED, listen=address) as base:
            self.assertRegex(self.deliver(config), r"delivered as 369-")
            self.assertEqual(len(self.times(base)), 1)
            call = Asterisk(config, chosen(1))
            self.assertEqual((call.variables, call.sounds), ({"CALLBACK_STATUS": "BOOKED"}, ["booked"]))
            self.assertEqual(len(self.times(base)), 1)

    def test_a_server_that_goes_away_after_the_choice_gets_that_time_later(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", status=503, count=1)
            config = self.config(base)
            call = Asterisk(config, chosen(3))
            self.assertEqual((call.variables, call.sounds[-1]), ({"CALLBACK_STATUS": "STORED"}, "you-will-be-called"))
            self.assertEqual(self.times(base), [])
            self.assertRegex(self.deliver(config), r"delivered as 369-")
            self.assertEqual(self.times(base), [THIRD])

    def test_a_server_that_lists_no_slots_can_book_later(self):
        for status, expected in [(401, "STORED"), (429, "STORED"), (500, "STORED"), (503, "STORED"), (404, "FAILED")]:
            with self.subTest(status), start_sandbox(*STOPPED) as base:
                add_fault(base, operation="availability", status=status)
                call = Asterisk(self.config(base, ajaxTimeout=1000), chosen(1), unique=str(status))
                self.assertEqual(call.variables, {"CALLBACK_STATUS": expected}, call.errors)

    def test_an_outbox_that_is_locked_after_the_choice_keeps_the_booking(self):
        with start_sandbox(*STOPPED) as base:
            config = self.config(base, ajaxTimeout=500)
            other = sqlite3.connect(self.scratch / "callbacks.db", isolation_level=None)

            def lock(asterisk):
                other.execute("BEGIN IMMEDIATE")

            call = Asterisk(config, {**chosen(2), "VERBOSE": [lock]})
            other.close()
            self.assertEqual((call.status, call.variables), (0, {"CALLBACK_STATUS": "STORED"}))
            self.assertRegex(call.errors, r"stored as (\S+)\n\1 remains: STORAGE")
            self.assertRegex(self.deliver(config), r"delivered as 369-")
            self.assertEqual(self.times(base), [SECOND])

    def test_nothing_but_commands_is_on_standard_output(self):
        done = run_example([sys.executable, "-c", "import agi; print('a module prints')"], cwd=EXAMPLES / "asterisk")
        self.assertEqual((done.stdout, done.stderr), ("", "a module prints\n"))

    def test_a_lost_response_is_looked_up_and_not_sent_again(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", reset="after", count=1)
            config = self.config(base)
            call = Asterisk(config, chosen(1))
            self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"})
            self.assertEqual(self.times(base), [FIRST])

    def test_an_outbox_that_cannot_be_written_stores_nothing(self):
        with start_sandbox(*STOPPED) as base:
            call = Asterisk(self.config(base, outbox={"file": str(self.scratch / "absent/callbacks.db")}), chosen(1))
            self.assertEqual((call.status, call.variables), (1, {"CALLBACK_STATUS": "FAILED"}))
            self.assertIn("STORAGE", call.errors)
            self.assertEqual(call.sounds, ["failed"])

    def test_wrong_configurations_are_reported(self):
        path = self.scratch / "callback.json"
        for text, expected in [("{", "JSONDecodeError"), ("{}", "KeyError"), ('{"outbox":{"file":"x"}}', "dataURL")]:
            path.write_text(text)
            call = Asterisk(path, {})
            self.assertEqual((call.status, call.variables), (1, {"CALLBACK_STATUS": "FAILED"}))
            self.assertIn(expected, call.errors)

    def test_a_command_that_asterisk_refuses_loses_no_booking(self):
        usage = "520-Invalid command syntax.  Proper usage follows:\nUsage: STREAM FILE\n520 End of proper usage."
        for reply in [usage, "510 Invalid or unknown command"]:
            with self.subTest(reply), start_sandbox(*STOPPED) as base:
                config = self.config(base)
                call = Asterisk(config, {**chosen(1), "STREAM FILE callback/booked": reply}, unique=reply[:4])
                self.assertEqual(call.variables, {"CALLBACK_STATUS": "BOOKED"})
                self.assertEqual(self.times(base), [FIRST])
                call = Asterisk(config, {"STREAM FILE callback/press-1-for": reply}, unique="other")
                self.assertEqual((call.status, call.variables), (1, {"CALLBACK_STATUS": "FAILED"}))


if __name__ == "__main__":
    unittest.main()
