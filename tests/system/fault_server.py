"""A server that does wrong, in the way that the first part of the path names. `/ok` answers as it should.

It prints its address first. `/arrived/FAULT` lists the requests that arrived and change something, as pairs of the command and
the number of the booking, which is empty where it was not read.
"""

import collections
import json
import queue
import socket
import socketserver
import struct
import sys
import threading
import time

from fault_answers import ANSWERS, Answer, number_in, ok_text

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FOREVER = 30
# The network between the client and the server that closes idle connections, in each direction.
NETWORK_DELAY, IDLE_TIMEOUT = 0.02, 1

# What a request does, by its method. A cancel request of v3 is a POST too.
COUNTED = {"POST": "schedule", "DELETE": "cancel", "PUT": "reschedule"}

arrived = collections.defaultdict(list)
arriving = threading.Lock()


def framed(answer):
    """A whole response with Content-Length."""
    head = b"HTTP/1.1 %d X\r\n" % answer.status
    if answer.content_type:
        head += b"Content-Type: %s\r\n" % answer.content_type.encode()
    for name, value in answer.headers:
        head += f"{name}: {value}\r\n".encode()
    if answer.status != 204:
        head += b"Content-Length: %d\r\n" % len(answer.body)
    return head + b"\r\n" + answer.body


def chunked(text):
    """A body in two chunks."""
    return b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (9, text[:9], len(text) - 9, text[9:])


def length(text):
    return b"Content-Length: %d\r\n" % len(text)


CHUNKED = b"Transfer-Encoding: chunked\r\n"

# Responses that are complete, however odd their framing and heads are. The connection stays open after them.
FRAMINGS = {
    "length-then-chunked": lambda text: JSON + b"Content-Length: 999\r\n" + CHUNKED + b"\r\n" + chunked(text),
    "chunked-then-length": lambda text: JSON + CHUNKED + b"Content-Length: 999\r\n\r\n" + chunked(text),
    "huge-length-then-chunked": lambda text: JSON + b"Content-Length: 99999999\r\n" + CHUNKED + b"\r\n" + chunked(text),
    "chunked-then-huge-length": lambda text: JSON + CHUNKED + b"Content-Length: 99999999\r\n\r\n" + chunked(text),
    "zero-length-then-chunked": lambda text: JSON + b"Content-Length: 0\r\n" + CHUNKED + b"\r\n" + chunked(text),
    "chunk-extensions": lambda text: JSON + CHUNKED + b"\r\n%x;a=b\r\n%s\r\n0;c\r\nX-T: t\r\n\r\n" % (len(text), text),
    "length-twice": lambda text: JSON + length(text) * 2 + b"\r\n" + text,
    "no-content-with-length": lambda _: b"HTTP/1.1 204 No\r\nContent-Length: 10\r\n\r\n",
    "no-content-with-huge-length": lambda _: b"HTTP/1.1 204 No\r\nContent-Length: 99999999\r\n\r\n",
    "not-modified-with-length": lambda _: b"HTTP/1.1 304 No\r\nContent-Length: 500\r\n\r\n",
    "indented-first-line": lambda text: JSON.replace(b"Content-Type", b" Content-Type") + length(text) + b"\r\n" + text,
    "folded-line": lambda text: JSON + b"X-Folded: one,\r\n two,\r\n\tthree\r\n" + length(text) + b"\r\n" + text,
    "space-before-colon": lambda text: JSON + b"X-Spaced : 1\r\n" + length(text) + b"\r\n" + text,
    "space-before-colon-of-length": lambda text: JSON + length(text).replace(b":", b" :") + b"\r\n" + text,
    "space-before-colon-of-chunked": lambda text: JSON + CHUNKED.replace(b":", b" :") + b"\r\n" + chunked(text),
    "no-colon": lambda text: JSON + b"Bad line\r\nBad-line\r\n" + length(text) + b"\r\n" + text,
    "no-name": lambda text: JSON + b": nameless\r\n" + length(text) + b"\r\n" + text,
    "brackets-in-a-name": lambda text: JSON + b"X(1)[2]: 3\r\n" + length(text) + b"\r\n" + text,
    "latin1-in-a-header": lambda text: JSON + b"X-Agent: J\xfcrgen\r\n" + length(text) + b"\r\n" + text,
    "control-in-a-header": lambda text: JSON + b"X-Control: a\x01b\r\n" + length(text) + b"\r\n" + text,
    "line-feeds-alone": lambda text: (JSON + length(text) + b"\r\n").replace(b"\r", b"") + text,
    "no-reason": lambda text: JSON.replace(b" OK", b"") + length(text) + b"\r\n" + text,
    "latin1-reason": lambda text: JSON.replace(b"OK", b"G\xfcltig") + length(text) + b"\r\n" + text,
}

