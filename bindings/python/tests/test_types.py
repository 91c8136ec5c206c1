"""Statuses, exceptions and results."""

import copy
import datetime
import pickle
import re
import typing

import pytest
from support import ROOT, run_script

import callbackservice
from callbackservice import Status, _entries, _results, errors, types


def test_the_statuses_are_those_of_the_header():
    header = (ROOT / "include/callbackservice.h").read_text()
    defined = {name: int(number) for name, number in re.findall(r"^#define CBSVC_([A-Z_0-9]+) (\d+)$", header, re.M)}
    assert {name: number for name, number in defined.items() if not name.startswith("LOG_")} == {
        status.name: status.value for status in Status
    }
    assert all(callbackservice._library.status_name(status) == status.name for status in Status)
    assert str(Status.SLOT_UNAVAILABLE) == "SLOT_UNAVAILABLE"


def test_the_events_are_those_of_the_library():
    document = (ROOT / "docs/behaviour.md").read_text().split("## Events", 1)[1].split("\n## ", 1)[0]
    documented = re.findall(r"`CallbackService\.(\w+)`", document)
    assert sorted(documented) == sorted(typing.get_args(types.EventName))
    with callbackservice.Service({"dataURL": "http://127.0.0.1:1/"}) as service:
        for event in documented:
            service.on(event)(print)


def test_every_status_has_its_exception():
    for status in [status for status in Status if status not in (Status.OK, Status.BAD_HANDLE)]:
        error = errors.error_of(status, "why")
        classes = {1: "Argument", 2: "State", 3: "Call", 4: "Network", 5: "Rejected", 9: "Internal"}
        names = [kind.__name__ for kind in type(error).__mro__]
        assert any(name.startswith(classes[status // 100]) for name in names), (status, names)
        assert (error.status, error.name, str(error)) == (status, status.name, f"{status.name}: why")
    assert type(errors.error_of(Status.BAD_HANDLE)) is callbackservice.ClosedError
    unknown = errors.error_of(599)
    assert type(unknown) is callbackservice.Rejected and unknown.status == 599 and unknown.name == "UNKNOWN"
    assert type(errors.error_of(777)) is callbackservice.CallbackServiceError
    assert not unknown.retryable and unknown.retry_after is None and unknown.slots == () and unknown.message == ""


def test_a_cancelled_call_says_whether_it_may_have_had_its_effect():
    for command, member in errors.EFFECTS.items():
        error = callbackservice.CallCancelled(302, None, {"command": command, "state": "cancelled"})
        for name in errors.EFFECTS.values():
            assert getattr(error, name) == ("unknown" if name == member else None)
    assert (
        callbackservice.CallCancelled(302, None, {"command": "CallbackService.query", "state": "cancelled"}).booked
        is None
    )


SLOT = {"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 3}
OUTCOMES = {
    _results.booking_of: {"id": "1"},
    _results.availability_of: {"slots": [SLOT, 5, {"utcTime": "10000-01-01T00:00:00Z"}], "unreadSlots": ["x"]},
    _results.callback_of: {"callback": {"id": "1", "phoneNumber": "+1415", "desiredTime": "2030-12-01T10:00:00.000Z"}},
    _results.callbacks_of: {"callbacks": [{"id": "1", "phoneNumber": "+1415"}, 7], "unreadCallbacks": ["x"]},
    _results.wait_times_of: {"waitTimes": [{"virtualQueue": "a", "estimatedWaitTime": None}, None]},
    _results.queue_status_of: {"queue": {"estimatedWaitTime": 1.5, "offerImmediateCallback": True}},
    _results.open_for_of: {"openForSeconds": 60},
    _results.call_in_of: {"callIn": {"accessCode": "1"}},
    _entries.submission_of: {"entry": "e", "key": "k", "delivery": "waiting"},
    _entries.counts_of: {"delivered": 1, "refused": 2, "unknown": 3, "expired": 4, "waiting": 5},
    _entries.entries_of: {"entries": [{"entry": "e", "error": {"status": 402, "booked": "no"}}, 5]},
    _entries.entry_of: {"entries": [{"entry": "e", "nextAttemptAt": "2030-12-01T10:00:00.000Z"}]},
    _results.outcome_of: {"state": "resolved"},
}


@pytest.mark.parametrize("result", OUTCOMES, ids=lambda function: function.__name__)
def test_results_can_be_copied_pickled_and_compared(result):
    made = result({"command": "CallbackService.x", "httpStatus": 200, "response": {"secret": 1}, **OUTCOMES[result]})
    for other in [pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)]:
        assert other == made and other.raw == made.raw and type(other) is type(made)
    if result is not _results.call_in_of:
        hash(made)
    assert "secret" not in repr(made) and "+1415" not in repr(made)
    assert (made.http_status, made.response, made.command) == (200, {"secret": 1}, "CallbackService.x")
    with pytest.raises(AttributeError):
        made.raw = {}


@pytest.mark.parametrize("result", OUTCOMES, ids=lambda function: function.__name__)
def test_an_outcome_of_any_form_is_a_result(result):
    for value in [None, 5, "x", True, [], [[]], {}, {"id": 5, "utcTime": 5, "slots": 7}, 1e400, "9" * 5000]:
        for name in [*OUTCOMES[result], "httpStatus"]:
            result({name: value})
            result({name: [value]})


def test_what_cannot_be_read_is_told():
    found = _results.availability_of(OUTCOMES[_results.availability_of])
    assert [slot.utc_time for slot in found.slots] == [datetime.datetime(2030, 12, 1, 10, tzinfo=datetime.timezone.utc)]
    assert found.unread_slots == ("x", "5", "10000-01-01T00:00:00Z")
    assert _results.callbacks_of({"unreadCallbacks": ["x"]}).unread_callbacks == ("x",)


def test_a_service_cannot_be_pickled_and_says_so():
    with callbackservice.Service({"dataURL": "http://127.0.0.1:1/"}) as service:
        for function in [pickle.dumps, copy.copy, copy.deepcopy]:
            with pytest.raises(TypeError, match="in each process"):
                function(service)


def test_the_configuration_is_checked():
    for config, message in [
        ({}, "Invalid configuration"),
        ({"dataURL": "x"}, "dataURL"),
        ('{"dataUrl":"http://x/"}', "did you mean"),
    ]:
        with pytest.raises(callbackservice.ConfigurationError, match=message):
            callbackservice.Service(config)
    with callbackservice.Service({"dataURL": "http://127.0.0.1:1/"}) as service:
        service.configure(ajaxTimeout=5000)
        with pytest.raises(callbackservice.ConfigurationError, match="ajaxTimeout"):
            service.configure({"ajaxTimeout": -1})
        with pytest.raises(TypeError):
            service.configure({}, ajaxTimeout=1)
        with pytest.raises(callbackservice.StateError):
            service.unsubscribe(5)
        with pytest.raises(callbackservice.ArgumentError):
            service.command("nonsense", {})
    with pytest.raises(callbackservice.ClosedError):
        service.schedule(phone_number="1")
    service.close()


def test_everything_is_exported():
    run_script("assert set(callbackservice.__all__) <= set(dir(callbackservice))")
    public = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert public <= set(callbackservice.__all__)
