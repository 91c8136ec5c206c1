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
/// `first_slot` says otherwise. A day has 24 hours. Without an end it is that one slot.
pub(crate) fn v1(
    calendar: &Calendar,
    start: Timestamp,
    end: IntervalEnd,
    first_slot: FirstSlot,
) -> Result<Interval, IntervalError> {
    let too_far = |_| IntervalError::TooFar;
    let end = match end {
        IntervalEnd::Unspecified => start,
        IntervalEnd::At(end) => end,
        IntervalEnd::Days(days) => start
            .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
            .map_err(too_far)?,
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
    let in_zone = |default: &TimeZone| start.to_zoned(requested_zone.unwrap_or(default).clone());
    let end = match end {
        IntervalEnd::At(end) => Ok(end),
        IntervalEnd::Days(days) => Span::new()
            .try_days(days)
            .and_then(|days| in_zone(&calendar.zone).checked_add(days))
            .map(|end| end.timestamp()),
        IntervalEnd::Unspecified => in_zone(&TimeZone::UTC)
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
        let read = |until, first| v1(&samples(), start, until, first).unwrap();
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
    fn end_before_start_is_rejected() {
        let (start, end) = (at("2030-01-07T10:00:00Z"), at("2030-01-07T09:59:59Z"));
        let until = IntervalEnd::At(end);
        assert!(v1(&samples(), start, until, FirstSlot::Current).is_err());
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
        assert!(v1(&samples(), start, until, FirstSlot::Current).is_err());
        assert!(v3(&samples(), start, until, None).is_err());
    }
}
