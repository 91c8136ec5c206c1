#!/bin/sh
# Builds the library and the threaded test programs with ThreadSanitizer, proves with a planted race that it watches,
# and runs them. It needs Debian's rustc-web, cargo-web, rust-web-src (for the standard library's source), clang-22 and
# libclang-rt-22-dev; as root it installs what is missing.
set -eu
PYTHON=${PYTHON:-python3}
target=x86_64-unknown-linux-gnu
build=$PWD/build/tsan
packages='rustc-web cargo-web rust-web-src clang-22 llvm-22 libclang-rt-22-dev'

if ! dpkg -s $packages > /dev/null 2>&1; then
    if [ "$(id -u)" != 0 ]; then echo "make test-tsan needs: $packages" >&2; exit 1; fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends $packages > /dev/null
fi

mkdir -p "$build"
# Debian's registry source wants other lock entries for the standard library, so the project's own lock stays untouched.
RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=thread -Zexternal-clangrt' CARGO_TARGET_DIR=$build \
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_STRIP=none \
    CARGO_PROFILE_RELEASE_DEBUG=1 \
    /usr/bin/cargo rustc --locked --release --lib --crate-type staticlib -Z build-std --target $target

compile() {
    clang-22 -fsanitize=thread -g -O1 -std=c99 -D_GNU_SOURCE -Iinclude "tests/c/$1.c" \
        "$build/$target/release/libcallbackservice.a" -lpthread -lm -ldl -o "$build/$1"
}
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 die_after_fork=0"

compile planted_race
if "$build/planted_race" > "$build/planted_race.log" 2>&1; then
    echo 'ThreadSanitizer does not see a planted race: its silence means nothing' >&2
    exit 1
fi
grep -q 'data race' "$build/planted_race.log"
echo 'planted race: found'

serve() {
    rm -f "$build/ready" && mkfifo "$build/ready"
    "$@" > "$build/ready" &
    server=$!
    read -r line < "$build/ready"
    base=${line#listening on }
}
check() {
    name=$1
    shift
    compile "$name"
    if "$build/$name" "$@" > "$build/$name.log" 2>&1; then
        echo "$name: $(grep -c 'WARNING: ThreadSanitizer' "$build/$name.log" || true) reports"
    else
        cat "$build/$name.log"
        echo "$name: failed" >&2
        exit 1
    fi
}
trap 'kill $server 2> /dev/null || true' EXIT
serve "$PYTHON" tests/system/echo_server.py 1
check threads "$base"
check fork "$base" 100
kill $server
echo 'ThreadSanitizer: no reports'
