"""Started calls to HTTP/2 servers that misbehave."""

import json
import subprocess
import sys

from support import ENVIRONMENT, ROOT, Case, python_environment, run
from test_network import make_certificates

CALLS = """
import json, sys
from callbackservice import Service
ended = []
with Service(json.loads(sys.argv[1])) as service:
    for name in sys.argv[2:]:
        data = {"phonenumber": "1"} if name == "schedule" else {"numberOfDays": 1}
        service.start("CallbackService." + name, data, lambda _, outcome: ended.append(outcome.get("error", {"name": "OK", "attempts": 1})))
        before = len(ended)
        while len(ended) == before and service.dispatch(30):
            pass
for error in ended:
    print(error["name"], error["attempts"], error.get("message", ""))
"""


class Http2(Case):
    def setUp(self):
        super().setUp()
        make_certificates(self.scratch)

    def calls(self, mode, *names, **configuration):
        """The results of calls, one after the other, and the number of connections."""
        files = [self.scratch / "server.pem", self.scratch / "server.key"]
        command = [ENVIRONMENT / "bin" / "python", ROOT / "tests/system/h2_server.py", mode, *files]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            port = int(server.stdout.readline())
            configuration = {"dataURL": f"https://127.0.0.1:{port}/x", "proxy": "none", "retry": {"baseDelayMs": 1},
                             "tls": {"caFile": str(self.scratch / "ca.pem")}, **configuration}
            shown = run(sys.executable, "-c", CALLS, json.dumps(configuration), *names, env=python_environment())
            server.kill()
            return shown.splitlines(), server.stdout.read().count("connection")

    def test_timed_out_http2_connection_is_discarded(self):
        ended, connections = self.calls("dead", "schedule", "schedule", "schedule", "schedule", ajaxTimeout=1500)
        self.assertEqual([line.split()[0] for line in ended], ["OK", "TIMEOUT", "OK", "OK"])
        self.assertEqual(connections, 2)

    def test_refused_availability_is_retried_and_a_refused_booking_is_not(self):
        for mode in ["refused", "going"]:
            ended, _ = self.calls(mode, "availability", ajaxTimeout=20000)
            self.assertEqual(ended[0].split()[0], "OK", mode)
            ended, _ = self.calls(mode, "schedule", ajaxTimeout=20000)
            self.assertRegex(ended[0], "^PROTOCOL 1 the server closed .*may have been made$", mode)

    def test_truncated_response_is_no_confirmation(self):
        ended, _ = self.calls("short", "schedule", ajaxTimeout=20000)
        self.assertRegex(ended[0], "^PROTOCOL 1 .*may have been made$")
