#!/usr/bin/env python3
"""Runs the C and C++ test programs with the library for i686, where pointers have 32 bits.

The programs run without an emulator. The sandbox is the one that `make dist` has built for x86_64.
"""

import contextlib
import json
import os
import platform
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0:0] = [str(ROOT / "tests/system"), str(ROOT / "tools")]
import debian_tools  # noqa: E402
import support  # noqa: E402

# The tests link with this library, and find the sandbox beside it. What is loaded into Python is that of Python's own
# architecture.
PREFIX, NATIVE = ROOT / "build/targets/i686/usr", ROOT / "build/dist/x86_64"
support.RELEASE = PREFIX / "lib"
os.environ["CALLBACKSERVICE_LIBRARY"] = str(NATIVE / "library/libcallbackservice.so.1")
import test_hosts  # noqa: E402
import test_json  # noqa: E402
import test_library  # noqa: E402
import test_outbox  # noqa: E402
import test_programs  # noqa: E402
import test_scenarios  # noqa: E402

SYSTEM = Path("/usr/i686-linux-gnu/lib")
TOOLS = {
    "/usr/bin/cargo": "cargo-web",
    "/usr/bin/rustc": "rustc-web",
    "/usr/lib/rustlib/src/rust/library/Cargo.lock": "rust-web-src",
    "i686-linux-gnu-gcc": "gcc-i686-linux-gnu",
    "i686-linux-gnu-g++": "g++-i686-linux-gnu",
    "cmake": "cmake",
    "pkg-config": "pkg-config",
}
C99 = ["-std=c99", "-D_GNU_SOURCE"]
# So much is in a file before anything is submitted, in pages of this size.
PAGE, SIZE = 4096, (2 << 30) + (1 << 20)
YEAR_2040 = 2_208_988_800


class Programs(support.Case):
    """Compiles for i686. The programs find the C library of their architecture where the compiler has it."""

    def compile(self, source, *options, compiler="cc", static=False):
        compilers = {"cc": "i686-linux-gnu-gcc", "g++": "i686-linux-gnu-g++"}
        place = [f"-Wl,--dynamic-linker={SYSTEM / 'ld-linux.so.2'}", f"-Wl,-rpath,{SYSTEM}"]
        return super().compile(source, *place, *options, compiler=compilers[compiler], static=static)


class Interface(Programs, test_programs.Interface):
    pass


class Handles(Programs, test_programs.Handles):
    pass


class HostProcess(Programs, test_programs.HostProcess):
    pass


class Json(Programs, test_json.Functions):
    pass


class Situations(Programs, test_hosts.Situations):
    pass


class Hosts(Programs, test_hosts.Hosts):
    # Python loads the library for its own architecture only.
    test_python_multiprocessing_forks = test_bookings_are_consistent_when_the_server_is_killed = None
    test_ten_thousand_calls_use_few_resources_and_release_them = test_memory_stays_flat = None


class Examples(Programs, test_hosts.Examples):
    test_asyncio_loop_books_and_cancels = None


class Scenarios(Programs, test_scenarios.Scenarios):
    test_in_python = test_the_list_is_well_formed = test_every_event_is_published = None
    test_every_command_resolves_over_every_api_that_has_it = None


