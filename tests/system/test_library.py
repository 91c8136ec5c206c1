"""The library as files: header, symbols, linking, installing."""

import re

from support import HEADER, RELEASE, ROOT, STRICT, Case, run

PROGRAM = """
#include "callbackservice.h"
#include "callbackservice.h"
int main(void) { return cbsvc_version() == CBSVC_HEADER_VERSION ? 0 : 1; }
"""


# What the examples in the header use.
AROUND_EXAMPLES = """
#include "callbackservice.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
void on_event(const char *event, const char *data, void *user_data);
void done(const char *event, const char *data, void *user_data);
void on_log(const char *level, const char *line, void *user_data);
extern volatile sig_atomic_t interrupted;
"""


def declared():
    """The functions that the header declares."""
    return set(re.findall(r"^\S.*?\b(cbsvc_\w+)\(", HEADER.read_text(), re.M))


def comment_of(name):
    """The comment above a function in the header."""
    text = HEADER.read_text()
    return text[: re.search(rf"^\S.*\b{name}\(", text, re.M).start()].rsplit("/**", 1)[1]


class Header(Case):
    def test_header_compiles_without_warnings_in_every_dialect(self):
        for dialect in ["gnu90", "c99", "c11", "c2x"]:
            with self.subTest(dialect):
                self.compile(PROGRAM, f"-std={dialect}")
        for dialect in ["c++98", "c++17", "c++23"]:
            with self.subTest(dialect):
                self.compile(PROGRAM, f"-std={dialect}", compiler="g++")

    def test_every_function_documents_threads_errors_and_version(self):
        for name in declared():
            with self.subTest(name):
                comment = comment_of(name)
                self.assertIn("Any thread", comment)
                self.assertRegex(comment, r"Since \d+\.\d+")
                self.assertRegex(comment, r"Errors: |Never fails")

    def test_every_function_has_an_example_that_compiles(self):
        program = AROUND_EXAMPLES
        for name in sorted(declared()):
            with self.subTest(name):
                example = re.search(r"^ \* Example.*:\n((?: \*     .*\n)+)", comment_of(name), re.M).group(1)
                code = re.sub(r"^ \* ", "", example, flags=re.M)
                self.assertIn(f"{name}(", code)
                local = "" if name == "cbsvc_init" else "cbsvc_service *service"
                program += f"void example_of_{name}({local or 'void'});\n"
                program += f"void example_of_{name}({local or 'void'})\n{{\n{code}}}\n"
        self.assertGreater(program.count("void example_of_"), 2 * 15)
        options = ["-D_GNU_SOURCE", "-Wno-unused-parameter", "-c"]
        for compiler, dialect in [("cc", "c99"), ("cc", "c2x"), ("g++", "c++11")]:
            with self.subTest(dialect):
                source = program.replace("calloc(", "(int *)calloc(") if compiler == "g++" else program
                self.compile(source, f"-std={dialect}", *options, compiler=compiler)

    def test_comments_contain_no_rust(self):
        for word in ["# Safety", "`", "Option<", "unsafe"]:
            self.assertNotIn(word, HEADER.read_text())


class Symbols(Case):
    def test_shared_library_exports_the_declared_functions_only(self):
        names = run("nm", "-D", "--defined-only", RELEASE / "libcallbackservice.so").split()[2::3]
        self.assertEqual(set(names), declared())

    def test_static_library_exports_the_declared_functions_only(self):
        lines = run("nm", "-g", "--defined-only", RELEASE / "libcallbackservice.a").splitlines()
        self.assertEqual({line.split()[2] for line in lines if len(line.split()) == 3}, declared())

    def test_shared_library_has_a_soname_and_is_never_unloaded(self):
        dynamic = run("readelf", "-d", RELEASE / "libcallbackservice.so")
        self.assertIn("[libcallbackservice.so.1]", dynamic)
        self.assertIn("NODELETE", dynamic)

    def test_static_library_links(self):
        run(self.compile(PROGRAM, static=True))


class Install(Case):
    def setUp(self):
        super().setUp()
        self.prefix = self.scratch / "usr"
        run("make", "--silent", "install", f"PREFIX={self.prefix}")

    def test_pkg_config_finds_the_library(self):
        environment = {"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig"), "PATH": "/usr/bin:/bin"}
        flags = run("pkg-config", "--cflags", "--libs", "callbackservice", env=environment).split()
        source = self.scratch / "program.c"
        source.write_text(PROGRAM.replace('"', "<", 1).replace('.h"', ".h>", 1))
        run("cc", *STRICT, source, *flags, "-o", self.scratch / "program")
        run(self.scratch / "program", env={"LD_LIBRARY_PATH": str(self.prefix / "lib")})

    def test_cmake_finds_the_library(self):
        (self.scratch / "program.c").write_text(PROGRAM)
        (self.scratch / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(program C)\nfind_package(callbackservice 0.1 REQUIRED)\n"
            "add_executable(shared program.c)\ntarget_link_libraries(shared callbackservice::callbackservice)\n"
            "add_executable(static program.c)\ntarget_link_libraries(static callbackservice::static)\n"
        )
        build = self.scratch / "build"
        run("cmake", "-S", self.scratch, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        run(build / "shared")
        run(build / "static")

    def test_uninstall_removes_every_file(self):
        run("make", "--silent", "uninstall", f"PREFIX={self.prefix}")
        self.assertEqual([path for path in self.prefix.rglob("*") if not path.is_dir()], [])


class Sources(Case):
    def test_unsafe_code_is_in_ffi_and_sys_only(self):
        for path in (ROOT / "src").rglob("*.rs"):
            if "ffi" not in path.parts and "sys" not in path.parts:
                self.assertNotRegex(path.read_text(), r"\bunsafe\s*(\{|fn|impl|extern)", str(path))
