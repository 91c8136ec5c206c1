"""Times and texts on their way to the library."""

from support import Server, run_script


def test_times():
    body = """
milliseconds = callbackservice._milliseconds
for seconds, expected in [
    (None, -1), (math.inf, -1), (decimal.Decimal("Infinity"), -1), (0, 0), (0.0004, 1), (1.5, 1500), (True, 1000),
    (fractions.Fraction(1, 3), 334), (decimal.Decimal("0.25"), 250), (2**31 / 1000, 2**31 - 1), (3e6, 2**31 - 1),
    (2**32 / 1000, 2**31 - 1), (2**64, 2**31 - 1), (1e306, 2**31 - 1), (10**400, 2**31 - 1),
]:
    assert milliseconds(seconds) == expected, (seconds, milliseconds(seconds))
service = opened()
call = InterruptedCall("x", callbackservice._calls.Call(None), dict)
for wrong in [-1, -0.001, -math.inf, math.nan, decimal.Decimal(-1), decimal.Decimal("NaN")]:
    for function in [milliseconds, service.dispatch, service.close, call.result]:
        assert isinstance(caught(function, wrong), ValueError), (function, wrong)
assert isinstance(caught(service.dispatch, "1"), TypeError)
for long in [math.inf, None, 3e6, 2**32 / 1000, 10**400]:
    thread = threading.Thread(target=caught, args=(service.dispatch, long), daemon=True)
    thread.start()
    thread.join(0.15)
    assert thread.is_alive(), long
begun = time.monotonic()
assert not service.dispatch(0.3) and 0.3 <= time.monotonic() - begun < 2
service.close(math.inf)
service.close(math.inf)
"""
    run_script(body, "http://127.0.0.1:1/x")


def test_a_nul_is_refused_and_nothing_is_sent():
    body = """
service = opened()
ignore = lambda event, data: None
for call in [
    lambda: Service('{"dataURL":"%s"}\\0 and more' % URL), lambda: Service(b'{"dataURL":"x"}\\0'),
    lambda: service.configure('{}\\0'), lambda: service.schedule('{"phonenumber":"1"}\\0,"desiredtime":"2030"}'),
    lambda: service.schedule(b'{"phonenumber":"1"}\\0'), lambda: service.availability('{}\\0'),
    lambda: service.schedule('{"phonenumber":"1"}\\0', subject="x"),
    lambda: service.command(SCHEDULE + '\\0x', BOOK), lambda: service.command(SCHEDULE, '{"phonenumber":"1"}\\0'),
    lambda: service.subscribe("*\\0", ignore), lambda: service.start(SCHEDULE + "\\0", BOOK, ignore),
    lambda: service.start(SCHEDULE, '{"phonenumber":"1"}\\0', ignore),
    lambda: service.schedule('{"phonenumber":"1"}'.encode("utf-16")),
]:
    error = caught(call)
    assert isinstance(error, ValueError), repr(error)
"""
    with Server() as server:
        run_script(body, server.url)
        assert server.requests == 0


def test_options_join_data_without_rewriting_it():
    body = """
from callbackservice._values import joined
assert joined(None, {"a": 1}) == {"a": 1} and joined('{"a":1}', {}) == '{"a":1}'
assert joined({"b": 1}, {"a": 2}) == {"b": 1, "a": 2}
assert joined('\\ufeff {"n": 4.15e9, "big": %s} ' % ("9" * 5000), {"a": 1}) == '{"n": 4.15e9, "big": %s,"a": 1}' % ("9" * 5000)
assert joined(b"{}", {"a": 1}) == '{"a": 1}'
for wrong, kind in [("[1]", TypeError), ("{", ValueError), ("", ValueError), ("null", TypeError)]:
    assert isinstance(caught(joined, wrong, {"a": 1}), kind), wrong
import types
service = opened()
assert service.schedule(types.MappingProxyType(BOOK)).id == "1"
assert service.schedule('{"phonenumber":"1"}', subject="2").id == "1"
"""
    with Server() as server:
        run_script(body, server.url)
