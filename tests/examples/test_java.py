"""The example and the interface for Java, with JNA."""

import re
import subprocess
import tempfile
import unittest

from booking import NAME, NUMBER, STOPPED, BookingTests, InterruptTests
from interfaces import constants, translated
from support import EXAMPLES, ROOT, TIMEOUT, Case, bookings, environment, require_packages, run_example, start_sandbox

JNA = "/usr/share/java/jna.jar"
SOURCE = EXAMPLES / "java/CallbackServiceLibrary.java"
TYPES = {
    "void": "void",
    "cbsvc_status": "int",
    "cbsvc_service *": "Pointer",
    "cbsvc_service **": "PointerByReference",
    "cbsvc_handler": "Handler",
    "cbsvc_release": "Release",
    "const char *": "String",
    "char *": "byte[]",
    "char **": "PointerByReference",
    "void *": "Pointer",
    "int32_t": "int",
    "int32_t *": "IntByReference",
    "uint32_t": "int",
    "uint32_t *": "IntByReference",
    "uint64_t": "long",
    "uint64_t *": "LongByReference",
    "intptr_t *": "PointerByReference",
}
TEXTS = {("cbsvc_string_free", 0): "Pointer"}


class Java(BookingTests, InterruptTests, Case):
    @classmethod
    def setUpClass(cls):
        require_packages(["default-jdk-headless", "libjna-java"])
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.classes = directory.name
        cls.compile(SOURCE, EXAMPLES / "java/Book.java")
        cls.command = cls.java("Book")

    @classmethod
    def compile(cls, *sources):
        path = f"{JNA}:{cls.classes}"
        words = ["javac", "-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", path, "-d", cls.classes, *sources]
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, env=environment())
        if done.returncode != 0:
            raise AssertionError(f"{done.stdout}\n{done.stderr}")

    @classmethod
    def java(cls, program):
        return ["java", "-cp", f"{JNA}:{cls.classes}", program]

    def environment(self, **more):
        # Java itself reads arguments in the encoding of the locale, so that a name in UTF-8 needs one with UTF-8.
        return environment(**{"LC_ALL": "C.UTF-8", **more})

    def test_the_locale_does_not_change_the_name(self):
        with start_sandbox(*STOPPED) as base:
            config = self.write_configuration(base)
            done = run_example(self.command, config, NUMBER, NAME, expected=1)
            self.assertRegex(done.stderr, "^the name cannot be read")
            self.assertEqual(bookings(base, NUMBER), [])
            run_example(self.command, config, NUMBER, "-", input=f"{NAME}\n")
            self.assertEqual([booking["firstname"] for booking in bookings(base, NUMBER)], [NAME])

    def test_the_source_has_everything_that_the_header_has(self):
        text = SOURCE.read_text()
        found = {name: int(value) for name, value in re.findall(r"^    int (CBSVC_\w+) = (\d+);$", text, re.M)}
        self.assertEqual(found, constants())
        declared = {}
        for returned, name, parameters in re.findall(r"^    (\w+) (cbsvc_\w+)\((.*?)\);$", text, re.M | re.S):
            declared[name] = (returned, [part.split()[0] for part in parameters.split(",") if part])
        self.assertEqual(declared, translated(TYPES, TEXTS))

    def test_every_function_can_be_found(self):
        source = self.scratch / "All.java"
        source.write_text(
            "public final class All { public static void main(String[] arguments) {\n"
            "var library = com.sun.jna.NativeLibrary.getInstance(\"libcallbackservice.so.1\");\n"
            "for (var method : CallbackServiceLibrary.class.getMethods())\n"
            'if (method.getName().startsWith("cbsvc_")) library.getFunction(method.getName());\n'
            "int version = CallbackServiceLibrary.load().cbsvc_version();\n"
            "System.out.println(version == CallbackServiceLibrary.CBSVC_HEADER_VERSION);\n"
            "} }\n"
        )
        self.compile(source)
        self.assertEqual(run_example(self.java("All")).stdout, "true\n")

    def test_nothing_is_lost_while_the_garbage_collector_runs(self):
        self.compile(ROOT / "tests/examples/java/Pressure.java")
        with start_sandbox() as base:
            config = self.write_configuration(base)
            run_example(self.command, config, NUMBER, "-", input="Jürgen 永\n")
            done = run_example(self.java("Pressure"), config, 400, NUMBER)
        self.assertEqual(done.stdout, "400 listed\n")
        self.assertIn("planned", done.stderr)


if __name__ == "__main__":
    unittest.main()
