"""The documents say what is true: examples run, tables are complete, links lead somewhere."""

import json
import re
import shutil
import sys
import urllib.request

from support import HEADER, ROOT, STRICT, Case, Sandbox, python_environment, run

README = (ROOT / "README.md").read_text()
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
BEHAVIOUR = (ROOT / "docs/behaviour.md").read_text()
STATUS_CODES = (ROOT / "docs/status-codes.md").read_text()
DOCUMENTS = [path for path in ROOT.rglob("*.md") if not {"target", "build", ".git"} & set(path.parts)]
MANIFESTS = ["Cargo.toml", "sandbox/Cargo.toml", "tools/generate-header/Cargo.toml", "fuzz/Cargo.toml", "bindings/python/pyproject.toml"]


def table(text, heading):
    """The rows of the first table after a heading, each a dictionary by the names of the columns."""
    section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


def names(rows, column):
    return [row[column].strip("`") for row in rows]


def fragments(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


class Readme(Case):
    def test_the_c_example_is_short_and_books(self):
        program = fragments("c")[0]
        self.assertLessEqual(len(program.splitlines()), 30)
        with Sandbox() as sandbox:
            shown = run(self.compile(program.replace("http://127.0.0.1:8080", sandbox.base), "-std=c99"))
        lines = shown.splitlines()
        self.assertEqual(lines[0], "CallbackService.ready {}")
        self.assertTrue(lines[1].startswith('CallbackService.scheduled {"command":"CallbackService.schedule"'), shown)
        self.assertRegex(lines[2], r"^OK 369-[0-9a-f-]+$")

    def test_the_event_loop_books(self):
        loop = fragments("c")[1]
        program = (
            "#include <poll.h>\n#include <stdio.h>\n#include <callbackservice.h>\n"
            "static int pending = 1;\n"
            "static void on_done(const char *event, const char *outcome, void *user_data)\n"
            '{ (void)outcome; (void)user_data; pending--; printf("%s\\n", event); }\n'
            "int main(int argc, char **argv)\n{\n"
            "cbsvc_service *service; intptr_t descriptor;\n"
            "if (argc != 2 || cbsvc_init(argv[1], NULL, NULL, &service, NULL) != CBSVC_OK) return 1;\n"
            f"{loop}\nreturn cbsvc_close(service, 1000);\n}}\n"
        )
        with Sandbox() as sandbox:
            shown = run(self.compile(program, "-std=c99"), f'{{"dataURL":"{sandbox.v1}"}}')
        self.assertEqual(shown, "CallbackService.scheduled\n")

    def test_the_python_example_books(self):
        [program] = fragments("python")
        with Sandbox() as sandbox:
            program = program.replace("http://127.0.0.1:8080", sandbox.base)
            shown = run(sys.executable, "-c", program, env=python_environment())
        self.assertRegex(shown, r"\+00:00 5\n(?s:.*)369-[0-9a-f-]+\n$")

    def test_the_performance_rows_are_those_of_the_benchmarks(self):
        measured = (ROOT / "docs/benchmarks.md").read_text()
        rows = table(README, "Performance")
        self.assertEqual(len(rows), 3)
        for row in rows:
            line = f"| {row['row']} | {row['library']} | {row['peer']} | {row['ratio']} |"
            self.assertIn(line, measured, "copy the row from docs/benchmarks.md into README.md")

    def test_the_packages_are_those_that_the_tests_install(self):
        source = (ROOT / "tests/run.py").read_text()
        [listed] = re.findall(r"Debian packages that are missing.*: (.*)\.$", README, re.M)
        packages = re.findall(r'^    "[^"]+": "([^"]+)",$', source, re.M) + re.findall(r'missing\.add\("([^"]+)"\)', source)
        self.assertEqual(listed.split(", "), packages)

    def test_the_oldest_compiler_is_that_of_the_manifest(self):
        [version] = re.findall(r'^rust-version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)
        self.assertIn(f"Rust {version} or later", README)

    def test_the_version_is_that_of_the_manifest(self):
        [version] = re.findall(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)
        self.assertIn(f"The version is {version}", README)

    def test_the_license_is_that_of_every_manifest(self):
        for manifest in MANIFESTS:
            text = (ROOT / manifest).read_text()
            self.assertRegex(text, r'(?m)^license(\.workspace = true| = "MIT OR Apache-2\.0")$', manifest)
        for name, words in {"LICENSE-MIT": "Permission is hereby granted", "LICENSE-APACHE": "Version 2.0, January 2004"}.items():
            self.assertIn(words, (ROOT / name).read_text())
            self.assertIn(f"({name})", README)

    def test_every_document_is_listed(self):
        listed = names(table(README, "Documentation"), "document")
        for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md", ROOT / "sandbox/README.md"]:
            self.assertTrue(any(f"({path.relative_to(ROOT)})" in cell for cell in listed), path.name)


class Programs(Case):
    """Every C block of README and docs is compiled; the marked programs run, and print what the page says."""

    # A block with the comment and the text block that may stand before and behind it.
    BLOCK = re.compile(r"(?:<!-- test: ([^\n]*) -->\n)?```c\n(.*?)^```\n(?:\nIt prints:\n\n```text\n(.*?)^```\n)?", re.S | re.M)
    RUN = re.compile(r"(?:compiled and )?run against a sandbox on port 8080(?: with the fault (\{.*\}))?")
    # What a fragment may use without declaring it.
    DECLARED = """
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <callbackservice.h>
extern cbsvc_service *service;
extern char *error, *outcome;
extern intptr_t descriptor;
extern int loop, pending;
void on_done(const char *event, const char *outcome, void *user_data);
"""

    # The same for Windows.
    WINDOWS = "compiled for Windows"
    WINDOWS_COMPILER = "x86_64-w64-mingw32-gcc-win32"
    DECLARED_FOR_WINDOWS = """
#include <windows.h>
#include <callbackservice.h>
extern cbsvc_service *service;
extern HANDLE stop_event;
"""

    def blocks(self):
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            for number, (mark, code, printed) in enumerate(self.BLOCK.findall(path.read_text()), 1):
                yield f"{path.name}, C block {number}", mark, code, printed

    def test_every_block_is_compiled(self):
        options = [*STRICT, "-std=c99", "-D_GNU_SOURCE", "-fsyntax-only", f"-I{ROOT / 'include'}", "-x", "c", "-"]
        for name, mark, code, _ in self.blocks():
            with self.subTest(name):
                self.assertTrue(mark, "has no comment <!-- test: ... --> before it")
                is_for_windows = mark == self.WINDOWS
                compiler, declared = "cc", self.DECLARED
                if is_for_windows:
                    compiler, declared = self.WINDOWS_COMPILER, self.DECLARED_FOR_WINDOWS
                    if not shutil.which(compiler):
                        self.skipTest(f"{compiler} is not installed; make windows installs it")
                is_program = "int main(" in code
                source = code if is_program else f"{declared}void fragment(void);\nvoid fragment(void)\n{{\n{code}}}\n"
                run(compiler, *options, input=source)

    def test_marked_programs_run_and_print_what_the_page_says(self):
        names = []
        for name, mark, code, printed in self.blocks():
            marked = self.RUN.fullmatch(mark)
            if "sandbox" not in mark:
                continue
            names.append(name)
            with self.subTest(name), Sandbox() as sandbox:
                self.assertTrue(marked, mark)
                if marked[1]:
                    headers = {"Content-Type": "application/json"}
                    fault = urllib.request.Request(f"{sandbox.base}/sandbox/faults", marked[1].encode(), headers)
                    urllib.request.urlopen(fault).close()
                program = self.compile(code.replace("http://127.0.0.1:8080", sandbox.base), "-std=c99", "-D_GNU_SOURCE")
                shown = run(program, cwd=self.scratch)
                if printed:
                    pattern = ".*".join(re.escape(part) for part in printed.split("..."))
                    self.assertRegex(shown, rf"\A{pattern}\Z")
        self.assertGreaterEqual(len(names), 5)


class Configuration(Case):
    IGNORED = {"countryCodes", "immediateCallback", "scheduledCallback", "ewt", "form", "servicePlugin"}
    SECTIONS = {"RETRY": "retry", "BASIC_AUTH": "basicAuth", "PROXY": "proxy", "OUTBOX": "outbox", "TLS": "tls"}

    def known(self, constant):
        source = (ROOT / "src/config/known_keys.rs").read_text()
        return re.findall(r'"(\w+)"', source.split(f"const {constant}:", 1)[1].split("];", 1)[0])

    def test_the_table_has_every_key(self):
        expected = [key for key in self.known("CONFIGURATION") if key not in self.IGNORED]
        self.assertEqual(sorted(names(table(CONFIGURATION, "Keys"), "key")), sorted(expected))
        for key in self.IGNORED:
            self.assertIn(f"`{key}`", CONFIGURATION)

    def test_the_table_of_a_section_has_every_key(self):
        source = (ROOT / "src/config/known_keys.rs").read_text()
        constants = set(re.findall(r"^pub const (\w+): &\[&str\]", source, re.M))
        self.assertEqual(constants, {"CONFIGURATION", *self.SECTIONS})
        for constant, heading in self.SECTIONS.items():
            self.assertEqual(sorted(names(table(CONFIGURATION, heading), "key")), sorted(self.known(constant)), heading)

    def test_the_ranges_are_those_that_are_accepted(self):
        program = """
import json, sys
from callbackservice import CallbackServiceError, Service

def accepted(config):
    try:
        with Service({"dataURL": "http://127.0.0.1:1/", **config}):
            return True
    except CallbackServiceError as error:
        assert error.name == "CONFIG", error
        return False

for section, key, span in json.loads(sys.argv[1]):
    least, most = map(int, span.split(" to "))
    for number, expected in [(least, True), (most, True), (least - 1, False), (most + 1, False)]:
        required = {"file": "/nowhere/callbacks.db", "deliver": "command"} if section == "outbox" else {}
        config = {section: {key: number, **required}} if section else {key: number}
        assert accepted(config) == expected, config
print("done")
"""
        spans = [
            (section, row["key"].strip("`"), row["range"])
            for section, heading in [("", "Keys"), ("retry", "retry"), ("outbox", "outbox")]
            for row in table(CONFIGURATION, heading)
            if row["type"] == "integer"
        ]
        self.assertGreaterEqual(len(spans), 8)
        shown = run(sys.executable, "-c", program, json.dumps(spans), env=python_environment())
        self.assertEqual(shown, "done\n")

    def test_the_example_is_accepted(self):
        [example] = re.findall(r"^    \{\n.*?^    \}$", CONFIGURATION, re.S | re.M)
        program = "import json, sys; from callbackservice import Service; Service(json.loads(sys.argv[1])).close()"
        run(sys.executable, "-c", program, example, env=python_environment())


class Behaviour(Case):
    """What behaviour.md says of options, tried on a service that cannot be reached: what is accepted ends as CONNECT."""

    PROGRAM = """
import json, sys
from callbackservice import CallbackServiceError, Service
service = Service({"dataURL": "http://127.0.0.1:1/", "proxy": "none", "retry": {"attempts": 1}})
for command, data in json.loads(sys.argv[1]):
    try:
        service.command(command, data)
    except CallbackServiceError as rejected:
        print(rejected.name)
"""

    def ends(self, *commands):
        commands = [(f"CallbackService.{name}", data) for name, data in commands]
        return run(sys.executable, "-c", self.PROGRAM, json.dumps(commands), env=python_environment()).split()

    def test_every_form_of_a_time_is_accepted(self):
        examples = [re.findall(r"`([^`]+)`", row["example"]) for row in table(BEHAVIOUR, "Times")]
        times = [example if example[:4] == "2030" else f"2030-12-01T10:00:00{example}" for row in examples for example in row]
        self.assertGreaterEqual(len(times), 9)
        self.assertEqual(self.ends(*[("schedule", {"desiredtime": time}) for time in times]), ["CONNECT"] * len(times))
        refused = ["2030-12-01T10:00:00", "2030-12-01", "tomorrow"]
        self.assertEqual(self.ends(*[("schedule", {"desiredtime": time}) for time in refused]), ["BAD_OPTION"] * 3)

    def test_names_in_the_text_on_misspelt_options_are_as_it_says(self):
        section = BEHAVIOUR.split("### Misspelt options", 1)[1].split("### ", 1)[0]
        refused, user_data = ["desired_time", "servicename"], ["callbackTime", "mobile"]
        for name in refused + user_data:
            self.assertIn(f"`{name}`", section)
        ends = self.ends(*[("schedule", {"phonenumber": "1", name: "x"}) for name in refused + user_data])
        self.assertEqual(ends, ["BAD_OPTION"] * 2 + ["CONNECT"] * 2)
        ends = self.ends(*[("schedule", {"phonenumber": "1", "userData": {name: "x"}}) for name in refused])
        self.assertEqual(ends, ["CONNECT"] * 2)

    def test_every_option_of_availability_is_accepted_under_both_names(self):
        time, milliseconds = "2030-12-01T10:00:00Z", 1_922_000_000_000
        values = {
            "startDate": time,
            "startMS": milliseconds,
            "numberOfDays": "1",
            "endDate": time,
            "endMS": milliseconds,
            "maxTimeSlots": "2",
            "serviceName": "samples",
            "timezone": "Europe/London",
            "reportBusy": "true",
        }
        rows = table(BEHAVIOUR, "Options of availability")
        self.assertEqual(names(rows, "option"), list(values))
        queries = [
            ("availability", {name: value})
            for row, value in zip(rows, values.values())
            for name in names([row], "option") + names([row], "alias")
            if name
        ]
        self.assertEqual(self.ends(*queries), ["CONNECT"] * len(queries))
        self.assertEqual(self.ends(("availability", {"begin": "2030-12-01T10:00:00Z"})), ["BAD_OPTION"])


class StatusCodes(Case):
    def test_the_table_is_the_headers(self):
        defined = re.findall(r"^#define CBSVC_(\w+) (\d+)$", HEADER.read_text(), re.M)
        statuses = [(number, name) for name, number in defined if not name.startswith("LOG_")]
        rows = table(STATUS_CODES, "Table")
        self.assertEqual([(row["number"], row["name"].strip("`")) for row in rows], statuses)
        for row in rows[1:]:
            self.assertTrue(row["meaning"] and row["what to do"], row)

    def test_the_table_is_the_sources(self):
        source = (ROOT / "src/ffi/constants.rs").read_text()
        numbers = re.findall(r"^pub const CBSVC_(\w+): cbsvc_status = (\d+);$", source, re.M)
        rows = table(STATUS_CODES, "Table")
        self.assertEqual([(row["name"].strip("`"), row["number"]) for row in rows], numbers)

    def test_every_class_is_described(self):
        described = {row["class"] for row in table(STATUS_CODES, "Status codes")}
        used = {f"{row['number'][0]}xx" for row in table(STATUS_CODES, "Table") if row["number"] != "0"}
        self.assertEqual(described, used)


class Messages(Case):
    def test_the_common_messages_are_those_of_the_source(self):
        sources = [*(ROOT / "src/transport").glob("*.rs"), *(ROOT / "src/config").glob("*.rs")]
        source = "".join(re.sub(r"\\\n\s*", "", path.read_text()) for path in sources)
        source = re.sub(r"\{host\}", "HOST", source)
        messages = names(table((ROOT / "docs/tls-and-proxies.md").read_text(), "Common messages"), "message")
        self.assertGreater(len(messages), 10)
        self.assertEqual([message for message in messages if message not in source], [])


class Everywhere(Case):
    def test_links_lead_somewhere(self):
        for document in DOCUMENTS:
            text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.S | re.M)
            for link in re.findall(r"\]\(([^)]+)\)", text):
                path, _, anchor = link.partition("#")
                if "://" in link:
                    continue
                target = document.parent / path if path else document
                self.assertTrue(target.exists(), f"{document.relative_to(ROOT)}: {link}")
                if anchor and target.suffix == ".md":
                    headings = re.findall(r"^#+ (.*)$", target.read_text(), re.M)
                    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
                    self.assertIn(anchor, anchors, f"{document.relative_to(ROOT)}: {link}")

    def test_make_targets_exist(self):
        for document in DOCUMENTS:
            for target in sorted(set(re.findall(r"(?:^ +|`)make ([a-z][\w-]*)", document.read_text(), re.M))):
                with self.subTest(document=document.name, target=target):
                    run("make", "--dry-run", "--silent", target)

    def test_integration_tests_exist(self):
        for document in DOCUMENTS:
            for name in re.findall(r"cargo test --test ([a-z]\w*)", document.read_text()):
                self.assertTrue((ROOT / f"tests/{name}.rs").exists(), f"{document.relative_to(ROOT)}: {name}")

    def test_every_option_is_documented(self):
        behaviour = (ROOT / "docs/behaviour.md").read_text()
        constant = re.compile(r"^(?:pub )?const [A-Z0-9_]+: (?:&str|\[.*?\]) = (.*?);$", re.S | re.M)
        names = {"serviceName", "userData"}
        for path in [*(ROOT / "src/command").glob("*.rs"), ROOT / "src/config/v1_fields.rs"]:
            source = path.read_text().split("#[cfg(test)]")[0]
            for value in constant.findall(source):
                names.update(re.findall(r'"(_?[A-Za-z_-]+)"', value))
        self.assertGreater(len(names), 50)
        self.assertEqual([name for name in sorted(names) if f"`{name}`" not in behaviour], [])

    def test_every_dependency_has_its_purpose(self):
        manifest = (ROOT / "Cargo.toml").read_text()
        sections = re.findall(r"^\[(?:target\.[^]\n]*\.|dev-)?dependencies\]\n(.*?)(?=^\[|\Z)", manifest, re.S | re.M)
        crates = [name for section in sections for name in re.findall(r"^([\w-]+) =", section, re.M)]
        design = (ROOT / "docs/design.md").read_text()
        listed = [name for row in table(design, "Dependencies") for name in re.findall(r"`([\w-]+)`", row["crate"])]
        self.assertEqual(sorted(listed), sorted(crates))

    def test_every_function_is_in_the_changelog(self):
        changes = (ROOT / "CHANGELOG.md").read_text()
        for name in re.findall(r"^\S.*?\b(cbsvc_\w+)\(", HEADER.read_text(), re.M):
            self.assertIn(f"`{name}`", changes)

    def test_the_changelog_has_the_usual_sections(self):
        text = (ROOT / "CHANGELOG.md").read_text()
        self.assertRegex(text, r"(?m)^## \[Unreleased\]$|^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$")
        sections = re.findall(r"^### (.*)$", text, re.M)
        allowed = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        self.assertEqual([name for name in sections if name not in allowed], [])
