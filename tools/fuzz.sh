#!/bin/sh
# Runs every fuzz target for SECONDS (60) with AddressSanitizer, from the seeds in fuzz/seeds and what earlier runs found
# worth keeping in build/fuzz/corpus. TARGETS chooses some. cargo-fuzz is installed below build/ when it is missing.
set -eu
seconds=${SECONDS_EACH:-60}
targets=${TARGETS:-configuration command response_v1 response_v3 json_pointer calls}
build=$PWD/build/fuzz
version=0.13.1

PATH=$build/tools/bin:$PATH
mkdir -p "$build"
if ! cargo fuzz --version 2> /dev/null | grep -q "$version"; then
    cargo install --quiet --locked --root "$build/tools" --version "$version" cargo-fuzz
fi

# cargo-fuzz passes options that the stable compiler takes only so.
export RUSTC_BOOTSTRAP=1
cargo fuzz build --target-dir "$build/target" 2> "$build/build.log" || { cat "$build/build.log" >&2; exit 1; }
for target in $targets; do
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    if ! ASAN_OPTIONS=detect_odr_violation=0 "$build"/target/*/release/"$target" "$corpus" "fuzz/seeds/$target" \
        -artifact_prefix="$build/$target-" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 > "$build/$target.log" 2>&1
    then
        tail -n 60 "$build/$target.log" >&2
        echo "$target: failed" >&2
        exit 1
    fi
    sed -n "s/^stat::number_of_executed_units: */$target: executions /p" "$build/$target.log"
done
echo 'fuzz: no findings'
