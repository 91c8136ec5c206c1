# A service of libcallbackservice in poll mode. A service is a number; configurations and outcomes are JSON.

namespace eval callbackservice {
    namespace export get count open call close
}

# The value at a JSON pointer, or the default if there is none.
proc callbackservice::get {json pointer {default ""}} {
    try {
        return [json_get $json $pointer]
    } trap {CALLBACKSERVICE NO_SUCH} {} {
        return $default
    }
}

# The number of elements of an array; 0 if there is none.
proc callbackservice::count {json pointer} {
    try {
        return [json_count $json $pointer]
    } trap {CALLBACKSERVICE NO_SUCH} {} {
        return 0
    }
}

# Opens a service with a configuration.
proc callbackservice::open {config} {
    return [init [json_set $config /handlers poll]]
}

# Runs a command, such as schedule, with a dictionary of options. Returns its outcome, which has /error/message if it
# was rejected.
proc callbackservice::call {service command options} {
    set json "{}"
    dict for {key value} $options {
        set json [json_set $json /$key $value]
    }
    set call [start $service CallbackService.$command $json]
    while 1 {
        lassign [next_event $service -1] done event outcome
        if {$done == $call} {
            return $outcome
        }
    }
}

# Closes a service. Returns the outcomes of calls that an error has left behind: what became of them must not be lost.
proc callbackservice::close {service} {
    set left {}
    while 1 {
        try {
            try_close $service 1000
            return $left
        } trap {CALLBACKSERVICE BUSY} {} {
            lassign [next_event $service -1] call event outcome
            if {$call != 0} {
                lappend left $outcome
            }
        }
    }
}
