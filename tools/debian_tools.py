"""Installs the Debian packages of programs that are missing."""

import os
import shutil
import subprocess
import sys


def ensure(purpose, tools):
    """Installs what is missing of `tools`, a dictionary from programs or files to Debian packages, or ends naming it."""
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool) and not os.path.exists(tool)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"{purpose} needs these packages, please install them: {' '.join(missing)}")
    quiet = dict(stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
