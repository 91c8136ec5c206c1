#!/bin/sh
# Builds the libraries and the sandbox of one architecture for glibc 2.17 and later, the same bytes each time.
#
#     build.sh ARCHITECTURE OUTPUT
set -eu
architecture=$1 output=$2
target=$architecture-unknown-linux-gnu
venv=build/dist/venv
tools=$architecture-linux-gnu-

if ! cmp -s packaging/requirements.txt $venv/requirements.txt; then
    ${PYTHON:-python3} -m venv --clear $venv
    $venv/bin/pip install --quiet --disable-pip-version-check --requirement packaging/requirements.txt
    cp packaging/requirements.txt $venv/
fi
PATH=$PWD/$venv/bin:$PATH
export PATH

. packaging/toolchain.sh

# No path of this machine is left in what is built. \037 separates the flags, which may contain spaces.
flags="--remap-path-prefix=$PWD=."
c_flags="-ffile-prefix-map=$PWD=."
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags=$(printf '%s\037--remap-path-prefix=%s=registry' "$flags" "$registry")
    c_flags="$c_flags -ffile-prefix-map=$registry=registry"
done
export CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_TARGET_DIR="$PWD/build/dist/target" CARGO_INCREMENTAL=0
export "CFLAGS_$(echo $target | tr - _)=$c_flags"
# No file has the time of its build inside. The time of the last commit would make cargo compile all C code again after it.
export SOURCE_DATE_EPOCH=0
unset RUSTFLAGS CARGO_BUILD_TARGET

mkdir -p "$output"
$venv/bin/python -m ziglang cc -target $architecture-linux-gnu.2.17 -shared -nostdlib -fPIC \
    packaging/libgcc_s/libgcc_s.c -o "$output/libgcc_s.so.1" \
    -Wl,-soname,libgcc_s.so.1 -Wl,--version-script=packaging/libgcc_s/libgcc_s.map
cargo-zigbuild rustc --locked --release --lib --crate-type cdylib,staticlib --target $target.2.17 $standard_library \
    -- -C "link-arg=$PWD/$output/libgcc_s.so.1"
cargo-zigbuild build --locked --release --package callback-sandbox --target $target.2.17 $standard_library

release=build/dist/target/$target/release
mkdir -p "$output/library"
${tools}strip --strip-unneeded -o "$output/library/libcallbackservice.so.1" "$release/libcallbackservice.so"
TOOLS=$tools sh tools/localize-symbols.sh include/callbackservice.h "$release/libcallbackservice.a" \
    "$output/library/libcallbackservice.a"
${tools}strip -o "$output/callback-sandbox" "$release/callback-sandbox"
