"""The Python binding in a Python for Windows, which there is for 64 bits only."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import unittest
import zipfile

import dist_windows
import test_scenarios
import wine
from support import ENVIRONMENT, RELEASE, ROOT, Sandbox, run
from support_windows import WindowsCase

REQUIREMENTS = ROOT / "tests/windows/requirements.txt"
PYTHON = wine.BUILD / "python"
TESTS = ROOT / "bindings/python/tests"
# Tests of these files that fork.
FORKS = ["test_exceptions_can_be_pickled_and_copied", "test_handlers_run_on_the_calling_thread_and_may_fork",
         "test_a_call_belongs_to_its_process"]
FILES = ["test_aio.py", "test_dropped.py", "test_exit.py", "test_log.py", "test_outcomes.py", "test_started.py"]
WHEELS = {"x86_64": "win_amd64", "i686": "win32"}


def install_python():
    """Unpacks Python once, where it finds packages through PYTHONPATH."""
    if (PYTHON / "requirements.txt").exists() and (PYTHON / "requirements.txt").read_text() == REQUIREMENTS.read_text():
        return
    shutil.rmtree(PYTHON, ignore_errors=True)
    PYTHON.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    run(*command, "--dest", PYTHON, "--requirement", REQUIREMENTS, timeout=300)
    [archive] = PYTHON.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        [data] = [member for member in packed.getmembers() if member.name.endswith("/data.zip")]
        with packed.extractfile(data) as inner, zipfile.ZipFile(inner) as files:
            files.extractall(PYTHON)
    # Python does not look at PYTHONPATH beside such a file.
    for path in PYTHON.glob("*/python*._pth"):
        path.unlink()
    archive.unlink()
    shutil.copy(REQUIREMENTS, PYTHON)


class Python(WindowsCase):
    prepare = test_scenarios.Scenarios.prepare
    compare = test_scenarios.Scenarios.compare
    compare_step = test_scenarios.Scenarios.compare_step

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.architecture != "x86_64":
            raise unittest.SkipTest("the Python binding in 32 bits: neither PyPI nor Debian has such a Python for Windows")
        install_python()
        [cls.python] = PYTHON.glob("*/python.exe")

    def setUp(self):
        super().setUp()
        [wheel] = dist_windows.DIST.glob(f"callbackservice-*-{WHEELS[self.architecture]}.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(self.scratch / "site")
        self.command = self.wine.command(self.python)
        # Without writing beside the sources, and in UTF-8 as on Linux.
        variables = {"PYTHONPATH": wine.path(self.scratch / "site"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
        self.variables = self.wine.environment(**variables)

    def script(self, *words, **options):
        return run(*self.command, *words, env=self.variables, stdin=subprocess.DEVNULL, **options)

    def test_the_package_finds_its_library(self):
        # The module callbackservice.__main__ asks for the version of Windows, which Python gets from WMI, which Wine lacks.
        shown = self.script("-c", "import callbackservice as c; print(c._library.path, c.version())", cwd=self.scratch)
        self.assertRegex(shown, r"site\\callbackservice\\callbackservice\.dll \d+\.\d+\.\d+\n$")

    def test_a_missing_library_is_named(self):
        (self.scratch / "site/callbackservice/callbackservice.dll").unlink()
        done = subprocess.run(
            [*self.command, "-c", "import callbackservice"], env=self.variables, cwd=self.scratch, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1)
        self.assertIn("the shared library callbackservice.dll cannot be loaded", done.stderr)

    def test_quickstart(self):
        with Sandbox() as sandbox:
            for api in ["v1", "v3"]:
                shown = self.script(ROOT / "examples/python/quickstart.py", api, sandbox.base)
                self.assertIn(f"5 booked over {api}", shown)

    def test_asyncio_loop(self):
        with Sandbox() as sandbox:
            shown = self.script(ROOT / "examples/python/asyncio_loop.py", sandbox.v1, 50)
        self.assertEqual(shown, "one cancelled\n50 booked, 0 refused\n")

    def test_scenarios(self):
        test_scenarios.Scenarios.setUpClass.__func__(type(self))
        runner = [*self.command, test_scenarios.RUNNERS / "runner.py"]
        test_scenarios.Scenarios.check(self, runner, ["started"], env=self.variables)

    def test_its_own_tests(self):
        """Those that run scripts in a process of their own, which is one of Windows here."""
        environment = {
            **os.environ,
            "SCRIPT_PYTHON": json.dumps(self.command),
            "SCRIPT_ENVIRONMENT": json.dumps(self.variables),
            "CALLBACKSERVICE_LIBRARY": str(RELEASE / "libcallbackservice.so"),
        }
        shown = run(
            ENVIRONMENT / "bin/python", "-m", "pytest", "-n", "2", "-k", " and ".join(f"not {name}" for name in FORKS),
            *(TESTS / name for name in FILES), env=environment, timeout=1500,
        )  # fmt: skip
        self.assertGreater(int(re.search(r"^(\d+) passed in", shown, re.M)[1]), 45)


CASES = [Python]
