//! Which stretch of time an availability request means, for each of the two APIs.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::booking::Refusal;
use crate::config::FirstSlot;
use crate::domain::calendar::{Calendar, Slot};

/// How far a request looks from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The request does not say.
    Unsaid,
    /// Up to a moment.
    Moment(Timestamp),
    /// A number of days.
    Days(i32),
}

/// What a v1 request means: it begins with the slot that contains `start`, unless the switch
/// says otherwise; days are 24 hours; without an end it is that one slot.
pub(crate) fn v1(
    calendar: &Calendar,
    start: Timestamp,
    until: Until,
    first_slot: FirstSlot,
) -> Result<Slot, Refusal> {
    let end = match until {
        Until::Unsaid => start,
        Until::Moment(end) => end,
        Until::Days(days) => start
            .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
            .map_err(|_| too_far())?,
    };
    let current = calendar.slot_at(start);
    if end == start && first_slot == FirstSlot::Next {
        return Ok(Slot {
            start,
            end: start
                .saturating_add(calendar.slot_length())
                .map_err(|_| too_far())?,
        });
    }
    if end == start {
        return Ok(only_slot(current, start));
    }
    let from = match (first_slot, current) {
        (FirstSlot::Current, Some(slot)) => slot.start,
        _ => start,
    };
    ordered(start, end)?;
    Ok(Slot { start: from, end })
}

/// What a v3 request means: the slots that begin at or after `start`; days are days on the
/// calendar of the asked zone, else of the service; without an end it is the rest of that day
/// in the asked zone, else in UTC. A calendar that shows one day then gets that day's slots and
/// no others, also when the clocks change.
pub(crate) fn v3(
    calendar: &Calendar,
    start: Timestamp,
    until: Until,
    asked: Option<&TimeZone>,
) -> Result<Slot, Refusal> {
    let in_zone = |other: &TimeZone| start.to_zoned(asked.unwrap_or(other).clone());
    let end = match until {
        Until::Moment(end) => end,
        Until::Days(days) => {
            let end = Span::new()
                .try_days(days)
                .and_then(|days| in_zone(&calendar.zone).checked_add(days));
            end.map_err(|_| too_far())?.timestamp()
        }
        Until::Unsaid => {
            let midnight = in_zone(&TimeZone::UTC)
                .tomorrow()
                .and_then(|tomorrow| tomorrow.start_of_day());
            midnight.map_err(|_| too_far())?.timestamp()
        }
    };
    if end == start {
        return Ok(only_slot(calendar.slot_at(start), start));
    }
    ordered(start, end)?;
    Ok(Slot { start, end })
}

/// A stretch in which exactly one slot begins, or none when the office is closed.
fn only_slot(slot: Option<Slot>, start: Timestamp) -> Slot {
    slot.unwrap_or(Slot { start, end: start })
}

fn ordered(start: Timestamp, end: Timestamp) -> Result<(), Refusal> {
    if start <= end {
        return Ok(());
    }
    Err(Refusal::Parameter(
        "The end of the interval is before its start.".to_owned(),
    ))
}

fn too_far() -> Refusal {
    Refusal::Parameter("The interval reaches too far.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn samples() -> Calendar {
        let settings = Settings::load(None).unwrap();
        settings.services["samples"].calendar.clone()
    }

    fn stretch(start: &str, end: &str) -> Slot {
        Slot {
            start: at(start),
            end: at(end),
        }
    }

    #[test]
    fn v1_begins_with_the_current_slot() {
        let start = at("2030-01-07T10:07:00Z");
        let read = |until, first| v1(&samples(), start, until, first).unwrap();
        assert_eq!(
            read(Until::Unsaid, FirstSlot::Current),
            stretch("2030-01-07T10:00:00Z", "2030-01-07T10:15:00Z")
        );
        assert_eq!(
            read(Until::Days(1), FirstSlot::Current),
            stretch("2030-01-07T10:00:00Z", "2030-01-08T10:07:00Z")
        );
        assert_eq!(
            read(Until::Unsaid, FirstSlot::Next),
            stretch("2030-01-07T10:07:00Z", "2030-01-07T10:22:00Z")
        );
        assert_eq!(
            read(Until::Moment(at("2030-01-07T11:00:00Z")), FirstSlot::Next),
            stretch("2030-01-07T10:07:00Z", "2030-01-07T11:00:00Z")
        );
    }

    #[test]
    fn an_end_before_the_start_is_refused() {
        let (start, end) = (at("2030-01-07T10:00:00Z"), at("2030-01-07T09:59:59Z"));
        let until = Until::Moment(end);
        assert!(v1(&samples(), start, until, FirstSlot::Current).is_err());
        assert!(v3(&samples(), start, until, None).is_err());
    }

    #[test]
    fn v3_days_follow_the_clock_on_the_wall() {
        let london = TimeZone::get("Europe/London").unwrap();
        // Midnight before the clocks go forward: that day has 23 hours.
        let start = at("2030-03-31T00:00:00Z");
        let day = stretch("2030-03-31T00:00:00Z", "2030-03-31T23:00:00Z");
        assert_eq!(
            v3(&samples(), start, Until::Days(1), Some(&london)).unwrap(),
            day
        );
        assert_eq!(
            v3(&samples(), start, Until::Unsaid, Some(&london)).unwrap(),
            day
        );
        assert_eq!(
            v3(&samples(), start, Until::Unsaid, None).unwrap(),
            stretch("2030-03-31T00:00:00Z", "2030-04-01T00:00:00Z")
        );
    }

    #[test]
    fn v3_days_are_the_days_of_the_service_when_no_zone_is_asked() {
        let mut calendar = samples();
        calendar.zone = TimeZone::get("Europe/London").unwrap();
        let days = |start: &str| v3(&calendar, at(start), Until::Days(1), None).unwrap();
        let spring = stretch("2030-03-31T00:00:00Z", "2030-03-31T23:00:00Z");
        assert_eq!(days("2030-03-31T00:00:00Z"), spring);
        let autumn = stretch("2030-10-26T23:00:00Z", "2030-10-28T00:00:00Z");
        assert_eq!(days("2030-10-26T23:00:00Z"), autumn);
    }

    #[test]
    fn v3_start_and_end_alike_mean_the_slot_around_them() {
        let start = at("2030-01-07T10:07:00Z");
        assert_eq!(
            v3(&samples(), start, Until::Moment(start), None).unwrap(),
            stretch("2030-01-07T10:00:00Z", "2030-01-07T10:15:00Z")
        );
    }

    #[test]
    fn days_beyond_the_calendar_are_refused() {
        let start = at("2030-01-07T10:00:00Z");
        let until = Until::Days(i32::MAX);
        assert!(v1(&samples(), start, until, FirstSlot::Current).is_err());
        assert!(v3(&samples(), start, until, None).is_err());
    }
}
