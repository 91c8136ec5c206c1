#!/bin/sh
# Leaves only the library's own functions visible in the static library, so that it can be linked into any program,
# also beside another library written in Rust.
#
#     localize-symbols.sh HEADER LIBRARY.a OUTPUT.a
set -eu
header=$1 library=$2 output=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sed -n 's/^[a-z].*\b\(cbsvc_[a-z0-9_]*\)(.*/\1/p' "$header" | sort -u > "$scratch/exports"
# Embedded bitcode is of no use here, and linkers with an older LLVM's plug-in stumble over it.
objcopy -R .llvmbc -R .llvmcmd "$library" "$scratch/library.a"
ld -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$scratch/exports") \
    -o "$scratch/all.o" --whole-archive "$scratch/library.a" --no-whole-archive
objcopy -g --strip-unneeded --keep-global-symbols="$scratch/exports" "$scratch/all.o" "$scratch/callbackservice.o"
rm -f "$scratch/out.a"
ar rcs "$scratch/out.a" "$scratch/callbackservice.o"
mv "$scratch/out.a" "$output"
