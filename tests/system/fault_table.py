"""What the library makes of each fault of the fault servers."""

import typing


class Fault(typing.NamedTuple):
    """What is expected of a fault."""

    # Schedule over v1, availability over v1, schedule over v3, availability over v3; one word for all four.
    statuses: str
    # What a schedule's outcome says: `id` when it has the identifier; when rejected, `no` or `unknown` as error.booked.
    booking: str
    # The server's list has times that cannot be read, and the outcome of an availability repeats them.
    unread: bool = False
    retry_after_ms: int | None = None

    def status(self, position):
        words = self.statuses.split()
        return words[position % len(words)]


LOST = Fault("PROTOCOL", "unknown")
HEARD = Fault("OK", "id")
LATE = Fault("TIMEOUT", "unknown")
LARGE = Fault("TOO_LARGE", "unknown")

FAULTS = {
    # The connection.
    "refused": Fault("CONNECT", "no"),
    "silent": LATE,
    "reset-in-request": LOST,
    "reset-before-answer": LOST,
    "closed-before-answer": LOST,
    "reset-in-head": LOST,
    "reset-in-body": LOST,
    "closed-at-reuse": Fault("PROTOCOL OK", "unknown"),
    "keep-alive-hint": HEARD,
    # How long a response is and where it ends.
    "trickle": LATE,
    "announces-more": LOST,
    "announces-less": LOST,
    "two-lengths": LOST,
    "negative-length": LOST,
    "length-twice": HEARD,
    "until-close": HEARD,
    "version-1.0": HEARD,
    "length-then-chunked": HEARD,
    "chunked-then-length": HEARD,
    "huge-length-then-chunked": HEARD,
    "chunked-then-huge-length": HEARD,
    "zero-length-then-chunked": HEARD,
    "chunk-extensions": HEARD,
    "chunked-without-end": LOST,
    "chunked-garbage": LOST,
    "endless-chunk-size": LATE,
    "zeros": LARGE,
    "endless-chunks": LARGE,
    "no-content": Fault("OK PROTOCOL", ""),
    "no-content-with-length": Fault("OK PROTOCOL", ""),
    "no-content-with-huge-length": Fault("OK PROTOCOL", ""),
    "not-modified-with-length": LOST,
    "another-protocol": LOST,
    # The head.
    "indented-first-line": HEARD,
    "folded-line": HEARD,
    "space-before-colon": HEARD,
    "space-before-colon-of-length": HEARD,
    "space-before-colon-of-chunked": HEARD,
    "no-colon": HEARD,
    "no-name": HEARD,
    "brackets-in-a-name": HEARD,
    "latin1-in-a-header": HEARD,
    "control-in-a-header": HEARD,
    "line-feeds-alone": HEARD,
    "no-reason": HEARD,
    "latin1-reason": HEARD,
    "many-headers": LOST,
    "continue-flood": HEARD,
    "endless-interim": LATE,
    "redirect-loop": LOST,
    "redirect-away": LOST,
    "redirect-to-a-page": Fault("PROTOCOL OK", "unknown"),
    "see-other": LOST,
    # The encoding of the content.
    "gzip": HEARD,
    "gzip-x": HEARD,
    "gzip-twice": HEARD,
    "gzip-after-deflate": HEARD,
    "gzip-by-name-only": HEARD,
    "deflate": HEARD,
    "deflate-raw": HEARD,
    "identity": HEARD,
    "gzip-cut": LOST,
    "gzip-checksum": LOST,
    "gzip-of-nothing": LOST,
    "gzip-bomb": LARGE,
    "gzip-bomb-twice": LARGE,
    "deflate-bomb": LARGE,
    "brotli": LOST,
    "zstd": LOST,
    "gzip-refusal": Fault("SLOT_UNAVAILABLE", "no"),
    # Characters.
    "latin1-by-label": HEARD,
    "windows-1252-by-label": HEARD,
    "latin1-without-label": HEARD,
    "utf8-labelled-latin1": HEARD,
    "utf8-mark": HEARD,
    "utf16-little": HEARD,
    "utf16-big": HEARD,
    "utf16-by-label": HEARD,
    "no-content-type": HEARD,
    "text-plain": HEARD,
    "not-utf8": HEARD,
    "cut-utf8": HEARD,
    "lone-surrogates": HEARD,
    "nul-at-the-end": HEARD,
    "nul-bytes": LOST,
    # JSON.
    "ends-in-an-escape": LOST,
    "deep-json": LOST,
    "deep-beside-identifier": Fault("OK PROTOCOL OK OK", "id"),
    "huge-numbers": HEARD,
    "repeated-keys": HEARD,
    "no-identifier": LOST,
    "no-identifier-in-a-menu": LOST,
    "empty-identifier": LOST,
    "null-identifier": LOST,
    "empty-object": Fault("PROTOCOL OK PROTOCOL PROTOCOL", "unknown"),
    "empty-body": LOST,
    "html": LOST,
    "some-times-unreadable": Fault("OK", "id", unread=True),
    "all-times-unreadable": Fault("PROTOCOL", "unknown", unread=True),
    # The status.
    "created": HEARD,
    "accepted": HEARD,
    "identifier-beside-500": Fault("SERVER_ERROR", "id unknown"),
    "identifier-beside-502": Fault("SERVER_ERROR", "id unknown"),
    "identifier-beside-404": Fault("NOT_FOUND", "id unknown"),
    "identifier-beside-409": Fault("REJECTED", "id unknown"),
    "identifier-beside-302": Fault("PROTOCOL", "id unknown"),
    "identifier-beside-400": Fault("SLOT_UNAVAILABLE", "id unknown"),
    "identifier-beside-code": Fault("SLOT_UNAVAILABLE", "id unknown"),
    "unavailable": Fault("SERVER_ERROR", "unknown"),
    "retry-after-fraction": Fault("RATE_LIMITED", "no", retry_after_ms=20),
    "retry-after-zero": Fault("SERVER_ERROR", "unknown", retry_after_ms=0),
    "retry-after-negative": Fault("SERVER_ERROR", "unknown", retry_after_ms=0),
    "retry-after-words": Fault("RATE_LIMITED", "no"),
    "repeats-all": Fault("REJECTED", "no"),
}

# These cost the server so much for each answer that fewer have to do.
COSTLY = {
    "zeros", "endless-chunks", "endless-interim", "endless-chunk-size", "many-headers", "continue-flood", "deep-json", "silent", "trickle",
    "gzip-bomb", "gzip-bomb-twice", "deflate-bomb",
}
