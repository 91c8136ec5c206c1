# What the scripts that build wheels share: the environment of tools from PyPI in $tools, and package.
# It is read by sh -eu in the root of the repository, with the directory of the results in $dist.
tools=$PWD/build/wheel-tools
requirements=bindings/python/build-requirements.txt
[ -f "$requirements" ] || { echo 'run this in the root of the repository' >&2; exit 1; }

if ! cmp -s "$requirements" "$tools/requirements.txt"; then
    "${PYTHON:-python3}" -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$tools/requirements.txt"
fi

# Builds a distribution of the Python package: package --wheel, or package --sdist.
package() {
    "$tools/bin/python" -m build --no-isolation --outdir "$dist" "$@" bindings/python > "$tools/build.log" 2>&1 || {
        cat "$tools/build.log" >&2
        exit 1
    }
}

mkdir -p "$dist"
# The files of the same commit are the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
