"""Books many callbacks at the same time from one asyncio loop, and cancels one that takes too long.

    asyncio_loop.py DATA_URL COUNT
"""

import asyncio
import sys

from callbackservice import AsyncService, Booking


async def main(data_url, count):
    async with AsyncService({"dataURL": data_url, "ajaxTimeout": 30000}) as service:
        calls = (service.schedule(phone_number=f"+1415{number:07}") for number in range(count))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        try:
            await asyncio.wait_for(service.schedule(phone_number="+14151110000"), timeout=0)
        except asyncio.TimeoutError:
            print("one cancelled")
    booked = sum(isinstance(answer, Booking) for answer in answers)
    print(f"{booked} booked, {count - booked} refused")
    return 0 if booked == count else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: asyncio_loop.py DATA_URL COUNT")
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
