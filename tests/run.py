"""Runs everything that is checked: quiet when green, and the whole log of a step that failed.

The steps build what they need. On a machine that lacks a tool, and where that is allowed, they install it first.
"""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test"

# Debian package of each tool that a step needs.
TOOLS = {
    "cc": "gcc",
    "g++": "g++",
    "ld": "binutils",
    "pkg-config": "pkg-config",
    "cmake": "cmake",
    "make": "make",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "tinyproxy": "tinyproxy-bin",
    "valgrind": "valgrind",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "clang++-22": "clang-22",
}

# Debian package of each C++ header that a step needs.
HEADERS = {
    "asio.hpp": "libasio-dev",
    "nlohmann/json.hpp": "nlohmann-json3-dev",
}

# Tools from PyPI live in an environment of their own.
ENVIRONMENT = LOGS / "venv"
REQUIREMENTS = ROOT / "tests" / "requirements.txt"

STEPS = [
    ("format", ["cargo", "fmt", "--all", "--check"]),
    ("lint", ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ("header", ["cargo", "run", "--locked", "--quiet", "--package", "generate-header", "--", "--check"]),
    ("rust", ["cargo", "test", "--locked", "--workspace", "--no-fail-fast"]),
    ("build", ["make", "library", "sandbox"]),
    ("system", [sys.executable, "-m", "unittest", "discover", "-s", "tests/system", "-t", "tests/system"]),
]

# What each runner says of the tests that it ran.
PASSED = [re.compile(r"^test result: .* (\d+) passed; (\d+) failed", re.M), re.compile(r"^Ran (\d+) tests?", re.M)]


def install_tools():
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    missing |= {package for header, package in HEADERS.items() if not pathlib.Path("/usr/include", header).exists()}
    if importlib.util.find_spec("ensurepip") is None:
        missing.add("python3-venv")
    missing = sorted(missing)
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"make test needs these tools, please install them: {' '.join(missing)}")
    quiet = dict(stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)


def make_environment():
    """Installs the tools from PyPI, unless the very same are there."""
    done = ENVIRONMENT / "requirements.txt"
    if done.exists() and done.read_text() == REQUIREMENTS.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
    pip = [ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    shutil.copy(REQUIREMENTS, done)


def counted(name, log, ok):
    """How many tests passed and failed in a step; a step without tests of its own counts as one."""
    if name == "rust":
        found = [(int(passed), int(failed)) for passed, failed in PASSED[0].findall(log)]
        passed, failed = (sum(column) for column in zip(*found)) if found else (0, 0)
        return passed, failed if ok or failed else 1
    if name == "system":
        ran = sum(int(number) for number in PASSED[1].findall(log))
        failed = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", log))
        return max(ran - failed, 0), failed if ok or failed else 1
    return (1, 0) if ok else (0, 1)


def main():
    os.chdir(ROOT)
    install_tools()
    make_environment()
    LOGS.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    for name, command in STEPS:
        started = time.monotonic()
        path = LOGS / f"{name}.log"
        with path.open("w") as log:
            ok = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode == 0
        text = path.read_text(errors="replace")
        good, bad = counted(name, text, ok)
        passed, failed = passed + good, failed + bad
        print(f"{name:8} {'ok' if ok else 'FAILED':6} {good:4} passed {time.monotonic() - started:6.1f} s", flush=True)
        if not ok:
            print(text)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
