#!/bin/sh
# Leaves only the library's own functions visible in the static library, so that it can be linked into any program,
# also beside another library written in Rust.
#
#     localize-symbols.sh HEADER LIBRARY.a OUTPUT.a
#
# TOOLS is the prefix of the binutils for another architecture, such as aarch64-linux-gnu-.
set -eu
header=$1 library=$2 output=$3
tools=${TOOLS-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sed -n 's/^[a-z].*\b\(cbsvc_[a-z0-9_]*\)(.*/\1/p' "$header" | sort -u > "$scratch/exports"
# Embedded bitcode is of no use here, and linkers with an older LLVM's plug-in stumble over it.
${tools}objcopy -R .llvmbc -R .llvmcmd "$library" "$scratch/library.a"
${tools}ld -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$scratch/exports") \
    -o "$scratch/all.o" --whole-archive "$scratch/library.a" --no-whole-archive
${tools}objcopy -g --strip-unneeded --keep-global-symbols="$scratch/exports" \
    "$scratch/all.o" "$scratch/callbackservice.o"
rm -f "$scratch/out.a"
${tools}ar rcsD "$scratch/out.a" "$scratch/callbackservice.o"
mv "$scratch/out.a" "$output"
