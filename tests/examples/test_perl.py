"""The example in Perl."""

import json
import signal
import unittest

from booking import NUMBER, STOPPED, BookingTests, InterruptTests
from support import EXAMPLES, Case, data_url, require_packages, run_example, start_sandbox

# Each call passes a Perl string in, and takes two texts out. The memory of the process must not grow with their number.
MANY_CALLS = """
use strict;
use warnings;
use lib $ARGV[0];
use CallbackService;
sub resident { open my $file, '<', '/proc/self/statm' or die; return (split ' ', <$file>)[1] * 4096 }
my $service = CallbackService->new({dataURL => $ARGV[1], proxy => 'none'});
my $before;
for my $number (1 .. 10_000) {
    my $outcome = $service->call(availability => {begin => "$number"});
    die unless $outcome->{error}{name} eq 'BAD_OPTION';
    $before = resident() if $number == 2_000;
}
my $grown = resident() - $before;
for (1 .. 200) {
    my $outcome = $service->call(availability => {numberOfDays => 1, maxTimeSlots => 3});
    die unless @{$outcome->{slots}} == 3;
}
my @open = map { CallbackService->new({dataURL => $ARGV[1]}) } 1 .. 50;
$_->close for @open;
$service->close;
eval { $service->call(availability => {}) };
print "refused: $@";
print "grown: $grown\\n";
$service = CallbackService->new({dataURL => $ARGV[1]});
my @nothing = (undef) x 4;
CallbackService::cbsvc_start($service->{service}, 'CallbackService.availability', '{"begin":"1"}', @nothing);
print "left: $_->{state}\\n" for $service->close;
"""
# Handlers in "caller" mode, as docs/languages.md describes them.
HANDLERS = """
use strict;
use warnings;
use FFI::Platypus 2.00;
my $ffi = FFI::Platypus->new(api => 2, lib => 'libcallbackservice.so.1');
$ffi->type('(string,string,opaque)->void' => 'handler');
$ffi->attach(@$_) for (
    [cbsvc_init => ['string', 'opaque', 'opaque', 'opaque*', 'opaque*'] => 'sint32'],
    [cbsvc_subscribe => ['opaque', 'string', 'handler', 'opaque', 'opaque', 'uint64*'] => 'sint32'],
    [cbsvc_availability => ['opaque', 'string', 'opaque*'] => 'sint32'],
    [cbsvc_close => ['opaque', 'sint32'] => 'sint32'],
);
die if cbsvc_init('{"dataURL":"http://127.0.0.1:1/"}', undef, undef, \\my $service, undef);
my $count = 0;
my $handler = $ffi->closure(sub { $count++; die "five\\n" if $count == 5 });
die if cbsvc_subscribe($service, '*', $handler, undef, undef, undef);
for (1 .. 3_000) {
    die if cbsvc_availability($service, '{"begin":"1"}', undef) != 108;
}
die if cbsvc_close($service, 1000);
print "$count\\n";
"""
# The signal comes during a wait that ends with the outcome.
INTERRUPTED = """
use strict;
use warnings;
use lib $ARGV[0];
use CallbackService;
my $service = CallbackService->new({dataURL => $ARGV[1], proxy => 'none'});
local $SIG{USR1} = sub { die "too slow\\n" };
my @nothing = (undef) x 4;
CallbackService::cbsvc_start($service->{service}, 'CallbackService.schedule', $ARGV[2], @nothing);
eval { $service->next_event(-1) while 1 };
print $@, join(' ', map { $_->{state} } $service->close), "\\n";
"""


class Perl(BookingTests, InterruptTests, Case):
    command = ["perl", EXAMPLES / "perl/book.pl"]

    @classmethod
    def setUpClass(cls):
        require_packages(["perl", "libffi-platypus-perl"])

    def test_many_calls_neither_crash_nor_leak(self):
        with start_sandbox() as base:
            url = f"{base}/genesys/1/service/callback/samples"
            done = run_example(["perl", "-e", MANY_CALLS], EXAMPLES / "perl", url)
        refused, grown, left = done.stdout.splitlines()
        self.assertEqual(refused, "refused: availability: BAD_HANDLE")
        self.assertRegex(left, "^left: (rejected|cancelled)$")
        self.assertLess(int(grown.split()[1]), 1_000_000)
        self.assertEqual(done.stderr, "")

    def test_an_outcome_that_comes_with_a_signal_is_not_lost(self):
        with start_sandbox(*STOPPED) as base:
            words = ["perl", "-e", INTERRUPTED, EXAMPLES / "perl", data_url(base), json.dumps({"phonenumber": NUMBER})]
            _, shown, errors = self.interrupt(base, words, signal.SIGUSR1, delayMs=1500)
        self.assertEqual(shown, "too slow\nresolved\n", errors)

    def test_handlers_run_in_caller_mode(self):
        done = run_example(["perl", "-e", HANDLERS])
        self.assertEqual((done.stdout, done.stderr), ("3001\n", "five\n"))


if __name__ == "__main__":
    unittest.main()
