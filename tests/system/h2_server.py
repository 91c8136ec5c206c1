"""An HTTP/2 server that does wrong, as the first argument says; certificate and key follow. It prints its port first, and
then a line for each connection.

    dead     the first connection answers once, and from then on only reads
    refused  the first request of each connection is refused unread, the next is answered
    going    the first connection ends with GOAWAY before it has looked at its request
    short    answers end in the middle, in good order
"""

import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events

BODY = b'{"_id":"1","2030-12-01T10:00:00.000Z":1}'
GOING = b"\0\0\x08\x07\0" + b"\0" * 12


class Connection:
    def __init__(self, mode, stream, number):
        self.mode, self.stream, self.number, self.seen = mode, stream, number, 0
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))

    def serve(self):
        self.http.initiate_connection()
        self.flush()
        while data := self.stream.recv(65536):
            for event in self.http.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    self.seen += 1
                    getattr(self, self.mode)(event.stream_id)
            self.flush()

    def flush(self):
        self.stream.sendall(self.http.data_to_send())

    def answer(self, stream_id, body=BODY, length=len(BODY)):
        self.http.send_headers(stream_id, [(":status", "200"), ("content-type", "application/json"), ("content-length", str(length))])
        self.http.send_data(stream_id, body, end_stream=length == len(body))

    def dead(self, stream_id):
        if self.number == 1 and self.seen > 1:
            while self.stream.recv(65536):
                pass
        self.answer(stream_id)

    def refused(self, stream_id):
        if self.seen % 2:
            self.http.reset_stream(stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            self.answer(stream_id)

    def going(self, stream_id):
        if self.number == 1:
            self.stream.sendall(GOING)
            self.stream.close()
        else:
            self.answer(stream_id)

    def short(self, stream_id):
        self.answer(stream_id, BODY[:12])
        self.http.reset_stream(stream_id, h2.errors.ErrorCodes.NO_ERROR)


def main(mode, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0

    def serve(stream, number):
        try:
            Connection(mode, context.wrap_socket(stream, server_side=True), number).serve()
        except OSError:
            pass

    while True:
        stream = listener.accept()[0]
        number += 1
        print("connection", flush=True)
        threading.Thread(target=serve, args=(stream, number), daemon=True).start()


main(*sys.argv[1:])
