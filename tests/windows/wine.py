"""Runs Windows programs: with a 64-bit Wine, and with a 32-bit one, which Debian has only in a system of its own.

Programs see the files of this machine at their paths, and reach servers on its loopback interface.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "packages"))
import roots  # noqa: E402

BUILD = ROOT / "build" / "test-windows"
# Debian package of each program that compiles for Windows or runs what was compiled.
TOOLS = {
    "/usr/lib/wine/wine64": "wine64",
    "debootstrap": "debootstrap",
    "llvm-lib-22": "llvm-22",
    "mcs": "mono-mcs",
    "mono": "mono-runtime",
    "unshare": "util-linux",
} | {
    # The C++ library of the other variant has no threads.
    f"{architecture}-w64-mingw32-{compiler}-posix": f"{compiler}-mingw-w64-{architecture.replace('_', '-')}-posix"
    for architecture in ["x86_64", "i686"]
    for compiler in ["gcc", "g++"]
}
# Without messages of Wine, and without asking to install its .NET and browser.
ENVIRONMENT = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", "LC_ALL": "C.UTF-8"}
TIMEOUT = 120
# Goes into a system and there to the same directory, and becomes the program.
ENTER = 'root=$1; shift; exec chroot "$root" sh -c \'cd "$0" && exec "$@"\' "$PWD" "$@"'


class Wine:
    """A Wine with its own configuration, which is made once."""

    def __init__(self, architecture):
        self.architecture = architecture
        self._directory = BUILD / architecture
        self._directory.mkdir(parents=True, exist_ok=True)
        self._enter, self._programs, self._root = [], Path("/usr/lib/wine"), None
        if architecture == "i686":
            self._root = roots.Root("bookworm", "wine", architecture="i386", packages=["wine", "wine32"])
            # A minimal system knows no name.
            (self._root.path / "etc/hosts").write_text("127.0.0.1 localhost\n")
            same = self._root.path / ROOT.relative_to("/")
            same.mkdir(parents=True)
            subprocess.run(["mount", "--bind", ROOT, same], check=True)
            self._enter = ["sh", "-c", ENTER, "sh", self._root.path]
        self._loader = self._programs / ("wine" if self._root else "wine64")
        self._prefix = self._directory / "prefix"
        try:
            self._configure()
        except BaseException:
            self.close()
            raise

    def _configure(self):
        if self._prefix.exists():
            return
        final, self._prefix = self._prefix, self._directory / "prefix.new"
        shutil.rmtree(self._prefix, ignore_errors=True)
        done = subprocess.run(
            self.command("wineboot", "--init"), env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"Wine for {self.architecture} cannot be set up\n{done.stderr.decode(errors='replace')}")
        self._server("--wait")
        self._prefix.rename(final)
        self._prefix = final

    def _server(self, option):
        command = [*self._enter, self._programs / "wineserver", option]
        subprocess.run(list(map(str, command)), env=self.environment(), cwd=ROOT, check=False, timeout=TIMEOUT)

    def close(self):
        """Ends what still runs in this Wine, and takes the system with it away."""
        if self._prefix.exists():
            self._server("--kill")
            self._server("--wait")
        if self._root:
            # The processes of Wine leave the file system a little later than its server.
            deadline = time.monotonic() + 10
            while True:
                try:
                    self._root.close()
                    return
                except subprocess.CalledProcessError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def environment(self, **variables):
        own = {"WINEPREFIX": str(self._prefix), "WINEARCH": "win32" if self._root else "win64", "HOME": str(self._directory)}
        kept = {name: os.environ[name] for name in ["PATH", "SOURCE_DATE_EPOCH"] if name in os.environ}
        return {**kept, **ENVIRONMENT, **own, **variables}

    def command(self, program, *arguments):
        """The command that runs a Windows program in the directory where it is run."""
        return [str(word) for word in [*self._enter, self._loader, program, *arguments]]

    def popen(self, *command, environment=None, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": BUILD, **options}
        variables = self.environment(**(environment or {}))
        return subprocess.Popen(self.command(*command), env=variables, encoding="utf-8", errors="replace", **options)

    def run(self, *command, expected=0, timeout=TIMEOUT, **options):
        """Runs a Windows program and returns what it printed; fails with all of it when the program fails."""
        with self.popen(*command, **options) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, stderr = process.communicate()
                stderr += f"\nstill running after {timeout} s"
        if process.returncode != expected:
            words = " ".join(map(str, command))
            raise AssertionError(f"{words}\nended with {process.returncode}\n{stdout}\n{stderr}")
        return stdout


_open = {}


def of(architecture):
    """The Wine for an architecture, which stays until close_all."""
    if architecture not in _open:
        _open[architecture] = Wine(architecture)
    return _open[architecture]


def close_all():
    while _open:
        _open.popitem()[1].close()


def path(place):
    """The name that a file of this machine has for a Windows program."""
    return f"Z:{Path(place).resolve()}"
