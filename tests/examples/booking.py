"""What every example must do whose arguments are CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]: show slots, book one."""

import ctypes.util
import re
import signal
import subprocess
import time
import unittest

from support import NOW, TIMEOUT, add_fault, bookings, data_url, environment, request, run_example, start_sandbox
from support import unused_address

NUMBER = "+14155550123"
# Two, three and four bytes of UTF-8 for one character.
NAME = "Zoë Müller-Łódź 東京 😀"
FIRST = "2030-01-07T10:30:00.000Z"
SECOND = "2030-01-07T10:45:00.000Z"
STOPPED = ["--now", NOW, "--speed", "0"]
PLACES = 5


class BookingTests:
    """Tests of one example; a class that inherits from this one and from Case sets `command`."""

    command = []
    # Whether a second argument that is not UTF-8 is refused, or read in another way.
    refuses_other_encodings = True

    def environment(self, **more):
        """The environment of the example; a language may need more in it."""
        return environment(**more)

    def run_with(self, *arguments, **options):
        return run_example(self.command, *arguments, **{"env": self.environment(), **options})

    def fill(self, base, time, service="samples"):
        """Takes all places of a slot."""
        for index in range(PLACES):
            body = {"_customer_number": f"+141555501{index:02}", "_desired_time": time}
            request("POST", data_url(base, service), body)

    def times(self, base):
        return [booking["_desired_time"] for booking in bookings(base, NUMBER)]

    def interrupt(self, base, words, number, **answer):
        """Sends a signal to a program when the sandbox has booked, and answers later; returns status and output."""
        add_fault(base, operation="schedule", carryOut=True, **answer)
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment())
        with subprocess.Popen(words, **pipes) as process:
            deadline = time.monotonic() + TIMEOUT
            while not self.times(base):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            process.send_signal(number)
            shown, errors = process.communicate(timeout=TIMEOUT)
        return process.returncode, shown, errors

    def test_it_shows_slots_and_books_the_first_over_both_apis(self):
        for api in ["v1", "v3"]:
            with self.subTest(api), start_sandbox(*STOPPED) as base:
                done = self.run_with(self.write_configuration(base, api), NUMBER, NAME)
                slots = rf"open:\n  {FIRST}  5 free\n  {SECOND}  5 free\n  2030-01-07T11:00:00.000Z  5 free\n"
                self.assertRegex(done.stdout, rf"\A{slots}booked {FIRST} as \S+\n\Z")
                self.assertEqual(done.stderr, "")
                [booking] = bookings(base, NUMBER)
                self.assertIn(done.stdout.split()[-1], booking["_id"])
                self.assertEqual(booking["_desired_time"], FIRST)
                # The text itself, in a locale that knows ASCII only.
                self.assertEqual(booking.get("firstname") or booking["userData"]["firstname"], NAME)

    def test_it_books_the_time_that_is_given(self):
        with start_sandbox(*STOPPED) as base:
            done = self.run_with(self.write_configuration(base), NUMBER, NAME, SECOND)
            self.assertRegex(done.stdout, rf"booked {SECOND} as 369-\S+\n\Z")
            self.assertEqual(self.times(base), [SECOND])

    def test_a_refusal_shows_other_times(self):
        with start_sandbox(*STOPPED) as base:
            self.fill(base, FIRST)
            done = self.run_with(self.write_configuration(base), NUMBER, NAME, FIRST, expected=1)
            self.assertIn("not booked: too many requests at this time", done.stderr)
            self.assertRegex(done.stdout, rf"\nopen instead:\n  {SECOND}  5 free\n")
            self.assertEqual(self.times(base), [])

    def test_wrong_options_book_nothing(self):
        with start_sandbox(*STOPPED) as base:
            done = self.run_with(self.write_configuration(base), NUMBER, NAME, "2030-01-07T10:45:00", expected=1)
            self.assertIn("desiredtime: has no zone", done.stderr)
            self.assertEqual(self.times(base), [])

    def test_a_closed_office_has_no_slots(self):
        with start_sandbox("--now", "2030-01-05T10:30:00Z", "--speed", "0") as base:
            config = self.write_configuration(base)
            config.write_text(config.read_text().replace("/samples", "/support"))
            done = self.run_with(config, NUMBER, NAME, expected=1)
            self.assertRegex(done.stderr, "^no slot")

    def test_a_server_that_is_away_is_reported(self):
        done = self.run_with(self.write_configuration(f"http://{unused_address()}"), NUMBER, NAME, expected=1)
        self.assertIn("no connection", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_lost_response_is_not_known_and_not_sent_again(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", reset="after")
            done = self.run_with(self.write_configuration(base), NUMBER, NAME, expected=2)
            self.assertIn("the booking may have been made", done.stderr)
            self.assertEqual(self.times(base), [FIRST])
            sent = [entry for entry in request("GET", f"{base}/sandbox/requests") if entry["method"] == "POST"]
            self.assertEqual(len(sent), 1)

    def test_wrong_configurations_and_arguments_are_reported(self):
        config = self.scratch / "config.json"
        for text, expected in [("{}", "dataURL"), ("[]", ""), ("{", "")]:
            config.write_text(text)
            done = self.run_with(config, NUMBER, NAME, expected=1)
            self.assertRegex(done.stderr, rf"\A.*{expected}.*\n\Z", text)
        for arguments in [[], [config], [config, NUMBER], [config, NUMBER, NAME, FIRST, "more"]]:
            self.assertIn("usage:", self.run_with(*arguments, expected=1).stderr)
        done = self.run_with(self.scratch / "absent.json", NUMBER, NAME, expected=1)
        self.assertIn("absent.json", done.stderr)

    @unittest.skipIf(ctypes.util.find_library("callbackservice"), "the library is installed")
    def test_a_missing_library_is_reported(self):
        config = self.write_configuration("http://127.0.0.1:1")
        done = self.run_with(config, NUMBER, NAME, env=self.environment(LD_LIBRARY_PATH="/nowhere"), expected=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libcallbackservice.so.1", done.stderr)

    def test_a_name_that_is_not_utf8_is_not_sent_as_something_else(self):
        with start_sandbox(*STOPPED) as base:
            config = self.write_configuration(base)
            words = [*self.command, config, NUMBER, "J\xfcrgen".encode("latin-1")]
            done = subprocess.run(words, capture_output=True, env=self.environment(), timeout=TIMEOUT)
            names = [booking["firstname"] for booking in bookings(base, NUMBER)]
            self.assertEqual((done.returncode, names), (1, []) if self.refuses_other_encodings else (0, ["Jürgen"]))


class InterruptTests:
    """For languages in which a signal can leave a program in the middle of a booking."""

    def test_an_interrupted_booking_is_reported(self):
        with start_sandbox(*STOPPED) as base:
            words = [*self.command, self.write_configuration(base), NUMBER, NAME]
            status, _, errors = self.interrupt(base, words, signal.SIGINT, delayMs=30000)
        self.assertEqual(status, 2, errors)
        self.assertIn("the booking may have been made", errors)


def declarations(text):
    """The declarations of C in a text, without the layout."""
    text = re.sub(r"/\*.*?\*/|enum \{.*?\};", "", text, flags=re.S)
    return {re.sub(r"\s+", " ", part).strip() for part in text.split(";") if part.strip()}
