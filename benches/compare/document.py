"""Writes the table, the machine and the versions into docs/benchmarks.md."""

import os
import pathlib
import platform
import re
import subprocess

import instructions
import tools
from clients import CLIENT_CORE, SERVER_CORE
from report import HEAD

DOCUMENT = tools.ROOT / "docs" / "benchmarks.md"
PACKAGES = ["libcjson-dev", "libcurl4-openssl-dev", "nginx-light", "valgrind", "wrk"]


def first_line(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return ((done.stdout or done.stderr).strip().splitlines() or ["?"])[0]


def versions():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    library = re.search(r'^version = "(.*)"', (tools.ROOT / "Cargo.toml").read_text(), re.M)[1]
    modules = [line.split(";")[0] for line in (tools.HERE / "requirements.txt").read_text().split()]
    packages = [first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", package) for package in PACKAGES]
    return [
        f"- Machine: {model[1] if model else platform.machine()}, {os.cpu_count()} cores, kernel {platform.release()}",
        f"- Library {library}, {instructions.toolchain()}; {first_line('cc', '--version')}",
        f"- Debian packages: {', '.join(packages)}",
        f"- {first_line('openssl', 'version')}; Node {first_line('node', '--version')}; "
        f"{first_line(tools.PYTHON, '--version')} with {', '.join(modules)}",
        f"- Clients on core {CLIENT_CORE}, servers on core {SERVER_CORE}",
    ]


def write(report):
    before, rest = DOCUMENT.read_text().split("<!-- begin -->\n")
    after = rest.split("<!-- end -->")[1]
    generated = "\n".join([*versions(), "", *HEAD, *report.lines])
    DOCUMENT.write_text(f"{before}<!-- begin -->\n{generated}\n<!-- end -->{after}")
