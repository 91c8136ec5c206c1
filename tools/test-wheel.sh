#!/bin/sh
# Installs the wheel of `make dist` for this machine into an environment of its own, without the source tree, and runs the tests of
# the Python package with it.
set -eu
environment=$PWD/build/wheel-test
wheel=$(ls build/dist/callbackservice-*_"$(uname -m)".whl)
"${PYTHON:-python3}" -m venv --clear "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --constraint tests/requirements.txt "$wheel" pytest pytest-xdist
INSTALLED=1 "$environment/bin/python" -m pytest --quiet -n 2 bindings/python/tests
