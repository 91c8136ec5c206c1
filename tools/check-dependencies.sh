#!/bin/sh
# Checks licenses, bans and sources of the dependencies against deny.toml, and the license in every manifest.
# Installs cargo-deny below build/ if it is missing. The advisory database is not checked: not every build machine can fetch it.
set -eu
version=0.18.9
license='MIT OR Apache-2.0'

for manifest in Cargo.toml sandbox/Cargo.toml tools/generate-header/Cargo.toml fuzz/Cargo.toml bindings/python/pyproject.toml; do
    if ! grep -qx -e "license = \"$license\"" -e 'license.workspace = true' "$manifest"; then
        echo "$manifest does not name the license \"$license\"" >&2
        exit 1
    fi
done

PATH=$PWD/build/tools/bin:$PATH
if ! cargo deny --version > /dev/null 2>&1; then
    cargo install --quiet --locked --root build/tools --version "$version" cargo-deny
fi
cargo deny --locked check --hide-inclusion-graph licenses bans sources
