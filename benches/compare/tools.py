"""What the benchmarks need: packages, programs built from the sources here, and an environment for Python's peers."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
RELEASE = ROOT / "target" / "release"
LIBRARY = RELEASE / "libcallbackservice.so"
PYTHON = BUILD / "venv" / "bin" / "python"

# Debian package of each thing that is needed, and how to see whether it is there.
NEEDS = {
    "gcc": lambda: shutil.which("cc"),
    "binutils": lambda: shutil.which("readelf"),
    "libcurl4-openssl-dev": lambda: compiles("curl/curl.h"),
    "libcjson-dev": lambda: compiles("cjson/cJSON.h"),
    "nginx-light": lambda: shutil.which("nginx"),
    "openssl": lambda: shutil.which("openssl"),
    "valgrind": lambda: shutil.which("valgrind"),
    "nodejs": lambda: shutil.which("node"),
    "wrk": lambda: shutil.which("wrk"),
    "python3-venv": lambda: PYTHON.exists() or has_ensurepip(),
}
LINKED = {
    "server": [],
    "subject": [f"-L{RELEASE}", "-lcallbackservice", f"-Wl,-rpath,{RELEASE}", "-lpthread"],
    "peer_curl": ["-lcurl", "-lcjson", "-lpthread"],
    "peer_socket": ["-lpthread"],
    "launch": ["-lpthread"],
    "load": ["-ldl"],
}


def compiles(header):
    if not shutil.which("cc"):
        return False
    text = f"#include <{header}>\n"
    return subprocess.run(["cc", "-E", "-x", "c", "-"], input=text, text=True, capture_output=True).returncode == 0


def has_ensurepip():
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode == 0


def install():
    """Installs what is missing, or says what is."""
    missing = [package for package, is_there in NEEDS.items() if not is_there()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(missing)}", flush=True)
        quiet = dict(stdout=subprocess.DEVNULL, check=True)
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
    elif missing:
        sys.exit(f"make bench needs these Debian packages: {' '.join(missing)}\n"
                 f"get them with: apt-get install {' '.join(missing)}")
    requirements = HERE / "requirements.txt"
    done = BUILD / "venv" / "requirements.txt"
    if done.exists() and done.read_text() == requirements.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", BUILD / "venv"], check=True)
    if subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements]).returncode:
        sys.exit(f"make bench needs the Python packages of {requirements.relative_to(ROOT)} from PyPI, below build/bench/venv")
    shutil.copy(requirements, done)


def build(*names):
    """Builds programs from the sources here and returns their paths."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in names:
        strict = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
        command = ["cc", *strict, HERE / f"{name}.c", "-o", BUILD / name, *LINKED[name]]
        subprocess.run([str(word) for word in command], check=True)
    return [BUILD / name for name in names]
