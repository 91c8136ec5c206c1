"""What the system tests share: paths, running programs, compiling against the library, and a running sandbox."""

import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A link to the directory into which the library was built last; see the Makefile.
RELEASE = ROOT / "build" / "release"
ENVIRONMENT = ROOT / "build" / "test" / "venv"
HEADER = ROOT / "include" / "callbackservice.h"
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
TIMEOUT = 120


def run(*command, **options):
    """Runs a program and returns what it printed; fails with all of it when the program fails."""
    options = {"cwd": ROOT, "timeout": TIMEOUT, **options}
    expected = options.pop("expected", 0)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != expected:
        words = " ".join(str(word) for word in command)
        raise AssertionError(f"{words}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Case(unittest.TestCase):
    """A test with a directory of its own."""

    longMessage = True

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = pathlib.Path(directory.name)

    def compile(self, source, *options, compiler="cc", static=False):
        """A program from a source file, or from the text of one, linked with the library."""
        if not isinstance(source, pathlib.Path):
            path = self.scratch / ("program.cpp" if compiler == "g++" else "program.c")
            path.write_text(source)
            source = path
        program = self.scratch / source.stem
        library = (
            [RELEASE / "libcallbackservice.a", "-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]
            if static
            else [f"-L{RELEASE}", "-lcallbackservice", f"-Wl,-rpath,{RELEASE}"]
        )
        include = [f"-I{ROOT / 'include'}"]
        run(compiler, *STRICT, *options, *include, source, "-o", program, *library, "-lpthread")
        return program


class Sandbox:
    """A running sandbox with bookings in memory."""

    def __init__(self, *arguments, listen="127.0.0.1:0"):
        self.arguments = ["--listen", listen, *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(
            [RELEASE / "callback-sandbox", *self.arguments], stdout=subprocess.PIPE, text=True
        )
        self.base = self.process.stdout.readline().strip().removeprefix("listening on ")
        self.v1 = f"{self.base}/genesys/1/service/callback/samples"
        self.v3 = f"{self.base}/engagement/v3"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(timeout=10) == 0, "the sandbox did not end cleanly"


def python_environment():
    """The environment in which Python finds the binding and the library."""
    return {
        **os.environ,
        "CALLBACKSERVICE_LIBRARY": str(RELEASE / "libcallbackservice.so"),
        "PYTHONPATH": str(ROOT / "bindings" / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
