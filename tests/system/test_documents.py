"""The documents say what is true: examples run, tables are complete, links lead somewhere."""

import re
import sys
import textwrap

from support import HEADER, ROOT, Case, Sandbox, python_environment, run

README = (ROOT / "README.md").read_text()
DOCUMENTS = [path for path in ROOT.rglob("*.md") if not {"target", "build", ".git"} & set(path.parts)]


def table(text, heading):
    """The first cells of the first table after a heading."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [row.split("|")[1].strip() for row in section.splitlines() if row.startswith("|")]
    return [row.strip("`") for row in rows[2:]]


class Readme(Case):
    def test_the_c_example_is_short_and_books(self):
        [program] = re.findall(r"```c\n(.*?)```", README, re.S)
        self.assertLessEqual(len(program.splitlines()), 30)
        with Sandbox() as sandbox:
            shown = run(self.compile(program.replace("http://127.0.0.1:8080", sandbox.base), "-std=c99"))
        lines = shown.splitlines()
        self.assertEqual(lines[0], "CallbackService.ready {}")
        self.assertTrue(lines[1].startswith('CallbackService.scheduled {"command":"CallbackService.schedule"'), shown)
        self.assertTrue(lines[2].startswith('OK {"command":"CallbackService.schedule","state":"resolved"'), shown)

    def test_the_configuration_table_has_every_key(self):
        keys = (ROOT / "src/config/known_keys.rs").read_text()
        known = re.findall(r'"(\w+)"', keys.split("CONFIGURATION", 1)[1].split("];", 1)[0])
        ignored = {"countryCodes", "immediateCallback", "scheduledCallback", "ewt", "form", "servicePlugin"}
        self.assertEqual(table(README, "Configuration"), [key for key in known if key not in ignored])
        for key in ignored:
            self.assertIn(f"`{key}`", README)

    def test_the_status_table_is_the_headers(self):
        defined = re.findall(r"^#define CBSVC_(\w+) (\d+)$", HEADER.read_text(), re.M)
        statuses = [(number, name) for name, number in defined if not name.startswith("LOG_")]
        rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", README, re.M)
        self.assertEqual(rows, statuses)

    def test_what_it_tells_to_type_is_there(self):
        for target in set(re.findall(r"^ +make (\w+)|`make (\w+)`", README, re.M)):
            name = "".join(target)
            run("make", "--dry-run", "--silent", name)


class Comments(Case):
    def test_the_example_in_the_cpp_header_compiles(self):
        text = (ROOT / "bindings/cpp/callbackservice.hpp").read_text()
        lines = [line.removeprefix("//     ") for line in text.splitlines() if line.startswith("//     ")]
        self.assertGreater(len(lines), 3)
        program = (
            "#include <callbackservice.hpp>\n"
            "static void use(const std::string &) {}\nstatic void complain(const char *, const std::string &) {}\n"
            "int main() {\n" + "\n".join(lines) + "\n}\n"
        )
        self.compile(program, "-std=c++11", compiler="g++")

    def test_the_example_in_the_python_module_books(self):
        text = (ROOT / "bindings/python/callbackservice/__init__.py").read_text()
        example = textwrap.dedent(text.split('"""')[1].split("\n\n", 1)[1].split("\n\nThe module", 1)[0])
        with Sandbox() as sandbox:
            program = example.replace("http://127.0.0.1:8080", sandbox.base)
            self.assertIn("369-", run(sys.executable, "-c", program, env=python_environment()))


class Everywhere(Case):
    def test_links_lead_somewhere(self):
        for document in DOCUMENTS:
            for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
                self.assertTrue((document.parent / link).exists(), f"{document.name}: {link}")

    def test_every_function_and_option_has_its_place(self):
        behaviour = (ROOT / "docs/behaviour.md").read_text()
        for room in ["schedule", "availability"]:
            source = (ROOT / f"src/command/{room}.rs").read_text().split("#[cfg(test)]")[0]
            for name in re.findall(r'"(_?[a-z]+[A-Za-z_]*)"', source):
                self.assertIn(f"`{name}`", behaviour, room)
        changes = (ROOT / "CHANGELOG.md").read_text()
        for name in re.findall(r"^\S.*?\b(cbsvc_\w+)\(", HEADER.read_text(), re.M):
            self.assertIn(f"`{name}`", changes)
