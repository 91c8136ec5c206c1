"""The servers that the clients call."""

import pathlib
import socket
import subprocess
import tempfile
import time

import tools
from clients import SERVER_CORE, start


class Server:
    """The server of the rows over plain HTTP, server.c."""

    def __enter__(self):
        self.process = start([tools.BUILD / "server"], {SERVER_CORE}, stdout=subprocess.PIPE)
        self.base_url = self.process.stdout.readline().strip().removeprefix("listening on ")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class HttpsServer:
    """nginx with a certificate of a CA made for this run. It responds to bookings with a fixed
    text, and to requests for slots with files. One port offers only HTTP/1.1, the other also HTTP/2."""

    BOOKING = '{"_id":"361-5b0c0ad3-1d5f-4f43-9d7d-d1d5b1ae57a4"}'
    CONFIG = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; default_type application/json; open_file_cache max=10;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  ssl_certificate server.pem; ssl_certificate_key server.key;
  server {{
    listen 127.0.0.1:{http1_port} ssl;
    listen 127.0.0.1:{http2_port} ssl http2;
    location /v1/ {{ root {root}; }}
    location / {{ return 200 '{booking}'; }}
  }}
}}
"""

    def __init__(self, files):
        self.files = files

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        # Readable for nginx's worker, which is another user.
        self.path.chmod(0o755)
        self.create_certificates()
        for name, text in self.files.items():
            file = self.path / "files" / name
            file.parent.mkdir(parents=True)
            file.write_text(text)
        ports = dict(http1_port=free_port(), http2_port=free_port())
        config = self.CONFIG.format(**ports, root=self.path / "files", booking=self.BOOKING)
        (self.path / "nginx.conf").write_text(config)
        command = ["nginx", "-p", self.path, "-c", "nginx.conf"]
        self.process = start(command, {SERVER_CORE}, stderr=subprocess.DEVNULL)
        self.http1_url = f"https://127.0.0.1:{ports['http1_port']}"
        self.http2_url = f"https://127.0.0.1:{ports['http2_port']}"
        wait_for(ports["http1_port"])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.directory.cleanup()

    def create_certificates(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.path, check=True, capture_output=True)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Benchmark CA", "-days", "2")
        openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=Benchmark server")
        (self.path / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "server.pem", "-days", "2", "-extfile", "names")
        # As on a real machine: this CA certificate is one among those of the system.
        system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
        bundle = (system.read_text() if system.exists() else "") + (self.path / "ca.pem").read_text()
        (self.path / "bundle.pem").write_text(bundle)
        self.environment = {"SSL_CERT_FILE": str(self.path / "bundle.pem")}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nginx does not start")
