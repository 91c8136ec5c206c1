#!/usr/bin/env python3
"""Runs the tests of the source under Wine, except those that need a program that Debian has for Linux only."""

import os
import subprocess
import sys

import build

ARCHITECTURE = "x86_64"
TARGET = f"{ARCHITECTURE}-win7-windows-gnu"
WINE = "/usr/lib/wine/wine64"
# Those of http2, tls and connections need openssl or descriptors. What a server has sent before it resets a
# connection, which redirects expects, Windows discards.
TESTS = ["encodings", "events", "intent", "log", "misuse", "nested_runtime", "operations", "outbox", "proxy"]
TESTS += ["responses", "retries", "transport", "widget_vectors"]


def main():
    tools = {**build.TOOLS, **build.compiler(ARCHITECTURE), WINE: "wine64"}
    build.debian_tools.ensure("make test-windows-units", tools)
    prefix = build.OUTPUT / "wine"
    prefix.mkdir(parents=True, exist_ok=True)
    environment = {
        **build.environment(ARCHITECTURE, TARGET),
        f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_RUNNER": WINE,
        # Without messages of Wine, and without asking to install its .NET and browser.
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "WINEPREFIX": str(prefix),
    }
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        environment.pop(name)
    command = ["/usr/bin/cargo", "test", "--locked", "--quiet", "-Z", "build-std=std,panic_unwind", "--target", TARGET]
    command += ["--no-fail-fast", "--lib", *(word for test in TESTS for word in ["--test", test])]
    return subprocess.run(command, cwd=build.ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
