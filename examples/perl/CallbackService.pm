package CallbackService;

# A service of libcallbackservice in poll mode: the library calls no Perl code, so that it meets neither a closure that
# Perl has freed nor a die.

use strict;
use warnings;
use FFI::Platypus 2.00;
use JSON::PP;

my $ffi = FFI::Platypus->new(api => 2, lib => 'libcallbackservice.so.1');
$ffi->find_symbol('cbsvc_init') or die "libcallbackservice.so.1 cannot be loaded\n";
$ffi->attach(@$_) for (
    # A text that the library allocates is an opaque: as a string* it would be copied, and never freed.
    [cbsvc_init => ['string', 'opaque', 'opaque', 'opaque*', 'opaque*'] => 'sint32'],
    [cbsvc_start => ['opaque', 'string', 'string', 'opaque', 'opaque', 'opaque', 'uint64*'] => 'sint32'],
    [cbsvc_next_event => ['opaque', 'sint32', 'uint64*', 'opaque*', 'opaque*'] => 'sint32'],
    [cbsvc_cancel => ['opaque', 'uint64'] => 'sint32'],
    [cbsvc_close => ['opaque', 'sint32'] => 'sint32'],
    [cbsvc_status_name => ['sint32'] => 'string'],
    [cbsvc_string_free => ['opaque'] => 'void'],
);

# Copies a text of the library, and frees it.
sub text {
    my ($pointer) = @_;
    my $text = $ffi->cast(opaque => 'string', $pointer);
    cbsvc_string_free($pointer);
    return $text;
}

# Opens a service with a configuration, which is a hash.
sub new {
    my ($class, $config) = @_;
    my $json = encode_json({%$config, handlers => 'poll'});
    my $status = cbsvc_init($json, undef, undef, \my $service, \my $error);
    die text($error) // cbsvc_status_name($status), "\n" if $status != 0;
    return bless { service => $service, cancelled => 0 }, $class;
}

# Runs a command, such as "schedule", and returns its outcome: a hash with the key error if it was rejected.
sub call {
    my ($self, $command, $options) = @_;
    my $status = cbsvc_start($self->{service}, "CallbackService.$command", encode_json($options),
        undef, undef, undef, \my $call);
    die "$command: ", cbsvc_status_name($status), "\n" if $status != 0;
    while (1) {
        cbsvc_cancel($self->{service}, $call) if $self->{cancelled};
        # Perl runs the handlers of its signals between the waits.
        my ($done, $outcome) = $self->next_event(200);
        return $outcome if $done == $call;
    }
}

# Ends the command that is running. A handler of a signal may call this; call returns what became of the command.
sub cancel { $_[0]{cancelled} = 1 }

# The id of the call that is complete, and its outcome; 0 for another event, or if there is none in time.
sub next_event {
    my ($self, $milliseconds) = @_;
    # A die of a signal handler comes after the wait: what was taken stays in the object, where close finds it.
    my $status = cbsvc_next_event($self->{service}, $milliseconds, \$self->{done}, undef, \$self->{data});
    my $name = cbsvc_status_name($status);
    die "waiting: $name\n" if $status != 0 && $name ne 'TIMEOUT';
    return $self->taken;
}

sub taken {
    my ($self) = @_;
    my $data = delete $self->{data};
    return defined $data ? ($self->{done}, decode_json(text($data))) : (0, undef);
}

# Closes the service. Returns the outcomes of commands that a die has left behind: none must be lost.
sub close {
    my ($self) = @_;
    my $service = $self->{service} // return;
    my ($call, $outcome) = $self->taken;
    my @left = $call ? $outcome : ();
    my $name;
    while (($name = cbsvc_status_name(cbsvc_close($service, 1000))) eq 'BUSY') {
        ($call, $outcome) = $self->next_event(-1);
        push @left, $outcome if $call;
    }
    delete $self->{service};
    warn "closing: $name\n" if $name ne 'OK';
    return @left;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $?);
    $self->close unless ${^GLOBAL_PHASE} eq 'DESTRUCT';
}

1;
