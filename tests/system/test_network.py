"""TLS against nginx, and a proxy, through the Python binding: certificates are made on the spot."""

import base64
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from support import ROOT, Case, python_environment, run

NGINX = """
daemon off; master_process off; pid {scratch}/pid; error_log {scratch}/error.log;
events {{ worker_connections 512; }}
http {{
  log_format what '$server_port $server_protocol $connection';
  access_log {scratch}/access.log what;
  default_type application/json;
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  scgi_temp_path {scratch}/scgi; uwsgi_temp_path {scratch}/uwsgi;
  ssl_certificate {scratch}/server.pem; ssl_certificate_key {scratch}/server.key;
  keepalive_requests 100000;
  server {{ listen 127.0.0.1:{plain}; location / {{ return 200 '{{"_id":"plain"}}'; }} }}
  server {{ listen 127.0.0.1:{tls} ssl http2; location / {{ return 200 '{{"_id":"tls"}}'; }} }}
  server {{ listen 127.0.0.1:{mutual} ssl; ssl_client_certificate {scratch}/ca.pem; ssl_verify_client on;
    location / {{ return 200 '{{"_id":"mutual"}}'; }} }}
  server {{ listen 127.0.0.1:{old} ssl; ssl_protocols TLSv1.2; location / {{ return 200 '{{"_id":"old"}}'; }} }}
  server {{ listen 127.0.0.1:{ancient} ssl; ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;
    location / {{ return 200 '{{"_id":"ancient"}}'; }} }}
  server {{ listen 127.0.0.1:{expired} ssl; ssl_certificate {scratch}/expired.pem; ssl_certificate_key {scratch}/expired.key;
    location / {{ return 200 '{{"_id":"expired"}}'; }} }}
}}
"""

BOOK = """
import json, sys
from callbackservice import CallbackServiceError, Service
with Service(json.loads(sys.argv[1])) as service:
    try:
        print(service.schedule(phone_number="1").id)
    except CallbackServiceError as rejected:
        print(rejected.name, rejected.outcome["error"]["attempts"], rejected.outcome["error"]["message"])
"""

OPEN = """
import json, sys
from callbackservice import CallbackServiceError, Service
try:
    Service(json.loads(sys.argv[1]))
except CallbackServiceError as error:
    print(error)
"""

MANY = """
import json, sys
from callbackservice import Service
states = []
with Service(json.loads(sys.argv[1])) as service:
    for number in range(1000):
        service.start("CallbackService.schedule", {"phonenumber": number}, lambda _, outcome: states.append(outcome["state"]))
    while len(states) < 1000 and service.dispatch(30):
        pass
print(states.count("resolved"))
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def make_certificates(scratch):
    def openssl(*words):
        run("openssl", *words, cwd=scratch)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=Test authority")
    address = "subjectAltName=IP:127.0.0.1"
    for name, extension, days in [
        ("server", address, 2), ("expired", address, -1), ("client", "extendedKeyUsage=clientAuth", 2)
    ]:
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        (scratch / f"{name}.ext").write_text(extension)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext")


class Network(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.files = pathlib.Path(directory.name)
        make_certificates(cls.files)
        names = ["plain", "tls", "mutual", "old", "ancient", "expired", "proxy"]
        cls.ports = dict(zip(names, free_ports(len(names))))
        configuration = cls.files / "nginx.conf"
        configuration.write_text(NGINX.format(scratch=cls.files, **cls.ports))
        nginx = subprocess.Popen(["nginx", "-p", cls.files, "-c", configuration], stderr=subprocess.DEVNULL)
        cls.addClassCleanup(nginx.wait)
        cls.addClassCleanup(nginx.terminate)
        for name in set(names) - {"proxy"}:
            cls.wait_for(cls.ports[name], nginx)

    @staticmethod
    def wait_for(port, process):
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert process.poll() is None and time.monotonic() < deadline, f"{process.args[0]} does not listen"

    def book(self, server, script=BOOK, host="127.0.0.1", environment=None, **configuration):
        """What came of a booking: the server's name, or status, attempts and message."""
        scheme = "http" if server == "plain" else "https"
        configuration = {
            "dataURL": f"{scheme}://{host}:{self.ports[server]}/x",
            "ajaxTimeout": 30000,
            "proxy": "none",
            **configuration,
        }
        environment = {**python_environment(), **(environment or {})}
        return run(sys.executable, "-c", script, json.dumps(configuration), env=environment).strip()

    def file(self, name):
        return str(self.files / name)

    def log(self):
        return (self.files / "access.log").read_text()


