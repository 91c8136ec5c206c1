#!/bin/sh
# Starts the sandbox, runs the quickstart programs against it over both server APIs, moves and cancels what they booked, and
# stops it.
set -eu
CC=${CC:-cc} PYTHON=${PYTHON:-python3}
release=$PWD/build/release
scratch=$(mktemp -d)
sandbox=
finish() {
    if [ -n "$sandbox" ]; then kill "$sandbox" 2>/dev/null && wait "$sandbox" || true; fi
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

for program in quickstart my_callbacks; do
    $CC -O2 -Wall -Iinclude "examples/c/$program.c" -L"$release" -lcallbackservice -Wl,-rpath,"$release" \
        -o "$scratch/$program"
done

mkfifo "$scratch/ready"
"$release/callback-sandbox" --listen 127.0.0.1:0 > "$scratch/ready" &
sandbox=$!
read -r line < "$scratch/ready"
base=${line#listening on }
case $base in
http://*) printf 'The sandbox listens on %s\n\n' "$base" ;;
*) printf 'The sandbox did not start: %s\n' "$line" >&2 && exit 1 ;;
esac

for api in v1 v3; do
    printf '==== C, %s ====\n' "$api"
    "$scratch/quickstart" "$api" "$base"
done
for api in v1 v3; do
    printf '==== Python, %s ====\n' "$api"
    CALLBACKSERVICE_LIBRARY="$release/libcallbackservice.so" PYTHONPATH=bindings/python PYTHONDONTWRITEBYTECODE=1 \
        "$PYTHON" examples/python/quickstart.py "$api" "$base"
done
printf '==== C, the callbacks of +14151110000 ====\n'
"$scratch/my_callbacks" "$base/genesys/1/service/callback/samples" +14151110000
printf '\nThe demo is complete.\n'
