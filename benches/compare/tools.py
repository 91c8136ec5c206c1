"""What the benchmarks need: packages, programs built from the sources, a Python environment."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
# A link to the directory into which the library was built last; see the Makefile.
RELEASE = ROOT / "build" / "release"
LIBRARY = RELEASE / "libcallbackservice.so"
SONAME = "libcallbackservice.so.1"
PYTHON = BUILD / "venv" / "bin" / "python"

# The Debian packages, each with a check whether it is installed.
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
# The linker options of each program.
LINKER_OPTIONS = {
    "server": [],
    "client_callbackservice": [f"-L{RELEASE}", "-lcallbackservice", f"-Wl,-rpath,{RELEASE}", "-lpthread"],
    "client_curl": ["-lcurl", "-lcjson", "-lpthread"],
    "client_socket": ["-lpthread"],
    "json_reads": [f"-L{RELEASE}", "-lcallbackservice", f"-Wl,-rpath,{RELEASE}", "-lcjson"],
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
    """Installs the missing packages as root, or exits with their names."""
    missing = [package for package, is_installed in NEEDS.items() if not is_installed()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(missing)}", flush=True)
        quiet = dict(stdout=subprocess.DEVNULL, check=True)
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
    elif missing:
        sys.exit(f"make bench needs these Debian packages: {' '.join(missing)}\n"
                 f"install them with: apt-get install {' '.join(missing)}")
    requirements = HERE / "requirements.txt"
    done = BUILD / "venv" / "requirements.txt"
    if done.exists() and done.read_text() == requirements.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", BUILD / "venv"], check=True)
    if subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements]).returncode:
        sys.exit(f"make bench needs the Python packages in {requirements.relative_to(ROOT)} from PyPI")
    shutil.copy(requirements, done)


def build(*names):
    """Builds programs from the sources here."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in names:
        strict = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
        command = ["cc", *strict, HERE / f"{name}.c", "-o", BUILD / name, *LINKER_OPTIONS[name]]
        subprocess.run([str(word) for word in command], check=True)


def environment_for(library):
    """The environment in which a C client loads this library instead of the one linked."""
    directory = BUILD / "baseline"
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / SONAME
    link.unlink(missing_ok=True)
    link.symlink_to(library)
    environment = {"LD_LIBRARY_PATH": str(directory)}
    client = BUILD / "client_callbackservice"
    loaded = subprocess.run(["ldd", client], capture_output=True, text=True, env={**os.environ, **environment}).stdout
    if str(link) not in loaded:
        sys.exit(f"cannot load {library} in place of {SONAME}\n{loaded}")
    return environment
