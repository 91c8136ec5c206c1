"""Fresh Debian systems without Rust, in which what `make dist` has built is installed and used."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASES = ROOT / "build" / "test-packages"
PACKAGES = ["binutils", "ca-certificates", "cmake", "g++", "gcc", "libc6-dev", "make", "pkg-config"]
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


def own_mounts():
    """Goes on in a process whose mounts nobody else sees, and which end with it."""
    if os.environ.get("OWN_MOUNTS") != "1":
        os.environ["OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


def base(suite, architecture=None, packages=PACKAGES):
    """A minimal system with some packages, made once: by default of this architecture and with compilers."""
    name = f"{suite}-{architecture}" if architecture else suite
    directory = BASES / name
    if not directory.exists():
        BASES.mkdir(parents=True, exist_ok=True)
        new = BASES / f"{name}.new"
        shutil.rmtree(new, ignore_errors=True)
        options = [f"--arch={architecture}"] if architecture else []
        command = ["debootstrap", "--variant=minbase", *options, f"--include={','.join(packages)}", suite, new]
        with (BASES / f"{name}.log").open("w") as log:
            subprocess.run(command, stdout=log, stderr=log, check=True)
        new.rename(directory)
    return directory


class Root:
    """A system like a base, whose changes are lost in the end."""

    def __init__(self, suite, name, **options):
        lower = base(suite, **options)
        scratch = BASES / f"{name}.scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        self.path = scratch / "root"
        for part in ["upper", "work", "root"]:
            (scratch / part).mkdir(parents=True)
        options = f"lowerdir={lower},upperdir={scratch / 'upper'},workdir={scratch / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.path], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.path / "proc"], check=True)
        self.work = self.path / "work"
        self.work.mkdir()
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        self.variables = {}

    def close(self):
        subprocess.run(["umount", "--recursive", self.path], check=True)
        shutil.rmtree(self.path.parent)

    def copy(self, *paths):
        for path in paths:
            shutil.copy(path, self.work)

    def run(self, script, *arguments, expected=0):
        """Runs a shell script in /work of the system and returns what it printed."""
        command = ["chroot", self.path, "/bin/sh", "-ec", f"cd /work\n{script}", "sh", *arguments]
        done = subprocess.run(
            [str(word) for word in command],
            env=ENVIRONMENT | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        if done.returncode != expected:
            raise AssertionError(f"{script}\nended with {done.returncode}\n{done.stdout}")
        return done.stdout
