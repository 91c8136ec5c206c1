"""``python -m callbackservice``: what is installed here, for reports of problems. It shows no personal data."""

from __future__ import annotations

import json
import platform
import sys

from . import __version__, _library, diagnostics, version


def main() -> int:
    print(f"callbackservice {__version__}")
    print(f"library         {version()} ({_library.path})")
    print(f"Python          {platform.python_implementation()} {platform.python_version()} ({sys.executable})")
    print(f"system          {platform.platform()}")
    print(f"diagnostics     {json.dumps(diagnostics())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
