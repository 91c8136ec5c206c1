#!/bin/sh
# Builds a wheel of the Python package for each architecture of Windows, into build/dist/windows.
#
#     tools/build-windows-wheels.sh [ARCHITECTURE...]
#
# The libraries are those of `make windows`. Without arguments, for x86_64 and i686.
set -eu
dist=$PWD/build/dist/windows
[ $# -gt 0 ] || set -- x86_64 i686
. tools/wheel-tools.sh

rm -f "$dist"/callbackservice-*.whl
for architecture in "$@"; do
    case $architecture in
    x86_64) platform=win_amd64 ;;
    i686) platform=win32 ;;
    *) echo "no Python for Windows runs on $architecture" >&2; exit 1 ;;
    esac
    licenses=$PWD/build/windows/$architecture/third-party-licenses.txt
    PYTHONPATH=packaging/windows "$tools/bin/python" -c '
import sys, dist_windows
print(dist_windows.third_party(sys.argv[1]), end="")
' "$architecture" > "$licenses"
    CALLBACKSERVICE_LIBRARY=$PWD/build/windows/$architecture/callbackservice.dll \
    CALLBACKSERVICE_THIRD_PARTY_LICENSES=$licenses CALLBACKSERVICE_WHEEL_PLATFORM=$platform package --wheel
done
cd "$dist"
sha256sum ./*.zip ./*.whl | sed 's|\./||' > SHA256SUMS
cat SHA256SUMS
