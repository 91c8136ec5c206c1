"""requests, with a session that keeps its connection."""

import requests

from harness import FIELDS, TIMEOUT_S, serve


def open_client(url):
    session = requests.Session()
    session.trust_env = False

    def schedule():
        response = session.post(url, data=FIELDS, headers={"Accept": "application/json"}, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()["_id"]

    return schedule


serve(open_client)
