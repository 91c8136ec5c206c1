"""JSON without a JSON library, and the declarations for languages that load them at run time."""

import re

from support import ENVIRONMENT, HEADER, RELEASE, ROOT, Case, run

DECLARATIONS = ROOT / "include" / "callbackservice.ffi.h"
DOCUMENT = (ROOT / "docs/json.md").read_text()
C99 = ["-std=c99", "-D_GNU_SOURCE"]


class Functions(Case):
    def test_values_are_read_and_written(self):
        for static in [False, True]:
            with self.subTest(static=static):
                program = self.compile(ROOT / "tests/c/json.c", *C99, static=static)
                self.assertRegex(run(program), r"\d+ checks passed\n$")

    def test_the_examples_of_the_document_run(self):
        slots = '[{"utcTime":"2030-12-01T10:00:00.000Z","capacity":5},{"utcTime":"2030-12-01T10:05:00.000Z","capacity":2}]'
        outcome = f'{{"id":"369-1","slots":{slots},"error":{{"message":"no"}}}}'.replace('"', '\\"')
        code = "".join(f"{{\n{fragment}}}\n" for fragment in re.findall(r"```c\n(.*?)```", DOCUMENT, re.S))
        program = (
            "#include <stdio.h>\n#include <callbackservice.h>\n"
            f'int main(void)\n{{\nconst char *outcome = "{outcome}";\n{code}return 0;\n}}\n'
        )
        self.assertEqual(
            run(self.compile(program, *C99)).splitlines(),
            [
                "booked as 369-1",
                "not booked: no",
                "2030-12-01T10:00:00.000Z 5",
                "2030-12-01T10:05:00.000Z 2",
                '{"phonenumber":"+14151110000","userData":{"topic":"invoice \\"17\\""}}',
            ],
        )

    def test_no_example_searches_or_formats_json_as_text(self):
        programs = {path.name: path.read_text() for path in (ROOT / "examples/c").glob("*.c")}
        self.assertGreaterEqual(len(programs), 4)
        for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
            programs[path.name] = "".join(re.findall(r"```c\n(.*?)```", path.read_text(), re.S))
        programs["callbackservice.h"] = HEADER.read_text()
        for name, text in programs.items():
            with self.subTest(name):
                self.assertNotIn("strstr", text)
                self.assertNotRegex(text, r'printf\([^;]*\\"')


class Declarations(Case):
    def test_no_preprocessor_is_needed(self):
        text = DECLARATIONS.read_text()
        for word in ["#", "extern", "static", "inline", "__"]:
            self.assertNotIn(word, text)

    def test_constants_are_those_of_the_header(self):
        defined = re.findall(r"^#define (CBSVC_\w+) (\w+)$", HEADER.read_text(), re.M)
        enumerated = re.findall(r"^    (CBSVC_\w+) = (\w+),?$", DECLARATIONS.read_text(), re.M)
        self.assertGreater(len(defined), 30)
        self.assertEqual(enumerated, defined)

    def test_declarations_are_those_of_the_header(self):
        """A compiler accepts a second declaration only if it is the same."""
        text = DECLARATIONS.read_text()
        declarations = text[text.index("typedef") :]
        self.compile(f"#include <callbackservice.h>\n{declarations}int main(void) {{ return 0; }}\n", "-std=c11")
        names = [set(re.findall(r"^\S.*?\b(cbsvc_\w+)\(", text, re.M)) for text in [HEADER.read_text(), declarations]]
        self.assertEqual(*names)

    def test_a_loader_of_declarations_takes_them(self):
        program = """
import sys
from cffi import FFI
ffi = FFI()
ffi.cdef(open(sys.argv[1]).read())
library = ffi.dlopen(sys.argv[2])
buffer, needed = ffi.new("char[]", 8), ffi.new("int32_t *")
status = library.cbsvc_json_read(b'{"a":[1,"x"]}', b"/a/1", buffer, 8, needed)
assert (status, ffi.string(buffer), needed[0]) == (library.CBSVC_OK, b"x", 2)
assert library.cbsvc_json_read(b"{}", b"/a", buffer, 8, needed) == library.CBSVC_NO_SUCH == 205
assert library.cbsvc_version() == library.CBSVC_HEADER_VERSION
print("done")
"""
        arguments = [DECLARATIONS, RELEASE / "libcallbackservice.so"]
        self.assertEqual(run(ENVIRONMENT / "bin/python", "-c", program, *arguments), "done\n")
