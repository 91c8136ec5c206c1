"""A server that does wrong, in the way that the first part of the path names. `/ok` answers as it should.

It prints its address first. `/counts` tells, for each fault, how many bookings arrived, and how often the one that arrived
most.
"""

import collections
import gzip
import json
import re
import socket
import socketserver
import struct
import threading
import time

OK = b'{"_id":"1","status":{"code":0},"data":{"id":"1","slots":[]}}'
OK_SLOTS = b"{}"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FOREVER = 30

arrived = collections.defaultdict(list)
arriving = threading.Lock()


def answer(body, head=JSON):
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Connection(socketserver.StreamRequestHandler):
    answered = 0

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
        method, target, _ = line.decode().split(" ")
        fault = target.strip("/").split("/")[0]
        if fault == "reset-in-request":
            self.count(method, fault, b"")
            return self.reset()
        length, self.head = 0, b""
        while (header := self.rfile.readline()).strip() != b"":
            self.head += header
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        self.body = self.rfile.read(length)
        self.count(method, fault, self.body)
        self.target = target
        self.answered += 1
        return getattr(self, fault.replace("-", "_"))()

    @staticmethod
    def count(method, fault, body):
        if method == "POST":
            with arriving:
                arrived[fault].append(re.search(rb"\d{9,}|$", body).group())

    def counts(self):
        def most(numbers):
            known = collections.Counter(number for number in numbers if number)
            return max(known.values(), default=1)

        with arriving:
            told = {fault: [len(numbers), most(numbers)] for fault, numbers in arrived.items()}
        self.send(answer(json.dumps(told).encode()))

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

    def closed_at_reuse(self):
        if self.answered == 1:
            self.ok()
            # The next request is noticed, and its connection is gone under it.
            self.connection.recv(1, socket.MSG_PEEK)
        return self.reset()

    def repeats_all(self):
        seen = (self.target.encode() + self.head + self.body).decode()
        told = {"message": seen, "status": {"code": 501, "message": seen, "corrId": seen}}
        self.send(answer(json.dumps(told).encode(), b"HTTP/1.1 400 No\r\nContent-Type: application/json\r\n"))
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

    def endless_interim(self):
        while True:
            self.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 40_000)

    def endless_chunk_size(self):
        self.send(JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            self.send(b"0" * (1 << 20))

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
