"""Values on their way to the library and back: JSON texts, names and times."""

import codecs
import collections.abc
import json
import math
import re

_MAX_MILLISECONDS = 2**31 - 1


def milliseconds(seconds):
    """Seconds as the library takes them: -1 is without limit, and what an int32 cannot hold is clamped."""
    if seconds is None:
        return -1
    # An int may be larger than any float.
    if not isinstance(seconds, int) and math.isnan(seconds) or seconds < 0:
        raise ValueError(f"a timeout must not be negative or NaN: {seconds!r}")
    if seconds * 1000 >= _MAX_MILLISECONDS:
        return -1 if seconds == math.inf else _MAX_MILLISECONDS
    # Rounded up, so that a short timeout does not become none.
    return math.ceil(seconds * 1000)


def text(value, what):
    """The UTF-8 bytes of a JSON value or text. C reads up to the first NUL, so a text with one is refused."""
    if value is None:
        return None
    if not isinstance(value, (str, bytes, bytearray)):
        value = json.dumps(dict(value) if isinstance(value, collections.abc.Mapping) else value)
    encoded = value.encode() if isinstance(value, str) else bytes(value)
    if encoded.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{what} is UTF-16; it must be UTF-8")
    if b"\0" in encoded:
        raise ValueError(f"{what} contains a NUL character")
    return encoded


def merged(data, options):
    """The data and the keyword options together; an option replaces a member of the same name."""
    if data is None or not options:
        return options if data is None else data
    if not isinstance(data, (str, bytes, bytearray)):
        return {**data, **options}
    written = (data if isinstance(data, str) else data.decode()).lstrip("\ufeff").strip()
    # The members keep the spelling of their numbers: they are checked here, not rewritten.
    members = json.loads(written, parse_int=str, parse_float=str)
    if not isinstance(members, dict):
        raise TypeError("the data must be a JSON object when options are given as well")
    return f"{written[:-1]}{',' if members else ''}{json.dumps(options)[1:]}"


def _integer(digits):
    try:
        return int(digits)
    except ValueError:
        # More digits than sys.set_int_max_str_digits() allows.
        return digits


def _loads(written):
    return json.loads(written, parse_int=_integer)


def decoded(encoded):
    """The value of a JSON text of the library. What Python cannot decode stays text, and the rest is there."""
    written = encoded.decode(errors="replace")
    try:
        return _loads(written)
    except (ValueError, RecursionError):
        return {name: _member(value) for name, value in _members(written)}


def _member(written):
    try:
        return _loads(written)
    except (ValueError, RecursionError):
        return written


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]', re.DOTALL)


def _members(written):
    """The names of the members of a JSON object and the texts of their values, found without recursion."""
    depth, name, begin, last = 0, None, 0, None
    for token in _TOKEN.finditer(written):
        symbol = token.group()
        if depth == 1 and symbol in ",}" and name is not None:
            yield name, written[begin : token.start()].strip()
            name = None
        elif depth == 1 and symbol == ":" and name is None:
            name, begin = json.loads(last), token.end()
        depth += (symbol in "{[") - (symbol in "}]")
        last = symbol
