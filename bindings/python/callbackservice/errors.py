"""The exceptions of the package."""

from ._capi import library


class CallbackServiceError(Exception):
    """A call that failed. ``status`` is the number of the status, ``name`` its name.

    ``booked`` is ``"no"`` if the server has certainly made no booking and ``"unknown"`` if it may have made one.
    ``server_message`` is the server's own text, verbatim: it may contain personal data. Both are None where the
    outcome does not have them.
    """

    booked = None
    server_message = None

    def __init__(self, status, message=None):
        # The arguments are what pickle and copy call the class with.
        super().__init__(status, message)
        self.status = status
        self.name = library.cbsvc_status_name(status).decode()

    def _message(self):
        return self.args[1]

    def __str__(self):
        message = self._message()
        return f"{self.name}: {message}" if message else self.name


class Rejected(CallbackServiceError):
    """A command that was rejected. ``outcome`` is the whole outcome, ``slots`` what the server proposes instead."""

    def __init__(self, status, outcome):
        super().__init__(status, outcome)
        self.outcome = outcome
        self.slots = outcome.get("slots", [])
        error = outcome.get("error")
        self._error = error if isinstance(error, dict) else {}
        self.booked = self._error.get("booked")
        self.server_message = self._error.get("serverMessage")

    def _message(self):
        return self._error.get("message")
