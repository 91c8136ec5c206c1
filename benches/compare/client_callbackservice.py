"""The library through its Python binding."""

from callbackservice import Service

from harness import FIELDS, TIMEOUT_S, serve


def open_client(url):
    service = Service({"dataURL": url, "ajaxTimeout": TIMEOUT_S * 1000, "proxy": "none"})
    return lambda: service.schedule(FIELDS).id


serve(open_client)
