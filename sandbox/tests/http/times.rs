//! Times relative to now, so that the tests pass on every day.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

pub fn text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub fn in_minutes(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

/// The start of a 15-minute slot some hours ahead.
pub fn slot_in_hours(hours: i64) -> Timestamp {
    let seconds = in_minutes(hours * 60).as_second();
    Timestamp::from_second(seconds - seconds % 900).unwrap()
}

/// London, the next day of the week that fits, at a time of day.
pub fn london(fits: impl Fn(Weekday) -> bool, hour: i8, minute: i8) -> Zoned {
    let zone = TimeZone::get("Europe/London").unwrap();
    let mut day = Timestamp::now().to_zoned(zone).tomorrow().unwrap();
    while !fits(day.weekday()) {
        day = day.tomorrow().unwrap();
    }
    day.with()
        .time(jiff::civil::time(hour, minute, 0, 0))
        .build()
        .unwrap()
}

pub fn working_day(day: Weekday) -> bool {
    !matches!(day, Weekday::Saturday | Weekday::Sunday)
}

/// Office hours in UTC of a service that is closed now and on the next day.
pub fn closed_now() -> String {
    let day = Timestamp::now().to_zoned(TimeZone::UTC) + 3.days();
    day.strftime("%a 09:00-10:00").to_string()
}
