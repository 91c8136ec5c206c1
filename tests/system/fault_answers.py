"""The complete responses of the fault servers, for HTTP/1.1 and HTTP/2 alike. Each is made from the text of the response that
`ok` sends, which has slots and the booking's identifier for both APIs.
"""

import gzip
import json
import re
import typing
import zlib

TIME = "2030-12-01T10:00:00.000Z"
BOMB = bytes(64 << 20)
JSON = "application/json"


class Answer(typing.NamedTuple):
    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: tuple = ()


def identifier(number):
    """The identifier of the booking for a telephone number."""
    return f"CB-{number}"


def number_in(request):
    """The telephone number in the bytes of a request, also inside an identifier; empty if there is none."""
    return re.search(rb"\d{9,}|$", request).group().decode()


def ok_text(number, **more):
    """Slots and the identifier, where both APIs have them."""
    booking = identifier(number)
    data = {"id": booking, "slots": [{"utcTime": TIME, "capacity": 5}]}
    return json.dumps({"_id": booking, TIME: 5, "status": {"code": 0}, "data": data, **more}, ensure_ascii=False)


def slots_text(number, times):
    """Slots with times in any form, for both APIs."""
    booking = identifier(number) if number else None
    data = {"id": booking, "slots": [{"utcTime": time, "capacity": 5} for time in times]}
    return json.dumps({"_id": booking, "data": data, **dict.fromkeys(times, 5)}).encode()


def encoded(coding, *steps, body=None):
    """An answer with a Content-Encoding, made by functions of bytes."""
    def answer(number):
        data = ok_text(number).encode() if body is None else body
        for step in steps:
            data = step(data)
        return Answer(data, headers=(("content-encoding", coding),))
    return answer


def labelled(content_type, codec, mark=b""):
    """An answer in a character encoding, with letters that are not ASCII."""
    return lambda number: Answer(mark + ok_text(number, agent="Jürgen Groß").encode(codec), content_type=content_type)


def constant(body, status=200, content_type=JSON, **headers):
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _: Answer(body, status, content_type, pairs)


def with_status(http):
    return lambda number: Answer(ok_text(number).encode(), http)


def beside(http, **more):
    """An identifier in a response that is an error by its status or by other members."""
    def answer(number):
        booking = identifier(number)
        return Answer(json.dumps({"_id": booking, "data": {"id": booking}, **more}).encode(), http)
    return answer


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def wrong_checksum(data):
    packed = bytearray(gzip.compress(data))
    packed[-6] ^= 1
    return bytes(packed)


def spoilt(old, new):
    """A response with other bytes in one place."""
    return lambda number: Answer(ok_text(number, note="NOTE").encode().replace(old, new))


def other_members(**members):
    """A booking's response without the identifier, but with other members."""
    return lambda _: Answer(json.dumps(members).encode())


REASON = {"status": {"code": 7041}, "exception": "x.CallbackExceptionAvailability"}
REFUSAL = json.dumps({"message": "full", **REASON}).encode()
UNREADABLE = ["31/12/2030 10:00", "2030-12-01T25:00:00Z"]

