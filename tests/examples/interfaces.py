"""What the header declares, in a form that tests compare with its translations into other languages."""

import re
import sys

from support import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import header  # noqa: E402

PARAMETER = re.compile(r"(?P<type>.*?[ *])(?P<name>\w+)$")


def constants():
    """The value of each constant."""
    return {item.name: item.value for item in header.items() if item.kind == "constant"}


def functions():
    """For each function the type that it returns and those of its parameters, as in C: const char *, int32_t."""
    found = {}
    for item in header.items():
        if item.kind == "function":
            returned, name, parameters = re.match(r"(.*?)(\w+)\((.*)\);$", " ".join(item.code.split())).groups()
            types = [PARAMETER.match(part.strip())["type"].strip() for part in parameters.split(",") if part != "void"]
            found[name] = (returned.strip(), types)
    return found


def translated(types, exceptions):
    """The functions with the types of another language.

    `exceptions` has types for a function and the number of a parameter, which is -1 for what the function returns.
    """

    def translate(name, number, kind):
        return exceptions.get((name, number), types[kind])

    return {
        name: (translate(name, -1, returned), [translate(name, number, kind) for number, kind in enumerate(kinds)])
        for name, (returned, kinds) in functions().items()
    }
