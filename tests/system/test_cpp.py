"""The C++ header: its test programs, examples and documents, with the compilers, dialects and checkers that it supports."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from support import ROOT, Case, Sandbox, run

PROGRAMS = ROOT / "tests" / "cpp"
EXAMPLES = ROOT / "examples" / "cpp"
STRICT = ["-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wold-style-cast"]
DIALECTS = ["-std=c++17", "-std=c++20", "-std=c++23"]
CHECKED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILERS = ["g++", *filter(shutil.which, ["clang++-22"])]
# The dialect of a program that needs a later one than C++17.
NEEDED = {"coroutines": "-std=c++20"}
LIBRARIES = {"nlohmann": "nlohmann/json.hpp", "asio": "asio.hpp"}
INSTALLED = {name for name, header in LIBRARIES.items() if pathlib.Path("/usr/include", header).exists()}

# Around the fragments in documents and comments.
AROUND = """
#include <callbackservice.hpp>
#include <iostream>
#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#endif
#if defined(__cpp_impl_coroutine)
#include <coroutine>
struct Task {
    struct promise_type {
        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { throw; }
    };
};
#endif
"""
PARAMETERS = "[[maybe_unused]] {0}Service &service, [[maybe_unused]] {0}Service &polled, [[maybe_unused]] const {0}Options &options, [[maybe_unused]] const {0}Outcome &outcome".format("callbackservice::")  # fmt: skip
MAIN = """
int main(int, char **argv) {{
    using namespace callbackservice;
    Service service(Config(argv[1]).no_proxy());
    Service polled(Config(argv[1]).no_proxy().handlers(Handlers::poll));
    const Options options = Options().phone_number("+14151110000");
    const Outcome outcome = service.availability_or_throw(R"({{"numberOfDays":1}})");
    {calls}
}}
"""


def document_examples():
    """The fragments and the programs of docs/cpp.md."""
    blocks = re.findall(r"^```cpp\n(.*?)^```", (ROOT / "docs/cpp.md").read_text(), re.S | re.M)
    programs = [block for block in blocks if "int main(" in block]
    return [block for block in blocks if block not in programs], programs


def header_examples():
    """The examples in the comments of the headers."""
    found = []
    for path in sorted((ROOT / "include/callbackservice").glob("*.hpp")):
        text = re.sub(r"^ +", "", path.read_text(), flags=re.M)
        found += re.findall(r"^/// Example:\n((?:///     .*\n)+)", text, re.M)
    return [re.sub(r"^///     ", "", example, flags=re.M) for example in found]


class Program(Case):
    def build(self, source, *options, compiler="g++"):
        source = source if isinstance(source, pathlib.Path) else PROGRAMS / f"{source}.cpp"
        return self.compile(source, *STRICT, *options, compiler=compiler)

    def compile(self, source, *options, compiler="g++", static=False):
        """As Case.compile, with the name of a C++ source whatever the compiler is."""
        if not isinstance(source, pathlib.Path):
            path = self.scratch / "program.cpp"
            path.write_text(source)
            source = path
        # The linker's words are there also where nothing is linked.
        quiet = ["-Wno-unused-command-line-argument"] if compiler.startswith("clang") else []
        return super().compile(source, *options, *quiet, compiler=compiler, static=static)


class Behaviour(Program):
    """The test programs under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer."""

    TESTS = ["exceptions", "lifetime", "values", "commands", "asynchronous", "coroutines", "cancelled_thread", "outbox"]

    def test_every_program_is_run(self):
        others = {"uncaught", "throwing_handler", "json_library"}
        self.assertEqual({path.stem for path in PROGRAMS.glob("*.cpp")}, {*self.TESTS, *others})

    def check(self, name, *options, compiler="g++"):
        program = self.build(name, *options, compiler=compiler)
        with Sandbox() as sandbox:
            self.assertEqual(run(program, sandbox.v1, sandbox.v3), "done\n")

    def test_in_the_oldest_dialect(self):
        for name in self.TESTS:
            with self.subTest(name):
                self.check(name, NEEDED.get(name, DIALECTS[0]), *CHECKED)

    def test_in_the_newest_dialect_with_the_newest_compiler(self):
        for name in ["asynchronous", "coroutines", "values"]:
            with self.subTest(name):
                self.check(name, DIALECTS[-1], *CHECKED, compiler=COMPILERS[-1])

    def test_values_of_a_json_library(self):
        if "nlohmann" not in INSTALLED:
            self.skipTest("nlohmann-json3-dev is not installed")
        for compiler in COMPILERS:
            with self.subTest(compiler):
                self.check("json_library", DIALECTS[0], compiler=compiler)

    def test_an_exception_without_a_handler_for_it_ends_the_program_with_its_message(self):
        program = self.build("uncaught", DIALECTS[0])
        for place in [{}, {"HANDLERS_THREAD": "1"}]:
            with self.subTest(place), Sandbox() as sandbox:
                done = subprocess.run([program, sandbox.v1, sandbox.v3], capture_output=True, text=True, env={**os.environ, **place})
                self.assertEqual(done.returncode, -signal.SIGABRT)
                self.assertIn("disk full", done.stderr)

    def test_main_sees_the_exception_of_a_handler(self):
        program = self.build("throwing_handler", DIALECTS[0])
        with Sandbox() as sandbox:
            done = subprocess.run([program, sandbox.v1], capture_output=True, text=True)
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("disk full", done.stderr)


class Compilers(Program):
    def test_the_programs_compile_in_every_dialect(self):
        for compiler in COMPILERS:
            for dialect in DIALECTS:
                with self.subTest(compiler=compiler, dialect=dialect):
                    name = "asynchronous" if dialect == DIALECTS[0] else "coroutines"
                    self.build(name, dialect, "-O2", "-c", compiler=compiler)

    def test_each_header_can_be_included_alone_and_twice(self):
        paths = sorted((ROOT / "include").rglob("*.hpp"))
        self.assertGreater(len(paths), 5)
        for path in paths:
            with self.subTest(path.name):
                include = f"#include <{path.relative_to(ROOT / 'include')}>\n"
                self.compile(f"{include}{include}int main() {{ return 0; }}\n", *STRICT, DIALECTS[0], "-fsyntax-only")

    def test_an_older_dialect_is_refused_with_the_reason(self):
        with self.assertRaisesRegex(AssertionError, "needs C\\+\\+17 or later"):
            self.compile("#include <callbackservice.hpp>\nint main() {}\n", "-std=c++14", "-fsyntax-only")

    def test_an_unused_result_is_warned_of(self):
        unused = [
            "service.schedule(data);",
            "service.schedule_or_throw(data);",
            "service.async_schedule(data);",
            "service.async_schedule(data).future();",
            'service.subscribe("*", [](const Event &) {});',
        ]
        lines = ["#include <callbackservice.hpp>", "using namespace callbackservice;",
                 "void f(Service &service, const JsonText &data) {", *unused, "}"]  # fmt: skip
        for compiler in COMPILERS:
            with self.subTest(compiler), self.assertRaises(AssertionError) as caught:
                self.compile("\n".join(lines) + "\n", DIALECTS[0], "-c", compiler=compiler)
            warned = re.findall(r"program\.cpp:(\d+):.*\[-Werror[=,]-?W?unused", str(caught.exception))
            self.assertEqual({int(line) for line in warned}, set(range(4, 4 + len(unused))))

    def test_both_forms_of_a_result_can_be_linked_together(self):
        source = self.scratch / "other.cpp"
        source.write_text("#include <callbackservice.hpp>\nbool other() { return callbackservice::Service::open(\"{}\").has_value(); }\n")
        other = self.scratch / "other.o"
        run("g++", "-std=c++23", f"-I{ROOT / 'include'}", "-c", source, "-o", other)
        main = "#include <callbackservice.hpp>\nbool other();\nint main() { return other() || callbackservice::Service::open(\"{}\").has_value(); }\n"
        run(self.compile(main, DIALECTS[0], str(other)))

    def test_an_exception_crosses_shared_objects_that_hide_their_symbols(self):
        hidden = [DIALECTS[0], "-fvisibility=hidden", "-fvisibility-inlines-hidden"]
        handler = self.scratch / "handler.cpp"
        handler.write_text("""
