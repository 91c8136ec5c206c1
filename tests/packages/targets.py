#!/usr/bin/env python3
"""Runs the C test programs and the sandbox of every other architecture that `make dist` has built, under qemu."""

import pathlib
import platform
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "build" / "dist"
sys.path.insert(0, str(ROOT / "tools"))
import debian_tools  # noqa: E402

OTHERS = sorted(path.parent.name for path in DIST.glob("*/library") if path.parent.name != platform.machine())
TIMEOUT = 300


class Target(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = pathlib.Path(directory.name)

    def unpack(self, architecture):
        self.architecture = architecture
        [archive] = DIST.glob(f"libcallbackservice-*-{architecture}-linux-gnu.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(self.scratch)
        [self.files] = self.scratch.glob(f"libcallbackservice-*-{architecture}-*")
        sysroot = f"/usr/{architecture}-linux-gnu"
        library_path = f"LD_LIBRARY_PATH={self.files / 'lib'}:{sysroot}/lib"
        self.emulator = [f"qemu-{architecture}", "-L", sysroot, "-E", library_path]

    def compile(self, source, *options, compiler="gcc"):
        program = self.scratch / pathlib.Path(source).stem
        command = [f"{self.architecture}-linux-gnu-{compiler}", ROOT / source, f"-I{self.files / 'include'}"]
        command += [f"-I{ROOT / 'tests/c'}", *options, "-o", program]
        subprocess.run(command, check=True)
        return program

    def run_program(self, *command):
        command = [*self.emulator, *command]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)

    def sandbox(self):
        command = [*self.emulator, DIST / self.architecture / "callback-sandbox", "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.terminate)
        return process.stdout.readline().strip().removeprefix("listening on ")

    def test_programs_book_and_list(self):
        for architecture in OTHERS:
            self.unpack(architecture)
            base = self.sandbox()
            shared = [f"-L{self.files / 'lib'}", "-lcallbackservice", "-pthread"]
            static = [self.files / "lib/libcallbackservice.a", "-pthread", "-lutil", "-lrt", "-lm", "-ldl"]
            for name, options in {"shared": shared, "static": static, "fully static": ["-static", *static]}.items():
                with self.subTest(architecture=architecture, library=name):
                    program = self.compile("tests/c/interface.c", "-std=c99", "-D_GNU_SOURCE", *options)
                    done = self.run_program(program, base)
                    self.assertRegex(done.stdout, r"\d+ checks passed\n$", done.stderr)
            with self.subTest(architecture=architecture, program="exception"):
                program = self.compile("tests/c/exception.cpp", "-std=c++17", *shared, compiler="g++")
                done = self.run_program(program, f"{base}/genesys/1/service/callback/samples")
                self.assertEqual(done.returncode, -signal.SIGABRT, done.stderr)
                self.assertIn("exception", done.stderr)


def main():
    if not OTHERS:
        sys.exit("make dist has built no other architecture")
    tools = {}
    for name in OTHERS:
        tools[f"qemu-{name}"] = "qemu-user"
        tools |= {f"{name}-linux-gnu-{compiler}": f"{compiler}-{name.replace('_', '-')}-linux-gnu" for compiler in ["gcc", "g++"]}
    debian_tools.ensure("make test-targets", tools)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
