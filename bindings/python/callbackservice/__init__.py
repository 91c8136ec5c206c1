"""Books telephone callbacks with a contact center, and lists the slots that can be booked.

    from callbackservice import Service, Rejected

    with Service({"dataURL": "http://127.0.0.1:8080/genesys/1/service/callback/samples"}) as service:
        for slot in service.availability(numberOfDays=1)["slots"]:
            print(slot["utcTime"], slot["capacity"])
        booked = service.schedule(phonenumber="+14151110000")
        print(booked["id"])

The module calls the shared library through ctypes. It looks for it at ``CALLBACKSERVICE_LIBRARY``, beside this
file, and where the system looks for libraries. While a call waits for the server, other Python threads run, and
signals interrupt the wait.

Times are in seconds; None and infinity are without limit. An integer in an outcome that has more digits than Python
converts (4,300) is given as text.
"""

from ._capi import library as _library  # noqa: F401
from ._outcomes import InterruptedCall
from ._process import diagnostics, set_log, version
from ._values import milliseconds as _milliseconds  # noqa: F401
from .errors import CallbackServiceError, Rejected
from .service import Service

__all__ = [
    "CallbackServiceError",
    "InterruptedCall",
    "Rejected",
    "Service",
    "diagnostics",
    "set_log",
    "version",
]
