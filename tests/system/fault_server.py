"""A server that does wrong, in the way that the first part of the path names. `/ok` answers as it should.

It prints its address first.
"""

import gzip
import socket
import socketserver
import struct
import time

OK = b'{"_id":"1","status":{"code":0},"data":{"id":"1","slots":[]}}'
OK_SLOTS = b"{}"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FOREVER = 30


def answer(body, head=JSON):
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while self.one():
                pass
        except OSError:
            pass

    def one(self):
        line = self.rfile.readline()
        if not line:
            return False
        _, target, _ = line.decode().split(" ")
        fault = target.strip("/").split("/")[0].replace("-", "_")
        if fault == "reset_in_request":
            return self.reset()
        length = 0
        while (header := self.rfile.readline().strip()) != b"":
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        self.rfile.read(length)
        self.target = target
        return getattr(self, fault)()

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False

    def ok(self):
        v1_slots = "availability" in self.target and "callbacks" not in self.target
        self.send(answer(OK_SLOTS if v1_slots else OK))
        return True

    def silent(self):
        time.sleep(FOREVER)

    def reset_before_answer(self):
        return self.reset()

    def reset_in_head(self):
        self.send(JSON[:20])
        return self.reset()

    def reset_in_body(self):
        self.send(JSON + b"Content-Length: 100\r\n\r\n{")
        return self.reset()

    def closed_before_answer(self):
        return False

    def trickle(self):
        for byte in answer(OK):
            self.send(bytes([byte]))
            time.sleep(1)

    def announces_more(self):
        self.send(JSON + b"Content-Length: 1000\r\n\r\n" + OK)
        return False

    def announces_less(self):
        self.send(JSON + b"Content-Length: 5\r\n\r\n" + OK)
        return False

    def chunked_garbage(self):
        self.send(JSON + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n")
        return False

    def zeros(self):
        self.send(JSON + b"Content-Length: %d\r\n\r\n" % (1 << 30))
        for _ in range(1 << 14):
            self.send(bytes(1 << 16))

    def endless_chunks(self):
        self.send(JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            self.send(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def gzip_bomb(self):
        self.send(answer(gzip.compress(bytes(64 << 20)), JSON + b"Content-Encoding: gzip\r\n"))
        return True

    def many_headers(self):
        self.send(JSON)
        for number in range(100_000):
            self.send(b"X-%d: y\r\n" % number)
        self.send(b"Content-Length: 2\r\n\r\n{}")

    def redirect_loop(self):
        self.send(b"HTTP/1.1 307 Again\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % self.target.encode())
        return True

    def redirect_away(self):
        self.send(b"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n")
        return True

    def continue_flood(self):
        for _ in range(1000):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        self.send(answer(OK))
        return False

    def not_utf8(self):
        self.send(answer(b'{"_id":"\xff\xfe"}'))
        return True

    def deep_json(self):
        self.send(answer(b"[" * 100_000 + b"]" * 100_000))
        return True

    def huge_numbers(self):
        self.send(answer(b'{"_id":"1","data":{"id":"1","slots":[]},"n":1e999,"m":-1e999}'))
        return True

    def repeated_keys(self):
        self.send(answer(b'{"_id":"0","_id":"1","data":{"id":"0"},"data":{"id":"1","slots":[]}}'))
        return True

    def nul_bytes(self):
        self.send(answer(b'{"_id":"\x00"}'))
        return True

    def unavailable(self):
        self.send(answer(b"", b"HTTP/1.1 503 No\r\n"))
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


with Server(("127.0.0.1", 0), Connection) as server:
    print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
    server.serve_forever()