# The same, but the server closes the connection.
CLOSED_FRAMINGS = {
    "until-close": lambda text: JSON + b"\r\n" + text,
    "version-1.0": lambda text: JSON.replace(b"1.1", b"1.0") + b"\r\n" + text,
    "announces-more": lambda text: JSON + b"Content-Length: 1000\r\n\r\n" + text,
    "announces-less": lambda text: JSON + b"Content-Length: 5\r\n\r\n" + text,
    "two-lengths": lambda text: JSON + length(text) + b"Content-Length: 5\r\n\r\n" + text,
    "negative-length": lambda text: JSON + b"Content-Length: -1\r\n\r\n" + text,
    "chunked-without-end": lambda text: JSON + CHUNKED + b"\r\n%x\r\n%s\r\n" % (len(text), text),
    "chunked-garbage": lambda _: JSON + CHUNKED + b"\r\nxyz\r\n{}\r\n",
    "another-protocol": lambda _: b"SSH-2.0-OpenSSH_9.2\r\n",
}


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
        length, self.head = 0, b""
        while (header := self.rfile.readline()).strip() != b"":
            self.head += header
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        # No server acts on a request that ends before its body: the library has stopped it.
        wanted = min(length, 1) if fault == "reset-in-request" else length
        self.body = self.rfile.read(wanted)
        if len(self.body) < wanted:
            return False
        if fault == "reset-in-request":
            self.count(method, target, b"")
            return self.reset()
        self.number = self.count(method, target, self.body)
        self.target = target
        self.answered += 1
        return self.answer(fault)

    def answer(self, fault):
        """Answers, and returns whether the connection stays open."""
        if fault in ANSWERS:
            self.send(framed(ANSWERS[fault](self.number)))
            return True
        text = ok_text(self.number).encode()
        for framings in [FRAMINGS, CLOSED_FRAMINGS]:
            if fault in framings:
                self.send(framings[fault](text))
                return framings is FRAMINGS
        return getattr(self, fault.replace("-", "_"))()

    @staticmethod
    def count(method, target, body):
        """Counts a request in that changes something; the number of its booking, or 0."""
        number = number_in(target.encode() + body)
        command = "cancel" if method == "POST" and target.endswith("/cancel") else COUNTED.get(method)
        if command:
            with arriving:
                arrived[target.split("/")[1]].append([command, number])
        return number or "0"

    def arrived(self):
        with arriving:
            text = json.dumps(arrived[self.target.split("/")[2]])
        self.send(framed(Answer(text.encode())))

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False

    def closed_at_reuse(self):
        if self.answered == 1:
            self.answer("ok")
            # The next request is noticed, and its connection is gone under it.
            self.connection.recv(1, socket.MSG_PEEK)
        return self.reset()

    def keep_alive_hint(self):
        """Closes the connection when it has been idle for as long as the header says."""
        text = ok_text(self.number).encode()
        self.send(JSON + b"Keep-Alive: timeout=%d\r\n" % IDLE_TIMEOUT + length(text) + b"\r\n" + text)
        self.connection.settimeout(IDLE_TIMEOUT)
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def repeats_all(self):
        seen = (self.target.encode() + self.head + self.body).decode()
        refusal = {"message": seen, "status": {"code": 501, "message": seen, "corrId": seen}}
        self.send(framed(Answer(json.dumps(refusal).encode(), 400)))
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
        for byte in framed(ANSWERS["ok"](self.number)):
            self.send(bytes([byte]))
            time.sleep(1)

    def zeros(self):
        self.send(JSON + b"Content-Length: %d\r\n\r\n" % (1 << 30))
        for _ in range(1 << 14):
            self.send(bytes(1 << 16))

    def endless_chunks(self):
        self.send(JSON + CHUNKED + b"\r\n")
        while True:
            self.send(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

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

    def redirect_to_a_page(self):
        self.send(b"HTTP/1.1 302 Done\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n")
        return True

    def continue_flood(self):
        for _ in range(1000):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        return self.answer("ok")

    def endless_interim(self):
        while True:
            self.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 40_000)

    def endless_chunk_size(self):
        self.send(JSON + CHUNKED + b"\r\n")
        while True:
            self.send(b"0" * (1 << 20))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Network(socketserver.BaseRequestHandler):
    """Passes bytes on in both directions, later: also that a connection was closed."""

    def handle(self):
        with socket.create_connection(self.server.target) as other:
            back = threading.Thread(target=self.passes, args=(other, self.request))
            back.start()
            self.passes(self.request, other)
            back.join()

    @staticmethod
    def passes(source, target):
        on_the_way = queue.SimpleQueue()

        def deliver():
            while True:
                due, data = on_the_way.get()
                time.sleep(max(0, due - time.monotonic()))
                try:
                    if not data:
                        return target.shutdown(socket.SHUT_WR)
                    target.sendall(data)
                except OSError:
                    return None

        thread = threading.Thread(target=deliver)
        thread.start()
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            on_the_way.put((time.monotonic() + NETWORK_DELAY, data))
        thread.join()


def main():
    with Server(("127.0.0.1", 0), Connection) as server, Server(("127.0.0.1", 0), Network) as network:
        network.target = server.server_address
        threading.Thread(target=network.serve_forever, daemon=True).start()
        print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
        print("delayed on http://127.0.0.1:%d" % network.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
