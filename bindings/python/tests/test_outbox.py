"""The outbox: bookings that are stored, delivered later, listed and changed."""

import asyncio
import datetime
import inspect
import json
import logging
import time
import urllib.parse
import uuid
import zoneinfo

import pytest
from support import Sandbox, Server

import callbackservice
from callbackservice import AsyncService, Service, Status

NUMBER = "+14151110000"
NOON = datetime.datetime(2030, 12, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
PATH = "/genesys/1/service/callback/samples"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def config(tmp_path):
    """Makes the configuration of a service that delivers by command only, with short pauses."""

    def made(base, file=tmp_path / "callbacks.db", v3=False, **outbox):
        section = {"file": str(file), "deliver": "command", "baseDelayMs": 1, "maxDelayMs": 1, **outbox}
        api = {"apiVersion": "v3", "serviceName": "samples"} if v3 else {}
        url = f"{base}/engagement/v3" if v3 else base + PATH
        return {"dataURL": url, "proxy": "none", "ajaxTimeout": 20000, "outbox": section, **api}

    return made


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


def only(service):
    [entry] = service.outbox().entries
    return entry


def test_a_submission_takes_the_keywords_of_schedule_and_sends_the_same(server, config):
    keywords = {
        "phone_number": 14151110000, "desired_time": NOON, "first_name": "Ann", "last_name": "Lee",
        "email": "a@example.com", "subject": "Order 17", "call_direction": "USERTERMINATED", "wait_for_agent": True,
        "wait_for_user_confirm": False, "media_type": "chat", "callback_state": "QUEUED", "urs_virtual_queue": "vq",
        "user_data": {"tier": 2},
    }  # fmt: skip
    of_schedule = inspect.signature(Service.schedule).parameters
    of_submit = inspect.signature(Service.submit).parameters
    assert {name for name in of_submit if of_submit[name] != of_schedule.get(name)} == {"key"}
    assert set(of_schedule) - set(of_submit) == set()
    with Service(config(server.base)) as service:
        service.submit(**keywords)
        assert server.requests == 0
        assert service.deliver(timeout=20).delivered == 1
        service.schedule(**keywords)
    delivered, scheduled = (urllib.parse.parse_qs(body) for _, _, body in server.seen)
    assert delivered == scheduled and scheduled["tier"] == ["2"]


def test_a_service_name_is_sent_over_v3(server, config):
    server.response = 200, {}, b'{"status":{"code":0},"data":{"id":"1"}}'
    with Service(config(server.base, v3=True)) as service:
        service.submit({"channel": "web"}, phone_number=NUMBER, service_name="other")
        assert service.deliver().delivered == 1
    sent = json.loads(server.seen[-1][2])
    assert (sent["serviceName"], sent["channel"], sent["phoneNumber"]) == ("other", "web", NUMBER)


def test_a_booking_waits_for_a_server_that_is_away(config):
    with Sandbox() as sandbox:
        base = sandbox.base
    begin = datetime.datetime.now(datetime.timezone.utc)
    with Service(config(base)) as service:
        submission = service.submit(key="order-5", phone_number=NUMBER)
        assert (submission.delivery, submission.key) == ("waiting", "order-5") and uuid.UUID(submission.entry)
        assert service.submit(key="order-5", phone_number=NUMBER) == submission
        counts = service.deliver(timeout=20)
        assert counts == callbackservice.DeliveryCounts({}, delivered=0, refused=0, unknown=0, expired=0, waiting=1)
        entry = only(service)
        assert (entry.entry, entry.key, entry.delivery) == (submission.entry, "order-5", "waiting")
        assert entry.attempts == 1 and entry.id is None and entry.desired_time is None
        assert abs(entry.submitted_at - begin) < datetime.timedelta(minutes=1) and entry.next_attempt_at.tzinfo
        error = entry.error
        assert type(error) is callbackservice.NetworkError and error.status is Status.CONNECT and error.booked == "no"
        assert error.message and NUMBER not in repr(service.outbox())
        with Sandbox(listen=base[len("http://") :]) as sandbox, Service({"dataURL": sandbox.v1}) as other:
            wait_for(lambda: service.deliver(timeout=20).delivered)
            entry = only(service)
            assert (entry.delivery, entry.error, entry.next_attempt_at) == ("delivered", None, None)
            assert other.retrieve(entry.id).phone_number == NUMBER
            assert service.submit(key="order-5", phone_number=NUMBER).delivery == "delivered"


def test_entries_are_selected_by_entry_key_state_and_number(config):
    with Service(config(NOWHERE)) as service:
        first, second = (service.submit(key=key, phone_number=NUMBER, desired_time=NOON).entry for key in "ab")

        def found(**keywords):
            return [entry.entry for entry in service.outbox(**keywords).entries]

        assert sorted(found()) == sorted([first, second])
        assert found(entry=first) == found(entry=uuid.UUID(first)) == found(key="a") == [first]
        assert len(found(delivery="waiting")) == 2 and found(delivery="expired") == found(key="c") == []
        assert len(found(limit=1)) == 1
        [entry] = service.outbox({"key": "b"}).entries
        assert (entry.entry, entry.desired_time) == (second, NOON)
        with pytest.raises(callbackservice.ArgumentError, match="delivery"):
            service.outbox(delivery="lost")
        with pytest.raises(ValueError, match="above 0"):
            service.outbox(limit=0)
        with pytest.raises(TypeError, match="keyword"):
            service.outbox({"key": "b"}, key="a")


def test_an_entry_in_doubt_is_sent_again_or_forgotten(server, config):
    server.response = 500, {}, b"{}"
    with Service(config(server.base, v3=True)) as service:
        first, second = (service.submit(phone_number=number).entry for number in (NUMBER, NUMBER + "1"))
        assert service.deliver().unknown == 2
        for entry in service.outbox(delivery="unknown").entries:
            assert type(entry.error) is callbackservice.ServerError and entry.error.booked == "unknown"
        changed = service.resend(first)
        assert (changed.entry, changed.delivery) == (first, "waiting") and changed.raw["state"] == "resolved"
        server.response = 200, {}, b'{"status":{"code":0},"data":{"id":"1"}}'
        assert service.deliver().delivered == 1
        with pytest.raises(callbackservice.ArgumentError, match="erased"):
            service.resend(first)
        assert service.forget(uuid.UUID(second)).entry == second
        assert [entry.entry for entry in service.outbox().entries] == [first]
        for change in [service.resend, service.forget]:
            with pytest.raises(callbackservice.StateError) as raised:
                change(second)
            assert raised.value.status is Status.NO_SUCH
            for wrong in [None, only(service), 5]:
                with pytest.raises(TypeError, match="attribute entry"):
                    change(wrong)
        assert only(service).entry == first


def test_what_cannot_be_stored_is_refused(config, tmp_path):
    with Service(config(NOWHERE, file=tmp_path)) as service:
        for call in [lambda: service.submit(phone_number=NUMBER), service.outbox, service.deliver]:
            with pytest.raises(callbackservice.StorageError, match="directory") as raised:
                call()
            assert raised.value.status is Status.STORAGE and isinstance(raised.value, callbackservice.InternalError)
    with Service(config(NOWHERE, maxEntries=1)) as service:
        service.submit(phone_number=NUMBER)
        for options, error in [
            ({"phone_number": NUMBER}, callbackservice.BusyError),
            ({"phone_number": NUMBER, "key": ""}, callbackservice.ArgumentError),
            ({"key": "a"}, callbackservice.ArgumentError),
            ({"phone_number": NUMBER, "desired_time": datetime.datetime(2030, 12, 1)}, ValueError),
        ]:
            with pytest.raises(error):
                service.submit(**options)
        only(service)
    with Service({"dataURL": NOWHERE}) as service, pytest.raises(callbackservice.StateError) as raised:
        service.submit(phone_number=NUMBER)
    assert raised.value.status is Status.WRONG_MODE


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_delivery_has_a_time_limit(config, timeout):
    with Service(config(NOWHERE)) as service, pytest.raises(ValueError):
        service.deliver(timeout=timeout)


def test_a_time_limit_is_in_seconds(config):
    with Server(may_answer=False) as server, Service(config(server.base)) as service:
        service.submit(phone_number=NUMBER)
        begin = time.monotonic()
        service.deliver(timeout=0.3)
        assert time.monotonic() - begin < 10
        with pytest.raises(callbackservice.ArgumentError, match="timeoutMs"):
            service.deliver(timeout=86401)


@pytest.mark.parametrize("place", ["caller", "thread"])
def test_events_say_what_becomes_of_an_entry(server, config, place):
    with Service({**config(server.base, deliver="thread"), "handlers": place}) as service:
        events = []
        service.on()(events.append)
        submission = service.submit(key="order-5", phone_number=NUMBER)
        wait_for(lambda: place == "caller" and service.dispatch(0) or "scheduled" in [event.name for event in events])
        [submitted] = [event for event in events if event.name == "submitted"]
        assert submitted.result == submission and (submitted.entry, submitted.key) == (submission.entry, "order-5")
        [scheduled] = wait_for(lambda: [event for event in events if event.name == "scheduled"])
        assert (scheduled.entry, scheduled.key, scheduled.result.id) == (submission.entry, "order-5", "1")
        service.schedule(phone_number=NUMBER)
        assert wait_for(lambda: [event.entry for event in events if event.name == "scheduled"][1:]) == [None]


def test_an_entry_that_is_too_old_expires(config):
    with Service(config(NOWHERE, maxAgeMs=0)) as service:
        events = []
        service.on("scheduleError", "deliveryEnded", "outboxEntries")(events.append)
        submission = service.submit(phone_number=NUMBER)
        wait_for(lambda: service.deliver().expired)
        failed, ended = events[0], events[-1]
        assert type(failed.error) is callbackservice.Expired and failed.error.status is Status.EXPIRED
        assert (failed.entry, failed.key) == (submission.entry, None) and not failed.error.slots
        assert isinstance(ended.result, callbackservice.DeliveryCounts) and ended.entry is None
        entry = only(service)
        assert entry.delivery == "expired" and isinstance(entry.error, callbackservice.Expired)
        assert events[-1].result.entries == (entry,)


def test_started_calls(server, config):
    with Service(config(server.base)) as service:
        submission = service.start.submit(key="a", phone_number=NUMBER).result(timeout=20)
        assert submission.delivery == "waiting"
        [entry] = service.start.outbox(key="a").result(timeout=20).entries
        assert service.start.resend(entry.entry).result(timeout=20).delivery == "waiting"
        assert service.start.deliver(timeout=20).result(timeout=20).delivered == 1
        assert service.start("submit", {"phonenumber": NUMBER, "key": "a"}).result(timeout=20).delivery == "delivered"
        assert service.start.forget(entry.entry).result(timeout=20).key == "a"


def test_coroutines(server, config):
    async def main():
        async with AsyncService(config(server.base)) as service:
            numbers = [f"+1415111{number:04}" for number in range(20)]
            submitted = await asyncio.gather(*(service.submit(phone_number=number) for number in numbers))
            assert {submission.delivery for submission in submitted} == {"waiting"}
            assert (await service.resend(submitted[0].entry)).entry == submitted[0].entry
            assert (await service.deliver(timeout=20)).delivered == 20
            assert (await service.forget(submitted[0].entry)).delivery == "delivered"
            assert len((await service.outbox()).entries) == 19

    asyncio.run(main())


def test_entries_are_delivered_while_the_event_loop_runs(server, config):
    async def main():
        async with AsyncService(config(server.base, deliver="thread")) as service:
            booked = asyncio.get_running_loop().create_future()

            @service.on("scheduled")
            async def note(event):
                booked.set_result(event)

            submission = await service.submit(key="a", phone_number=NUMBER)
            event = await asyncio.wait_for(booked, 30)
            assert (event.entry, event.key, event.result.id) == (submission.entry, "a", "1")

    asyncio.run(main())


def test_a_task_that_is_cancelled_may_have_stored_the_booking(server, config, caplog):
    async def main():
        async with AsyncService(config(server.base)) as service:
            task = asyncio.ensure_future(service.submit(key="a", phone_number=NUMBER))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as raised:
                await task
            call = raised.value.callbackservice_call
            while not call.done():
                await asyncio.sleep(0.005)
            # With its key, it can be submitted again.
            again = await service.submit(key="a", phone_number=NUMBER)
            assert [entry.entry for entry in (await service.outbox()).entries] == [again.entry]

    with caplog.at_level(logging.WARNING, "callbackservice"):
        asyncio.run(main())
    assert "CallbackService.submit was cancelled, and " in caplog.text and NUMBER not in caplog.text
