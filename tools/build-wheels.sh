#!/bin/sh
# Builds a wheel of the Python package for each architecture, and the source distribution, into build/dist.
#
#     tools/build-wheels.sh [ARCHITECTURE...]
#
# The libraries are those of `make dist`; what it has not built is built here. Without arguments, for x86_64.
set -eu
tools=$PWD/build/wheel-tools
dist=$PWD/build/dist
requirements=bindings/python/build-requirements.txt
[ -f "$requirements" ] || { echo 'run this in the root of the repository' >&2; exit 1; }
[ $# -gt 0 ] || set -- x86_64

if ! cmp -s "$requirements" "$tools/requirements.txt"; then
    "${PYTHON:-python3}" -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$tools/requirements.txt"
fi
package() {
    "$tools/bin/python" -m build --no-isolation --outdir "$dist" "$@" bindings/python > "$tools/build.log" 2>&1 || {
        cat "$tools/build.log" >&2
        exit 1
    }
}

mkdir -p "$dist"
rm -f "$dist"/callbackservice-*.whl "$dist"/callbackservice-*.tar.gz
# The files of the same commit are the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
package --sdist
for architecture in "$@"; do
    library=$dist/$architecture/library/libcallbackservice.so.1
    [ -f "$library" ] || sh packaging/build.sh "$architecture" "build/dist/$architecture"
    licenses=$dist/$architecture/third-party-licenses.txt
    PYTHONPATH=packaging "$tools/bin/python" -c '
import sys, dist, licenses
print(licenses.document("callbackservice", sys.argv[1] + "-unknown-linux-gnu", dist.extra_licenses()), end="")
' "$architecture" > "$licenses"
    CALLBACKSERVICE_LIBRARY=$library CALLBACKSERVICE_THIRD_PARTY_LICENSES=$licenses \
    CALLBACKSERVICE_WHEEL_PLATFORM=manylinux_2_17_$architecture package --wheel
    wheel=$(ls "$dist"/callbackservice-*_"$architecture".whl)
    shown=$("$tools/bin/auditwheel" show "$wheel" | tr '\n' ' ')
    case $shown in
    *"platform tag: \"manylinux_2_17_$architecture\""*) ;;
    *) printf '%s does not run where its name says:\n%s\n' "$wheel" "$shown" >&2; exit 1 ;;
    esac
done
ls "$dist"/callbackservice-*
