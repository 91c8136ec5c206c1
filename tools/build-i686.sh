#!/bin/sh
# Builds the library for i686 with the compiler and the C library of Debian's gcc-i686-linux-gnu, and installs it below
# build/targets/i686/usr.
set -eu
target=i686-unknown-linux-gnu
tools=i686-linux-gnu-
output=$PWD/build/targets/i686
. packaging/toolchain.sh

export CARGO_TARGET_DIR="$PWD/build/targets/cargo" CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER=${tools}gcc
export CC_i686_unknown_linux_gnu=${tools}gcc AR_i686_unknown_linux_gnu=${tools}ar
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
${CARGO:-cargo} rustc --locked --release --lib --crate-type cdylib,staticlib --target $target $standard_library

release=$CARGO_TARGET_DIR/$target/release
rm -rf "$output" && mkdir -p "$output/library"
${tools}strip --strip-unneeded -o "$output/library/libcallbackservice.so.1" "$release/libcallbackservice.so"
TOOLS=$tools sh tools/localize-symbols.sh include/callbackservice.h "$release/libcallbackservice.a" \
    "$output/library/libcallbackservice.a"
make --silent install PREFIX="$output/usr" LIBRARY="$output/library"
