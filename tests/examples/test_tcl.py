"""The example in Tcl: its package is built with critcl first."""

import pathlib
import tempfile
import unittest

from booking import BookingTests
from support import EXAMPLES, ROOT, Case, library_directory, require_packages, run_example, start_sandbox

# The memory of the process must not grow with the number of calls.
MANY_CALLS = r"""
package require callbackservice
proc resident {} {
    set channel [open /proc/self/statm]
    set pages [lindex [read $channel] 1]
    close $channel
    return [expr {$pages * 4096}]
}
set config [callbackservice::json_set "{}" /dataURL [lindex $argv 0]]
set service [callbackservice::open $config]
for {set number 1} {$number <= 10000} {incr number} {
    set outcome [callbackservice::call $service availability [list begin $number]]
    if {[callbackservice::get $outcome /error/name] ne "BAD_OPTION"} {error $outcome}
    if {$number == 2000} {set before [resident]}
}
set grown [expr {[resident] - $before}]
for {set number 0} {$number < 200} {incr number} {
    set outcome [callbackservice::call $service availability {numberOfDays 1 maxTimeSlots 3}]
    if {[callbackservice::count $outcome /slots] != 3} {error $outcome}
}
set open {}
for {set number 0} {$number < 50} {incr number} {lappend open [callbackservice::open $config]}
foreach other $open {callbackservice::close $other}
callbackservice::close $service
catch {callbackservice::call $service availability {}} message options
puts "refused: $message [dict get $options -errorcode]"
catch {callbackservice::json_set "{}" /firstname "a\u0000b"} message
puts "NUL: $message"
puts "grown: $grown"
set service [callbackservice::open $config]
callbackservice::start $service CallbackService.availability {{"begin":"1"}}
foreach left [callbackservice::close $service] {puts "left: [callbackservice::get $left /state]"}
"""


class Tcl(BookingTests, Case):
    command = ["tclsh", EXAMPLES / "tcl/book.tcl"]
    refuses_other_encodings = False

    @classmethod
    def setUpClass(cls):
        require_packages(["tcl", "tcl-dev", "critcl", "gcc", "libc6-dev"])
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.packages = pathlib.Path(directory.name, "packages")
        scratch = ["-cache", pathlib.Path(directory.name, "cache"), "-includedir", directory.name]
        library = ["-I", ROOT / "include", "-L", library_directory]
        build = ["critcl", "-pkg", *library, *scratch, "-libdir", cls.packages]
        run_example(build, EXAMPLES / "tcl/callbackservice.tcl")

    def environment(self, **more):
        return super().environment(TCLLIBPATH=str(self.packages), **more)

    def test_many_calls_neither_crash_nor_leak(self):
        path = self.scratch / "script.tcl"
        path.write_text(MANY_CALLS)
        with start_sandbox() as base:
            url = f"{base}/genesys/1/service/callback/samples"
            done = run_example(["tclsh", path], url, env=self.environment())
        refused, nul, grown, left = done.stdout.splitlines()
        self.assertEqual(refused, "refused: BAD_HANDLE CALLBACKSERVICE BAD_HANDLE")
        self.assertEqual(nul, "NUL: a text holds a NUL")
        self.assertRegex(left, "^left: (rejected|cancelled)$")
        self.assertLess(int(grown.split()[1]), 1_000_000)


if __name__ == "__main__":
    unittest.main()
