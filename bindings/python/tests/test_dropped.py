"""Services that are dropped."""

from support import Server, run_script


def test_a_dropped_service_is_closed_with_a_warning():
    body = """
def count():
    if sys.platform != "win32":
        return len(os.listdir("/proc/self/fd"))
    handles = ctypes.c_uint32()
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetProcessHandleCount(ctypes.c_void_p(kernel32.GetCurrentProcess()), ctypes.byref(handles))
    return handles.value
class Owner:
    def __init__(self, mode):
        self.service = opened(mode, self.on_event)
        self.service.subscribe("*", lambda event, data: self)
    def on_event(self, event, data): pass
for mode in ["caller", "thread"]:
    for make in [opened, Owner]:
        with warnings.catch_warnings(record=True) as caught_warnings:
            warnings.simplefilter("always")
            for _ in range(20): make(mode)
            wait_for(lambda: gc.collect() is None or not diagnostics()["services"])
        kinds = {warning.category for warning in caught_warnings}
        assert kinds == {ResourceWarning} and len(caught_warnings) == 20, (mode, make, len(caught_warnings))
with warnings.catch_warnings():
    warnings.simplefilter("error")
    before = count()
    for _ in range(20): opened().close()
    assert count() <= before + 2
"""
    with Server() as server:
        run_script(body, server.url)


def test_a_service_may_be_collected_inside_its_own_handler():
    body = """
warnings.simplefilter("ignore")
for mode in ["caller", "thread"]:
    box, ended = [opened(mode)], []
    def done(event, outcome):
        box.clear()
        gc.collect()
        ended.append(outcome["state"])
    box[0].start("CallbackService.configure", {}, done)
    if mode == "caller":
        box[0].dispatch(5)
    wait_for(lambda: len(ended) == 1 and not diagnostics()["services"])
    # Inside the handler of another one.
    outer, box = opened(mode), [opened("caller"), opened("thread")]
    outer.start("CallbackService.configure", {}, done)
    if mode == "caller":
        outer.dispatch(5)
    wait_for(lambda: len(ended) == 2)
    outer.close()
    wait_for(lambda: not diagnostics()["services"])
"""
    run_script(body, "http://127.0.0.1:1/x")


def test_a_started_call_of_a_dropped_service_completes():
    body = """
warnings.simplefilter("ignore")
ended = []
for mode in ["caller", "thread"]:
    opened(mode).start(SCHEDULE, BOOK, lambda event, outcome: ended.append(outcome["state"]))
wait_for(lambda: ended == ["cancelled"] * 2)
assert gc.collect() is None or not diagnostics()["services"]
"""
    with Server(may_answer=False) as server:
        run_script(body, server.url)