ANSWERS = {
    "ok": lambda number: Answer(ok_text(number).encode()),
    # What the content type and the encoding of the content say.
    "gzip": encoded("gzip", gzip.compress),
    "gzip-x": encoded("X-GZip", gzip.compress),
    "gzip-twice": encoded("gzip, gzip", gzip.compress, gzip.compress),
    "gzip-after-deflate": encoded("deflate, gzip", zlib.compress, gzip.compress),
    "gzip-by-name-only": encoded("gzip"),
    "deflate": encoded("deflate", zlib.compress),
    "deflate-raw": encoded("deflate", raw_deflate),
    "identity": encoded("identity"),
    "gzip-cut": encoded("gzip", gzip.compress, lambda data: data[:-12]),
    "gzip-checksum": encoded("gzip", wrong_checksum),
    "gzip-of-nothing": encoded("gzip", lambda _: b"no gzip"),
    "gzip-bomb": encoded("gzip", body=gzip.compress(BOMB)),
    "gzip-bomb-twice": encoded("gzip, gzip", body=gzip.compress(gzip.compress(BOMB))),
    "deflate-bomb": encoded("deflate", body=zlib.compress(BOMB)),
    "brotli": encoded("br", body=b"\x8b\x05\x80{\"_id\":\"1\"}\x03"),
    "zstd": encoded("zstd", body=b"\x28\xb5\x2f\xfd\x04\x00"),
    "gzip-refusal": lambda _: Answer(gzip.compress(REFUSAL), 400, headers=(("content-encoding", "gzip"),)),
    "latin1-by-label": labelled(JSON + ";charset=ISO-8859-1", "latin-1"),
    "windows-1252-by-label": labelled(JSON + '; Charset="windows-1252"', "cp1252"),
    "latin1-without-label": labelled(JSON, "latin-1"),
    "utf8-labelled-latin1": labelled(JSON + ";charset=iso-8859-1", "utf-8"),
    "utf8-mark": labelled(JSON, "utf-8", b"\xef\xbb\xbf"),
    "utf16-little": labelled(JSON, "utf-16-le", b"\xff\xfe"),
    "utf16-big": labelled(JSON, "utf-16-be", b"\xfe\xff"),
    "utf16-by-label": labelled(JSON + ";charset=utf-16", "utf-16-be"),
    "no-content-type": lambda number: Answer(ok_text(number).encode(), content_type=""),
    "text-plain": lambda number: Answer(ok_text(number).encode(), content_type="text/plain"),
    # What the body holds.
    "not-utf8": spoilt(b"NOTE", b"\xff\xfe\x80"),
    "cut-utf8": spoilt(b"NOTE", b"\xe2\x82"),
    "lone-surrogates": spoilt(b"NOTE", rb"\ud83d and \udc00\ud83d"),
    "nul-at-the-end": lambda number: Answer(ok_text(number).encode() + b"\0"),
    "deep-json": constant(b"[" * 100_000 + b"]" * 100_000),
    "deep-beside-identifier": spoilt(b'"NOTE"', b"[" * 5_000 + b"]" * 5_000),
    "huge-numbers": spoilt(b'"NOTE"', b"[1e999,-1e999,%s]" % (b"7" * 5_000)),
    "repeated-keys": spoilt(b'{"_id"', b'{"_id":"old","data":{"id":"old"},"_id"'),
    "ends-in-an-escape": lambda number: Answer(ok_text(number, note="\\").encode()[:-3]),
    "nul-bytes": constant(b'{"_id":"\x00"}'),
    "no-identifier": other_members(msg="hello"),
    "no-identifier-in-a-menu": other_members(_dialog_id="d-1", _action="DisplayMenu", _content=[], status={"code": 0}, data={}),
    "identifier-of-another": other_members(_id="CB-1", status={"code": 0}, data={"id": "CB-1"}),
    "empty-identifier": other_members(_id="", status={"code": 0}, data={"id": ""}),
    "null-identifier": other_members(_id=None, status={"code": 0}, data={"id": None}),
    "empty-object": other_members(),
    "empty-body": constant(b""),
    "html": constant(b"<html>Sign in</html>", content_type="text/html"),
    "created": with_status(201),
    "accepted": with_status(202),
    "no-content": constant(b"", 204),
    "identifier-beside-500": beside(500),
    "identifier-beside-502": beside(502),
    "identifier-beside-404": beside(404),
    "identifier-beside-409": beside(409),
    "identifier-beside-302": beside(302),
    "identifier-beside-code": beside(200, **REASON),
    "identifier-beside-400": beside(400, **REASON),
    "see-other": constant(b"", 303),
    "some-times-unreadable": lambda number: Answer(slots_text(number, [TIME, *UNREADABLE])),
    "all-times-unreadable": lambda _: Answer(slots_text("", UNREADABLE)),
    # What the server asks for.
    "unavailable": constant(b"", 503),
    "retry-after-fraction": constant(b"", 429, retry_after="0.0195"),
    "retry-after-zero": constant(b"", 503, retry_after="0"),
    "retry-after-negative": constant(b"", 503, retry_after="-1.5"),
    "retry-after-words": constant(b"", 429, retry_after="soon"),
}
