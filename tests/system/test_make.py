"""What make builds, where, and what it installs. Cargo is a stand-in that takes no minutes; it writes real files."""

import os
import re
import shutil
import subprocess

from support import HEADER, RELEASE, ROOT, STRICT, Case, run

C_PROGRAM = """
#include <callbackservice.h>
int main(void) { return cbsvc_version() == CBSVC_HEADER_VERSION ? 0 : 1; }
"""

CPP_PROGRAM = """
#include <callbackservice.hpp>
int main() {
    try {
        callbackservice::Service("{}");
    } catch (const callbackservice::Error &error) {
        return error.status() == callbackservice::Status::config ? 0 : 1;
    }
    return 1;
}
"""

# Puts the artefacts where cargo would, and says so as cargo does. Options may stand in a configuration file too, which
# is what FAKE_TARGET is for.
CARGO = """#!/bin/sh
set -eu
target=${CARGO_TARGET_DIR:-${FAKE_TARGET:-target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
release=$target/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release
case "$*" in *" --message-format="*) ;; *) echo "unexpected: $*" >&2 && exit 1 ;; esac
[ -z "${FAKE_FAILURE-}" ] || exit 101
mkdir -p "$release/deps"
cp "$FAKE_LIBRARY.so" "$FAKE_LIBRARY.a" "$release/"
printf '{"reason":"compiler-artifact","filenames":["%s/deps/libserde_derive-1.so"],"executable":null}\\n' "$target"
printf '{"reason":"compiler-artifact","filenames":["%s/libcallbackservice.so","%s/libcallbackservice.a"]' "$release" "$release"
printf ',"executable":null,"fresh":false}\\n'
printf '{"reason":"compiler-artifact","filenames":["%s/callback-sandbox"],"executable":"%s/callback-sandbox"}\\n' \\
    "$release" "$release"
"""


