#!/usr/bin/env python3
"""Runs programs with the library for Windows, 64-bit and 32-bit, under Wine and against servers on this machine.

    run.py [NAME...]

A name is that of an architecture, or of a class or method of tests; without names, everything runs.
"""

import os
import sys
import tempfile
import unittest

import wine
from wine import ROOT

sys.path[0:0] = [str(ROOT / "tests" / "system"), str(ROOT / "tests"), str(ROOT / "tools")]
import debian_tools  # noqa: E402
import run as tests  # noqa: E402

ARCHITECTURES = ["x86_64", "i686"]


def tests_of(architecture, names):
    """The tests for an architecture, each class under a name that has it."""
    import archives
    import files
    import programs
    import python_binding

    suite = unittest.TestSuite()
    for module in [files, programs, archives, python_binding]:
        for case in module.CASES:
            own = type(f"{case.__name__} ({architecture})", (case,), {"architecture": architecture, "__module__": "windows"})
            for method in unittest.defaultTestLoader.getTestCaseNames(case):
                if not names or set(names) & {case.__name__, method}:
                    suite.addTest(own(method))
    return suite


def main():
    if os.geteuid() != 0:
        sys.exit("make test-windows needs the rights of root: it makes a Debian system for the 32-bit Wine")
    debian_tools.ensure("make test-windows", wine.TOOLS)
    wine.roots.own_mounts()
    # With pytest, for the tests of the Python binding.
    tests.make_environment()
    architectures = [name for name in sys.argv[1:] if name in ARCHITECTURES]
    names = [name for name in sys.argv[1:] if name not in ARCHITECTURES]
    scratch = wine.BUILD / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    # Programs of the 32-bit Wine see this tree only.
    tempfile.tempdir = str(scratch)
    suite = unittest.TestSuite(tests_of(name, names) for name in architectures or ARCHITECTURES)
    try:
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        wine.close_all()
    # A part of a test that is left out, or fails, is no test of its own.
    failed = {getattr(test, "test_case", test).id() for test, _ in [*result.failures, *result.errors]}
    skipped = {test.id() for test, _ in result.skipped if not hasattr(test, "test_case")}
    print(f"{result.testsRun - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    for reason in sorted({reason for _, reason in result.skipped}):
        print(f"skipped: {reason}")
    sys.exit(not result.wasSuccessful() or result.testsRun == 0)


if __name__ == "__main__":
    main()
