"""The example and the copybook for GnuCOBOL."""

import contextlib
import http.server
import json
import re
import subprocess
import threading
import unittest

from booking import NAME, NUMBER, SECOND, STOPPED, BookingTests
from interfaces import constants, functions
from support import EXAMPLES, TIMEOUT, Case, bookings, environment, library_directory, require_packages, run_example
from support import start_sandbox

COPYBOOK = EXAMPLES / "cobol/callbackservice.cpy"
# What the copybook says of the data that the calls name.
DATA = [
    (r"RC|FIELD-SIZE|NEEDED|TIMEOUT-MS|LOG-LEVEL", "BINARY-LONG"),
    (r"COUNTER", "BINARY-LONG UNSIGNED"),
    (r"DESCRIPTOR", "BINARY-DOUBLE"),
    (r"CALL-ID|SUBSCRIPTION-ID", "BINARY-DOUBLE UNSIGNED"),
    (r"SERVICE|USER-DATA|[A-Z]+-TEXT", "USAGE POINTER"),
    (r"HANDLER|DESTRUCTOR", "USAGE PROGRAM-POINTER"),
    (r"FIELD", "PIC X(10)"),
]
HEAD = """       IDENTIFICATION DIVISION.
       PROGRAM-ID. ALLCALLS.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY callbackservice.
"""

# A handler of the log, and of events. If it runs a command itself, the event of that command enters it again.
HANDLER = """       IDENTIFICATION DIVISION.
       PROGRAM-ID. HANDLERS.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY callbackservice.
       01  RC BINARY-LONG.
       01  HANDLER USAGE PROGRAM-POINTER.
       01  SERVICE USAGE POINTER EXTERNAL.
       PROCEDURE DIVISION.
           SET HANDLER TO ENTRY "ONEVENT"
           CALL "cbsvc_set_log" USING
               BY VALUE CBSVC-LOG-INFO HANDLER
               BY REFERENCE OMITTED RETURNING RC
           CALL "cbsvc_init" USING BY REFERENCE
               Z'{"dataURL":"http://127.0.0.1:1/x"}'
               BY VALUE HANDLER BY REFERENCE OMITTED
               SERVICE OMITTED RETURNING RC
           CALL "cbsvc_availability" USING BY VALUE SERVICE
               BY REFERENCE Z"{}" OMITTED RETURNING RC
           CALL "cbsvc_close" USING BY VALUE SERVICE 0 RETURNING RC
           DISPLAY "closed with " RC
           STOP RUN.
       END PROGRAM HANDLERS.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ONEVENT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  RC BINARY-LONG.
       01  SHOWN PIC X(40).
       01  SERVICE USAGE POINTER EXTERNAL.
       LINKAGE SECTION.
       01  EVENT-NAME PIC X(40).
       01  EVENT-DATA PIC X.
       01  USER-DATA PIC X.
       PROCEDURE DIVISION USING EVENT-NAME EVENT-DATA USER-DATA.
           MOVE SPACES TO SHOWN
           STRING EVENT-NAME DELIMITED BY X"00" INTO SHOWN
           DISPLAY FUNCTION TRIM(SHOWN)
%s
           GOBACK.
       END PROGRAM ONEVENT.
"""
COMMAND = """           CALL "cbsvc_availability" USING BY VALUE SERVICE
               BY REFERENCE Z"{}" OMITTED RETURNING RC"""


def compile_program(source, directory, *options):
    words = ["cobc", "-x", "-Wall", "-Werror", *options, f"-I{COPYBOOK.parent}", source, "-o", directory / source.stem]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, env=environment(), cwd=directory)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{done.stdout}\n{done.stderr}")
    return directory / source.stem


def compile_static(source, directory):
    return compile_program(source, directory, "-fstatic-call", f"-L{library_directory}", "-lcallbackservice")


class LongIds(http.server.BaseHTTPRequestHandler):
    """A server over v1 that books under an id of 500 characters."""

    def do_GET(self):
        self.respond({SECOND: 5})

    def do_POST(self):
        self.respond({"_id": "5" * 500})

    def respond(self, body):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def long_ids():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), LongIds) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/genesys/1/service/callback/samples"
        server.shutdown()


def operands(call):
    """What a CALL passes and receives."""
    passed = call.partition(" RETURNING ")[0].partition(" USING ")[2]
    return re.sub(r"\bBY (?:VALUE|REFERENCE)\b|\bSIZE \d\b", " ", passed).split()


