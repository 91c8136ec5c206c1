"""The static library beside other code in one program."""

from support import RELEASE, Case, run

# What the linker needs beside the library; see packaging/callbackservice.pc.in.
SYSTEM = ["-pthread", "-lutil", "-lrt", "-lm", "-ldl"]

RUST = """
use std::panic::catch_unwind;

#[no_mangle]
pub extern "C" fn other_panics() -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    let numbers: Vec<usize> = std::env::args().map(|word| word.len()).collect();
    catch_unwind(|| numbers[numbers.len()]).is_err().into()
}
"""

# Functions that SQLite and the Rust standard library have too.
OWN = """
int sqlite3_open(const char *name, void **database) { (void)name; (void)database; return 4711; }
const char *sqlite3_libversion(void) { return "own"; }
void rust_panic(void) {}
void rust_eh_personality(void) {}
"""

PROGRAM = """
#include <callbackservice.h>
#include <string.h>
int other_panics(void);
int sqlite3_open(const char *name, void **database);
int main(void)
{
    cbsvc_service *service;
    char *error;
    if (OTHER)
        return 1;
    if (cbsvc_init("{}", NULL, NULL, &service, &error) != CBSVC_CONFIG || strlen(error) == 0)
        return 2;
    cbsvc_string_free(error);
    return 0;
}
"""


class Beside(Case):
    def link(self, other, condition):
        source = self.scratch / "program.c"
        source.write_text(PROGRAM.replace("OTHER", condition))
        libraries = [other, RELEASE / "libcallbackservice.a"]
        for order in [libraries, libraries[::-1]]:
            program = self.scratch / "program"
            run("cc", "-Iinclude", source, *order, *SYSTEM, "-o", program)
            run(program)

    def test_another_library_written_in_rust(self):
        source, library = self.scratch / "other.rs", self.scratch / "libother.a"
        source.write_text(RUST)
        run("rustc", "--edition=2021", "-O", "--crate-type=staticlib", source, "-o", library)
        self.link(library, "!other_panics()")

    def test_functions_with_the_names_of_what_is_inside(self):
        source, own = self.scratch / "own.c", self.scratch / "own.o"
        source.write_text(OWN)
        run("cc", "-c", source, "-o", own)
        self.link(own, 'sqlite3_open("", 0) != 4711')
