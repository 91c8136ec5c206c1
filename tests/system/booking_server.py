"""A server for the tests of the bindings: it answers as a test says, when it may."""

import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def do_PUT(self):
        self.answer()

    def do_DELETE(self):
        self.answer()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.path, body.decode()))
        self.server.arrived.release()
        self.server.may_answer.wait(60)
        status, headers, body = self.server.response
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Answers every request with the same response, when it may, and keeps what it was sent."""

    request_queue_size = 256

    def __init__(self, body=b'{"_id":"1"}', may_answer=True, status=200, headers=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.response = status, headers or {}, body
        self.seen = []
        self.arrived, self.may_answer = threading.Semaphore(0), threading.Event()
        if may_answer:
            self.may_answer.set()
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.base}/x"

    @property
    def requests(self):
        return len(self.seen)

    def handle_error(self, *_):
        pass  # A program that was interrupted has closed the connection.

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self.shutdown()
        self.server_close()