class Tls(Network):
    def test_an_authority_of_the_site_is_trusted_beside_the_systems(self):
        self.assertIn("TLS 1 ", self.book("tls"))
        self.assertIn("name the issuer's certificate in tls.caFile", self.book("tls"))
        self.assertEqual(self.book("tls", tls={"caFile": self.file("ca.pem")}), "tls")

    def test_the_certificate_must_be_the_hosts(self):
        shown = self.book("tls", host="localhost", tls={"caFile": self.file("ca.pem")})
        self.assertIn("TLS 1 the certificate is for another host than localhost", shown)

    def test_a_certificate_that_has_expired_is_refused(self):
        shown = self.book("expired", tls={"caFile": self.file("ca.pem")})
        self.assertIn("TLS 1 the certificate of 127.0.0.1 has expired", shown)

    def test_a_server_that_wants_a_client_certificate_says_so(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file("server.pem"), self.file("server.key"))
        context.load_verify_locations(self.file("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED

        def refuse(client):
            tls = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            try:
                tls.do_handshake()
            except ssl.SSLError:
                pass
            # What the client has sent meanwhile is read, so that the refusal is not lost with a reset.
            with socket.socket(fileno=tls.detach()) as rest:
                rest.shutdown(socket.SHUT_WR)
                while rest.recv(65536):
                    pass

        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.ports["strict"] = listener.getsockname()[1]
            server = threading.Thread(target=lambda: refuse(listener.accept()[0]))
            server.start()
            shown = self.book("strict", tls={"caFile": self.file("ca.pem")})
            server.join()
        self.assertRegex(shown, "^TLS 1 127.0.0.1 requires a client certificate .*: set tls.certFile and tls.keyFile")

    def test_a_client_certificate_is_shown_where_it_is_wanted(self):
        tls = {"caFile": self.file("ca.pem")}
        self.assertNotEqual(self.book("mutual", tls=tls), "mutual")
        tls |= {"certFile": self.file("client.pem"), "keyFile": self.file("client.key")}
        self.assertEqual(self.book("mutual", tls=tls), "mutual")
        with self.assertRaisesRegex(AssertionError, "tls.keyFile: does not go with tls.certFile"):
            self.book("mutual", tls={**tls, "keyFile": self.file("server.key")})

    def test_the_least_version_is_kept(self):
        tls = {"caFile": self.file("ca.pem")}
        self.assertEqual(self.book("old", tls=tls), "old")
        shown = self.book("old", tls={**tls, "minVersion": "1.3"})
        self.assertIn("TLS 1 no common TLS version with 127.0.0.1 (minimum: 1.3, set by tls.minVersion)", shown)
        shown = self.book("ancient", tls=tls)
        self.assertIn("TLS 1 no common TLS version with 127.0.0.1 (minimum: 1.2)", shown)

    def test_a_machine_without_authorities_speaks_http_and_says_what_https_needs(self):
        bare = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/nonexistent"}
        self.assertEqual(self.book("plain", environment=bare), "plain")
        self.assertRegex(self.book("tls", environment=bare), "^TLS 0 .*ca-certificates.*tls.caFile")
        self.assertEqual(self.book("tls", environment=bare, tls={"caFile": self.file("ca.pem")}), "tls")

    def test_a_server_without_http_1_says_what_to_do(self):
        self.ports["newest"] = free_ports(1)[0]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{self.ports['newest']}", "-alpn", "h2", "-quiet"]
        files = ["-cert", self.file("server.pem"), "-key", self.file("server.key")]
        quiet = dict(stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with subprocess.Popen([*command, *files], **quiet) as server:
            self.addCleanup(server.kill)
            self.wait_for(self.ports["newest"], server)
            shown = self.book("newest", tls={"caFile": self.file("ca.pem")})
            server.kill()
        self.assertRegex(shown, "^TLS 1 127.0.0.1 does not speak HTTP/1.1, .*cbsvc_start")

    def test_http_2_carries_many_started_calls_on_few_connections(self):
        shown = self.book("tls", script=MANY, tls={"caFile": self.file("ca.pem")}, maxConnections=2)
        self.assertEqual(shown, "1000")
        port = self.ports["tls"]
        connections = re.findall(rf"^{port} HTTP/2.0 (\d+)$", self.log(), re.M)
        self.assertGreaterEqual(len(connections), 1000)
        self.assertLessEqual(len(set(connections[-1000:])), 2)


class Proxy:
    """A proxy that wants credentials, for http and, through CONNECT, for https."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.served = []
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.served.append(head.split(b" ", 1)[0].decode())
        if base64.b64encode(b"user:p^ss") not in head:
            client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return client.close()
        target = head.split(b" ")[1].decode().removeprefix("http://").split("/")[0]
        host, port = target.split(":")
        server = socket.create_connection((host, int(port)))
        if head.startswith(b"CONNECT"):
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            server.sendall(head)
        threading.Thread(target=self.copy, args=(client, server), daemon=True).start()
        self.copy(server, client)

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()


TINYPROXY = """
Port {proxy}
Listen 127.0.0.1
Timeout 60
Allow 127.0.0.1
BasicAuth user pass
LogFile "{scratch}/proxy.log"
PidFile "{scratch}/proxy.pid"
"""


class RealProxy(Network):
    def test_tinyproxy_carries_both_schemes(self):
        (self.scratch / "proxy.conf").write_text(TINYPROXY.format(scratch=self.scratch, **self.ports))
        proxy = subprocess.Popen(["tinyproxy", "-d", "-c", self.scratch / "proxy.conf"], stdout=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.terminate)
        self.wait_for(self.ports["proxy"], proxy)
        tls = {"caFile": self.file("ca.pem")}
        url = f"http://user:pass@127.0.0.1:{self.ports['proxy']}"
        self.assertEqual(self.book("plain", proxy={"url": url}), "plain")
        self.assertEqual(self.book("tls", proxy={"url": url}, tls=tls), "tls")
        self.assertRegex(self.log(), rf"{self.ports['tls']} HTTP/1.1 \d+\n$")
        wrong = {"url": url.replace("pass", "word")}
        self.assertRegex(self.book("tls", proxy=wrong, tls=tls), "^PROXY ")
        log = (self.scratch / "proxy.log").read_text()
        self.assertIn("POST http://127.0.0.1", log)
        self.assertIn("CONNECT 127.0.0.1", log)


class Proxies(Network):
    def test_a_proxy_is_used_for_both_schemes_with_its_credentials(self):
        tls = {"caFile": self.file("ca.pem")}
        with Proxy() as proxy:
            url = f"http://user:p^ss@{proxy.url}"
            self.assertEqual(self.book("plain", proxy={"url": url}), "plain")
            self.assertEqual(self.book("tls", proxy={"url": url}, tls=tls), "tls")
            keys = {"url": f"http://{proxy.url}", "username": "user", "password": "p^ss"}
            self.assertEqual(self.book("tls", proxy=keys, tls=tls), "tls")
            self.assertEqual(proxy.served, ["POST", "CONNECT", "CONNECT"])
            self.assertEqual(self.book("plain", proxy={"url": url, "noProxy": ["127.0.0.1"]}), "plain")
            self.assertEqual(len(proxy.served), 3)

    def test_missing_credentials_are_told_at_once(self):
        with Proxy() as proxy:
            url = {"url": f"http://{proxy.url}"}
            self.assertRegex(self.book("plain", proxy=url), "^PROXY 1 ")
            self.assertRegex(self.book("tls", proxy=url), "^PROXY 1 .*HTTP 407.*set proxy.username and proxy.password")
            self.assertEqual(proxy.served, ["POST", "CONNECT"])

    def test_the_environment_names_the_proxy_unless_told_otherwise(self):
        tls = {"caFile": self.file("ca.pem")}
        with Proxy() as proxy:
            named = {"HTTPS_PROXY": f"http://user:p%5Ess@{proxy.url}", "NO_PROXY": ""}
            self.assertEqual(self.book("tls", environment=named, tls=tls, proxy="env"), "tls")
            self.assertEqual(proxy.served, ["CONNECT"])
            self.assertEqual(self.book("tls", environment=named, tls=tls, proxy="none"), "tls")
            for exception in ["127.0.0.1", f"x 127.0.0.1:{self.ports['tls']}"]:
                excepted = {**named, "NO_PROXY": exception}
                self.assertEqual(self.book("tls", environment=excepted, tls=tls, proxy="env"), "tls")
            self.assertEqual(proxy.served, ["CONNECT"])

    def test_a_proxy_of_the_environment_that_cannot_be_used_is_told(self):
        for url in ["socks5://127.0.0.1:1", "http://:::"]:
            named = {"http_proxy": url, "no_proxy": ""}
            shown = self.book("plain", script=OPEN, environment=named, proxy="env")
            self.assertRegex(shown, "^CONFIG: proxy: http_proxy in the environment ")
            elsewhere = {**named, "no_proxy": "127.0.0.0/8"}
            self.assertEqual(self.book("plain", environment=elsewhere, proxy="env"), "plain")


class Faults(Case):
    def test_the_fault_matrix_holds(self):
        shown = run(sys.executable, ROOT / "tests/fault_matrix.py", 30, timeout=300)
        self.assertTrue(shown.endswith("every fault as expected\n"), shown)


del Network  # what the classes share, not a test of its own
