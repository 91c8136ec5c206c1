"""The example in Perl."""

import unittest

from booking import BookingTests, InterruptTests
from support import EXAMPLES, Case, require_packages, run_example, start_sandbox

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
        refused, grown = done.stdout.splitlines()
        self.assertEqual(refused, "refused: availability: BAD_HANDLE")
        self.assertLess(int(grown.split()[1]), 1_000_000)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
