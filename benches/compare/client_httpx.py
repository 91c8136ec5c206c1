"""httpx, with a client that keeps its connection."""

import httpx

from harness import FIELDS, TIMEOUT_S, serve


def open_client(url):
    client = httpx.Client(trust_env=False, timeout=TIMEOUT_S)

    def schedule():
        response = client.post(url, data=FIELDS, headers={"Accept": "application/json"})
        response.raise_for_status()
        return response.json()["_id"]

    return schedule


serve(open_client)
