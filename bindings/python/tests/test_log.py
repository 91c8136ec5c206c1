"""The log of the library."""

import pytest
from support import Server, run_script


def test_lines_go_to_the_logger_at_its_level(server):
    body = """
lines = []
class Handler(logging.Handler):
    def emit(self, record): lines.append((record.levelno, record.getMessage(), threading.get_ident()))
logger = logging.getLogger("callbackservice")
opened(theme=1)
assert not lines
logger.addHandler(Handler())
service = opened(theme=1)
assert lines == [(logging.WARNING, 'configuration key "theme" is unknown and ignored', threading.get_ident())], lines
lines.clear()
service.schedule(BOOK)
assert not lines
logger.setLevel(logging.INFO)
service.schedule(BOOK)
assert {level for level, _, _ in lines} == {logging.INFO} and "schedule" in lines[-1][1], lines
logger.setLevel(logging.DEBUG)
service.schedule(BOOK)
assert logging.DEBUG in {level for level, _, _ in lines}
assert "14151110000" not in str(lines)
lines.clear()
logger.setLevel(logging.CRITICAL)
opened(theme=1)
service.schedule(BOOK)
assert not lines, lines
logger.setLevel(logging.WARNING)
threading.Thread(target=lambda: opened(theme=2)).start()
wait_for(lambda: len(lines) == 1)
assert lines[0][2] != threading.get_ident()
"""
    run_script("warnings.simplefilter('ignore')\n" + body, server.url)


def test_a_function_takes_the_place_of_the_logger(server):
    body = """
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
lines = []
set_log(logging.INFO, lambda level, line: lines.append((level, line)))
service = opened(theme=1)
service.schedule(BOOK)
assert {level for level, _ in lines} == {"warning", "info"}, lines
lines.clear()
set_log("off")
service.schedule(BOOK)
assert not lines
set_log(None)
service.schedule(BOOK)
for level in ["warn", 3, 5, "DEBUG"]:
    error = caught(set_log, level, print)
    assert isinstance(error, ValueError) and "warning" in str(error), level
assert isinstance(caught(set_log, "debug"), TypeError)
"""
    assert "callbackservice:" in run_script(body, server.url)


def test_without_logging_nothing_is_printed():
    body = "opened(theme=1); caught(opened().schedule, BOOK)"
    assert run_script("warnings.simplefilter('ignore')\n" + body, "http://127.0.0.1:1/x") == ""


@pytest.mark.parametrize("where", ["logger", "function"])
def test_an_exception_of_a_log_function_reaches_the_caller_and_the_answer_is_there(server, where):
    body = """
def fail(*_): raise ValueError("disk full")
if sys.argv[2] == "logger":
    class Handler(logging.Handler):
        def emit(self, record): fail()
    logging.getLogger("callbackservice").addHandler(Handler())
    logging.getLogger("callbackservice").setLevel(logging.INFO)
else:
    set_log("info", fail)
service = caught(opened) or opened()
error = caught(service.schedule, BOOK)
assert isinstance(error, ValueError) and error.callbackservice_call.result().id == "1", error
"""
    with Server() as server:
        run_script(body, server.url, where)
