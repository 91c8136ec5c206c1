"""Runs the tests of the examples in other languages: each test_*.py beside this file has one language.

    run.py [NAME ...]

Each NAME, such as perl, selects the file test_NAME.py.
"""

import pathlib
import sys
import unittest

DIRECTORY = pathlib.Path(__file__).resolve().parent


def main(names):
    sys.path.insert(0, str(DIRECTORY))
    patterns = [f"test_{name}.py" for name in names] or ["test_*.py"]
    suites = [unittest.defaultTestLoader.discover(str(DIRECTORY), pattern, str(DIRECTORY)) for pattern in patterns]
    suite = unittest.TestSuite(suites)
    if suite.countTestCases() == 0:
        sys.exit(f"there are no tests in {' '.join(patterns)}")
    return 0 if unittest.TextTestRunner(verbosity=1).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