class Outbox(Programs, test_outbox.Examples):
    test_python_programs = None

    def test_a_file_beyond_2_gib_from_a_later_year(self):
        submit, deliver = (self.compile(ROOT / f"examples/c/{name}.c", *C99) for name in ["submit", "deliverer"])
        numbers = [f"+1415{number}" for number in range(5_550_000, 5_550_060)]
        with support.Sandbox() as sandbox:
            config = self.scratch / "config.json"
            outbox = {"file": str(self.file), "maxEntries": 1000}
            config.write_text(json.dumps({"dataURL": sandbox.v1, "proxy": "none", "outbox": outbox}))
            support.run(submit, config, numbers[0], "first")
            self.enlarge()
            os.utime(self.file, (YEAR_2040, YEAR_2040))
            for number in numbers[1:]:
                support.run(submit, config, number, number)
            with subprocess.Popen([deliver, config], stdout=subprocess.PIPE, text=True) as running:
                self.addCleanup(running.kill)
                lines = [running.stdout.readline() for _ in numbers]
                running.send_signal(signal.SIGTERM)
                self.assertEqual(running.wait(timeout=support.TIMEOUT), 0)
        self.assertTrue(all(" delivered as 369-" in line for line in lines), lines)
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            found = connection.execute("SELECT delivery, count(*) FROM entry GROUP BY delivery").fetchall()
        self.assertEqual(found, [("delivered", len(numbers))])
        with self.file.open("rb") as file:
            file.seek(SIZE)
            self.assertTrue(any(file.read()), "entries are stored beyond 2 GiB")

    def enlarge(self):
        """Gives the file pages that are not used, without writing them."""
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.assertEqual(connection.execute("PRAGMA page_size").fetchone(), (PAGE,))
        with self.file.open("r+b") as file:
            file.seek(28)
            file.write(struct.pack(">I", SIZE // PAGE))
            file.truncate(SIZE)

    def test_a_clock_after_2038(self):
        submit = self.compile(ROOT / "examples/c/submit.c", *C99)
        clock = self.scratch / "clock.so"
        options = ["-shared", "-fPIC", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"]
        support.run("i686-linux-gnu-gcc", *options, ROOT / "tests/c/later_clock.c", "-o", clock)
        config = self.scratch / "config.json"
        config.write_text(json.dumps({"dataURL": test_outbox.AWAY, "outbox": {"file": str(self.file)}}))
        support.run(submit, config, test_outbox.NUMBER, "k", env={**os.environ, "LD_PRELOAD": str(clock)})
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            [(submitted,)] = connection.execute("SELECT submitted_at FROM entry").fetchall()
        self.assertGreater(submitted, (1 << 31) * 1000)


class Installed(Programs):
    def test_cmake_takes_it_for_programs_of_its_pointer_size_only(self):
        (self.scratch / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(program LANGUAGES C)\n"
            "find_package(callbackservice 0.1 CONFIG REQUIRED)\nadd_executable(program program.c)\n"
            "target_link_libraries(program callbackservice::callbackservice)\n"
        )
        (self.scratch / "program.c").write_text(test_library.PROGRAM)
        for compiler, expected in [("i686-linux-gnu-gcc", 0), ("gcc", 1)]:
            with self.subTest(compiler):
                build = self.scratch / compiler
                options = [f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DCMAKE_C_COMPILER={compiler}"]
                support.run("cmake", "-S", self.scratch, "-B", build, *options, expected=expected)
        build = self.scratch / "i686-linux-gnu-gcc"
        support.run("cmake", "--build", build)
        support.run(SYSTEM / "ld-linux.so.2", "--library-path", f"{PREFIX / 'lib'}:{SYSTEM}", build / "program")

    def test_pkg_config_links_a_static_program(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(PREFIX / "lib/pkgconfig")}
        words = "pkg-config --static --cflags --libs callbackservice".split()
        flags = support.run(*words, env=environment).split()
        program = self.scratch / "interface"
        support.run("i686-linux-gnu-gcc", "-static", *C99, ROOT / "tests/c/interface.c", *flags, "-o", program)
        self.assertNotIn("NEEDED", support.run("readelf", "-d", program))
        with support.Sandbox() as sandbox:
            self.assertRegex(support.run(program, sandbox.base), r"\d+ checks passed\n$")

    def test_only_the_functions_of_the_header_are_visible(self):
        expected = set(re.findall(r"^\S.*?\b(cbsvc_\w+)\(", support.HEADER.read_text(), re.M))
        for options in [["-D", PREFIX / "lib/libcallbackservice.so.1"], ["-g", PREFIX / "lib/libcallbackservice.a"]]:
            shown = support.run("nm", "--defined-only", *options)
            self.assertEqual(set(re.findall(r" [A-Z] (\w+)$", shown, re.M)), expected)


def main():
    if platform.machine() != "x86_64":
        print(f"{platform.machine()} does not run programs for i686")
        return
    debian_tools.ensure("make test-targets", TOOLS)
    subprocess.run(["sh", "tools/build-i686.sh"], cwd=ROOT, check=True)
    (support.RELEASE / "callback-sandbox").symlink_to(NATIVE / "callback-sandbox")
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