class Cobol(BookingTests, Case):
    @classmethod
    def setUpClass(cls):
        require_packages(["gnucobol3"])

    def setUp(self):
        super().setUp()
        self.command = [compile_static(EXAMPLES / "cobol/book.cob", self.scratch)]

    def calls(self):
        """The CALL of each function in the comments of the copybook, in one line."""
        comments = re.findall(r"^      \*> (.*)$", COPYBOOK.read_text(), re.M)
        text = " ".join(" ".join(comments).split())
        found = re.findall(r'(CALL "(\w+)"(?: USING .*?)? RETURNING (?:[\w-]+))', text)
        self.assertEqual(len(found), text.count('CALL "'))
        return {name: call for call, name in found}

    def test_the_copybook_has_everything_that_the_header_has(self):
        found = re.findall(r"^       78  ([\w-]+) +VALUE (\d+)\.$", COPYBOOK.read_text(), re.M)
        self.assertEqual({name.replace("-", "_"): int(value) for name, value in found}, constants())
        passed = {name: len(operands(call)) for name, call in self.calls().items()}
        self.assertEqual(passed, {name: len(types) for name, (_, types) in functions().items()})
        for name, (returned, types) in functions().items():
            receiver = re.search(r"RETURNING ([\w-]+)", self.calls()[name])[1]
            expected = {"void": "OMITTED", "cbsvc_status": "RC", "uint32_t": "COUNTER"}.get(returned, "NAME-TEXT")
            self.assertEqual(receiver, expected, name)
            for operand, kind in zip(operands(self.calls()[name]), types):
                by_value = kind == "uint64_t"
                self.assertEqual(bool(re.search(rf"SIZE 8 {operand}\b", self.calls()[name])), by_value, (name, operand))

    def test_every_call_of_the_copybook_compiles_and_can_be_linked(self):
        calls = self.calls().values()
        names = sorted({word for call in calls for word in re.findall(r"(?<!\")\b[A-Z][A-Z-]+\b", call)} - {
            "CALL", "USING", "BY", "VALUE", "REFERENCE", "RETURNING", "OMITTED", "SIZE"})
        lines = []
        for name in names:
            [kind] = [kind for pattern, kind in DATA if re.fullmatch(pattern, name)]
            lines.append(f"       01  {name} {kind}.")
        lines += ["       PROCEDURE DIVISION.", "           IF RC = CBSVC-OK STOP RUN END-IF"]
        for call in calls:
            lines += [f"           {word}" for word in re.findall(r'CALL "\w+"|[\w-]+', call)]
        source = self.scratch / "allcalls.cob"
        source.write_text(HEAD + "\n".join(lines) + "\n           .\n")
        run_example([compile_static(source, self.scratch)])

    def test_without_static_calls_the_runtime_finds_the_library(self):
        program = compile_program(EXAMPLES / "cobol/book.cob", self.scratch)
        preload = dict(COB_PRE_LOAD="libcallbackservice", COB_LIBRARY_PATH=str(library_directory))
        with start_sandbox(*STOPPED) as base:
            config = self.write_configuration(base)
            done = run_example([program], config, NUMBER, NAME, expected=1)
            self.assertIn("module 'cbsvc_json_set' not found", done.stderr)
            run_example([program], config, NUMBER, NAME, env=environment(**preload))
            self.assertEqual([booking["firstname"] for booking in bookings(base, NUMBER)], [NAME])

    def test_a_handler_is_a_program_that_is_not_entered_again(self):
        source = self.scratch / "handlers.cob"
        source.write_text(HANDLER % "")
        lines = run_example([compile_static(source, self.scratch)]).stdout.splitlines()
        self.assertIn("CallbackService.availabilityError", lines)
        self.assertIn("info", lines)
        self.assertEqual(lines[-1], "closed with +0000000000")
        source.write_text(HANDLER % COMMAND)
        done = run_example([compile_static(source, self.scratch)], expected=1)
        self.assertIn("recursive CALL", done.stderr)

    def test_no_argument_is_cut(self):
        with start_sandbox(*STOPPED) as base:
            config = self.write_configuration(base)
            for arguments in [(NUMBER, "x" * 200), ("1" * 300, NAME), (NUMBER, NAME, SECOND + "0" * 200)]:
                done = self.run_with(config, *arguments, expected=1)
                self.assertEqual(done.stderr, "an argument is too long\n")
            self.run_with(config, NUMBER, "x" * 199)
            self.assertEqual([booking["firstname"] for booking in bookings(base, NUMBER)], ["x" * 199])

    def test_no_configuration_is_cut(self):
        with start_sandbox(*STOPPED) as base:
            config = self.write_configuration(base)
            text = config.read_text()
            config.write_text(text.replace("{", "{\n" + "\n".join([" " * 2000] * 3) + "\n"))
            self.run_with(config, NUMBER, NAME)
            for long in [" " * 9000, f'"x":"{"x" * 3000}",\n' * 3, f'"x":"{"x" * 9000}",']:
                config.write_text(text.replace("{", "{" + long))
                done = self.run_with(config, NUMBER, NAME, SECOND, expected=1)
                self.assertRegex(done.stderr, "^(the configuration is too long|NOT_JSON)\n$")
            self.assertEqual(len(bookings(base, NUMBER)), 1)

    def test_an_id_that_does_not_fit_is_reported_as_a_booking_that_must_be_looked_up(self):
        with long_ids() as url:
            config = self.scratch / "config.json"
            config.write_text(json.dumps({"dataURL": url, "proxy": "none"}, indent=2))
            done = self.run_with(config, NUMBER, NAME, expected=2)
        self.assertIn("/id", done.stderr)
        self.assertIn("500 bytes", done.stderr)
        self.assertIn("BUFFER_TOO_SMALL", done.stderr)
        self.assertNotIn("booked", done.stdout)


if __name__ == "__main__":
    unittest.main()
