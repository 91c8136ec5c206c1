"""The binary interface: the lists in abi/ agree with the header, and a change of what is in them is noticed."""

import re
import sys

from support import HEADER, ROOT, Case, run

sys.path[0:0] = [str(ROOT / "abi"), str(ROOT / "tools")]
import header  # noqa: E402
import update  # noqa: E402


class Lists(Case):
    def problems(self, file, text):
        return update.differences(update.of_header(text)[file], update.recorded(ROOT / "abi" / file))

    def test_they_are_those_of_the_header(self):
        run(sys.executable, "abi/update.py", "--check")

    def test_functions_and_handlers_have_the_calling_convention(self):
        text = HEADER.read_text()
        items = [item for item in header.items(text) if item.kind != "constant"]
        for name in [item.name for item in items if item.kind == "function" or "(*" in item.code]:
            self.assertRegex(text, rf"(?m)^[a-z].*CBSVC_CALL \*?{name}\b")
        self.assertNotIn("CBSVC_CALL", "".join(item.code for item in items))

    def test_a_change_is_noticed(self):
        text = HEADER.read_text()
        changes = [
            ("functions.txt", "cbsvc_close(cbsvc_service *", "cbsvc_close(void *", "cbsvc_close has changed"),
            ("functions.txt", " cbsvc_version(", " cbsvc_number(", "cbsvc_version is gone"),
            ("constants.txt", "CBSVC_TIMEOUT 301", "CBSVC_TIMEOUT 303", "CBSVC_TIMEOUT has changed"),
            ("constants.txt", "#define CBSVC_BUSY 204", "#define CBSVC_FULL 204", "CBSVC_BUSY is gone"),
            ("constants.txt", "CBSVC_HEADER_VERSION 0x000100", "CBSVC_HEADER_VERSION 0x000200", None),
        ]
        for file, old, new, expected in changes:
            with self.subTest(new):
                self.assertIn(old, text)
                problems = self.problems(file, text.replace(old, new))
                self.assertEqual(len(problems), 1 if expected else 0, problems)
                self.assertIn(expected or "", "".join(problems))
        later = re.sub(r"Since 0\.1\.(?=(?:(?!Since).)*cbsvc_version_text\()", "Since 0.2.", text, flags=re.S)
        self.assertIn("comment says 0.2", "".join(self.problems("functions.txt", later)))

    def test_new_names_are_added_and_changes_are_not(self):
        lists = {file: (ROOT / "abi" / file).read_text() for file in ["functions.txt", "constants.txt"]}
        for name in ["abi", "tools", "include"]:
            (self.scratch / name).mkdir()
        for path in ["abi/update.py", "tools/header.py", "include/callbackservice.h", "Cargo.toml"]:
            (self.scratch / path).write_text((ROOT / path).read_text())
        for file, text in lists.items():
            (self.scratch / "abi" / file).write_text("".join(text.splitlines(True)[:-1]))
        command = [sys.executable, "abi/update.py"]
        run(*command, "--check", cwd=self.scratch, expected=1)
        run(*command, cwd=self.scratch)
        for file, text in lists.items():
            self.assertEqual((self.scratch / "abi" / file).read_text(), text)
        changed = HEADER.read_text().replace("CBSVC_TIMEOUT 301", "CBSVC_TIMEOUT 303")
        (self.scratch / "include/callbackservice.h").write_text(changed)
        run(*command, cwd=self.scratch, expected=1)
        self.assertEqual((self.scratch / "abi/constants.txt").read_text(), lists["constants.txt"])


class Manual(Case):
    def test_every_function_has_a_page_with_all_sections(self):
        run(sys.executable, "tools/manual.py", self.scratch)
        pages = {path.stem: path.read_text() for path in (self.scratch / "man/man3").glob("*.3")}
        functions = {item.name for item in header.items() if item.kind == "function"}
        self.assertEqual(set(pages), functions | {"callbackservice"})
        for name in functions:
            with self.subTest(name):
                sections = re.findall(r"^\.SH (.*)", pages[name], re.M)
                expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "ERRORS", "THREADS", "HISTORY", "EXAMPLE", "SEE ALSO"]
                self.assertEqual(sections, expected)
                self.assertNotIn("Any thread", pages[name].split(".SH ERRORS")[0])
        for item in header.items():
            self.assertIn(item.name if item.name != "CBSVC_HEADER_VERSION" else "", pages["callbackservice"])

    def test_a_function_without_a_comment_is_an_error(self):
        text = HEADER.read_text()
        for added in ["void cbsvc_new(void);\n", "#define CBSVC_NEW 7\n"]:
            with self.assertRaisesRegex(ValueError, "without a comment: (cbsvc|CBSVC)_(new|NEW)"):
                header.items(text.replace("#ifdef __cplusplus\n}", added + "#ifdef __cplusplus\n}"))
