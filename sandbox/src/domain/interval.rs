//! The interval that an availability request asks for, in each of the two APIs.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Deserialize;

use super::calendar::{Calendar, Interval};

/// The end that a request gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntervalEnd {
    Unspecified,
    At(Timestamp),
    Days(i32),
}

/// v1: the first slot when an interval starts inside one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FirstSlot {
    /// The slot that contains the start.
    #[default]
    Current,
    Next,
}

/// v1: whether a slot that starts exactly at the end of an interval belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LastSlot {
    #[default]
    Before,
    At,
}

/// v1: what a day of `number-of-days` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum DayLength {
    #[default]
    #[serde(rename = "24-hours")]
    Hours24,
    /// A calendar day in the zone of the service.
    #[serde(rename = "calendar")]
    Calendar,
}

/// The points of a v1 interval in which real servers may differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct V1Rules {
    pub(crate) first_slot: FirstSlot,
    pub(crate) last_slot: LastSlot,
    pub(crate) day_length: DayLength,
}

/// The parameter that takes precedence when a request has both an end and a number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndPrecedence {
    #[default]
    End,
    NumberOfDays,
    /// Refuse the request; v3 only.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntervalError {
    #[error("Set only one of end, endMS and numberOfDays.")]
    TwoEnds,
    #[error("The end of the interval is before its start.")]
    Reversed,
    #[error("The interval reaches too far.")]
    TooFar,
}

impl IntervalEnd {
    pub(crate) fn choose(
        end: Option<Timestamp>,
        days: Option<i32>,
        precedence: EndPrecedence,
    ) -> Result<IntervalEnd, IntervalError> {
        let end = end.map(IntervalEnd::At);
        let days = days.map(IntervalEnd::Days);
        let chosen = match precedence {
            EndPrecedence::Refuse if end.is_some() && days.is_some() => {
                return Err(IntervalError::TwoEnds)
            }
            EndPrecedence::NumberOfDays => days.or(end),
            EndPrecedence::End | EndPrecedence::Refuse => end.or(days),
        };
        Ok(chosen.unwrap_or(IntervalEnd::Unspecified))
    }
}

/// The interval of a v1 request. It starts with the slot that contains `start`, unless
/// `rules` say otherwise. Without an end it is that one slot.
pub(crate) fn v1(
    calendar: &Calendar,
    start: Timestamp,
    end: IntervalEnd,
    rules: V1Rules,
) -> Result<Interval, IntervalError> {
    let first_slot = rules.first_slot;
    let too_far = |_| IntervalError::TooFar;
    let end = match end {
        IntervalEnd::Unspecified => start,
        IntervalEnd::At(end) => end,
        IntervalEnd::Days(days) => match rules.day_length {
            DayLength::Hours24 => start
                .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
                .map_err(too_far)?,
            DayLength::Calendar => add_days(start, days, &calendar.zone).map_err(too_far)?,
        },
    };
    let current = calendar.slot_at(start);
    if end == start && first_slot == FirstSlot::Next {
        let end = start
            .saturating_add(calendar.slot_length())
            .map_err(too_far)?;
        return Ok(Interval { start, end });
    }
    if end == start {
        return Ok(only_slot(current, start));
    }
    let from = match (first_slot, current) {
        (FirstSlot::Current, Some(slot)) => slot.start,
        _ => start,
    };
    check_order(start, end)?;
    let end = match rules.last_slot {
        LastSlot::Before => end,
        LastSlot::At => end
            .saturating_add(SignedDuration::from_nanos(1))
            .map_err(too_far)?,
    };
    Ok(Interval { start: from, end })
}

/// The interval of a v3 request. Its slots start at or after `start`. Days are calendar days in
/// the requested zone, else in the service's. Without an end it is the rest of the day in the
/// requested zone, else in UTC. A client that shows one calendar day therefore gets the slots of
/// that day and no others, also when the clocks change.
pub(crate) fn v3(
    calendar: &Calendar,
    start: Timestamp,
    end: IntervalEnd,
    requested_zone: Option<&TimeZone>,
) -> Result<Interval, IntervalError> {
    let end = match end {
        IntervalEnd::At(end) => Ok(end),
        IntervalEnd::Days(days) => add_days(start, days, requested_zone.unwrap_or(&calendar.zone)),
        IntervalEnd::Unspecified => start
            .to_zoned(requested_zone.unwrap_or(&TimeZone::UTC).clone())
            .tomorrow()
            .and_then(|tomorrow| tomorrow.start_of_day())
            .map(|midnight| midnight.timestamp()),
    };
    let end = end.map_err(|_| IntervalError::TooFar)?;
    if end == start {
        return Ok(only_slot(calendar.slot_at(start), start));
    }
    check_order(start, end)?;
    Ok(Interval { start, end })
}

/// Calendar days later, in a zone.
fn add_days(start: Timestamp, days: i32, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
    let days = Span::new().try_days(days)?;
    let end = start.to_zoned(zone.clone()).checked_add(days)?;
    Ok(end.timestamp())
}

/// An interval in which exactly one slot starts, or none when the office is closed.
fn only_slot(slot: Option<Interval>, start: Timestamp) -> Interval {
    slot.unwrap_or(Interval { start, end: start })
}

