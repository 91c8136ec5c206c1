"""What the library makes of each fault of the fault servers."""

import typing


class Fault(typing.NamedTuple):
    """What is expected of a fault."""

    # The status of every command that has none of its own below.
    status: str
    # What the outcome of a schedule says: `id` when it has the identifier; when rejected, `no` or `unknown` as error.booked.
    booking: str
    # The status of an availability; two words if those of v1 and v3 differ.
    availability: str = ""
    # The status of a cancel or reschedule, and what its outcome says in the same words; if empty, those of a schedule.
    change: str = ""
    # The server's list has times that cannot be read, and the outcome of an availability repeats them.
    unread: bool = False
    retry_after_ms: int | None = None

    def expected(self, api, name):
        """The status of a command, and what its outcome says of what it changes."""
        if name == "availability":
            statuses = (self.availability or self.status).split()
            return statuses[0 if api == "v1" else -1], ""
        if name != "schedule" and self.change:
            status, said = self.change.split()
            return status, said
        return self.status, self.booking


def identified(status, change):
    """A rejection that has the identifier: the booking may have been made, a change is what the server says."""
    return Fault(status, "id unknown", change=f"{status} {change}")


LOST = Fault("PROTOCOL", "unknown")
HEARD = Fault("OK", "id")
# The response is that of another command, or lacks the identifier: the booking is not confirmed, a change is.
NAMELESS = Fault("PROTOCOL", "unknown", change="OK id")
EMPTY = Fault("OK", "", availability="PROTOCOL", change="OK id")
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
    "closed-at-reuse": Fault("PROTOCOL", "unknown", availability="OK"),
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
    "no-content": EMPTY,
    "no-content-with-length": EMPTY,
    "no-content-with-huge-length": EMPTY,
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
    "redirect-to-a-page": Fault("PROTOCOL", "unknown", availability="OK"),
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
    "deep-beside-identifier": Fault("OK", "id", availability="PROTOCOL OK"),
    "huge-numbers": HEARD,
    "repeated-keys": HEARD,
    "no-identifier": NAMELESS,
    "no-identifier-in-a-menu": NAMELESS,
    "identifier-of-another": Fault("OK", "", availability="PROTOCOL", change="PROTOCOL unknown"),
    "empty-identifier": NAMELESS,
    "null-identifier": NAMELESS,
    "empty-object": NAMELESS._replace(availability="OK PROTOCOL"),
    "empty-body": NAMELESS,
    "html": LOST,
    "some-times-unreadable": Fault("OK", "id", unread=True),
    "all-times-unreadable": NAMELESS._replace(unread=True),
    # The status.
    "created": HEARD,
    "accepted": HEARD,
    "identifier-beside-500": identified("SERVER_ERROR", "unknown"),
    "identifier-beside-502": identified("SERVER_ERROR", "unknown"),
    "identifier-beside-404": identified("NOT_FOUND", "no"),
    "identifier-beside-409": identified("REJECTED", "no"),
    "identifier-beside-302": identified("PROTOCOL", "unknown"),
    "identifier-beside-400": identified("SLOT_UNAVAILABLE", "no"),
    "identifier-beside-code": identified("SLOT_UNAVAILABLE", "no"),
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
