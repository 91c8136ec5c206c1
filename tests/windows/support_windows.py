"""What the tests for Windows share: compiling a program with the library, and running it."""

import wine
from support import ROOT, STRICT, Case, run

# Formats such as %zu are those of C99.
C99 = ["-std=c99", "-D__USE_MINGW_ANSI_STDIO=1"]


class WindowsCase(Case):
    """A test for one architecture."""

    architecture = None

    @classmethod
    def setUpClass(cls):
        cls.wine = wine.of(cls.architecture)
        cls.files = ROOT / "build" / "windows" / cls.architecture
        cls.library = cls.files / "callbackservice.dll"
        # Where Windows looks for a library that is not beside the program.
        cls.environment = {"WINEPATH": wine.path(cls.files)}

    def tool(self, name):
        return f"{self.architecture}-w64-mingw32-{name}"

    def compile(self, source, *options, compiler="gcc", library=True, libraries=()):
        """A program from a source file, whose only library is that of this project."""
        program = self.scratch / f"{source.stem}.exe"
        linked = [self.files / "libcallbackservice.dll.a"] if library else []
        include = [f"-I{ROOT / 'include'}", f"-I{ROOT / 'tests/c'}"]
        run(self.tool(f"{compiler}-posix"), *STRICT, *options, *include, source, "-o", program, *linked, "-static", *libraries)
        return program

    def run_program(self, *command, environment=None, **options):
        return self.wine.run(*command, environment={**self.environment, **(environment or {})}, **options)
