"""How the shared library is found, and the diagnostics of an installation."""

import os
import shutil
import subprocess
import sys

import pytest
from support import ENVIRONMENT, PACKAGE, RELEASE, ROOT, TESTS, run

import callbackservice
from callbackservice import _library

NO_LIBRARY = {key: value for key, value in ENVIRONMENT.items() if key != "CALLBACKSERVICE_LIBRARY"}
SHOW = "import callbackservice; print(callbackservice._library.path)"


def error_of(*words, **environment):
    done = subprocess.run(
        [sys.executable, "-c", "import callbackservice"],
        env={**NO_LIBRARY, **environment},
        cwd=TESTS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    for word in words:
        assert str(word) in done.stderr, done.stderr


@pytest.fixture
def package(tmp_path):
    """A copy of the package outside the checkout."""
    shutil.copytree(
        PACKAGE / "callbackservice", tmp_path / "callbackservice", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_error_lists_the_places_that_were_tried(package):
    error_of("/nowhere.so", "CALLBACKSERVICE_LIBRARY", CALLBACKSERVICE_LIBRARY="/nowhere.so", PYTHONPATH=str(package))
    empty = package / "empty.so"
    empty.write_bytes(b"")
    error_of(empty, CALLBACKSERVICE_LIBRARY=str(empty), PYTHONPATH=str(package))
    error_of(
        package / "callbackservice" / _library.LIBRARY, "libcallbackservice.so.1: cannot open", PYTHONPATH=str(package)
    )


def test_the_library_of_a_wheel_is_beside_the_package(package):
    inside = package / "callbackservice" / _library.LIBRARY
    shutil.copy(RELEASE / "libcallbackservice.so", inside)
    shown = run(sys.executable, "-c", SHOW, env={**NO_LIBRARY, "PYTHONPATH": str(package)})
    assert shown == f"{inside}\n"


@pytest.mark.skipif(bool(os.environ.get("INSTALLED")), reason="not of a checkout")
def test_a_checkout_has_its_own_library():
    places = run(
        sys.executable, "-c", "from callbackservice import _library; print(*_library.candidates(), sep='\\n')",
        env={**ENVIRONMENT},
    )  # fmt: skip
    assert places.splitlines() == [ENVIRONMENT["CALLBACKSERVICE_LIBRARY"]]
    os_environ = os.environ.pop("CALLBACKSERVICE_LIBRARY")
    try:
        assert str(ROOT / "build/library" / _library.LIBRARY) in _library.candidates()
    finally:
        os.environ["CALLBACKSERVICE_LIBRARY"] = os_environ


def test_another_library_is_refused(package):
    libc = next(line.split()[-1] for line in open("/proc/self/maps") if "libc.so" in line or "libc-" in line)
    error_of("is not the library of callbackservice", CALLBACKSERVICE_LIBRARY=libc, PYTHONPATH=str(package))
    (package / "callbackservice/_version.py").write_text('__version__ = "9.0.0"\n')
    own = str(RELEASE / "libcallbackservice.so")
    error_of("which does not serve callbackservice 9.0.0", own, CALLBACKSERVICE_LIBRARY=own, PYTHONPATH=str(package))


@pytest.mark.parametrize(
    "library, binding, serves",
    [
        (0x000100, "0.1.0", True), (0x000105, "0.1.0", True), (0x000100, "0.1.1", False), (0x000200, "0.1.0", False),
        (0x010000, "0.1.0", False), (0x010200, "1.1.3", True), (0x010200, "1.3.0", False), (0x020000, "1.0.0", False),
    ],
)  # fmt: skip
def test_which_versions_belong_together(library, binding, serves):
    if serves:
        _library.check_version(library, binding, "x")
    else:
        with pytest.raises(ImportError, match="does not serve"):
            _library.check_version(library, binding, "x")


def test_the_version_is_that_of_the_crate():
    assert f'version = "{callbackservice.__version__}"' in (ROOT / "Cargo.toml").read_text()
    assert callbackservice.version() == callbackservice.__version__


def test_the_module_prints_what_is_installed():
    shown = run(sys.executable, "-m", "callbackservice")
    for word in [callbackservice.__version__, "libcallbackservice.so", sys.executable, "diagnostics"]:
        assert word in shown
