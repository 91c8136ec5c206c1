"""The licences of everything that is linked into a program or library, from what cargo has on this machine."""

import html
import json
import os
import pathlib
import re
import subprocess

FILES = re.compile(r"(licen[sc]e|copying|copyright|notice|unlicense)", re.I)
ROOT = pathlib.Path(__file__).resolve().parent.parent

# Parts of the standard library for other systems, its tests and its build.
NOT_LINKED = re.compile(
    r"(cc|dlmalloc|fortanix|getopts|hermit|moto|r-efi|rand|shlex|unwinding|vex|wasi|windows|wit-bindgen)\b|"
    r"(rand|windows)_"
)


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked", "--offline"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def linked(package, target):
    """Name and version of the packages whose code is in `package`."""
    listed = cargo(
        "tree", "--package", package, "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none",
        "--format", "{p}",
    )  # fmt: skip
    return sorted({tuple(line.split()[:2]) for line in listed.splitlines() if line})


def manifests(target):
    packages = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))["packages"]
    return {(package["name"], f"v{package['version']}"): package for package in packages}


def texts_of(package):
    directory = pathlib.Path(package["manifest_path"]).parent
    paths = {path for path in directory.iterdir() if FILES.match(path.name) and path.is_file()}
    if package["license_file"]:
        paths.add(directory / package["license_file"])
    found = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(paths)]
    if package["name"] == "libsqlite3-sys":
        # SQLite itself comes with a blessing instead of a licence.
        source = (directory / "sqlite3/sqlite3.h").read_text(encoding="utf-8")
        blessing = re.search(r"\*\* The author disclaims.*?\*{9}", source, re.S).group()
        found.append(f"SQLite is in the public domain:\n{blessing}")
    if not found:
        # The manifest alone gives the licence: that text of it which needs no copyright line.
        if "Apache-2.0" not in (package["license"] or ""):
            raise ValueError(f"{package['name']} {package['version']} has no licence text")
        found = [(ROOT / "LICENSE-APACHE").read_text(encoding="utf-8")]
    return found


def standard_library():
    """The notices of the Rust standard library."""
    rustc = os.environ.get("RUSTC", "rustc")
    root = subprocess.run([rustc, "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    notices = pathlib.Path(root.strip()) / "share/doc/rust/COPYRIGHT-library.html"
    if not notices.exists():
        # Debian's package of the standard library.
        found = sorted(pathlib.Path("/usr/share/doc").glob("libstd-rust-*dev/copyright"))
        if not found:
            raise ValueError(f"{notices}: the toolchain comes without its copyright notices")
        return found[0].read_text(encoding="utf-8")
    _, page = notices.read_text(encoding="utf-8").split('<h2 id="short-version">', 1)
    introduction, *parts = re.split(r"<h3>\W*", page)
    chosen = [introduction.split("</h2>", 1)[1], *[part for part in parts if not NOT_LINKED.match(part)]]
    text = html.unescape(re.sub(r"<[^>]+>", "", "\n".join(chosen)))
    return re.sub(r"\n\s*\n+", "\n\n", text)


def tidied(text):
    return "\n".join(line.rstrip() for line in text.strip("\ufeff \n\r").splitlines())


def document(package, target, extra=()):
    """The licences of `package` for a target; `extra` are further (name, licence, text) that the linker adds."""
    known = manifests(target)
    entries = [
        (f"{name} {version[1:]}", known[name, version]["license"] or "see the text", texts_of(known[name, version]))
        for name, version in linked(package, target)
        if known[name, version]["source"]
    ]
    entries.append(("Rust standard library", "MIT OR Apache-2.0", [standard_library()]))
    entries += [(name, license, [text]) for name, license, text in extra]
    numbers = {}
    lines = [f"{package} contains code of the following packages, under the licences that are given with each.", ""]
    for name, license, texts in entries:
        used = [numbers.setdefault(tidied(text), len(numbers) + 1) for text in texts]
        lines.append(f"{name}: {license}; text {', '.join(map(str, used))}")
    for text, number in numbers.items():
        lines += ["", "=" * 100, f"Text {number}", "=" * 100, "", text]
    return "\n".join(lines) + "\n"
