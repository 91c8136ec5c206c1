#!/usr/bin/env python3
"""Packs what `make windows` has built: a zip for each architecture, the same bytes from the same files.

    dist_windows.py [ARCHITECTURE]...

They are written into build/dist/windows. README.md beside this file is the documentation in it, and has the examples.
"""

import os
import pathlib
import re
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILT = ROOT / "build" / "windows"
DIST = ROOT / "build" / "dist" / "windows"
sys.path[0:0] = [str(ROOT / "packaging"), str(ROOT / "tools")]
import dist  # noqa: E402
import header  # noqa: E402
import licenses  # noqa: E402

README = ROOT / "packaging" / "windows" / "README.md"
ARCHITECTURES = ["x86_64", "i686"]
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.S)
# What the linker adds to the code of the packages.
RUNTIMES = {
    "MinGW-w64 runtime": ("several, see the text", "mingw-w64-common"),
    "GCC's libgcc": ("GPL-3.0 WITH GCC-exception-3.1", "gcc-mingw-w64-base"),
}


def examples():
    """The programs of the documentation by their names."""
    return dict(FILE.findall(README.read_text(encoding="utf-8")))


def third_party(architecture):
    # The tools that have built the library, not those of PATH.
    os.environ |= {"CARGO": "/usr/bin/cargo", "RUSTC": "/usr/bin/rustc"}
    runtimes = [
        (name, license, pathlib.Path("/usr/share/doc", package, "copyright").read_text(encoding="utf-8"))
        for name, (license, package) in RUNTIMES.items()
    ]
    return licenses.document("callbackservice", f"{architecture}-win7-windows-gnu", runtimes)


def windows_text(text):
    """Editors and the import of VBA want the line ends of Windows."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8")


def contents(architecture):
    """The files of an archive by their names in it."""
    built = BUILT / architecture
    include = ROOT / "include"
    waiting = ROOT / "examples/c/wait_for_multiple_objects.c"
    readme = README.read_text(encoding="utf-8").replace("@VERSION@", header.version())
    files = {
        "bin/callbackservice.dll": (built / "callbackservice.dll").read_bytes(),
        "lib/callbackservice.def": (built / "callbackservice.def").read_bytes(),
        "lib/libcallbackservice.dll.a": (built / "libcallbackservice.dll.a").read_bytes(),
        "README.md": windows_text(re.sub(r"<!--.*?-->\n", "", readme)),
        f"examples/{waiting.name}": windows_text(waiting.read_text(encoding="utf-8")),
        "third-party-licenses.txt": windows_text(third_party(architecture)),
    }
    files |= {f"examples/{name}": windows_text(text) for name, text in examples().items()}
    files |= {name: windows_text((ROOT / name).read_text(encoding="utf-8")) for name in ["LICENSE-MIT", "LICENSE-APACHE"]}
    for path in sorted([*include.glob("*.h"), *include.rglob("*.hpp")]):
        files[f"include/{path.relative_to(include)}"] = path.read_bytes()
    return files


def pack(architecture):
    name = f"libcallbackservice-{header.version()}-windows-{architecture}"
    archive = DIST / f"{name}.zip"
    moment = time.gmtime(dist.epoch())[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path, content in sorted(contents(architecture).items()):
            entry = zipfile.ZipInfo(f"{name}/{path}", moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # A regular file that everybody may read, as for every system that unpacks it.
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            packed.writestr(entry, content)
    return archive


def main():
    DIST.mkdir(parents=True, exist_ok=True)
    for architecture in sys.argv[1:] or ARCHITECTURES:
        archive = pack(architecture)
        print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size} bytes")


if __name__ == "__main__":
    main()
