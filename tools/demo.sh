#!/bin/sh
# Starts the sandbox, runs the quickstart programs against it over both server APIs, and moves and cancels what they booked. Then
# bookings are submitted to an outbox while the sandbox is away, and delivered when it is back.
set -eu
CC=${CC:-cc} PYTHON=${PYTHON:-python3}
release=$PWD/build/release
scratch=$(mktemp -d)
sandbox= deliverer=
finish() {
    for process in $sandbox $deliverer; do kill "$process" 2>/dev/null && wait "$process" || true; done
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

for example in quickstart my_callbacks submit deliverer; do
    $CC -O2 -Wall -Iinclude "examples/c/$example.c" -L"$release" -lcallbackservice -Wl,-rpath,"$release" \
        -o "$scratch/$example"
done

start_sandbox() {
    "$release/callback-sandbox" --listen "$1" > "$scratch/ready" &
    sandbox=$!
    read -r line < "$scratch/ready"
    base=${line#listening on }
    case $base in
    http://*) printf 'The sandbox listens on %s\n\n' "$base" ;;
    *) printf 'The sandbox did not start: %s\n' "$line" >&2 && exit 1 ;;
    esac
}
mkfifo "$scratch/ready"
start_sandbox 127.0.0.1:0

for api in v1 v3; do
    printf '==== C, %s ====\n' "$api"
    "$scratch/quickstart" "$api" "$base"
done
python_example() {
    CALLBACKSERVICE_LIBRARY="$release/libcallbackservice.so" PYTHONPATH=bindings/python PYTHONDONTWRITEBYTECODE=1 \
        "$PYTHON" "examples/python/$@"
}
for api in v1 v3; do
    printf '==== Python, %s ====\n' "$api"
    python_example quickstart.py "$api" "$base"
done
caller=+14151110000
v1=$base/genesys/1/service/callback/samples
printf '==== C, the callbacks of %s ====\n' "$caller"
"$scratch/my_callbacks" "$v1" "$caller"
printf '==== Python, the same callbacks ====\n'
python_example my_callbacks.py "$v1" "$caller" | tee "$scratch/callbacks"
python_example my_callbacks.py "$v1" "$caller" cancel "$(sed -n '1s/ .*//p' "$scratch/callbacks")"

printf '\n==== Outbox ====\n'
kill "$sandbox" && wait "$sandbox" || true
sandbox=
printf 'The server is stopped. Three callers ask to be called back:\n'
printf '{"dataURL":"%s/genesys/1/service/callback/samples","outbox":{"file":"%s","baseDelayMs":100}}\n' \
    "$base" "$scratch/callbacks.db" > "$scratch/config.json"
for caller in 1 2 3; do
    printf '  %s\n' "$("$scratch/submit" "$scratch/config.json" "+1415222000$caller" "call-$caller")"
done
printf '\nThe server is started again.\n'
start_sandbox "${base#http://}"
"$scratch/deliverer" "$scratch/config.json" > "$scratch/delivered" &
deliverer=$!
for attempt in $(seq 300); do
    [ "$(wc -l < "$scratch/delivered")" -lt 3 ] || break
    sleep 0.1
done
sed 's/^/  /' "$scratch/delivered"
printf '\n%s delivered\n\n' "$(grep -c 'delivered as' "$scratch/delivered")"
printf 'The demo is complete.\n'
