"""The library for Windows as a file: what it exports, imports and says of itself."""

import re

import header
import wine
from support import ROOT, run
from support_windows import WindowsCase

# What every Windows since 7 has.
SYSTEM = {
    "advapi32.dll", "bcrypt.dll", "bcryptprimitives.dll", "crypt32.dll", "kernel32.dll", "msvcrt.dll", "ntdll.dll",
    "ole32.dll", "secur32.dll", "shell32.dll", "user32.dll", "userenv.dll", "winhttp.dll", "ws2_32.dll",
}  # fmt: skip
FUNCTIONS = {item.name for item in header.items() if item.kind == "function"}


class Library(WindowsCase):
    def shown(self):
        return run(self.tool("objdump"), "-p", self.library)

    def test_it_is_of_the_architecture(self):
        expected = {"x86_64": "pei-x86-64", "i686": "pei-i386"}[self.architecture]
        self.assertIn(f"file format {expected}", self.shown())

    def test_it_exports_the_functions_of_the_header_under_their_names(self):
        table = self.shown().split("[Ordinal/Name Pointer] Table")[1].split("\n\n")[0]
        names = re.findall(r"\[ *\d+\] +(?:\+base\[ *\d+\] +\w+ +)?(\S+)", table)
        self.assertEqual(sorted(names), sorted(FUNCTIONS))

    def test_it_imports_from_the_system_only(self):
        imported = {name.lower() for name in re.findall(r"DLL Name: (\S+)", self.shown())}
        self.assertIn("kernel32.dll", imported)
        self.assertLessEqual(imported, SYSTEM)

    def test_the_definition_file_lists_the_functions(self):
        text = (self.files / "callbackservice.def").read_text()
        lines = [line.split(";")[0].split() for line in text.splitlines()]
        names = [words[0].split("=")[0] for words in lines if words and words[0].startswith("cbsvc_")]
        self.assertEqual(sorted(re.sub(r"@\d+$", "", name) for name in names), sorted(FUNCTIONS))
        self.assertEqual(text.count("@"), len(re.findall(r"^ *cbsvc_\w+@\d+", text, re.M)), "ordinals would be an interface too")

    def test_its_version_is_that_of_the_project(self):
        program = self.compile(ROOT / "tests/windows/version.c", "-std=c99", library=False, libraries=["-lversion"])
        shown = self.run_program(program, wine.path(self.library)).splitlines()
        version = header.version()
        self.assertEqual(shown[0], f"{version}.0")
        self.assertIn(f"ProductVersion: {version}", shown)
        self.assertTrue(any(line.startswith(f"FileVersion: {version}") for line in shown), shown)
        self.assertIn("OriginalFilename: callbackservice.dll", shown)

    def test_no_path_of_this_machine_is_inside(self):
        content = self.library.read_bytes()
        # A name of the linker has underscores in place of slashes.
        for path in [str(ROOT), str(ROOT).replace("/", "_"), "/.cargo/", "/usr/lib/rustlib"]:
            self.assertFalse(path.encode() in content, path)


CASES = [Library]
