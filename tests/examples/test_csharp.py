"""The example and the class for C#, with mono."""

import contextlib
import os
import pty
import re
import subprocess
import time
import unittest

from booking import NAME, NUMBER, STOPPED, BookingTests
from interfaces import constants, translated
from support import EXAMPLES, ROOT, TIMEOUT, Case, add_fault, bookings, environment, require_packages, run_example
from support import start_sandbox

SOURCE = EXAMPLES / "csharp/CallbackService.cs"
TYPES = {
    "void": "void",
    "cbsvc_status": "Status",
    "cbsvc_service *": "IntPtr",
    "cbsvc_service **": "out IntPtr",
    "cbsvc_handler": "Handler",
    "cbsvc_release": "Release",
    "const char *": "byte[]",
    "char *": "[Out] byte[]",
    "char **": "out IntPtr",
    "void *": "IntPtr",
    "int32_t": "int",
    "int32_t *": "out int",
    "uint32_t": "uint",
    "uint32_t *": "out uint",
    "uint64_t": "ulong",
    "uint64_t *": "out ulong",
    "intptr_t *": "out IntPtr",
}
# .NET must not free these texts, and must free this one by its address.
TEXTS = {
    ("cbsvc_status_name", -1): "IntPtr",
    ("cbsvc_version_text", -1): "IntPtr",
    ("cbsvc_string_free", 0): "IntPtr",
}


def compile_program(program, *sources):
    words = ["mcs", "-warn:4", "-warnaserror", f"-out:{program}", SOURCE, *sources]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, env=environment())
    if done.returncode != 0:
        raise AssertionError(f"{done.stdout}\n{done.stderr}")
    return ["mono", program]


class CSharp(BookingTests, Case):
    @classmethod
    def setUpClass(cls):
        require_packages(["mono-mcs", "mono-runtime"])

    def setUp(self):
        super().setUp()
        self.command = compile_program(self.scratch / "Book.exe", EXAMPLES / "csharp/Book.cs")

    def test_a_name_that_is_not_utf8_is_not_sent_as_something_else(self):
        with start_sandbox(*STOPPED) as base:
            words = [*self.command, self.write_configuration(base), NUMBER, "J\xfcrgen".encode("latin-1")]
            done = subprocess.run(words, capture_output=True, env=self.environment(), timeout=TIMEOUT)
            # mono itself refuses to start the program.
            self.assertEqual(done.returncode, 255)
            self.assertEqual(bookings(base, NUMBER), [])

    def test_an_interrupted_booking_is_reported(self):
        with start_sandbox(*STOPPED) as base:
            add_fault(base, operation="schedule", carryOut=True, delayMs=30000)
            words = [str(word) for word in [*self.command, self.write_configuration(base), NUMBER, NAME]]
            # The keys of a terminal: mono raises CancelKeyPress for no other signal.
            process, terminal = pty.fork()
            if process == 0:
                os.execvpe(words[0], words, self.environment(TERM="xterm"))
            deadline = time.monotonic() + TIMEOUT
            while not bookings(base, NUMBER):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            os.write(terminal, b"\x03")
            shown = b""
            with contextlib.suppress(OSError):  # the other end is closed
                while part := os.read(terminal, 1000):
                    shown += part
            os.close(terminal)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), 2, shown)
            self.assertIn(b"the booking may have been made", shown)

    def test_the_source_has_everything_that_the_header_has(self):
        text = SOURCE.read_text()
        spelled = {name: "".join(word.capitalize() for word in name.split("_")[1:]) for name in constants()}
        found = {name: int(value, 0) for name, value in re.findall(r"\b(\w+) = (0x[0-9a-f]+|\d+)[,;\n]", text)}
        for name, value in constants().items():
            self.assertEqual(found[spelled[name].removeprefix("Log")], value, name)
        declared = {}
        imported = r"\[DllImport\(Library, CallingConvention = CallingConvention.Cdecl\)\]\s+internal static extern "
        for returned, name, parameters in re.findall(imported + r"(\w+) (\w+)\((.*?)\);", text, re.S):
            kinds = [re.sub(r" @?\w+$", "", " ".join(part.split())) for part in parameters.split(",") if part]
            declared[name] = (returned, kinds)
        self.assertEqual(declared, translated(TYPES, TEXTS))

    def test_every_function_can_be_called_by_the_runtime(self):
        source = self.scratch / "All.cs"
        source.write_text(
            "using System; using System.Reflection; using System.Runtime.InteropServices; using CallbackService;\n"
            "internal static class All { private static void Main() {\n"
            "const BindingFlags All = BindingFlags.Static | BindingFlags.NonPublic;\n"
            "foreach (MethodInfo method in typeof(NativeMethods).GetMethods(All))\n"
            "{ Marshal.Prelink(method); Console.WriteLine(method.Name); }\n"
            "Console.WriteLine(NativeMethods.cbsvc_version() == NativeMethods.HeaderVersion);\n"
            'Console.WriteLine(Json.Get(Service.Diagnostics(), "/version") == Service.Version); } }\n'
        )
        done = run_example(compile_program(self.scratch / "All.exe", source))
        self.assertEqual(done.stdout.split(), [*translated(TYPES, TEXTS), "True", "True"])

    def test_texts_are_neither_cut_nor_changed(self):
        source = self.scratch / "Texts.cs"
        source.write_text(
            "using System; using CallbackService;\n"
            "internal static class Texts { private static int Main() {\n"
            'foreach (string text in new[] { "a\\0b", "\\ud83d" })\n'
            'try { Json.Set(null, "/a", text); return 1; } catch (ArgumentException) { }\n'
            'string name = "J\\u00fcrgen \\U0001f600";\n'
            'return Json.Get(Json.Set(null, "/a", name), "/a") == name ? 0 : 2; } }\n'
        )
        run_example(compile_program(self.scratch / "Texts.exe", source))

    def test_nothing_is_lost_while_the_garbage_collector_runs(self):
        command = compile_program(self.scratch / "Pressure.exe", ROOT / "tests/examples/csharp/Pressure.cs")
        with start_sandbox() as base:
            done = run_example(command, self.write_configuration(base), 2000)
        counts = re.match(r"(\d+) listed, (\d+) cancelled\n(\d+) complete", done.stdout).groups()
        listed, cancelled, complete = map(int, counts)
        self.assertEqual((listed + cancelled, complete), (2000, 100), done.stdout)
        self.assertIn("the log was called", done.stdout)
        self.assertEqual(done.stderr, "the handler of the log failed: planned\n")


if __name__ == "__main__":
    unittest.main()
