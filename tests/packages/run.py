#!/usr/bin/env python3
"""Installs what `make dist` has built into fresh Debian systems, and builds and runs programs with it there."""

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import roots
from roots import ROOT, Root

sys.path[0:0] = [str(ROOT / "abi"), str(ROOT / "tools")]
import baseline  # noqa: E402
import debian_tools  # noqa: E402
import header  # noqa: E402

DIST = ROOT / "build" / "dist"
MACHINE = platform.machine()
TOOLS = {
    "abidiff": "abigail-tools",
    "debootstrap": "debootstrap",
    "doxygen": "doxygen",
    "gcc": "gcc",
    "lintian": "lintian",
    "mandoc": "mandoc",
    "readelf": "binutils",
    "unshare": "util-linux",
}
# The tarball has to work on systems that are older than the one that built it.
TARBALL_SUITE, DEBIAN_SUITE = "bullseye", "bookworm"
BLOCK = re.compile(r"<!-- test: (\w+)(?: ([^\n]*))? -->\n```\w+\n(.*?)```", re.S)


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def blocks(document, way):
    """The files and the commands of a document for one way to install, in order."""
    for kind, detail, text in BLOCK.findall((ROOT / document).read_text()):
        if kind == "file":
            yield detail, text
        elif detail in ("", f"with {way}"):
            yield None, text


class Way:
    """One way to install; the tests run in the order of their names, in one system."""

    suite = way = None

    @classmethod
    def setUpClass(cls):
        cls.root = Root(cls.suite, cls.way)
        cls.addClassCleanup(cls.root.close)
        for path in [*DIST.glob("*.deb"), *DIST.glob("libcallbackservice-*.tar.gz")]:
            cls.root.copy(path)
        cls.root.copy(*(ROOT / f"tests/c/{name}" for name in ["check.h", "portable.h", "interface.c", "exception.cpp"]))
        cls.root.copy(ROOT / "examples/cpp/quickstart.cpp", ROOT / "tests/packages/consume.sh")
        (cls.root.work / "project").mkdir()
        (cls.root.work / "project/CMakeLists.txt").write_text((ROOT / "tests/packages/project/CMakeLists.txt").read_text())

    def run_document(self, document):
        """Writes the files and runs the commands of a document; what they print."""
        script = ""
        for name, text in blocks(document, self.way):
            if name:
                (self.root.work / name).write_text(text)
            else:
                script += text
        return self.root.run(script)

    def test_1_the_system_has_neither_rust_nor_the_library(self):
        self.root.run("! command -v rustc && ! command -v cargo && ! ldconfig -p | grep callbackservice")

    def test_2_the_commands_of_the_documentation_work(self):
        shown = self.run_document("docs/install.md")
        self.assertEqual(shown.count(f"libcallbackservice {header.version()}\n"), 5, shown)

    def test_3_programs_book_and_list(self):
        shown = self.root.run("sh consume.sh 2>&1")
        self.assertEqual(shown.count(": ok\n"), 9, shown)


class Tarball(Way, unittest.TestCase):
    suite, way = TARBALL_SUITE, "tarball"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        place = cls.root.path / "usr/local/bin/callback-sandbox"
        place.write_bytes((DIST / MACHINE / "callback-sandbox").read_bytes())
        place.chmod(0o755)
        cls.root.variables = {
            "PKG_CONFIG_PATH": "/opt/callbackservice/lib/pkgconfig",
            "CMAKE_PREFIX_PATH": "/opt/callbackservice",
            "LD_LIBRARY_PATH": "/opt/callbackservice/lib",
        }

    def test_4_the_files_can_be_moved(self):
        self.root.run("mkdir -p /srv/a && mv /opt/callbackservice '/srv/a/b'")
        self.root.variables = {name: value.replace("/opt/callbackservice", "/srv/a/b") for name, value in self.root.variables.items()}
        shown = self.root.run("rm -rf programs project/build && sh consume.sh 2>&1")
        self.assertEqual(shown.count(": ok\n"), 9, shown)


class Debian(Way, unittest.TestCase):
    suite, way = DEBIAN_SUITE, "debian"

    def test_4_the_files_are_where_they_belong(self):
        triplet = f"{MACHINE}-linux-gnu"
        version = ".".join(header.version().split(".")[1:])
        self.root.run(
            f"test -f /usr/lib/{triplet}/libcallbackservice.so.1.{version}\n"
            f"test $(readlink /usr/lib/{triplet}/libcallbackservice.so.1) = libcallbackservice.so.1.{version}\n"
            f"test $(readlink /usr/lib/{triplet}/libcallbackservice.so) = libcallbackservice.so.1\n"
            "ldconfig -p | grep -F libcallbackservice.so.1\n"
            "dpkg --verify libcallbackservice1 libcallbackservice-dev callback-sandbox"
        )

    def test_5_the_deliverer_runs_as_the_documentation_says(self):
        # A unit whose program has not been compiled is not installed as one.
        self.root.run("! find /etc/systemd /lib/systemd /usr/lib/systemd -name '*callback*' 2> /dev/null | grep .")
        self.root.copy(ROOT / "tests/packages/deliver.sh")
        self.run_document("docs/outbox.md")
        self.root.run(
            "apt-get install -y --no-install-recommends systemd\n"
            "systemd-analyze verify --man=no /etc/systemd/system/callback-deliverer.service"
        )
        self.assertRegex(self.root.run("sh deliver.sh"), r"^(\S+) delivered as \S+\nended with 0\n$")

    def test_6_nothing_is_left_after_removal(self):
        self.root.run(
            "apt-get purge -y libcallbackservice1 libcallbackservice-dev callback-sandbox\n"
            "! find / -xdev -path /work -prune -o -name '*callbackservice*' -print | grep -v ^/var/lib/dpkg | grep ."
        )


