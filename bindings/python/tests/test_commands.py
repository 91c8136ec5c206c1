"""The methods: what their keywords send, and what they return."""

import datetime
import decimal
import inspect
import json
import re
import urllib.parse
import uuid
import zoneinfo

import pytest
from support import ROOT, Server

import callbackservice
from callbackservice import AsyncService, Service
from callbackservice.service import Starter

NOON = datetime.datetime(2030, 12, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
UTC = "2030-12-01T11:00:00.000Z"
ID = uuid.UUID(int=7)
SERVICE = "/genesys/1/service/callback/samples"


def v1(server, **keys):
    return Service({"dataURL": server.base + SERVICE, "proxy": "none", **keys})


def v3(server, **keys):
    configuration = {"dataURL": f"{server.base}/engagement/v3", "apiVersion": "v3", "serviceName": "samples"}
    return Service({**configuration, "proxy": "none", **keys})


def form(server):
    return dict(urllib.parse.parse_qsl(server.seen[-1][2]))


def query_of(server):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(server.seen[-1][1]).query))


def test_schedule_sends_each_keyword_as_its_option(server):
    with v1(server) as service:
        booking = service.schedule(
            phone_number=14151110000, desired_time=NOON, first_name="Ann", last_name="Lee", email="a@example.com",
            subject="Order 17", call_direction="USERTERMINATED", wait_for_agent=True, wait_for_user_confirm=False,
            media_type="chat", callback_state="QUEUED", urs_virtual_queue="vq", user_data={"tier": 2},
        )  # fmt: skip
    assert booking == callbackservice.Booking(raw={}, id="1") and booking.response == {"_id": "1"}
    assert form(server) == {
        "_customer_number": "14151110000", "_desired_time": UTC, "firstname": "Ann", "lastname": "Lee",
        "email": "a@example.com", "subject": "Order 17", "_call_direction": "USERTERMINATED", "_wait_for_agent": "true",
        "_wait_for_user_confirm": "false", "_media_type": "chat", "_callback_state": "QUEUED",
        "_urs_virtual_queue": "vq", "tier": "2",
    }  # fmt: skip


def test_user_data_takes_any_key_and_the_values_of_python(server):
    server.response = 200, {}, b'{"status":{"code":0},"data":{"id":"1"}}'
    data = {
        "desired_time": "x", "phone_number": "y", "when": NOON, "who": ID, "price": decimal.Decimal("1.10"),
        "count": decimal.Decimal("12"), "nested": {"list": (1, None, True)},
    }  # fmt: skip
    with v3(server) as service:
        service.schedule(phone_number="+1415", user_data=data, service_name="other")
    sent = json.loads(server.seen[-1][2])
    assert sent["serviceName"] == "other" and sent["userData"] == {
        "desired_time": "x", "phone_number": "y", "when": UTC, "who": str(ID), "price": 1.1, "count": 12,
        "nested": {"list": [1, None, True]},
    }  # fmt: skip


def test_options_are_those_of_the_api(server):
    with v1(server) as service:
        service.schedule({"_customer_number": "1", "orderId": "A-17"}, desired_time=NOON)
        assert form(server) == {"_customer_number": "1", "orderId": "A-17", "_desired_time": UTC}
        service.schedule('{"phonenumber": "2"}', subject="x")
        assert form(server) == {"_customer_number": "2", "subject": "x"}


@pytest.mark.parametrize(
    "options", [{"_desired_time": UTC}, {"desiredTime": UTC}, '{"desiredtime": "x"}', b'{"_desired_time": 5}']
)
def test_an_option_that_is_given_twice_is_refused(server, options):
    with v1(server) as service, pytest.raises(TypeError, match="given in the options and also as a keyword"):
        service.schedule(options, phone_number="1", desired_time=NOON)
    assert server.requests == 0


