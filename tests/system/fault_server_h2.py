"""The fault server's complete responses over HTTP/2 and TLS.

    fault_server_h2.py CERTIFICATE KEY

It prints its address first.
"""

import socketserver
import ssl
import sys

import h2.config
import h2.connection
import h2.events
from fault_answers import ANSWERS, Answer, number_in

# Their length is announced and does not count.
LENGTHS = {"no-content-with-length": (204, 10), "not-modified-with-length": (304, 500)}


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.faults, self.requests = {}, {}
        self.http.initiate_connection()
        try:
            with self.server.context.wrap_socket(self.request, server_side=True) as self.stream:
                self.flush()
                while data := self.stream.recv(65536):
                    for event in self.http.receive_data(data):
                        self.take(event)
                    self.flush()
        except OSError:
            pass

    def flush(self):
        self.stream.sendall(self.http.data_to_send())

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            path = dict(event.headers)[b":path"].decode()
            self.faults[event.stream_id], self.requests[event.stream_id] = path.split("/")[1], path.encode()
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id] += event.data
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answer(event.stream_id)

    def answer(self, stream_id):
        fault = self.faults.pop(stream_id)
        number = number_in(self.requests.pop(stream_id)) or "0"
        status, length = LENGTHS.get(fault, (0, 0))
        answer = Answer(b"", status) if status else ANSWERS[fault](number)
        headers = [(":status", str(answer.status)), *answer.headers]
        if answer.content_type:
            headers.append(("content-type", answer.content_type))
        if length or answer.status != 204:
            headers.append(("content-length", str(length or len(answer.body))))
        self.http.send_headers(stream_id, headers, end_stream=not answer.body)
        body = answer.body
        while body:
            size = min(self.http.local_flow_control_window(stream_id), self.http.max_outbound_frame_size, len(body))
            if size == 0:
                self.flush()
                for event in self.http.receive_data(self.stream.recv(65536)):
                    if isinstance(event, h2.events.StreamReset):
                        return
                    self.take(event)
                continue
            self.http.send_data(stream_id, body[:size], end_stream=size == len(body))
            body = body[size:]


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def main(certificate, key):
    with Server(("127.0.0.1", 0), Connection) as server:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate, key)
        server.context.set_alpn_protocols(["h2"])
        print("listening on https://127.0.0.1:%d" % server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
