"""Peers and servers as running programs, each kept on its core."""

import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time
import pathlib

import tools

# Both ends of a connection on one core would take turns instead of working side by side.
CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE, SERVER_CORE = CORES[0], CORES[-1]


def start(command, cores, **options):
    words = [str(word) for word in command]
    return subprocess.Popen(words, preexec_fn=lambda: os.sched_setaffinity(0, cores), text=True, **options)


class Server:
    """The server of the plain rows."""

    def __enter__(self):
        self.process = start([tools.BUILD / "server"], {SERVER_CORE}, stdout=subprocess.PIPE)
        self.base = self.process.stdout.readline().strip().removeprefix("listening on ")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class TlsServer:
    """nginx, which answers every booking itself, with a certificate of an authority made for this run."""

    BODY = '{"_id":"361-5b0c0ad3-1d5f-4f43-9d7d-d1d5b1ae57a4"}'
    CONFIG = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate server.pem; ssl_certificate_key server.key;
    location / {{ return 200 '{body}'; }} }} }}
"""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        self.certify()
        port = free_port()
        (self.path / "nginx.conf").write_text(self.CONFIG.format(port=port, body=self.BODY))
        self.process = start(["nginx", "-p", self.path, "-c", "nginx.conf"], {SERVER_CORE}, stderr=subprocess.DEVNULL)
        self.base = f"https://127.0.0.1:{port}"
        wait_for(port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.directory.cleanup()

    def certify(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.path, check=True, capture_output=True)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Benchmark authority", "-days", "2")
        openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=Benchmark server")
        (self.path / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "server.pem", "-days", "2", "-extfile", "names")
        # As on a real machine: this authority among all those of the system.
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


class Peer:
    """A program that runs rounds when told to."""

    def __init__(self, command, base, environment=None, cores=(CLIENT_CORE,)):
        environment = {**os.environ, **(environment or {})}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process = start([*command, base], cores, env=environment, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, mode, path, count, extra=0):
        """The median nanoseconds of a call in one round (of the whole round, where calls overlap), and its bytes."""
        self.process.stdin.write(f"{mode} {path} {count} {extra}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[0]} failed in {mode}")
        answer = json.loads(line)
        return statistics.median(answer["nanoseconds"]), answer["bytes"]