@pytest.mark.parametrize(
    "keywords, error",
    [
        ({"desired_time": datetime.datetime(2030, 12, 1, 12)}, ValueError),
        ({"desired_time": datetime.date(2030, 12, 1)}, TypeError),
        (
            {"desired_time": datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=1)))},
            ValueError,
        ),
        ({"user_data": {"when": datetime.datetime(2030, 12, 1, 12)}}, ValueError),
        ({"user_data": {"n": float("nan")}}, ValueError),
        ({"user_data": {"n": decimal.Decimal("NaN")}}, ValueError),
        ({"user_data": {"n": decimal.Decimal("0.12345678901234567890")}}, ValueError),
        ({"user_data": {"n": decimal.Decimal("1e999")}}, ValueError),
        ({"user_data": {"n": object()}}, TypeError),
        ({"phonenumber": "1"}, TypeError),
        ({"desired_tme": NOON}, TypeError),
    ],
)
def test_what_python_knows_to_be_wrong_is_not_sent(server, keywords, error):
    with v1(server) as service:
        for method in [service.schedule, service.start.schedule]:
            with pytest.raises(error):
                method(**{"phone_number": "1", **keywords})
    assert server.requests == 0


@pytest.mark.parametrize("name", ["desired_time", "desireTime", "desiredtimes", "DesiredTime"])
def test_a_misspelt_time_does_not_book_now(server, name):
    with v1(server) as service:
        with pytest.raises(callbackservice.ArgumentError) as raised:
            service.schedule({"phonenumber": "+14151110000", name: UTC})
        assert raised.value.field == name and raised.value.booked == "no" and "desiredtime" in str(raised.value)
    assert server.requests == 0


def test_availability(server):
    slots = [{"utcTime": "2030-12-01T10:00:00.000Z", "localTime": "2030-12-01T11:00:00.000", "capacity": 3, "total": 5}]
    server.response = 200, {}, json.dumps({"status": {"code": 0}, "data": {"slots": slots}}).encode()
    with v3(server) as service:
        found = service.availability(
            start_date=NOON, end_date=NOON, number_of_days=2, max_time_slots=9, service_name="a/b",
            timezone=zoneinfo.ZoneInfo("Europe/Berlin"), report_busy=True,
        )  # fmt: skip
        [slot] = found.slots
        assert slot.utc_time == datetime.datetime(2030, 12, 1, 10, tzinfo=datetime.timezone.utc)
        assert (slot.local_time, slot.capacity, slot.total) == ("2030-12-01T11:00:00.000", 3, 5)
        assert slot.raw["utcTime"] == "2030-12-01T10:00:00.000Z" and found.unread_slots == ()
        assert query_of(server) == {
            "start": UTC, "end": UTC, "numberOfDays": "2", "maxTimeSlots": "9", "timezone": "Europe/Berlin",
            "reportBusy": "true",
        }  # fmt: skip
        assert "/a%2Fb" in server.seen[-1][1]
        service.availability(number_of_days=1, timezone=datetime.timezone.utc)
        assert query_of(server)["timezone"] == "UTC"
        with pytest.raises(ValueError, match="IANA"):
            service.availability(number_of_days=1, timezone=datetime.timezone(datetime.timedelta(hours=1)))


def test_a_refusal_proposes_slots():
    proposal = {
        "status": {"code": 7041, "message": "full"},
        "data": {"slots": [{"utcTime": "2030-12-01T10:00:00.000Z"}]},
    }
    with (
        Server(json.dumps(proposal).encode(), status=429, headers={"Retry-After": "1.5"}) as server,
        v3(server) as service,
    ):
        with pytest.raises(callbackservice.SlotUnavailable) as raised:
            service.schedule(phone_number="1", desired_time=NOON)
    error = raised.value
    assert error.status is callbackservice.Status.SLOT_UNAVAILABLE and error.name == "SLOT_UNAVAILABLE"
    assert (error.booked, error.http_status, error.server_code, error.attempts) == ("no", 429, 7041, 1)
    assert [slot.utc_time.hour for slot in error.slots] == [10] and error.retry_after == 1.5


