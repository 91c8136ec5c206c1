#!/usr/bin/env python3
"""Writes baseline.abi, the types of the present interface, with abidw of libabigail.

They are those of a library that has the functions of the header and nothing in them, so that they are those of C.
"""

import pathlib
import subprocess
import sys
import tempfile

ABI = pathlib.Path(__file__).resolve().parent
BASELINE = ABI / "baseline.abi"
sys.path.insert(0, str(ABI.parent / "tools"))
import header  # noqa: E402


def library(directory, text=None):
    """Builds the library of a header's text in `directory`."""
    text = header.HEADER.read_text(encoding="utf-8") if text is None else text
    functions = [item.code.removesuffix(";") for item in header.items(text) if item.kind == "function"]
    source = directory / "callbackservice.c"
    source.write_text("#include <stdlib.h>\n" + text + "".join(f"{code} {{ abort(); }}\n" for code in functions))
    built = directory / "libcallbackservice.so"
    subprocess.run(["gcc", "-g", "-w", "-shared", "-fPIC", source.name, "-o", built.name], cwd=directory, check=True)
    return built


def main():
    with tempfile.TemporaryDirectory() as directory:
        built = library(pathlib.Path(directory))
        options = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file", BASELINE]
        subprocess.run(["abidw", *options, built], check=True)


if __name__ == "__main__":
    main()
