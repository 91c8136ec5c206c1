#!/usr/bin/env python3
"""Builds the library for Windows: for each architecture the DLL and what programs link with, the same bytes from the same commit.

    build.py [ARCHITECTURE]...

build/windows/ARCHITECTURE/ holds callbackservice.dll, libcallbackservice.dll.a for MinGW, and callbackservice.def, from
which the tools of Visual C++ make an import library of their own.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUTPUT = ROOT / "build" / "windows"
TARGET_DIRECTORY = OUTPUT / "target"
sys.path[0:0] = [str(ROOT / "tools"), str(ROOT / "packaging")]
import debian_tools  # noqa: E402
import dist  # noqa: E402
import header  # noqa: E402

NAME = "callbackservice.dll"
ARCHITECTURES = ["x86_64", "i686"]
STANDARD_LIBRARY = pathlib.Path("/usr/lib/rustlib/src/rust")
TOOLS = {
    "/usr/bin/cargo": "cargo-web",
    "/usr/bin/rustc": "rustc-web",
    str(STANDARD_LIBRARY / "library/Cargo.lock"): "rust-web-src",
}
# Windows has these. Everything else that the compilers bring is part of the DLL.
SYSTEM = r"(api-ms-win-[\w-]+|advapi32|bcrypt|bcryptprimitives|crypt32|kernel32|msvcrt|ntdll|userenv|winhttp|ws2_32)\.dll"


def tool(architecture, name):
    return f"{architecture}-w64-mingw32-{name}"


def compiler(architecture):
    """The compiler, and the Debian package that has it."""
    return {tool(architecture, "gcc-win32"): f"gcc-mingw-w64-{architecture.replace('_', '-')}-win32"}


def run(*command, env=None):
    subprocess.run([str(word) for word in command], cwd=ROOT, env=env, check=True)


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def functions():
    """The names of the functions in the header."""
    return sorted(item.name for item in header.items() if item.kind == "function")


def manifest_value(key):
    return re.search(rf'^{key} = "(.*)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M).group(1)


def version_resource(architecture, directory):
    """Compiles what the system shows as the version of the DLL."""
    version = header.version()
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version).groups()
    definitions = {
        "NUMBERS": ",".join([*numbers, "0"]),
        "VERSION": f'"{version}"',
        "DESCRIPTION": f'"{manifest_value("description")}"',
    }
    source = directory / "version.rc"
    lines = [f"#define {name} {value}\n" for name, value in definitions.items()]
    source.write_text("".join(lines) + (ROOT / "packaging/windows/callbackservice.rc").read_text(encoding="utf-8"))
    resource = directory / "version.o"
    run(tool(architecture, "windres"), "--output-format=coff", source, resource)
    return resource


def environment(architecture, target):
    """The variables of cargo. No path of this machine is left in what it builds."""
    linker = tool(architecture, "gcc-win32")
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    paths = [(ROOT, "."), (STANDARD_LIBRARY, "rust")]
    paths += [(path, "registry") for path in sorted(home.glob("registry/src/*"))]
    underscored = target.replace("-", "_")
    flags = [f"--remap-path-prefix={path}={name}" for path, name in paths]
    env = os.environ | {
        "RUSTC": "/usr/bin/rustc",
        # The standard library is built too, which only this allows with a released compiler.
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "CARGO_INCREMENTAL": "0",
        "CARGO_TARGET_DIR": str(TARGET_DIRECTORY),
        f"CARGO_TARGET_{underscored.upper()}_LINKER": linker,
        f"CC_{underscored}": linker,
        f"AR_{underscored}": tool(architecture, "ar"),
        f"CFLAGS_{underscored}": " ".join(f"-ffile-prefix-map={path}={name}" for path, name in paths),
    }
    for name in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTUP_TOOLCHAIN"]:
        env.pop(name, None)
    return env


def exports_of(architecture, dll):
    """The names that a DLL exports, as its table holds them."""
    text = output_of(tool(architecture, "objdump"), "-p", str(dll))
    table = text.split("[Ordinal/Name Pointer] Table", 1)[1].split("\n\n", 1)[0]
    return sorted(re.findall(r"^\s+\[ *\d+\].*?\s(\S+)$", table, re.M))


def imports_of(architecture, dll):
    """The names of the DLLs that a DLL needs."""
    return re.findall(r"DLL Name: (\S+)", output_of(tool(architecture, "objdump"), "-p", str(dll)))


def check(architecture, dll):
    """Compares what the DLL exports with the header, and what it imports with Windows."""
    if (exports := exports_of(architecture, dll)) != functions():
        sys.exit(f"{dll} exports other names than the header: {' '.join(set(exports) ^ set(functions()))}")
    foreign = [name for name in imports_of(architecture, dll) if not re.fullmatch(SYSTEM, name, re.I)]
    if foreign:
        sys.exit(f"{dll} needs DLLs that Windows does not have: {' '.join(foreign)}")
    for path in [ROOT, STANDARD_LIBRARY, pathlib.Path.home()]:
        if f"{path}/".encode() in dll.read_bytes():
            sys.exit(f"{dll} holds the path {path}")


def build(architecture):
    target = f"{architecture}-win7-windows-gnu"
    directory = OUTPUT / architecture
    directory.mkdir(parents=True, exist_ok=True)
    parts = TARGET_DIRECTORY / f"parts-{architecture}"
    parts.mkdir(parents=True, exist_ok=True)
    link = [version_resource(architecture, parts), "-static-libgcc", "-Wl,--no-insert-timestamp"]
    cargo = ["/usr/bin/cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib", "--target", target]
    run(
        *[*cargo, "-Z", "build-std=std,panic_unwind", "--"],
        *(word for argument in link for word in ["-C", f"link-arg={argument}"]),
        env=environment(architecture, target),
    )

    dll = directory / NAME
    built = TARGET_DIRECTORY / target / "release" / NAME
    # The symbols that the linker keeps have random names of temporary files.
    run(tool(architecture, "strip"), "--strip-all", "-o", dll, built)
    check(architecture, dll)
    definition = directory / "callbackservice.def"
    definition.write_text(f"LIBRARY {NAME}\nEXPORTS\n" + "".join(f"    {name}\n" for name in functions()))
    library = directory / "libcallbackservice.dll.a"
    run(tool(architecture, "dlltool"), "--input-def", definition, "--output-lib", library, "--temp-prefix", "cbsvc")
    print(f"{dll.relative_to(ROOT)}: {dll.stat().st_size} bytes, {len(functions())} functions")


def main():
    architectures = sys.argv[1:] or ARCHITECTURES
    tools = dict(TOOLS)
    for architecture in architectures:
        tools |= compiler(architecture)
    debian_tools.ensure("make windows", tools)
    # The time in the DLL is that of the last commit.
    dist.epoch()
    for architecture in architectures:
        build(architecture)


if __name__ == "__main__":
    main()
