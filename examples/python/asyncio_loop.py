"""Books many callbacks at the same time from one asyncio loop, on one thread.

    asyncio_loop.py DATA_URL COUNT
"""

import asyncio
import sys

from callbackservice import Service


class AsyncService:
    """Commands as coroutines: asynchronous calls, dispatched when the loop finds the service's descriptor readable."""

    def __init__(self, config):
        self._service = Service(config)
        self._loop = asyncio.get_running_loop()
        self._descriptor = self._service.fileno()
        self._loop.add_reader(self._descriptor, self._service.dispatch)

    async def schedule(self, **options):
        """The outcome of a booking, whatever its state."""
        future = self._loop.create_future()

        def done(_, outcome):
            if not future.done():
                future.set_result(outcome)

        call = self._service.start("CallbackService.schedule", options, done)
        try:
            return await future
        except asyncio.CancelledError:
            self._service.cancel(call)
            raise

    def close(self):
        self._loop.remove_reader(self._descriptor)
        self._service.close()


async def main(data_url, count):
    service = AsyncService({"dataURL": data_url, "ajaxTimeout": 30000})
    outcomes = await asyncio.gather(*(service.schedule(phonenumber=f"+1415{number:07}") for number in range(count)))
    try:
        await asyncio.wait_for(service.schedule(phonenumber="+14151110000"), timeout=0)
    except asyncio.TimeoutError:
        print("one cancelled")
    service.close()
    booked = sum(outcome["state"] == "resolved" for outcome in outcomes)
    print(f"{booked} booked, {count - booked} refused")
    return 0 if booked == count else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: asyncio_loop.py DATA_URL COUNT")
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
