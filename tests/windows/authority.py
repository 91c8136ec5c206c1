"""A certificate authority with a list of revoked certificates, which is empty, and servers with its certificates.

Wine wants the list even where Windows does without one, and takes certificates for names only, not for addresses. It keeps
what it has learned of a list and of a serial number, so both are new each time.
"""

import contextlib
import http.server
import ssl
import threading
import uuid

from support import run

CONFIG = """
[ca]
default_ca = authority
[authority]
database = {directory}/index.txt
new_certs_dir = {directory}
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
crlnumber = {directory}/crlnumber
rand_serial = yes
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
[any]
commonName = supplied
[server]
subjectAltName = DNS:localhost
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
crlDistributionPoints = URI:{list}
[itself]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[req]
distinguished_name = name
[name]
"""


class Answer(http.server.BaseHTTPRequestHandler):
    """Books whatever is asked for, and sends the list."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send("application/json", b'{"_id":"1"}')

    def do_GET(self):
        self.send("application/pkix-crl", self.server.revoked.read_bytes())

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(context=None, revoked=None):
    """A server, over TLS if it has a context; its base. It answers requests for other hosts too, as a proxy does."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.revoked = revoked
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{'https://localhost' if context else 'http://127.0.0.1'}:{server.server_address[1]}"
        server.shutdown()


class Authority:
    """Its certificate is `certificate`. It publishes its list inside a with statement."""

    def __init__(self, directory):
        self.certificate = directory / "ca.pem"
        self._directory, self._revoked = directory, directory / "revoked.der"
        self._config = directory / "openssl.cnf"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        base = self._stack.enter_context(serve(revoked=self._revoked))
        self._config.write_text(CONFIG.format(directory=self._directory, list=f"{base}/{uuid.uuid4()}.der"))
        (self._directory / "index.txt").write_text("")
        (self._directory / "crlnumber").write_text("01\n")
        self._openssl("req", "-x509", *self._new("ca"), "-out", self.certificate, "-days", "2", "-extensions", "itself")
        text = self._directory / "revoked.pem"
        self._openssl("ca", "-gencrl", "-out", text)
        run("openssl", "crl", "-in", text, "-outform", "DER", "-out", self._revoked)
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _new(self, name):
        return ["-newkey", "rsa:2048", "-nodes", "-keyout", self._directory / f"{name}.key", "-subj", f"/CN={name}"]

    def _openssl(self, command, *arguments):
        run("openssl", command, "-config", self._config, *arguments)

    def server(self, name):
        """A server with a certificate of its own; a context manager, for its base."""
        request, certificate = self._directory / f"{name}.csr", self._directory / f"{name}.pem"
        self._openssl("req", "-new", *self._new(name), "-out", request)
        self._openssl("ca", "-batch", "-notext", "-extensions", "server", "-in", request, "-out", certificate)
        # With the certificate of the authority: Wine takes a chain without its end for a good one.
        certificate.write_text(certificate.read_text() + self.certificate.read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self._directory / f"{name}.key")
        return serve(context)
