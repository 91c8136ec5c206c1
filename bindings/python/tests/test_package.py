"""What a wheel and a source distribution contain."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from support import ENVIRONMENT, PACKAGE, RELEASE, run

from callbackservice import _library

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed"),
    pytest.mark.skipif(bool(os.environ.get("INSTALLED")), reason="not of a checkout"),
]


def build(kind, directory, **environment):
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(directory)]
    run(*command, env={**ENVIRONMENT, **environment}, cwd=PACKAGE)
    [made] = directory.iterdir()
    return made


def test_a_wheel_needs_nothing_else(tmp_path):
    library = str(RELEASE / "libcallbackservice.so")
    wheel = build(
        "wheel",
        tmp_path / "dist",
        CALLBACKSERVICE_LIBRARY=library,
        CALLBACKSERVICE_WHEEL_PLATFORM="manylinux_2_17_x86_64",
    )
    assert wheel.name.endswith("-py3-none-manylinux_2_17_x86_64.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    for name in ["py.typed", _library.LIBRARY, "aio.py"]:
        assert f"callbackservice/{name}" in names
    assert any(name.endswith("licenses/LICENSE-MIT") for name in names)
    assert not any("test" in name or name.endswith("build_library.py") for name in names)
    environment = {
        key: value for key, value in ENVIRONMENT.items() if key not in ("CALLBACKSERVICE_LIBRARY", "PYTHONPATH")
    }
    program = "import callbackservice; print(callbackservice._library.path)"
    shown = run(sys.executable, "-c", program, env={**environment, "PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path)
    assert shown == f"{tmp_path}/site/callbackservice/{_library.LIBRARY}\n"


def test_a_source_distribution_has_what_cargo_needs(tmp_path):
    with tarfile.open(build("sdist", tmp_path / "dist")) as archive:
        archive.extractall(tmp_path)
        names = {member.name.split("/", 1)[1] for member in archive.getmembers()}
    assert {"build_library.py", "pyproject.toml", "rust/Cargo.lock", "rust/LICENSE-MIT", "rust/src/lib.rs"} <= names
    if shutil.which("cargo"):
        [crate] = tmp_path.glob("callbackservice-*/rust")
        done = subprocess.run(
            ["cargo", "tree", "--locked", "--offline", "--package=callbackservice", "--edges=normal,build", "--depth=0"],
            cwd=crate, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_without_a_library_or_cargo_the_error_says_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "CALLBACKSERVICE_LIBRARY"}
    done = subprocess.run(command, cwd=PACKAGE, env={**environment, "PATH": "/nowhere"}, capture_output=True, text=True)
    assert done.returncode != 0 and "needs Rust (cargo)" in done.stderr + done.stdout