def operations(service):
    """Each further method with what its server answers, what is sent, and what has to come back."""
    record = {"_id": "7", "_callback_state": "SCHEDULED", "_customer_number": "+1415", "_desired_time": UTC}
    return {
        "cancel": (lambda call: call.cancel("7", discard_ors_failure=True), {}, "DELETE", "/7?discard_ors_failure=true"),
        "reschedule": (lambda call: call.reschedule("7", desired_time=NOON, user_data={"a": "b"}), {}, "PUT", "/7"),
        "retrieve": (lambda call: call.retrieve("7"), [record], "GET", "?_id=7"),
        "query": (
            lambda call: call.query(phone_number="+1415", state="!COMPLETED", keys={"a": "b"}, operand="OR"),
            [record], "GET", "operand=OR",
        ),
        "queue_position": (lambda call: call.queue_position("7"), {"_position": 2, "ewt": 90}, "GET", "/7/check-queue-position"),
    }  # fmt: skip


@pytest.mark.parametrize("name", operations(None))
def test_operations_over_v1(server, name):
    method, answer, verb, path = operations(None)[name]
    server.response = 200, {}, json.dumps(answer).encode()
    with v1(server) as service:
        result = method(service)
        assert method(service.start).result() == result
    assert server.seen[-1][0] == verb and path in server.seen[-1][1]
    if name == "reschedule":
        assert json.loads(server.seen[-1][2]) == {"_new_desired_time": UTC, "a": "b"}
    [callback] = result.callbacks if name == "query" else [result]
    if name == "queue_position":
        assert (callback.position_in_queue, callback.estimated_wait_time) == (2, 90)
    else:
        assert callback.id == "7"
    if name in ("retrieve", "query"):
        assert (callback.state, callback.phone_number) == ("SCHEDULED", "+1415")
        assert callback.desired_time == NOON and "+1415" not in repr(result)


def test_operations_over_v3(server):
    with v3(server) as service:
        server.response = 200, {}, b'{"status":{"code":0},"data":{"ewt":90}}'
        for method, arguments in [
            (service.estimated_wait_time, (["a", "b"],)),
            (service.estimated_wait_time, ("a,b",)),
            (service.queue_status, ()),
            (service.queue_status, ("sales",)),
            (service.open_for, ()),
            (service.open_for, ("sales",)),
            (service.call_in, ("sales",)),
        ]:
            before = server.requests
            try:
                method(*arguments)
            except callbackservice.NetworkError:
                pass  # It is no answer to every command.
            assert server.requests == before + 1, method
        assert re.search("virtual-queues=a(,|%2C)b", server.seen[0][1])
        for method, arguments in [(service.reschedule, ("7",)), (service.query, ({"state": "QUEUED"},))]:
            with pytest.raises(callbackservice.CallbackServiceError) as raised:
                method(*arguments) if arguments != ("7",) else method("7", desired_time=NOON)
            assert isinstance(raised.value, callbackservice.UnsupportedError)
    with v1(server) as service, pytest.raises(callbackservice.UnsupportedError):
        service.queue_status()


def test_an_id_is_that_of_a_callback(server):
    with v1(server) as service:
        call = service.start.schedule(phone_number="1")
        with pytest.raises(TypeError, match="use its method cancel"):
            service.cancel(call)
        call.result()


def test_every_command_has_its_method_everywhere(server):
    names = [name for name, function in inspect.getmembers(callbackservice._commands, inspect.isfunction)
             if str(inspect.signature(function).return_annotation).startswith("Command[") and not name.startswith("_")]  # fmt: skip
    source = (ROOT / "src/command/mod.rs").read_text() + "".join(
        path.read_text() for path in (ROOT / "src/command").glob("*.rs")
    )
    commands = set(re.findall(r'c"CallbackService\.(\w+)"', source))
    documented = set(
        re.findall(
            r"^\| `CallbackService\.(\w+)` \|", (ROOT / "docs/behaviour.md").read_text().split("## Events")[0], re.M
        )
    )
    assert documented <= commands
    assert {
        callbackservice._commands.__dict__[name] and re.sub(r"_(\w)", lambda m: m[1].upper(), name) for name in names
    } == documented - {"configure"} | {"resend", "forget"}  # Actions of outbox.
    for name in names:
        for kind in [Service, Starter, AsyncService]:
            method = getattr(kind, name)
            assert method.__doc__ == callbackservice._commands.__dict__[name].__doc__
            assert next(iter(inspect.signature(method).parameters)) == "self"
    result = inspect.signature(Service.schedule).return_annotation
    assert result == "Booking" and inspect.signature(Starter.schedule).return_annotation == "StartedCall[Booking]"