class Artifacts(unittest.TestCase):
    def test_lintian_finds_no_error(self):
        run("lintian", "--allow-root", "--fail-on", "error", *DIST.glob("*.deb"))

    def test_the_shared_library_needs_nothing_new_and_exports_the_functions_of_the_header(self):
        expected = {item.name for item in header.items() if item.kind == "function"}
        for directory in sorted(path.parent for path in DIST.glob("*/library")):
            with self.subTest(directory.name):
                library = directory / "library/libcallbackservice.so.1"
                shown = run("readelf", "-dVW", library)
                self.assertIn("Library soname: [libcallbackservice.so.1]", shown)
                self.assertIn("NODELETE", shown)
                # The unwinder of the process, not another one.
                self.assertIn("[libgcc_s.so.1]", shown)
                for binary in [library, directory / "callback-sandbox"]:
                    versions = re.findall(r"Name: GLIBC_([\d.]+)", run("readelf", "-VW", binary))
                    self.assertLessEqual(max(tuple(map(int, version.split("."))) for version in versions), (2, 17), binary)
                names = re.findall(r" (?:GLOBAL|WEAK) +DEFAULT +\d+ (\w+)", run("readelf", "-W", "--dyn-syms", library))
                self.assertEqual(set(names), expected)
                static = run("nm", "-g", "--defined-only", directory / "library/libcallbackservice.a")
                self.assertEqual(set(re.findall(r" [A-Z] (\w+)$", static, re.M)), expected)

    def test_no_path_of_the_build_machine_is_inside(self):
        for binary in [*DIST.glob("*/library/*"), *DIST.glob("*/callback-sandbox")]:
            content = binary.read_bytes()
            for path in [ROOT, Path.home(), Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))]:
                self.assertNotIn(str(path).encode() + b"/", content, binary)

    def test_packing_again_gives_the_same_bytes(self):
        before = (DIST / "SHA256SUMS").read_text()
        architectures = re.findall(r"-(\w+)-linux-gnu\.tar\.gz$", before, re.M)
        self.assertIn(MACHINE, architectures)
        with tempfile.TemporaryDirectory() as again:
            environment = {**os.environ, "ARCHITECTURES": " ".join(architectures)}
            run(sys.executable, ROOT / "packaging/dist.py", "--pack", again, env=environment)
            self.assertEqual((Path(again) / "SHA256SUMS").read_text(), before)
        for line in before.splitlines():
            digest, name = line.split()
            self.assertEqual(hashlib.sha256((DIST / name).read_bytes()).hexdigest(), digest)

    def test_every_linked_package_has_a_licence_text(self):
        for archive in DIST.glob("libcallbackservice-*.tar.gz"):
            name = archive.name.removesuffix(".tar.gz")
            text = run("tar", "-xzOf", archive, f"{name}/share/doc/callbackservice/third-party-licenses.txt")
            for part in ["rustls ", "ring ", "Rust standard library", "hyper ", "Text 1\n"]:
                self.assertIn(part, text)

    def test_the_manual_has_no_warnings(self):
        run("make", "--silent", "docs", cwd=ROOT)
        self.assertIn("cbsvc_init", (ROOT / "build/docs/html/callbackservice_8h.html").read_text())
        for page in (ROOT / "build/docs/man/man3").glob("*.3"):
            with self.subTest(page.name):
                self.assertEqual(run("mandoc", "-Tlint", "-Wwarning", page), "")


class Interface(unittest.TestCase):
    """The types of the interface, compared by libabigail."""

    def compare(self, text=None):
        with tempfile.TemporaryDirectory() as directory:
            library = baseline.library(Path(directory), text)
            command = ["abidiff", "--no-added-syms", baseline.BASELINE, library]
            return subprocess.run(command, stdout=subprocess.PIPE, text=True)

    def test_no_function_of_the_baseline_has_changed(self):
        done = self.compare()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_changed_type_is_noticed(self):
        text = header.HEADER.read_text()
        for old, new in [("int32_t timeout_ms)", "int64_t timeout_ms)"), ("typedef int32_t cbsvc_status", "typedef int64_t cbsvc_status")]:
            self.assertIn(old, text)
            self.assertNotEqual(self.compare(text.replace(old, new)).returncode, 0, new)


def main():
    if os.geteuid() != 0:
        sys.exit("make test-packages needs the rights of root: it makes systems to install into")
    debian_tools.ensure("make test-packages", TOOLS)
    roots.own_mounts()
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
