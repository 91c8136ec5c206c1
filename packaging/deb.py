"""Debian packages of what `make install` has put below a directory, with dpkg-deb."""

import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "packaging" / "debian"
sys.path.insert(0, str(ROOT / "abi"))
import update as abi  # noqa: E402

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LIBRARY, DEVELOPMENT, SANDBOX = "libcallbackservice1", "libcallbackservice-dev", "callback-sandbox"
SONAME = "libcallbackservice.so.1"


def maintainer():
    """Who builds the packages, as Debian's tools have it, or the author of the last commit."""
    name, mail = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    if name and mail:
        return f"{name} <{mail}>"
    command = ["git", "log", "-1", "--format=%an <%ae>"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def dependencies(binary):
    """The packages with the libraries that a binary needs, in the versions whose symbols it uses."""
    shown = subprocess.run(["readelf", "-dVW", binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", shown))
    packages = {"libc6": "GLIBC"} | ({"libgcc-s1": "GCC"} if "libgcc_s.so.1" in needed else {})
    found = []
    for package, prefix in packages.items():
        versions = re.findall(rf"Name: {prefix}_([\d.]+)", shown)
        newest = max(tuple(map(int, version.split("."))) for version in versions)
        found.append(f"{package} (>= {'.'.join(map(str, newest[:2]))})")
    return ", ".join(found)


class Package:
    """A package under construction below `directory`."""

    def __init__(self, name, directory, values):
        self.name, self.directory, self.values = name, directory, values
        shutil.rmtree(directory, ignore_errors=True)
        self.doc = directory / "usr/share/doc" / name
        self.control = directory / "DEBIAN"
        self.doc.mkdir(parents=True)
        self.control.mkdir()

    def take(self, stage, pattern):
        """Moves files over from what was installed."""
        found = sorted(stage.glob(pattern))
        if not found:
            raise ValueError(f"{self.name}: nothing is installed as {pattern}")
        for path in found:
            target = self.directory / path.relative_to(stage)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)

    def compress(self, target, text):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))

    def document(self, licenses):
        version, date = self.values["VERSION"], time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))
        mit = "\n".join(f" {line}" if line else " ." for line in (ROOT / "LICENSE-MIT").read_text().splitlines())
        copyright_ = (TEMPLATES / "copyright").read_text().replace("@MIT@", mit.rstrip())
        (self.doc / "copyright").write_text(copyright_.replace("@YEAR@", str(date.tm_year)))
        self.compress(self.doc / "third-party-licenses.txt.gz", licenses)
        self.compress(self.doc / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())
        entry = f"callbackservice ({version}) unstable; urgency=medium\n\n  * New version, see changelog.gz.\n\n"
        entry += f" -- {self.values['MAINTAINER']}  {time.strftime('%a, %d %b %Y %H:%M:%S +0000', date)}\n"
        self.compress(self.doc / "changelog.Debian.gz", entry)

    def files(self):
        paths = sorted(self.directory.rglob("*"))
        return [path for path in paths if path.is_file() and self.control not in path.parents]

    def build(self, output):
        """Writes the control files, sets rights and times, and packs."""
        files = self.files()
        size = sum(-(-path.stat().st_size // 1024) for path in files if not path.is_symlink()) + len(files)
        control = (TEMPLATES / f"{self.name}.control").read_text()
        for name, value in {**self.values, "SIZE": size}.items():
            control = control.replace(f"@{name}@", str(value))
        (self.control / "control").write_text(control)
        sums = [
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(self.directory)}\n"
            for path in files
            if not path.is_symlink()
        ]
        (self.control / "md5sums").write_text("".join(sums))
        for path in [self.directory, *self.directory.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        name = f"{self.name}_{self.values['VERSION']}_{self.values['ARCHITECTURE']}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", self.directory, output / name]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def symbols():
    """The symbols file: which version of the package has which function."""
    functions = abi.recorded(abi.ABI / "functions.txt")
    lines = [f" {name}@Base {since}\n" for name, (since, _) in sorted(functions.items())]
    return f"{SONAME} {LIBRARY} #MINVER#\n" + "".join(lines)


def build(architecture, version, stage, sandbox, licenses, scratch, output):
    """Packs what is installed below `stage`; `licenses` has a text for the library and one for the sandbox."""
    values = {
        "VERSION": f"{version}-1",
        "ARCHITECTURE": ARCHITECTURES[architecture],
        "MAINTAINER": maintainer(),
    }
    libdir = f"usr/lib/{architecture}-linux-gnu"

    package = Package(DEVELOPMENT, scratch / DEVELOPMENT, values)
    for pattern in ["libcallbackservice.so", "libcallbackservice.a", "pkgconfig/*", "cmake/callbackservice/*"]:
        package.take(stage, f"{libdir}/{pattern}")
    package.take(stage, "usr/include/*")
    for document in sorted(stage.glob("usr/share/doc/callbackservice/*.md")):
        package.compress(package.doc / f"{document.name}.gz", document.read_text())
    # Uncompressed, so that they can be compiled where they are. A service that runs without being set up is of no use to
    # anybody, so the unit is one of them.
    examples = stage / "usr/share/doc/callbackservice/examples"
    shutil.copytree(examples, package.doc / "examples")
    for page in sorted(stage.glob("usr/share/man/man3/*.3")):
        package.compress(package.directory / page.relative_to(stage).with_suffix(".3.gz"), page.read_text())
    package.document(licenses["callbackservice"])
    package.build(output)

    package = Package(LIBRARY, scratch / LIBRARY, {**values, "DEPENDS": dependencies(stage / libdir / SONAME)})
    package.take(stage, f"{libdir}/{SONAME}*")
    # Functions that appeared since need the version that has them; the symbols file says which.
    (package.control / "shlibs").write_text(f"libcallbackservice 1 {LIBRARY} (>= {version})\n")
    (package.control / "symbols").write_text(symbols())
    (package.control / "triggers").write_text("activate-noawait ldconfig\n")
    package.document(licenses["callbackservice"])
    package.build(output)

    package = Package(SANDBOX, scratch / SANDBOX, {**values, "DEPENDS": dependencies(sandbox)})
    (package.directory / "usr/bin").mkdir(parents=True)
    shutil.copy(sandbox, package.directory / "usr/bin/callback-sandbox")
    package.compress(package.doc / "README.md.gz", (ROOT / "sandbox/README.md").read_text())
    (package.doc / "examples").mkdir()
    shutil.copy(ROOT / "sandbox/example.toml", package.doc / "examples/example.toml")
    package.document(licenses["callback-sandbox"])
    package.build(output)
