"""A certificate authority, and servers with its certificates."""

import contextlib
import ssl

from booking_server import Server
from support import run

SERVER = "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"


@contextlib.contextmanager
def serve(context=None):
    """A server, over TLS if it has a context; its base. It answers requests for other hosts too, as a proxy does."""
    server = Server()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with server:
        yield f"https://localhost:{server.server_port}" if context else server.base


class Authority:
    """Its certificate is `certificate`."""

    def __init__(self, directory):
        self._directory, self.certificate = directory, directory / "ca.pem"
        usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        run("openssl", "req", "-x509", *self._new("ca"), "-out", self.certificate, "-days", "2", *usage)

    def _new(self, name):
        return ["-newkey", "rsa:2048", "-nodes", "-keyout", self._directory / f"{name}.key", "-subj", f"/CN={name}"]

    def server(self, name):
        """A server with a certificate of its own for localhost; a context manager, for its base."""
        request, certificate, extensions = (self._directory / f"{name}.{end}" for end in ["csr", "pem", "ext"])
        extensions.write_text(SERVER)
        run("openssl", "req", *self._new(name), "-out", request)
        signing = ["-CA", self.certificate, "-CAkey", self._directory / "ca.key", "-CAcreateserial", "-days", "2"]
        run("openssl", "x509", "-req", "-in", request, *signing, "-extfile", extensions, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self._directory / f"{name}.key")
        return serve(context)
