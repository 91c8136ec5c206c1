"""Installs the Debian packages of programs that are missing."""

import os
import shutil
import subprocess
import sys


def ensure(purpose, tools):
    """Installs what is missing of `tools`, a dictionary from programs or files to packages, or ends naming it."""
    absent = [tool for tool in tools if not shutil.which(tool) and not os.path.exists(tool)]
    install(purpose, {tools[tool] for tool in absent})


def install(purpose, packages):
    """Installs packages, or ends naming them if this process may not."""
    missing = sorted(packages)
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"{purpose} needs these packages, please install them: {' '.join(missing)}")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq"]
    quiet = dict(stdout=subprocess.DEVNULL, check=True)
    subprocess.run([*apt, "update"], **quiet)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], **quiet)
