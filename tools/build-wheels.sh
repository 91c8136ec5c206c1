#!/bin/sh
# Builds a wheel of the Python package for each architecture, and the source distribution, into build/dist.
#
#     tools/build-wheels.sh [ARCHITECTURE...]
#
# The libraries are those of `make dist`; what it has not built is built here. Without arguments, for x86_64.
set -eu
dist=$PWD/build/dist
[ $# -gt 0 ] || set -- x86_64
. tools/wheel-tools.sh

rm -f "$dist"/callbackservice-*.whl "$dist"/callbackservice-*.tar.gz
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
