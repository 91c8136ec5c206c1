"""A v1 server that answers every booking, after a while, with its own number as the identifier.

    echo_server.py MILLISECONDS

It prints its address first. Many connections at once cost it one thread.
"""

import asyncio
import re
import sys
import urllib.parse


async def serve(reader, writer):
    delay = int(sys.argv[1]) / 1000
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
            body = await reader.readexactly(int(length.group(1))) if length else b""
            number = urllib.parse.parse_qs(body.decode()).get("_customer_number", ["none"])[0]
            await asyncio.sleep(delay)
            answer = b'{"_id":"%s"}' % number.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=16384)
    print("listening on http://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
