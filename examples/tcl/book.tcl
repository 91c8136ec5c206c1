#!/usr/bin/env tclsh
# Shows the next open slots, and books one for a caller.
#
#     tclsh book.tcl CONFIG_FILE PHONE_NUMBER NAME ?DESIRED_TIME?
#
# CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
# The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.

package require Tcl 8.6
package require callbackservice
namespace import callbackservice::get callbackservice::count

# The locale decides how Tcl reads arguments and writes texts: with LC_ALL=C, an umlaut would become two other letters.
proc argument {text} {
    return [encoding convertfrom utf-8 [encoding convertto [encoding system] $text]]
}
chan configure stdout -encoding utf-8
chan configure stderr -encoding utf-8

proc read_file {path} {
    set channel [open $path]
    chan configure $channel -encoding utf-8
    try {
        return [read $channel]
    } finally {
        close $channel
    }
}

proc show {heading outcome} {
    puts $heading
    for {set index 0} {$index < min(3, [count $outcome /slots])} {incr index} {
        set slot /slots/$index
        puts "  [get $outcome $slot/utcTime]  [get $outcome $slot/capacity ?] free"
    }
}

proc book {service number name {time ""}} {
    set found [callbackservice::call $service availability {numberOfDays 1 maxTimeSlots 3}]
    if {[set reason [get $found /error/message]] ne ""} {
        puts stderr "no slots: $reason"
        return 1
    }
    show open: $found
    if {$time eq ""} {
        set time [get $found /slots/0/utcTime]
    }
    if {$time eq ""} {
        puts stderr "no slot is open"
        return 1
    }
    set options [dict create phonenumber $number firstname $name desiredtime $time]
    set booking [callbackservice::call $service schedule $options]
    if {[set reason [get $booking /error/message]] eq ""} {
        puts "booked $time as [get $booking /id]"
        return 0
    }
    puts stderr "not booked: $reason"
    if {[count $booking /slots] > 0} {
        show "open instead:" $booking
    }
    return [expr {[get $booking /error/booked] eq "unknown" ? 2 : 1}]
}

if {$argc != 3 && $argc != 4} {
    puts stderr "usage: tclsh book.tcl CONFIG_FILE PHONE_NUMBER NAME ?DESIRED_TIME?"
    exit 1
}
if {[catch {callbackservice::open [read_file [lindex $argv 0]]} service]} {
    puts stderr $service
    exit 1
}
set status 1
if {[catch {book $service {*}[lmap text [lrange $argv 1 end] {argument $text}]} result]} {
    puts stderr $result
} else {
    set status $result
}
foreach left [callbackservice::close $service] {
    puts stderr "left behind: [get $left /id [get $left /error/message done]]"
    set status 2
}
exit $status
