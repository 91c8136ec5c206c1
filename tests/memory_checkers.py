"""The C test programs under a memory checker.

    memory_checkers.py valgrind|address

`valgrind` runs them under memcheck with the release library, `address` with everything built for AddressSanitizer and
LeakSanitizer. Both first prove with planted faults that they see what they are there for.
"""

import contextlib
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
from booking_server import Server  # noqa: E402
from support import Sandbox, run  # noqa: E402

BUILD = ROOT / "build/memory"
TARGET = "x86_64-unknown-linux-gnu"
FOUND = 66
LIBRARIES = ["-lpthread", "-lm", "-ldl", "-lrt", "-lutil", "-lgcc_s"]
# Checkers keep what is freed for a while, so growth means nothing there.
ROOM_FOR_CHECKING = str(1 << 20)
PLANTED = ["use-after-free", "leak"]
# An encrypted record and its tag are computed by ring's assembler, which memcheck cannot follow. A thread that calls
# the library as late as in the destructor of a pthread_key_t leaves 32 bytes of the C library's behind.
SUPPRESSIONS = """{
  ring
  Memcheck:Cond
  ...
  fun:*rustls*ring*decrypt*
}
{
  late
  Memcheck:Leak
  fun:calloc
  fun:__cxa_thread_atexit_impl
}
""" + "".join(f"""{{
  record
  Memcheck:Param
  {parameter}
  ...
  fun:*rustls*
}}
""" for parameter in ["writev(vector[...])", *(f"sendmsg(msg.msg_iov[{index}])" for index in range(8))])
LATE = "leak:__cxa_thread_atexit_impl\n"


class Valgrind:
    """memcheck, which takes programs as they are."""

    def __init__(self):
        # Unoptimised across crates, so that the functions that a suppression names are there.
        flags = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_STRIP": "none"}
        self.library = build({**os.environ, **flags}, "valgrind")
        (BUILD / "valgrind.supp").write_text(SUPPRESSIONS)
        self.compiler, self.flags = "cc", []

    def run(self, program, *words, leaks=True):
        checks = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"] if leaks else ["--leak-check=no"]
        command = ["valgrind", "--quiet", f"--error-exitcode={FOUND}", *checks, "--fair-sched=yes",
                   f"--suppressions={BUILD / 'valgrind.supp'}"]
        return watched([*command, program, *words], os.environ)


class Address:
    """AddressSanitizer and LeakSanitizer, for which everything is built again."""

    def __init__(self):
        flags = {"RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": "-Zsanitizer=address", "CARGO_PROFILE_RELEASE_LTO": "off"}
        self.library = build({**os.environ, **flags}, "address", "--target", TARGET)
        # Its runtime is of the age of rustc's, and survives a fork beside threads.
        install("clang-22", "llvm-22", "libclang-rt-22-dev")
        self.compiler, self.flags = "clang-22", ["-fsanitize=address"]
        (BUILD / "late.supp").write_text(LATE)

    def run(self, program, *words, leaks=True):
        # The library compares addresses in the stack to see which handlers were left by longjmp, so locals must stay there.
        options = f"exitcode={FOUND}:detect_leaks={int(leaks)}:detect_stack_use_after_return=0"
        suppressed = f"suppressions={BUILD / 'late.supp'}:print_suppressions=0"
        return watched([program, *words], {**os.environ, "ASAN_OPTIONS": options, "LSAN_OPTIONS": suppressed})


def install(*packages):
    if all(subprocess.run(["dpkg", "-s", package], capture_output=True).returncode == 0 for package in packages):
        return
    if os.geteuid() != 0:
        sys.exit(f"this needs: {' '.join(packages)}")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], check=True,
                   stdout=subprocess.DEVNULL)


def build(environment, name, *words):
    command = ["cargo", "rustc", "--quiet", "--locked", "--release", "--lib", "--crate-type", "staticlib",
               "--target-dir", BUILD / name, *words]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return next((BUILD / name).rglob("release/libcallbackservice.a"))


def watched(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    return done.returncode, done.stdout + done.stderr


def compile_with(checker, name):
    program = BUILD / f"{name}-{type(checker).__name__}"
    run(checker.compiler, "-std=c99", "-D_GNU_SOURCE", "-g", "-O1", *checker.flags, "-Iinclude", f"tests/c/{name}.c",
        checker.library, *LIBRARIES, "-o", program)
    return program


@contextlib.contextmanager
def echo():
    server = subprocess.Popen([sys.executable, ROOT / "tests/system/echo_server.py", "1"], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip().removeprefix("listening on ")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@contextlib.contextmanager
def secure():
    """A server that answers over TLS, and the certificate that vouches for it."""
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = pathlib.Path(directory, "key.pem"), pathlib.Path(directory, "ca.pem")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = Server()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with server:
            yield f"https://127.0.0.1:{server.server_port}", certificate


def planted(checker):
    """Whether the checker sees what it is there for, and nothing where there is nothing."""
    program = compile_with(checker, "planted_memory_faults")
    for fault in PLANTED:
        status, shown = checker.run(program, fault)
        if status != FOUND:
            sys.exit(f"a planted {fault} is not seen: silence would mean nothing\n{shown}")
        print(f"planted {fault}: found", flush=True)


def main():
    checker = {"valgrind": Valgrind, "address": Address}[sys.argv[1]]()
    planted(checker)
    failed = False
    with echo() as base, Sandbox() as sandbox, secure() as (tls, certificate):
        # A child forgets on purpose what belongs to its parent, so leaks are not looked for where there are children.
        for name, words, leaks in [
            ("interface", [sandbox.base], True),
            ("call_matrix", [sandbox.base], False),
            ("host_process", [base], False),
            ("host_process", [base, "jump"], False),
            ("threads", [base], True),
            ("fork", [base, "20"], False),
            ("tls", [tls, certificate], True),
            ("soak", [sandbox.base, "1200", ROOM_FOR_CHECKING], True),
        ]:
            status, shown = checker.run(compile_with(checker, name), *words, leaks=leaks)
            print(f"{name}: clean" if status == 0 else f"{name}: ended with {status}\n{shown}", flush=True)
            failed |= status != 0
    print("memory: found something" if failed else "memory: clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
