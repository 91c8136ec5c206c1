#!/bin/sh
# Builds the wheels of the Python package and its source distribution into build/dist.
#
#     tools/build-wheels.sh [x86_64] [aarch64]
#
# Without arguments, for every architecture whose Rust target is installed. The libraries need glibc 2.17 or later. zig,
# which links them, and the other tools come from PyPI into a virtual environment below build.
set -eu
PYTHON=${PYTHON:-python3}
tools=$PWD/build/wheel-tools
dist=$PWD/build/dist
[ -f Cargo.lock ] || { echo 'run this in the root of the repository' >&2; exit 1; }

if [ ! -x "$tools/bin/auditwheel" ]; then
    "$PYTHON" -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r bindings/python/build-requirements.txt
fi
PATH=$tools/bin:$PATH

installed() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

if [ $# -eq 0 ]; then
    for architecture in x86_64 aarch64; do
        if installed "$architecture-unknown-linux-gnu"; then set -- "$@" "$architecture"; fi
    done
fi

rm -rf "$dist"
python -m build --no-isolation --sdist --outdir "$dist" bindings/python
for architecture in "$@"; do
    target=$architecture-unknown-linux-gnu
    installed "$target" || { echo "the Rust target $target is not installed" >&2; exit 1; }
    CARGO_PROFILE_RELEASE_STRIP=symbols cargo zigbuild --locked --release --lib --target "$target.2.17"
    CALLBACKSERVICE_LIBRARY=${CARGO_TARGET_DIR:-target}/$target/release/libcallbackservice.so \
    CALLBACKSERVICE_WHEEL_PLATFORM=manylinux_2_17_$architecture \
        python -m build --no-isolation --wheel --outdir "$dist" bindings/python
    shown=$(auditwheel show "$dist"/*_"$architecture".whl | tr '\n' ' ')
    case $shown in
    *"following platform tag: \"manylinux_2_17_$architecture\""*) ;;
    *) printf 'the wheel does not run where its name says:\n%s\n' "$shown" >&2; exit 1 ;;
    esac
done
ls -l "$dist"
