"""Values on their way to the library and back: JSON texts, names and time limits."""

from __future__ import annotations

import codecs
import collections.abc
import datetime
import decimal
import json
import math
import re
import uuid
from typing import Any, Iterator, Mapping, Optional, Tuple, Union

from .types import JsonObject

JsonText = Union[str, bytes, bytearray]
Json = Union[Mapping[str, Any], JsonText]

_MAX_MILLISECONDS = 2**31 - 1


def milliseconds(seconds: Optional[float]) -> int:
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


def time_text(time: datetime.datetime) -> str:
    """A time as the library takes it; refuses one without a zone, which could be any hour."""
    if time.tzinfo is None or time.utcoffset() is None:
        raise ValueError(f"the time {time.isoformat()} has no zone: give it a tzinfo, such as datetime.timezone.utc")
    try:
        # An offset may have seconds, which ISO 8601 does not.
        return time.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"the time {time.isoformat()} is outside the years 1 to 9999 in UTC") from None


def _json_value(value: Any) -> Any:
    """A value that JSON does not have, as one that it has."""
    if isinstance(value, datetime.datetime):
        return time_text(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no form in JSON")


def _number(value: decimal.Decimal) -> Union[int, float]:
    if not value.is_finite():
        raise ValueError(f"{value} is not a number of JSON")
    if value == value.to_integral_value():
        if value.adjusted() > 400:
            raise ValueError(f"{value} has too many digits")
        return int(value)
    number = float(value)
    if decimal.Decimal(repr(number)) != value:
        raise ValueError(f"{value} has more digits than a number of JSON keeps: give it as a str")
    return number


_encode = json.JSONEncoder(allow_nan=False, default=_json_value).encode


def text(value: Optional[Json], what: str) -> Optional[bytes]:
    """The UTF-8 bytes of a JSON value or text. C reads up to the first NUL, so a text with one is refused."""
    if value is None:
        return None
    if isinstance(value, str):
        encoded = value.encode()
    elif isinstance(value, (bytes, bytearray)):
        encoded = bytes(value)
    else:
        # JSON escapes NUL and everything outside ASCII.
        return _encode(value).encode()
    if encoded.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{what} is UTF-16; it must be UTF-8")
    if b"\0" in encoded:
        raise ValueError(f"{what} contains a NUL character")
    return encoded


def members_of(options: Json) -> Mapping[str, Any]:
    """The members of a JSON object or text, with the numbers of a text as they are written."""
    if isinstance(options, collections.abc.Mapping):
        return options
    members = json.loads(_written(options), parse_int=str, parse_float=str)
    if not isinstance(members, dict):
        raise TypeError("the options must be a JSON object")
    return members


def _written(options: JsonText) -> str:
    return (options if isinstance(options, str) else bytes(options).decode()).lstrip("\ufeff").strip()


def joined(options: Optional[Json], keywords: JsonObject) -> Json:
    """The options and the keywords together. The members of a text keep the spelling of their numbers."""
    if options is None:
        return keywords
    if not keywords:
        return options
    if isinstance(options, collections.abc.Mapping):
        return {**options, **keywords}
    members = members_of(options)
    return f"{_written(options)[:-1]}{',' if members else ''}{_encode(keywords)[1:]}"


def _integer(digits: str) -> Union[int, str]:
    try:
        return int(digits)
    except ValueError:
        # More digits than sys.set_int_max_str_digits() allows.
        return digits


_decode = json.JSONDecoder().decode
_decode_long_integers = json.JSONDecoder(parse_int=_integer).decode


def _loads(written: str) -> Any:
    try:
        return _decode(written)
    except ValueError:
        return _decode_long_integers(written)


def decoded(encoded: bytes) -> JsonObject:
    """The value of a JSON text of the library. What Python cannot decode stays text, and the rest is there."""
    written = encoded.decode(errors="replace")
    try:
        value: JsonObject = _loads(written)
        return value
    except (ValueError, RecursionError):
        return {name: _member(value) for name, value in _members(written)}


def _member(written: str) -> Any:
    try:
        return _loads(written)
    except (ValueError, RecursionError):
        return written


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]', re.DOTALL)


def _members(written: str) -> Iterator[Tuple[str, str]]:
    """The names of the members of a JSON object and the texts of their values, found without recursion."""
    depth, name, begin, last = 0, None, 0, ""
    for token in _TOKEN.finditer(written):
        symbol = token.group()
        if depth == 1 and symbol in ",}" and name is not None:
            yield name, written[begin : token.start()].strip()
            name = None
        elif depth == 1 and symbol == ":" and name is None:
            name, begin = json.loads(last), token.end()
        depth += (symbol in "{[") - (symbol in "}]")
        last = symbol
