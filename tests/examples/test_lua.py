"""The example in Lua, for LuaJIT."""

import signal
import unittest

from booking import NUMBER, STOPPED, BookingTests, InterruptTests, declarations
from support import EXAMPLES, ROOT, Case, data_url, require_packages, run_example, start_sandbox

# Enough rounds that LuaJIT compiles the loop, and that the garbage collector frees what nothing references. The memory
# of the process must not grow with the number of calls.
MANY_CALLS = """
package.path = arg[1] .. "/?.lua;" .. package.path
local callbackservice = require "callbackservice"
local json = callbackservice.json
local function resident()
  collectgarbage()
  return tonumber(io.open "/proc/self/statm":read "*a":match "%d+ (%d+)") * 4096
end
local config = json.set(nil, "/dataURL", arg[2])
local service = callbackservice.open(config)
local before
for number = 1, 10000 do
  local outcome = service:call("availability", {begin = tostring(number)})
  assert(json.get(outcome, "/error/name") == "BAD_OPTION")
  if number == 2000 then before = resident() end
end
local grown = resident() - before
for _ = 1, 200 do
  local outcome = service:call("availability", {numberOfDays = "1", maxTimeSlots = "3"})
  assert(json.count(outcome, "/slots") == 3)
end
local open = {}
for number = 1, 50 do open[number] = callbackservice.open(config) end
for _, other in ipairs(open) do assert(#other:close() == 0) end
assert(#service:close() == 0)
print("refused:", select(2, pcall(service.call, service, "availability", {})))
print("NUL:", select(2, pcall(json.set, nil, "/firstname", "a\\0b")))
print("grown:", grown)
"""
WHOLE_HEADER = """
local ffi = require "ffi"
ffi.cdef(io.open(arg[1]):read "*a")
local library = ffi.load "libcallbackservice.so.1"
print(library.CBSVC_TIMEOUT, ffi.string(library.cbsvc_status_name(library.CBSVC_TIMEOUT)))
"""
# Handlers in "caller" mode, as docs/languages.md describes them: called from a loop that LuaJIT has compiled before.
HANDLERS = """
local ffi = require "ffi"
ffi.cdef(io.open(arg[1]):read "*a")
local library = ffi.load "libcallbackservice.so.1"
local service = ffi.new "cbsvc_service *[1]"
assert(library.cbsvc_init('{"dataURL":"http://127.0.0.1:1/"}', nil, nil, service, nil) == 0)
local count = 0
local handler = ffi.cast("cbsvc_handler", function() count = count + 1 end)
local function dispatch() return library.cbsvc_dispatch(service[0], 0) end
jit.off(dispatch)
for round = 1, 10 do
  local done = round > 1 and handler or nil
  assert(library.cbsvc_start(service[0], "CallbackService.availability", '{"begin":"1"}', done, nil, nil, nil) == 0)
  for _ = 1, 10000 do dispatch() end
end
assert(library.cbsvc_close(service[0], 1000) == 0)
handler:free()
print(count)
"""
# Ctrl-C comes during a wait that ends with the outcome.
INTERRUPTED = """
package.path = arg[1] .. "/?.lua;" .. package.path
local callbackservice = require "callbackservice"
local library = require "ffi".load "libcallbackservice.so.1"
local json = callbackservice.json
local service = callbackservice.open(json.set(nil, "/dataURL", arg[2]))
local data = json.set(nil, "/phonenumber", arg[3])
library.cbsvc_start(service.handle, "CallbackService.schedule", data, nil, nil, nil, nil)
local ran = pcall(function() while true do service:next_event(-1) end end)
local left = service:close()
print(ran, #left, json.get(left[1], "/state"))
"""


class Lua(BookingTests, InterruptTests, Case):
    command = ["luajit", EXAMPLES / "lua/book.lua"]

    @classmethod
    def setUpClass(cls):
        require_packages(["luajit"])

    def script(self, text, *arguments):
        path = self.scratch / "script.lua"
        path.write_text(text)
        return run_example(["luajit", path], *arguments).stdout

    def test_many_calls_neither_crash_nor_leak(self):
        with start_sandbox() as base:
            shown = self.script(MANY_CALLS, EXAMPLES / "lua", f"{base}/genesys/1/service/callback/samples")
        refused, nul, grown = shown.splitlines()
        self.assertEqual(refused.split("\t")[1], "availability: BAD_HANDLE")
        self.assertEqual(nul.split("\t")[1], "/firstname: holds a NUL")
        self.assertLess(int(grown.split()[1]), 1_000_000)

    def test_the_declarations_are_those_of_the_header(self):
        module = (EXAMPLES / "lua/callbackservice.lua").read_text()
        declared = declarations(module.split("ffi.cdef [[")[1].split("]]")[0])
        self.assertLessEqual(declared, declarations((ROOT / "include/callbackservice.ffi.h").read_text()))
        self.assertGreater(len(declared), 10)

    def test_the_whole_header_is_accepted(self):
        self.assertEqual(self.script(WHOLE_HEADER, ROOT / "include/callbackservice.ffi.h"), "301\tTIMEOUT\n")

    def test_an_outcome_that_comes_with_a_signal_is_not_lost(self):
        path = self.scratch / "script.lua"
        path.write_text(INTERRUPTED)
        with start_sandbox(*STOPPED) as base:
            words = ["luajit", path, EXAMPLES / "lua", data_url(base), NUMBER]
            _, shown, errors = self.interrupt(base, words, signal.SIGINT, delayMs=1500)
        self.assertEqual(shown, "false\t1\tresolved\n", errors)

    def test_handlers_run_in_caller_mode(self):
        self.assertEqual(self.script(HANDLERS, ROOT / "include/callbackservice.ffi.h"), "9\n")


if __name__ == "__main__":
    unittest.main()