#include <callbackservice.hpp>
using namespace callbackservice;
__attribute__((visibility("default"))) void subscribe(Service &service) {
    service.on("CallbackService.scheduleError", [](const Event &) { throw Error(Status::busy, "from elsewhere"); });
}
""")
        shared = self.scratch / "libhandler.so"
        run("g++", *hidden, f"-I{ROOT / 'include'}", "-shared", "-fPIC", handler, "-o", shared)
        program = """
#include <callbackservice.hpp>
#include <cstdio>
void subscribe(callbackservice::Service &service);
int main() {
    callbackservice::Service service{callbackservice::Config("http://127.0.0.1:1/")};
    subscribe(service);
    try {
        (void)service.schedule("[]");
    } catch (const callbackservice::Error &error) {
        std::puts(error.what());
    }
}
"""
        self.assertEqual(run(self.compile(program, *hidden, "-Wl,--no-as-needed", str(shared))), "BUSY: from elsewhere\n")


class Examples(Program):
    def program(self, dialect):
        """A program that runs all fragments that the dialect can have."""
        fragments = document_examples()[0] + header_examples()
        self.assertGreater(len(fragments), 20)
        program, calls = AROUND, []
        for number, fragment in enumerate(fragments):
            is_coroutine = "co_await" in fragment
            if (is_coroutine and dialect == DIALECTS[0]) or ("nlohmann" in fragment and "nlohmann" not in INSTALLED):
                continue
            result = "Task" if is_coroutine else "void"
            # Names of a fragment may be unused, and may be those of its parameters.
            program += f"static {result} example_{number}({PARAMETERS}) {{\n{{\n{fragment}}}\n}}\n"
            calls.append(f"example_{number}(service, polled, options, outcome);")
        # A coroutine that waits needs one more dispatch.
        calls.append("while (service.dispatch(std::chrono::seconds(1))) {}")
        return program + MAIN.format(calls="\n    ".join(calls))

    def test_the_fragments_run(self):
        with Sandbox() as sandbox:
            for dialect in [DIALECTS[0], DIALECTS[-1]]:
                with self.subTest(dialect):
                    program = self.program(dialect).replace("http://127.0.0.1:8080", sandbox.base)
                    program = program.replace("/var/spool/app", str(self.scratch))
                    shown = run(self.compile(program, dialect, *CHECKED), sandbox.v1)
                    self.assertIn("booked as 369-", shown)
                    self.assertIn("CallbackService.scheduled", shown)
                    self.assertIn("0 are still waiting", shown)

    def test_the_programs_of_the_document_book(self):
        programs = document_examples()[1]
        self.assertEqual(len(programs), 1)
        with Sandbox() as sandbox:
            self.assertRegex(run(self.compile(programs[0], *STRICT, DIALECTS[0]), sandbox.v1), r"^booked as 369-[0-9a-f-]+\n$")

    def test_quickstart_books_moves_and_cancels(self):
        program = self.build(EXAMPLES / "quickstart.cpp", DIALECTS[0])
        run(program, expected=2)
        run(program, "http://127.0.0.1:1", expected=1)
        with Sandbox() as sandbox:
            shown = run(program, sandbox.v1)
        self.assertRegex(shown, r"^event: CallbackService.scheduled\nbooked: 369-.*\nstate: SCHEDULED\ncancelled\n$")

    def test_asio_loop_books(self):
        if "asio" not in INSTALLED:
            self.skipTest("libasio-dev is not installed")
        program = self.compile(EXAMPLES / "asio_loop.cpp", DIALECTS[1], "-fsanitize=address")
        with Sandbox() as sandbox:
            shown = run(program, sandbox.v1)
        self.assertRegex(shown, r"(?m)^booked: 369-[0-9a-f-]+$")
