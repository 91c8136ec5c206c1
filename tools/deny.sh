#!/bin/sh
# Checks the dependencies against deny.toml. cargo-deny is installed below build/ when it is missing. The database of
# advisories is asked only where it can be had.
set -eu
version=0.18.9
PATH=$PWD/build/tools/bin:$PATH
if ! cargo deny --version > /dev/null 2>&1; then
    cargo install --quiet --locked --root build/tools --version "$version" cargo-deny
fi
cargo deny --locked check --hide-inclusion-graph licenses bans sources
