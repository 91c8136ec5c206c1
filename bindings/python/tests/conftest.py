import os
import sys

import pytest
import support

# For tests that use the package in this process.
os.environ.update({key: value for key, value in support.ENVIRONMENT.items() if key.startswith("CALLBACKSERVICE")})
if not os.environ.get("INSTALLED"):
    sys.path.insert(0, str(support.PACKAGE))


@pytest.fixture
def scripts():
    running = support.Scripts()
    yield running
    running.end()


@pytest.fixture
def server():
    with support.Server() as running:
        yield running


@pytest.fixture(scope="session")
def sandbox():
    with support.Sandbox() as running:
        yield running
