"""The archives for Windows: their files, and the programs of their documentation."""

import os
import re
import subprocess
import sys
import zipfile

import header
import wine
from support import RELEASE, ROOT, Sandbox, run
from support_windows import C99, WindowsCase

sys.path.insert(0, str(ROOT / "packaging" / "windows"))
import dist_windows  # noqa: E402

INCLUDED = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("include/*.h"), *ROOT.glob("include/**/*.hpp")]}
FILES = INCLUDED | {
    "bin/callbackservice.dll", "lib/callbackservice.def", "lib/libcallbackservice.dll.a", "README.md", "LICENSE-MIT",
    "LICENSE-APACHE", "third-party-licenses.txt", "examples/book.c", "examples/Book.cs", "examples/CallbackService.bas",
    "examples/wait_for_multiple_objects.c",
}  # fmt: skip


def with_url(text, base):
    """A program of the documentation, for another server."""
    assert "http://127.0.0.1:8080" in text
    return text.replace("http://127.0.0.1:8080", base)


class Archive(WindowsCase):
    def setUp(self):
        super().setUp()
        [archive] = dist_windows.DIST.glob(f"*-{self.architecture}.zip")
        self.archive = archive
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(self.scratch)
        self.unpacked = self.scratch / archive.stem

    def test_it_has_the_files(self):
        found = {str(path.relative_to(self.unpacked)) for path in self.unpacked.rglob("*") if path.is_file()}
        self.assertEqual(found, FILES)
        self.assertEqual((self.unpacked / "bin/callbackservice.dll").read_bytes(), self.library.read_bytes())
        named = re.findall(r"^\| `([^`]*\.\w+)`", (self.unpacked / "README.md").read_text(), re.M)
        self.assertGreater(len(named), 5)
        self.assertLessEqual({name.replace("\\", "/") for name in named}, FILES)

    def test_packing_again_gives_the_same_bytes(self):
        before = self.archive.read_bytes()
        run(sys.executable, ROOT / "packaging/windows/dist_windows.py", self.architecture)
        self.assertEqual(self.archive.read_bytes(), before)

    def test_every_linked_package_has_a_licence_text(self):
        text = (self.unpacked / "third-party-licenses.txt").read_text()
        for part in ["rustls ", "ring ", "Rust standard library", "hyper ", "windows-sys ", "MinGW-w64", "libgcc", "Text 1\n"]:
            self.assertIn(part, text)
        self.assertNotIn("libc 0", text.split("Text 1\n")[0].replace("libc 0.2", "", 1))

    def test_the_c_program_runs_with_the_import_library_of_mingw(self):
        self.run_c_program(self.unpacked / "lib/libcallbackservice.dll.a")

    def test_the_c_program_runs_with_an_import_library_from_the_definition_file(self):
        # LLVM's program of this name takes the options of Visual C++'s.
        library = self.scratch / "callbackservice.lib"
        machine = {"x86_64": "x64", "i686": "x86"}[self.architecture]
        run("llvm-lib-22", f"/def:{self.unpacked / 'lib/callbackservice.def'}", f"/machine:{machine}", f"/out:{library}")
        self.run_c_program(library)

    def run_c_program(self, library):
        source = self.scratch / "book.c"
        program = self.scratch / "book.exe"
        (self.scratch / "callbackservice.dll").write_bytes((self.unpacked / "bin/callbackservice.dll").read_bytes())
        with Sandbox() as sandbox:
            source.write_text(with_url((self.unpacked / "examples/book.c").read_text(), sandbox.base))
            strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
            run(self.tool("gcc-posix"), *strict, f"-I{self.unpacked / 'include'}", source, library, "-o", program)
            self.assertRegex(self.wine.run(program), r"^OK: 369-\S+\n$")

    def test_the_csharp_program_books(self):
        # There is no .NET under this Wine; the same program runs with the library for Linux.
        program = self.scratch / "Book.exe"
        run("mcs", "-warnaserror", f"-out:{program}", self.unpacked / "examples/Book.cs")
        environment = {**os.environ, "LD_LIBRARY_PATH": str(RELEASE)}
        with Sandbox() as sandbox:
            self.assertRegex(run("mono", program, sandbox.v1, env=environment), r"^booked as 369-\S+\n$")
        done = subprocess.run(["mono", program, "http://127.0.0.1:1/x"], env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("CONNECT: ", done.stderr)

    def test_the_way_of_the_vba_module_books(self):
        program = self.compile(ROOT / "tests/windows/dispcall.c", *C99, libraries=["-loleaut32", "-lws2_32"])
        with Sandbox() as sandbox:
            self.assertRegex(self.run_program(program, sandbox.v1), r"\d+ checks passed\n$")


# What a parameter or result of C is in VBA. Currency has the 64 bits of a uint64_t in every version.
KINDS = [
    (r"uint64_t \*", "ByRef Currency"),
    (r"u?int32_t \*", "ByRef Long"),
    (r"char \*\*|cbsvc_service \*\*|intptr_t \*", "ByRef LongPtr"),
    (r"(const )?char \*|cbsvc_service \*|void \*|cbsvc_handler |cbsvc_release ", "ByVal LongPtr"),
    (r"uint64_t ", "ByVal Currency"),
    (r"u?int32_t |cbsvc_status ", "ByVal Long"),
]
RESULTS = {"cbsvc_status": "Long", "uint32_t": "Long", "const char *": "LongPtr", "void": None}
DECLARE = re.compile(r'^Private Declare (PtrSafe )?(Function|Sub) (\w+) Lib "([\w.]+)" \((.*)\)(?: As (\w+))?$', re.M)
WRAPPER = re.compile(r"^Private (Function|Sub) (cbsvc_\w+)\((.*)\)(?: As (\w+))?\n(.*)\nEnd \1$", re.M)


def kind_of(parameter):
    return next(kind for pattern, kind in KINDS if re.fullmatch(rf"({pattern})\w+", parameter.strip()))


def prototypes():
    """Parameters and result of each function of the header, as VBA has them."""
    found = {}
    for item in header.items():
        if item.kind == "function":
            result, name, parameters = re.fullmatch(
                r"([\w *]+?) ?(?:CBSVC_CALL )?(cbsvc_\w+)\((.*)\);", " ".join(item.code.split())
            ).groups()
            kinds = [] if parameters == "void" else [kind_of(parameter) for parameter in parameters.split(",")]
            found[name] = kinds, RESULTS[result.strip()]
    return found


def kinds_of(parameters):
    words = re.findall(r"(ByVal|ByRef) \w+ As (\w+)", parameters)
    return [" ".join(pair) for pair in words]


class Vba(WindowsCase):
    """The module cannot run here: its declarations are compared with the header, and with each other."""

    def setUp(self):
        super().setUp()
        self.text = dist_windows.examples()["CallbackService.bas"]
        self.declared = DECLARE.findall(self.text)
        self.wrappers = {name: rest for _, name, *rest in WRAPPER.findall(self.text)}

    def test_every_declaration_is_understood(self):
        self.assertEqual(len(self.declared), self.text.count("Private Declare "))
        self.assertGreater(len(self.wrappers), 5)

    def test_declarations_and_wrappers_are_those_of_the_header(self):
        expected = prototypes()
        own = {name: (library, kinds_of(parameters), result or None) for _, _, name, library, parameters, result in self.declared}
        own = {name: rest for name, rest in own.items() if name.startswith("cbsvc_")}
        self.assertEqual(set(own), set(self.wrappers))
        for name, (library, kinds, result) in own.items():
            self.assertEqual(library, "callbackservice.dll")
            self.assertEqual((kinds, result), expected[name], name)
            parameters, wrapped_result, body = self.wrappers[name]
            self.assertEqual((kinds_of(parameters), wrapped_result or None), expected[name], name)
            passed = ", ".join(
                f"VarPtr({word})" if way == "ByRef" else word for way, word in re.findall(r"(ByVal|ByRef) (\w+) As", parameters)
            )
            self.assertRegex(body.strip(), rf'^(?:{name} = Invoke\("{name}", {re.escape(passed)}\)|Invoke "{name}", {re.escape(passed)})$')

    def test_the_system_is_declared_the_same_before_and_since_vba_7(self):
        system = [declared for declared in self.declared if not declared[2].startswith("cbsvc_")]
        new = [rest for safe, *rest in system if safe]
        old = [rest for safe, *rest in system if not safe]
        self.assertEqual(new, old)
        # 64-bit VBA knows no declaration without PtrSafe.
        modern = self.text.split("#If VBA7 Then\n")[1].split("#Else\n")[0] + self.text.split("#If Win64 Then\n")[1].split("#Else\n")[0]
        self.assertEqual(modern.count(" Declare "), modern.count(" Declare PtrSafe "))

    def test_the_statuses_are_those_of_the_header(self):
        constants = {item.name: item.value for item in header.items() if item.kind == "constant"}
        used = re.findall(r"Const (CBSVC_\w+) As Long = (\d+)", self.text)
        self.assertEqual(len(used), len(set(re.findall(r"CBSVC_\w+", self.text))))
        for name, value in used:
            self.assertEqual(constants[name], int(value), name)

    def test_blocks_are_closed_and_lines_fit(self):
        for opening, closing in [(r"^#If ", r"^#End If$"), (r"^ +(?:Do|For)\b", r"^ +(?:Loop|Next)\b"),
                                 (r"^ *If .* Then$", r"^ *End If$"), (r"^(?:Private|Public) (?:Sub|Function) ", r"^End (?:Sub|Function)$")]:
            self.assertEqual(len(re.findall(opening, self.text, re.M)), len(re.findall(closing, self.text, re.M)), opening)
        self.assertLess(max(map(len, self.text.splitlines())), 1023)
        self.assertTrue(self.text.isascii())


CASES = [Archive, Vba]