fn check_order(start: Timestamp, end: Timestamp) -> Result<(), IntervalError> {
    if start <= end {
        Ok(())
    } else {
        Err(IntervalError::Reversed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn samples() -> Calendar {
        Calendar {
            zone: TimeZone::UTC,
            hours: Vec::new(),
            effective: Vec::new(),
            holidays: Vec::new(),
            extra_hours: Vec::new(),
            slot: 15.try_into().unwrap(),
        }
    }

    fn interval(start: &str, end: &str) -> Interval {
        Interval {
            start: at(start),
            end: at(end),
        }
    }

    #[test]
    fn v1_starts_with_the_current_slot() {
        let start = at("2030-01-07T10:07:00Z");
        let read = |until, first_slot| {
            let rules = V1Rules {
                first_slot,
                ..V1Rules::default()
            };
            v1(&samples(), start, until, rules).unwrap()
        };
        assert_eq!(
            read(IntervalEnd::Unspecified, FirstSlot::Current),
            interval("2030-01-07T10:00:00Z", "2030-01-07T10:15:00Z")
        );
        assert_eq!(
            read(IntervalEnd::Days(1), FirstSlot::Current),
            interval("2030-01-07T10:00:00Z", "2030-01-08T10:07:00Z")
        );
        assert_eq!(
            read(IntervalEnd::Unspecified, FirstSlot::Next),
            interval("2030-01-07T10:07:00Z", "2030-01-07T10:22:00Z")
        );
        assert_eq!(
            read(IntervalEnd::At(at("2030-01-07T11:00:00Z")), FirstSlot::Next),
            interval("2030-01-07T10:07:00Z", "2030-01-07T11:00:00Z")
        );
    }

    #[test]
    fn v1_last_slot_and_day_length_are_configurable() {
        let mut calendar = samples();
        calendar.zone = TimeZone::get("Europe/London").unwrap();
        let start = at("2030-03-31T00:00:00Z");
        let slots = |until, rules| {
            let interval = v1(&calendar, start, until, rules).unwrap();
            calendar.slots(interval.start, interval.end).count()
        };
        let at_end = V1Rules {
            last_slot: LastSlot::At,
            ..V1Rules::default()
        };
        let hour = IntervalEnd::At(at("2030-03-31T01:00:00Z"));
        assert_eq!(slots(hour, V1Rules::default()), 4);
        assert_eq!(slots(hour, at_end), 5);
        let same = IntervalEnd::At(start);
        assert_eq!(slots(same, at_end), 1);
        let calendar_days = V1Rules {
            day_length: DayLength::Calendar,
            ..V1Rules::default()
        };
        assert_eq!(slots(IntervalEnd::Days(1), V1Rules::default()), 96);
        assert_eq!(
            slots(IntervalEnd::Days(1), calendar_days),
            92,
            "the clocks go forward"
        );
        let too_far = IntervalEnd::Days(i32::MAX);
        assert!(v1(&calendar, start, too_far, calendar_days).is_err());
    }

    #[test]
    fn end_before_start_is_rejected() {
        let (start, end) = (at("2030-01-07T10:00:00Z"), at("2030-01-07T09:59:59Z"));
        let until = IntervalEnd::At(end);
        assert!(v1(&samples(), start, until, V1Rules::default()).is_err());
        assert!(v3(&samples(), start, until, None).is_err());
    }

    #[test]
    fn v3_days_are_calendar_days() {
        let london = TimeZone::get("Europe/London").unwrap();
        // Midnight before the clocks go forward: that day has 23 hours.
        let start = at("2030-03-31T00:00:00Z");
        let day = interval("2030-03-31T00:00:00Z", "2030-03-31T23:00:00Z");
        assert_eq!(
            v3(&samples(), start, IntervalEnd::Days(1), Some(&london)).unwrap(),
            day
        );
        assert_eq!(
            v3(&samples(), start, IntervalEnd::Unspecified, Some(&london)).unwrap(),
            day
        );
        assert_eq!(
            v3(&samples(), start, IntervalEnd::Unspecified, None).unwrap(),
            interval("2030-03-31T00:00:00Z", "2030-04-01T00:00:00Z")
        );
    }

    #[test]
    fn v3_days_are_days_of_the_service_zone_by_default() {
        let mut calendar = samples();
        calendar.zone = TimeZone::get("Europe/London").unwrap();
        let days = |start: &str| v3(&calendar, at(start), IntervalEnd::Days(1), None).unwrap();
        let spring = interval("2030-03-31T00:00:00Z", "2030-03-31T23:00:00Z");
        assert_eq!(days("2030-03-31T00:00:00Z"), spring);
        let autumn = interval("2030-10-26T23:00:00Z", "2030-10-28T00:00:00Z");
        assert_eq!(days("2030-10-26T23:00:00Z"), autumn);
    }

    #[test]
    fn v3_equal_start_and_end_select_the_slot_around_them() {
        let start = at("2030-01-07T10:07:00Z");
        assert_eq!(
            v3(&samples(), start, IntervalEnd::At(start), None).unwrap(),
            interval("2030-01-07T10:00:00Z", "2030-01-07T10:15:00Z")
        );
    }

    #[test]
    fn days_beyond_the_calendar_are_rejected() {
        let start = at("2030-01-07T10:00:00Z");
        let until = IntervalEnd::Days(i32::MAX);
        assert!(v1(&samples(), start, until, V1Rules::default()).is_err());
        assert!(v3(&samples(), start, until, None).is_err());
    }
}
