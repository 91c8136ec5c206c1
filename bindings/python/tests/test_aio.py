"""The service for asyncio."""

import pytest
from support import Server, run_script

MAIN = """
logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
logging.getLogger("callbackservice").setLevel(logging.WARNING)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

async def ready(condition):
    for _ in range(2000):
        if condition(): return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")
"""


def run_main(body, server, *arguments):
    script = MAIN + "\nasync def main():\n" + "".join(f"    {line}\n" for line in body.strip().splitlines())
    return run_script(script + "\nasyncio.run(main())\n", server.url, *arguments)


def test_commands_are_coroutines_that_run_at_the_same_time(server):
    body = """
async with AsyncService(CONFIG) as service:
    bookings = await asyncio.gather(*(service.schedule(phone_number=str(number)) for number in range(200)))
    assert [booking.id for booking in bookings] == ["1"] * 200
    assert (await service.command("schedule", BOOK))["id"] == "1"
    try:
        await service.schedule()
    except ArgumentError as error:
        assert error.name == "NO_DATA"
    else:
        raise AssertionError
    try:
        await service.schedule(phone_number="1", desired_time=datetime.datetime(2030, 1, 1))
    except ValueError:
        pass
    service.configure(ajaxTimeout=9000)
    # On Windows, a thread waits for the handle of the service.
    assert threading.active_count() == (2 if sys.platform == "win32" else 1)
assert not diagnostics()["services"]
"""
    run_main(body, server)
    assert server.requests == 201


def test_a_cancelled_booking_is_logged_and_can_be_asked_about():
    body = """
async with AsyncService(CONFIG) as service:
    task = asyncio.ensure_future(service.schedule(phone_number="+14151110000"))
    await asyncio.sleep(0.2)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    try:
        await asyncio.wait_for(service.schedule(phone_number="+14151110000"), 0.2)
    except asyncio.TimeoutError:
        pass
    async def booking():
        try:
            await service.schedule(phone_number="+14151110000")
        except asyncio.CancelledError as error:
            call = error.callbackservice_call
            await ready(call.done)
            return call.exception()
    task = asyncio.ensure_future(booking())
    await asyncio.sleep(0.2)
    task.cancel()
    error = await task
    assert isinstance(error, CallCancelled) and error.booked == "unknown", error
    query = asyncio.ensure_future(service.availability(number_of_days=1))
    await asyncio.sleep(0.05)
    query.cancel()
    await asyncio.wait([query])
"""
    with Server(may_answer=False) as server:
        shown = run_main(body, server)
    line = (
        "WARNING callbackservice the task of CallbackService.schedule was cancelled, and it may have reached the server"
    )
    assert shown.splitlines() == [f"{line} (booked: unknown)"] * 3


def test_a_booking_that_was_made_after_all_is_logged(server):
    body = """
async with AsyncService(CONFIG) as service:
    calls = []
    async def book():
        try:
            await service.schedule(phone_number="+14151110000")
        except asyncio.CancelledError as error:
            calls.append(error.callbackservice_call)
            raise
    task = asyncio.ensure_future(book())
    await asyncio.sleep(0)
    # The response comes while the loop is busy, and the task is cancelled before it has run again.
    wait_for(lambda: diagnostics()["services"][0].get("resolved") or service._service._wait_until_readable(0))
    time.sleep(0.1)
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.wait([task])
    assert task.cancelled()
    await ready(calls[0].done)
    assert calls[0].result().id == "1"
"""
    shown = run_main(body, server)
    assert "the task of CallbackService.schedule was cancelled, and it has resolved: 1" in shown, shown


def test_handlers_are_functions_or_coroutines(server):
    body = """
heard, failed = [], []
asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(type(context.get("exception"))))
async with AsyncService(CONFIG) as service:
    @service.on("scheduled")
    def plain(event): heard.append(event.result.id)
    @service.on("scheduled")
    async def slow(event):
        await asyncio.sleep(0.05)
        heard.append("slow")
    @service.on("scheduled")
    def fails(event): 1 / 0
    await service.schedule(phone_number="1")
    await ready(lambda: failed)
assert heard == ["1", "slow"] and failed == [ZeroDivisionError], (heard, failed)
"""
    run_main(body, server)


def test_closing_ends_the_commands_under_way():
    body = """
service = AsyncService(CONFIG)
task = asyncio.ensure_future(service.schedule(phone_number="1"))
await asyncio.sleep(0.1)
await service.close()
await service.close()
try:
    await task
except CallCancelled as error:
    assert error.booked == "unknown"
else:
    raise AssertionError
try:
    await service.schedule(phone_number="1")
except ClosedError:
    pass
else:
    raise AssertionError
"""
    with Server(may_answer=False) as server:
        run_main(body, server)


def test_a_coroutine_handler_may_close_the_service(server):
    body = """
service, closed = AsyncService(CONFIG), []
@service.on("scheduled")
async def close(event):
    await service.close()
    closed.append(event.result.id)
await service.schedule(phone_number="1")
await ready(lambda: closed == ["1"])
"""
    run_main(body, server)


def test_wrong_uses_are_refused(server):
    body = """
try:
    AsyncService({**CONFIG, "handlers": "thread"})
except StateError:
    assert not diagnostics()["services"]
service = AsyncService(CONFIG)
def elsewhere():
    return caught(asyncio.run, service.schedule(phone_number="1"))
error = await asyncio.get_running_loop().run_in_executor(None, elsewhere)
assert isinstance(error, RuntimeError) and "another event loop" in str(error), error
await service.close()
"""
    run_main(body, server)
    run_script("assert isinstance(caught(AsyncService, CONFIG), RuntimeError)")


def test_a_dropped_service_is_closed_with_a_warning(server):
    body = """
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as noted:
    service = AsyncService(CONFIG)
    service.on("scheduled")(lambda event: service)
    await service.schedule(phone_number="1")
    del service
    await ready(lambda: gc.collect() is None or not diagnostics()["services"])
assert [warning.category for warning in noted] == [ResourceWarning], noted
# A descriptor of the same number is not taken for the old one.
async with AsyncService(CONFIG) as other:
    await other.schedule(phone_number="1")
"""
    run_main(body, server)


@pytest.mark.parametrize("kind", ["loop closed", "never closed"])
def test_the_end_of_the_program(server, kind):
    body = """
warnings.simplefilter("ignore")
async def main():
    global service
    service = AsyncService(CONFIG)
    task = asyncio.ensure_future(service.schedule(phone_number="1"))
    await asyncio.sleep(0)
asyncio.run(main())
if sys.argv[2] == "loop closed":
    asyncio.run(service.close())
"""
    run_script(body, server.url, kind)


def test_ctrl_c_ends_the_loop(scripts):
    body = """
async def main():
    async with AsyncService(CONFIG) as service:
        print("ready", flush=True)
        await service.schedule(phone_number="1")
asyncio.run(main())
"""
    with Server(may_answer=False) as server:
        process = scripts.begin(body, server.url)
        assert process.stdout.readline() == "ready\n"
        assert server.arrived.acquire(timeout=20)
        process.send_signal(2)
        _, errors = process.communicate(timeout=20)
        assert "KeyboardInterrupt" in errors
