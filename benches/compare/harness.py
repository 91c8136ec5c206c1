"""What the Python clients share: they read commands from standard input and print nanoseconds."""

import json
import sys
import time

TIMEOUT_S = 3
FIELDS = {
    "firstname": "Ann Marie",
    "subject": "Order 17",
    "_customer_number": "+14151110000",
    "_desired_time": "2030-12-01T10:00:00.000Z",
}


def serve(open_client):
    """Runs commands of the form `schedule PATH COUNT EXTRA`. `open_client` takes a URL and returns
    a function that books and returns the id."""
    clients = {}
    for line in sys.stdin:
        mode, path, count, _ = line.split()
        assert mode == "schedule", mode
        if path not in clients:
            clients[path] = open_client(sys.argv[1] + path)
        schedule, times = clients[path], []
        for _ in range(int(count)):
            start = time.perf_counter_ns()
            booking_id = schedule()
            times.append(time.perf_counter_ns() - start)
            assert booking_id
        print(json.dumps({"bytes": 0, "nanoseconds": times}), flush=True)
