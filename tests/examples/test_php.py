"""The example in PHP."""

import signal
import unittest

from booking import NUMBER, STOPPED, BookingTests, InterruptTests, declarations
from support import EXAMPLES, ROOT, Case, data_url, require_packages, run_example, start_sandbox

# The memory of the process must not grow with the number of calls.
MANY_CALLS = r"""<?php
require $argv[1] . '/CallbackService.php';
function resident(): int
{
    gc_collect_cycles();
    return 4096 * (int) explode(' ', file_get_contents('/proc/self/statm'))[1];
}
$config = json_encode(['dataURL' => $argv[2]]);
$service = new CallbackService($config);
for ($number = 1; $number <= 10000; $number++) {
    $outcome = $service->call('availability', ['begin' => "$number"]);
    $outcome['error']['name'] === 'BAD_OPTION' or exit(1);
    if ($number === 2000) {
        $before = resident();
    }
}
$grown = resident() - $before;
for ($number = 0; $number < 200; $number++) {
    $outcome = $service->call('availability', ['numberOfDays' => 1, 'maxTimeSlots' => 3]);
    count($outcome['slots']) === 3 or exit(1);
}
$open = [];
for ($number = 0; $number < 50; $number++) {
    $open[] = new CallbackService($config);
}
foreach ($open as $other) {
    $other->close() === [] or exit(1);
}
$service->close();
try {
    $service->call('availability', []);
} catch (CallbackServiceException $refused) {
    echo "refused: {$refused->getMessage()} {$refused->getCode()}\n";
}
echo "grown: $grown\n";
"""
# The signal comes during a wait; PHP calls its handler afterwards, and the exception leaves the wait.
INTERRUPTED = r"""<?php
require $argv[1] . '/CallbackService.php';
pcntl_async_signals(true);
pcntl_signal(SIGUSR1, function () { throw new RuntimeException('too slow'); });
$service = new CallbackService(json_encode(['dataURL' => $argv[2]]));
try {
    $service->call('schedule', ['phonenumber' => $argv[3]]);
} catch (RuntimeException $exception) {
    [$left] = $service->close();
    echo "{$exception->getMessage()}: {$left['state']}\n";
}
"""
WHOLE_HEADER = r"""<?php
$library = FFI::cdef(file_get_contents($argv[1]), 'libcallbackservice.so.1');
echo $library->CBSVC_TIMEOUT, ' ', $library->cbsvc_status_name($library->CBSVC_TIMEOUT), "\n";
"""
# Handlers in "caller" mode, as docs/languages.md describes them.
HANDLERS = r"""<?php
$library = FFI::cdef(file_get_contents($argv[1]), 'libcallbackservice.so.1');
$service = $library->new('cbsvc_service *');
$library->cbsvc_init('{"dataURL":"http://127.0.0.1:1/"}', null, null, FFI::addr($service), null) === 0 or exit(1);
$count = 0;
$handler = function () use (&$count) { $count++; };
$library->cbsvc_subscribe($service, '*', $handler, null, null, null) === 0 or exit(1);
for ($number = 0; $number < 3000; $number++) {
    $library->cbsvc_availability($service, '{"begin":"1"}', null) === $library->CBSVC_BAD_OPTION or exit(1);
}
$library->cbsvc_close($service, 1000) === 0 or exit(1);
echo "$count\n";
"""


class Php(BookingTests, Case):
    command = ["php", EXAMPLES / "php/book.php"]

    @classmethod
    def setUpClass(cls):
        require_packages(["php-cli"])

    def script(self, text, *arguments):
        path = self.scratch / "script.php"
        path.write_text(text)
        return run_example(["php", "-d", "error_reporting=-1", "-d", "display_errors=stderr", path], *arguments).stdout

    def test_many_calls_neither_crash_nor_leak(self):
        with start_sandbox() as base:
            shown = self.script(MANY_CALLS, EXAMPLES / "php", f"{base}/genesys/1/service/callback/samples")
        refused, grown = shown.splitlines()
        self.assertEqual(refused, "refused: availability: BAD_HANDLE 102")
        self.assertLess(int(grown.split()[1]), 1_000_000)

    def test_an_exception_of_a_signal_loses_no_outcome(self):
        path = self.scratch / "script.php"
        path.write_text(INTERRUPTED)
        # The outcome comes in the same wait as the signal, or never.
        for milliseconds, state in [(600, "resolved"), (30000, "cancelled")]:
            with self.subTest(state), start_sandbox(*STOPPED) as base:
                words = ["php", path, EXAMPLES / "php", data_url(base), NUMBER]
                _, shown, errors = self.interrupt(base, words, signal.SIGUSR1, delayMs=milliseconds)
                self.assertEqual(shown, f"too slow: {state}\n", errors)

    def test_the_declarations_are_those_of_the_header(self):
        module = (EXAMPLES / "php/CallbackService.php").read_text()
        declared = declarations(module.split("<<<'C'\n")[1].split("C;\n")[0])
        self.assertLessEqual(declared, declarations((ROOT / "include/callbackservice.ffi.h").read_text()))
        self.assertGreater(len(declared), 8)

    def test_the_whole_header_is_accepted(self):
        self.assertEqual(self.script(WHOLE_HEADER, ROOT / "include/callbackservice.ffi.h"), "301 TIMEOUT\n")

    def test_handlers_run_in_caller_mode(self):
        self.assertEqual(self.script(HANDLERS, ROOT / "include/callbackservice.ffi.h"), "3001\n")


if __name__ == "__main__":
    unittest.main()
