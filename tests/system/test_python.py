"""The Python binding: its own tests, and its types."""

import unittest

from support import ENVIRONMENT, ROOT, run

PACKAGE = ROOT / "bindings/python"
PYTHON = ENVIRONMENT / "bin" / "python"


class PythonBinding(unittest.TestCase):
    def test_its_own_tests_pass(self):
        run(PYTHON, "-m", "pytest", "--numprocesses=2", PACKAGE / "tests", cwd=PACKAGE / "tests", timeout=600)

    def test_its_types_are_consistent(self):
        run(PYTHON, "-m", "mypy", "--cache-dir", ROOT / "build/test/mypy", cwd=PACKAGE)
