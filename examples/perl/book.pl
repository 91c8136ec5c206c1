#!/usr/bin/perl
# Shows the next open slots, and books one for a caller.
#
#     book.pl CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]
#
# CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
# The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.

use strict;
use warnings;
use Encode qw(decode);
use FindBin;
use JSON::PP;
use lib $FindBin::Bin;
use CallbackService;

sub read_file {
    my ($file) = @_;
    open my $handle, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$handle>;
}

sub show {
    my ($heading, $slots) = @_;
    print "$heading\n";
    printf "  %s  %s free\n", $_->{utcTime}, $_->{capacity} // '?' for @$slots[0 .. ($#$slots < 2 ? $#$slots : 2)];
}

sub book {
    my ($service, $number, $name, $time) = @_;
    my $found = $service->call(availability => { numberOfDays => 1, maxTimeSlots => 3 });
    if (my $error = $found->{error}) {
        warn "no slots: $error->{message}\n";
        return 1;
    }
    show('open:', $found->{slots});
    $time //= $found->{slots}[0]{utcTime};
    if (!defined $time) {
        warn "no slot is open\n";
        return 1;
    }
    my $booking = $service->call(schedule => { phonenumber => $number, firstname => $name, desiredtime => $time });
    my $error = $booking->{error};
    if (!$error) {
        print "booked $time as $booking->{id}\n";
        return 0;
    }
    warn "not booked: $error->{message}\n";
    show('open instead:', $booking->{slots}) if $booking->{slots};
    return ($error->{booked} // '') eq 'unknown' ? 2 : 1;
}

# Arguments are bytes, whatever the locale is; JSON is text.
binmode $_, ':encoding(UTF-8)' for (*STDOUT, *STDERR);
my ($service, @booking);
my $opened = eval {
    (my $path, @booking) = map { decode('UTF-8', $_, Encode::FB_CROAK | Encode::LEAVE_SRC) } @ARGV;
    die "usage: book.pl CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]\n" unless @ARGV == 3 || @ARGV == 4;
    my $config = decode_json(read_file($path));
    die "$path: is not a JSON object\n" unless ref $config eq 'HASH';
    $service = CallbackService->new($config);
};
if (!$opened) {
    warn $@;
    exit 1;
}
$SIG{INT} = $SIG{TERM} = sub { $service->cancel };
my $status = eval { book($service, @booking) } // 1;
warn $@ if $@;
for my $left ($service->close) {
    warn 'left behind: ', $left->{id} // $left->{error}{message} // 'done', "\n";
    $status = 2;
}
exit $status;
