"""Puts the shared library into a wheel, and the sources of the library into a source distribution.

A wheel takes the library at CALLBACKSERVICE_LIBRARY, and otherwise builds it with cargo: from the repository, or in a
source distribution from the sources in ``rust``. CALLBACKSERVICE_WHEEL_PLATFORM is the platform in the name of the
wheel, by default that of this system. CALLBACKSERVICE_THIRD_PARTY_LICENSES is a file with the licenses of what the
library contains.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The name of the library in the package, by the end of the name of its file.
NAMES = {".dll": "callbackservice.dll"}
SONAME = "libcallbackservice.so.1"

# What cargo reads for the library. The manifest names the other members of the workspace.
SOURCES = [
    "Cargo.toml", "Cargo.lock", "build.rs", "src", "benches/micro.rs", "sandbox/Cargo.toml", "sandbox/src/main.rs",
    "tools/generate-header/Cargo.toml", "tools/generate-header/src",
]  # fmt: skip
LICENSES = ["LICENSE-MIT", "LICENSE-APACHE"]


class BuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        # The root of the crate: in a source distribution, and in the repository.
        crate = pathlib.Path(self.root, "rust")
        if not crate.exists():
            crate = pathlib.Path(self.root).parent.parent
        include = build_data["force_include"]
        if self.target_name == "sdist":
            include.update({str(crate / source): f"rust/{source}" for source in [*SOURCES, *LICENSES]})
        elif version == "standard":
            # An editable installation finds the library of the checkout, or CALLBACKSERVICE_LIBRARY.
            library = self.library(crate)
            include[str(library)] = f"callbackservice/{NAMES.get(library.suffix, SONAME)}"
            metadata = f"{self.metadata.name}-{self.metadata.version}.dist-info"
            include.update({str(crate / name): f"{metadata}/licenses/{name}" for name in LICENSES})
            third_party = os.environ.get("CALLBACKSERVICE_THIRD_PARTY_LICENSES")
            if third_party:
                include[third_party] = f"{metadata}/licenses/third-party-licenses.txt"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{self.platform()}"

    @staticmethod
    def platform():
        named = os.environ.get("CALLBACKSERVICE_WHEEL_PLATFORM")
        return named or sysconfig.get_platform().replace("-", "_").replace(".", "_")

    @staticmethod
    def library(crate):
        named = os.environ.get("CALLBACKSERVICE_LIBRARY")
        if named:
            return pathlib.Path(named).resolve(strict=True)
        if not shutil.which("cargo"):
            raise SystemExit("building callbackservice needs Rust (cargo); installing a wheel does not")
        # As make builds it, so that in a checkout the result is shared.
        command = ["cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib,staticlib"]
        command.append("--message-format=json-render-diagnostics")
        built = subprocess.run(command, cwd=crate, check=True, stdout=subprocess.PIPE, text=True).stdout
        messages = map(json.loads, built.splitlines())
        files = [file for message in messages for file in message.get("filenames", [])]
        names = ["libcallbackservice.so", "callbackservice.dll"]
        return next(path for path in map(pathlib.Path, reversed(files)) if path.name in names)
