#!/usr/bin/env python3
"""Builds build/dist: for each architecture a tarball and Debian packages, the same bytes from the same commit.

    dist.py [--pack DIRECTORY]

With --pack it only packs what was built before, into another directory.
"""

import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import deb
import licenses

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIST = ROOT / "build" / "dist"
sys.path.insert(0, str(ROOT / "tools"))
import header  # noqa: E402
import debian_tools  # noqa: E402

# Debian package of each program that is needed for an architecture.
TOOLS = {"cc": "gcc", "dpkg-deb": "dpkg", "readelf": "binutils"}
# What builds the standard library for an architecture that the toolchain does not have.
STANDARD_LIBRARY = {
    "/usr/bin/cargo": "cargo-web",
    "/usr/bin/rustc": "rustc-web",
    "/usr/lib/rustlib/src/rust/library/Cargo.lock": "rust-web-src",
}
VENV = DIST / "venv/lib"


def run(*command):
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


def epoch():
    """The time of the last commit, which every file gets."""
    if "SOURCE_DATE_EPOCH" not in os.environ:
        command = ["git", "log", "-1", "--format=%ct"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        os.environ["SOURCE_DATE_EPOCH"] = done.stdout.strip()
    return int(os.environ["SOURCE_DATE_EPOCH"])


def results(output):
    """What the present and former runs have made; other files lie beside it."""
    return sorted([*output.glob("*.deb"), *output.glob("libcallbackservice-*.tar.gz")])


def install(built, stage, prefix, libdir, docdir):
    shutil.rmtree(stage, ignore_errors=True)
    places = [f"PREFIX={prefix}", f"LIBDIR={libdir}", f"INCLUDEDIR={prefix}/include", f"DOCDIR={docdir}"]
    places += [f"MANDIR={prefix}/share/man", f"DESTDIR={stage}", f"LIBRARY={built / 'library'}"]
    run("make", "--silent", "install", *places)


def pack(directory, archive):
    """A tar archive with entries in order, that belong to root and have the time of the commit."""

    def entry(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = epoch()
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        return info

    with archive.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in [directory, *sorted(directory.rglob("*"))]:
                tar.add(path, path.relative_to(directory.parent), recursive=False, filter=entry)


def extra_licenses():
    """What the linker adds to the code of the packages."""
    (zig,) = VENV.glob("python3*/site-packages/ziglang")
    return [
        ("Zig's compiler-rt", "MIT", (zig / "LICENSE").read_text()),
        ("LLVM's libunwind", "Apache-2.0 WITH LLVM-exception", (zig / "lib/libunwind/LICENSE.TXT").read_text()),
    ]


def build(architecture):
    run("sh", "packaging/build.sh", architecture, (DIST / architecture).relative_to(ROOT))


def package(architecture, version, output, scratch):
    """Packs what was built into `output`."""
    target = f"{architecture}-unknown-linux-gnu"
    built = DIST / architecture
    packages = ["callbackservice", "callback-sandbox"]
    texts = {package: licenses.document(package, target, extra_licenses()) for package in packages}

    name = f"libcallbackservice-{version}-{architecture}-linux-gnu"
    stage = scratch / "stage"
    install(built, stage, f"/{name}", f"/{name}/lib", f"/{name}/share/doc/callbackservice")
    (stage / name / "share/doc/callbackservice/third-party-licenses.txt").write_text(texts["callbackservice"])
    pack(stage / name, output / f"{name}.tar.gz")

    install(built, stage, "/usr", f"/usr/lib/{architecture}-linux-gnu", "/usr/share/doc/callbackservice")
    deb.build(architecture, version, stage, built / "callback-sandbox", texts, scratch / "packages", output)


def write_all(architectures, output, builds):
    output.mkdir(parents=True, exist_ok=True)
    for path in results(output):
        path.unlink()
    for architecture in architectures:
        if builds:
            build(architecture)
        with tempfile.TemporaryDirectory() as scratch:
            package(architecture, header.version(), output, pathlib.Path(scratch))
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in results(output))
    (output / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def ensure_tools(architectures):
    tools = TOOLS | {f"{name}-linux-gnu-ld": f"binutils-{name.replace('_', '-')}-linux-gnu" for name in architectures}
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    targets = pathlib.Path(sysroot.stdout.strip()) / "lib/rustlib"
    if any(not (targets / f"{name}-unknown-linux-gnu").exists() for name in architectures):
        tools |= STANDARD_LIBRARY
    debian_tools.ensure("make dist", tools)


def main():
    os.umask(0o022)
    epoch()
    architectures = os.environ["ARCHITECTURES"].split()
    ensure_tools(architectures)
    match sys.argv[1:]:
        case []:
            write_all(architectures, DIST, builds=True)
        case ["--pack", output]:
            write_all(architectures, pathlib.Path(output), builds=False)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