class Tree(Case):
    """A copy of the tree with a stand-in for cargo."""

    def setUp(self):
        super().setUp()
        self.tree = self.scratch / "tree"
        self.tree.mkdir()
        for name in run("git", "ls-files").splitlines():
            if not name.startswith(("docs/", "fuzz/", "sandbox/")) and (ROOT / name).is_file():
                path = self.tree / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, path)
        cargo = self.scratch / "cargo"
        cargo.write_text(CARGO)
        cargo.chmod(0o755)
        self.library = self.scratch / "libcallbackservice"
        for kind in ["so", "a"]:
            shutil.copy2(f"{RELEASE}/libcallbackservice.{kind}", f"{self.library}.{kind}")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CARGO")},
            "CARGO": str(cargo),
            "FAKE_LIBRARY": str(self.library),
        }
        self.prefix = self.scratch / "usr"

    def make(self, *arguments, **environment):
        return subprocess.run(
            ["make", *arguments],
            cwd=self.tree,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def made(self, *arguments, **environment):
        done = self.make(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def refused(self, message, *arguments, **environment):
        done = self.make(*arguments, **environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(message, done.stderr)

    def installed(self):
        path = self.prefix / "lib" / "libcallbackservice.so.1"
        return path.read_bytes() if path.exists() else None


class TargetDirectory(Tree):
    def test_the_library_is_found_wherever_cargo_puts_it(self):
        places = [
            ({}, "target/release"),
            ({"CARGO_TARGET_DIR": str(self.scratch / "a b")}, self.scratch / "a b/release"),
            ({"CARGO_TARGET_DIR": "relative"}, "relative/release"),
            ({"FAKE_TARGET": "configured"}, "configured/release"),
            ({"CARGO_BUILD_TARGET": "x86_64-unknown-linux-gnu"}, "target/x86_64-unknown-linux-gnu/release"),
        ]
        for environment, place in places:
            with self.subTest(place=place):
                # What an earlier build has left where it is looked for first.
                older = self.tree / "target/release"
                older.mkdir(parents=True, exist_ok=True)
                for name in ["libcallbackservice.so", "libcallbackservice.a"]:
                    (older / name).write_text("an older build")
                shutil.rmtree(self.prefix, ignore_errors=True)
                self.made("library", **environment)
                self.assertEqual((self.tree / "build/release").resolve(), (self.tree / place).resolve())
                # Installing needs neither cargo nor its environment.
                self.made("install", f"PREFIX={self.prefix}", CARGO="/nowhere")
                exported = run("nm", "-D", self.prefix / "lib/libcallbackservice.so").count(" T cbsvc_")
                self.assertEqual(exported, len(re.findall(r"^\S.*\bcbsvc_\w+\(", HEADER.read_text(), re.M)))
                self.made("sandbox", **environment)
                self.assertEqual((self.tree / "build/release").resolve(), (self.tree / place).resolve())

    def test_nothing_old_is_installed(self):
        arguments = "install", f"PREFIX={self.prefix}"
        self.refused("run make first", *arguments)
        self.made("library")
        for changed in ["src/lib.rs", "src/ffi/mod.rs", "Cargo.toml", "Cargo.lock", "build.rs"]:
            with self.subTest(changed):
                os.utime(self.tree / changed)
                self.refused(f"{changed} has changed since the library was built", *arguments)
                self.assertIsNone(self.installed())
                self.made("library")
        self.refused("", "library", FAKE_FAILURE="1")
        self.refused("run make first", *arguments)
        self.assertIsNone(self.installed())
        self.made("library")
        # Another tree builds into the same directory.
        (self.tree / "target/release/libcallbackservice.so").write_text("another tree's")
        self.made(*arguments)
        self.assertIn(b"cbsvc_init", self.installed())


class Install(Tree):
    """Installs and compiles against what was installed."""

    def install(self, *arguments, destdir=None):
        self.made("library")
        directory = [f"DESTDIR={destdir}"] if destdir else []
        self.made("install", f"PREFIX={self.prefix}", *arguments, *directory)

    def pkg_config(self, directory, *arguments):
        environment = {"PKG_CONFIG_PATH": str(directory / "pkgconfig"), "PATH": os.environ["PATH"]}
        return run("pkg-config", *arguments, "callbackservice", env=environment).split()

    def build(self, flags, *, cpp, static=False):
        source = self.scratch / ("program.cpp" if cpp else "program.c")
        source.write_text(CPP_PROGRAM if cpp else C_PROGRAM)
        dialect = ["-std=c++17", "-Wpedantic"] if cpp else ["-std=c99"]
        program = self.scratch / "program"
        run("g++" if cpp else "cc", *STRICT, *dialect, *(["-static"] if static else []), source, *flags, "-o", program)
        return program


class Files(Install):
    def test_the_shared_library_carries_its_version_and_has_two_links(self):
        for version, real in [("0.1.0", "1.1.0"), ("1.4.2", "1.4.2"), ("1.5.0-rc.1", "1.5.0")]:
            manifest = self.tree / "Cargo.toml"
            manifest.write_text((ROOT / "Cargo.toml").read_text().replace('version = "0.1.0"', f'version = "{version}"', 1))
            self.install()
            libraries = sorted((self.prefix / "lib").glob("libcallbackservice.so*"))
            # That of the version before is gone, which ldconfig could prefer.
            self.assertEqual([path.name for path in libraries[2:]], [f"libcallbackservice.so.{real}"])
            self.assertEqual(os.readlink(libraries[0]), "libcallbackservice.so.1")
            self.assertEqual(os.readlink(libraries[1]), f"libcallbackservice.so.{real}")
            self.assertFalse(libraries[2].is_symlink())

    def test_every_header_page_and_example_is_installed_and_removed(self):
        (self.tree / "include/callbackservice").mkdir(exist_ok=True)
        (self.tree / "include/callbackservice/part.hpp").write_text("")
        self.made("manual")
        self.install()
        examples = "share/doc/callbackservice/examples"
        for place in [
            "include/callbackservice/part.hpp",
            "share/man/man3/cbsvc_init.3",
            "share/man/man3/callbackservice.3",
            f"{examples}/c/deliverer.c",
            f"{examples}/c/callback-deliverer.service",
            f"{examples}/cpp/quickstart.cpp",
        ]:
            self.assertTrue((self.prefix / place).is_file(), place)
        for header in (ROOT / "include").rglob("*.h*"):
            self.assertTrue((self.prefix / "include" / header.relative_to(ROOT / "include")).is_file(), header)
        self.made("uninstall", f"PREFIX={self.prefix}")
        self.assertEqual([path for path in self.prefix.rglob("*") if not path.is_dir()], [])


class PkgConfig(Install):
    def test_pkg_config_finds_files_that_were_moved(self):
        layouts = [
            ([], "lib"),
            ([f"LIBDIR={self.prefix}/lib/x86_64-linux-gnu"], "lib/x86_64-linux-gnu"),
            ([f"INCLUDEDIR={self.prefix}/include/callbackservice/1"], "lib"),
        ]
        for arguments, libdir in layouts:
            for destdir in [None, self.scratch / "stage"]:
                with self.subTest(arguments=arguments, destdir=destdir):
                    shutil.rmtree(self.prefix, ignore_errors=True)
                    self.install(*arguments, destdir=destdir)
                    there = destdir / self.prefix.relative_to("/") if destdir else self.prefix
                    moved = self.scratch / "moved" / "elsewhere"
                    shutil.rmtree(moved, ignore_errors=True)
                    moved.parent.mkdir(exist_ok=True)
                    there.rename(moved)
                    for path in moved.rglob("*"):
                        if path.suffix in {".pc", ".cmake"}:
                            self.assertNotIn(str(self.scratch), path.read_text(), path)
                    for cpp in [False, True]:
                        program = self.build(self.pkg_config(moved / libdir, "--cflags", "--libs"), cpp=cpp)
                        run(program, env={"LD_LIBRARY_PATH": str(moved / libdir)})

    def test_pkg_config_links_a_static_program(self):
        self.install()
        for cpp in [False, True]:
            flags = self.pkg_config(self.prefix / "lib", "--static", "--cflags", "--libs")
            program = self.build(flags, cpp=cpp, static=True)
            self.assertNotIn("NEEDED", run("readelf", "-d", program))
            run(program)

    def test_the_installed_library_is_stripped(self):
        self.install()
        sections = run("readelf", "-S", self.prefix / "lib/libcallbackservice.so.1")
        self.assertNotIn(".symtab", sections)
        self.assertNotIn(".debug_", sections)
        self.assertIn(".dynsym", sections)


class CMake(Install):
    def configure(self, find, prefix, language="C CXX", expected=0):
        project = self.scratch / "project"
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir()
        (project / "program.c").write_text(C_PROGRAM)
        (project / "program.cpp").write_text(CPP_PROGRAM)
        targets = [("c", "callbackservice::callbackservice"), ("c", "callbackservice::static")]
        if "CXX" in language:
            targets += [("cpp", "callbackservice::callbackservice"), ("cpp", "callbackservice::static")]
        lines = [
            "cmake_minimum_required(VERSION 3.16)",
            f"project(program {language})",
            "set(CMAKE_CXX_STANDARD 11)",
            "set(CMAKE_EXPORT_COMPILE_COMMANDS ON)",
            find,
        ]
        for number, (kind, target) in enumerate(targets):
            lines += [f"add_executable(p{number} program.{kind})", f"target_link_libraries(p{number} {target})"]
        (project / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
        build = project / "build"
        done = subprocess.run(
            ["cmake", "-S", project, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode != 0, expected != 0, done.stdout + done.stderr)
        return build, done.stderr

    def test_a_project_finds_files_that_were_moved(self):
        for arguments in [[], [f"LIBDIR={self.prefix}/lib/x86_64-linux-gnu"]]:
            with self.subTest(arguments):
                shutil.rmtree(self.prefix, ignore_errors=True)
                self.install(*arguments)
                moved = self.scratch / "moved"
                shutil.rmtree(moved, ignore_errors=True)
                self.prefix.rename(moved)
                build, _ = self.configure("find_package(callbackservice 0.1 CONFIG REQUIRED)", moved)
                run("cmake", "--build", build)
                for number in range(4):
                    run(build / f"p{number}")
        # The header for C++ needs C++17, whatever the compiler's default is.
        flags = (build / "compile_commands.json").read_text()
        self.assertEqual(flags.count("-std=gnu++17"), 2, flags)
        build, _ = self.configure("find_package(callbackservice REQUIRED)", moved, language="C")
        run("cmake", "--build", build)

    def test_only_a_version_of_the_same_interface_is_taken(self):
        wanted = {
            "0.1.0": {"": True, "0.1": True, "0.1.0": True, "0.1.0 EXACT": True, "0": True, "0.1.1": False, "0.0": False,
                      "0.2": False, "1": False, "1.0": False, "0.1...0.2": True, "0.1...<0.1.0": False},
            "9.0.0": {"": True, "0.1": False, "0": False, "1": False, "9": True, "9.0": True, "9.1": False, "8.5": False},
            "1.4.2": {"1": True, "1.2": True, "1.4.2": True, "1.4.3": False, "1.5": False, "0.9": False, "1.2...1.9": True,
                      "1.2...<1.4": False, "1.2...1.4.2": True, "1.2...<1.4.2": False, "1.4 EXACT": False},
        }  # fmt: skip
        for installed, requests in wanted.items():
            manifest = self.tree / "Cargo.toml"
            manifest.write_text(manifest.read_text().replace('version = "0.1.0"', f'version = "{installed}"', 1))
            self.install()
            manifest.write_text((ROOT / "Cargo.toml").read_text())
            for request, is_taken in requests.items():
                with self.subTest(installed=installed, request=request):
                    self.configure(
                        f"find_package(callbackservice {request} CONFIG REQUIRED)",
                        self.prefix,
                        language="C",
                        expected=0 if is_taken else 1,
                    )

    def test_components_and_missing_files_are_named(self):
        self.install()
        self.configure("find_package(callbackservice REQUIRED COMPONENTS shared static)", self.prefix)
        _, errors = self.configure("find_package(callbackservice REQUIRED COMPONENTS python)", self.prefix, expected=1)
        self.assertIn("component python is not installed", " ".join(errors.split()))
        (self.prefix / "lib/libcallbackservice.a").unlink()
        _, errors = self.configure("find_package(callbackservice REQUIRED COMPONENTS static)", self.prefix, expected=1)
        self.assertIn("component static is not installed", " ".join(errors.split()))
        (self.prefix / "lib/libcallbackservice.so.1").unlink()
        _, errors = self.configure("find_package(callbackservice REQUIRED)", self.prefix, expected=1)
        self.assertIn("library files are not where they were installed", " ".join(errors.split()))
