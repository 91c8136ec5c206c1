//! The capacity of slots: one number for all, or numbers by the hour of the week with overrides for
//! single days.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::Timestamp;
use serde::Deserialize;

use super::office_hours::{AdditionalHours, DayTimes, WeeklyHours};

/// The limit of one entry, as on real servers.
const MAX_CAPACITY: u32 = 1000;

/// The capacity of all slots of a service.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// The zone of all hours.
    pub(crate) zone: TimeZone,
    /// The capacity of each slot without weekly entries.
    pub(crate) default: u32,
    /// By hour of the week; hours without an entry have capacity 0.
    pub(crate) weekly: Vec<WeeklyCapacity>,
    /// On single days; replaces all else in the hours of the entry.
    pub(crate) overrides: Vec<CapacityOverride>,
}

/// An entry such as `Mon-Fri 09:00-12:00 10`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WeeklyCapacity {
    hours: WeeklyHours,
    capacity: u32,
}

/// An entry such as `2030-12-24 09:00-12:00 1`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CapacityOverride {
    hours: AdditionalHours,
    capacity: u32,
}

impl Capacity {
    /// How many scheduled bookings the slot that starts at `start` holds.
    pub(crate) fn of_slot(&self, start: Timestamp) -> u32 {
        if self.weekly.is_empty() && self.overrides.is_empty() {
            return self.default;
        }
        let local = start.to_zoned(self.zone.clone());
        let (date, time) = (local.date(), local.time());
        let is_override = |rule: &&CapacityOverride| {
            let day = rule.hours.day;
            contains(rule.hours.times, date, time, |date| day.matches(date))
        };
        let is_weekly = |rule: &&WeeklyCapacity| {
            contains(rule.hours.times, date, time, |date| {
                rule.hours.applies_on(date.weekday())
            })
        };
        if let Some(rule) = self.overrides.iter().find(is_override) {
            return rule.capacity.min(MAX_CAPACITY);
        }
        if self.weekly.is_empty() {
            return self.default;
        }
        let rule = self.weekly.iter().find(is_weekly);
        rule.map_or(0, |rule| rule.capacity.min(MAX_CAPACITY))
    }
}

/// Whether hours contain a local time. `starts_on` says on which dates the hours start; hours that
/// cross midnight contain the early hours of the next date.
fn contains(times: DayTimes, date: Date, time: Time, starts_on: impl Fn(Date) -> bool) -> bool {
    let minute = i16::from(time.hour()) * 60 + i16::from(time.minute());
    if !times.crosses_midnight() {
        return starts_on(date) && times.opens <= minute && minute < times.closes;
    }
    let evening = minute >= times.opens && starts_on(date);
    evening || (minute < times.closes && date.yesterday().is_ok_and(starts_on))
}

/// Splits an entry into its hours and its number.
fn split<T: TryFrom<String>>(text: &str) -> Option<(T, u32)> {
    let (hours, capacity) = text.trim().rsplit_once(' ')?;
    let hours = hours.trim_end().to_owned().try_into().ok()?;
    Some((hours, capacity.parse().ok()?))
}

impl TryFrom<String> for WeeklyCapacity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let entry = split(&text).map(|(hours, capacity)| WeeklyCapacity { hours, capacity });
        entry.ok_or_else(|| {
            format!(
                "places {text:?}: write days, times and a number such as \"Mon-Fri 09:00-12:00 10\""
            )
        })
    }
}

impl TryFrom<String> for CapacityOverride {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let entry = split(&text).map(|(hours, capacity)| CapacityOverride { hours, capacity });
        entry.ok_or_else(|| {
            format!(
                "places {text:?}: write a day, times and a number such as \"2030-12-24 09:00-12:00 1\""
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(weekly: &[&str], exceptions: &[&str]) -> Capacity {
        Capacity {
            zone: TimeZone::get("Europe/London").unwrap(),
            default: 7,
            weekly: weekly
                .iter()
                .map(|text| text.to_string().try_into().unwrap())
                .collect(),
            overrides: exceptions
                .iter()
                .map(|text| text.to_string().try_into().unwrap())
                .collect(),
        }
    }

    fn places(capacity: &Capacity, start: &str) -> u32 {
        capacity.of_slot(start.parse().unwrap())
    }

    #[test]
    fn weekly_hours_are_local_and_other_hours_have_no_capacity() {
        let capacity = capacity(
            &[
                "Mon-Fri 09:00-12:00 10",
                "Mon-Fri 12:00-17:00 5",
                "Fri 22:00-02:00 2",
            ],
            &[],
        );
        assert_eq!(
            places(&capacity, "2030-07-01T08:00:00Z"),
            10,
            "09:00 in summer"
        );
        assert_eq!(places(&capacity, "2030-07-01T11:00:00Z"), 5);
        assert_eq!(places(&capacity, "2030-07-01T16:00:00Z"), 0);
        assert_eq!(
            places(&capacity, "2030-07-06T00:30:00Z"),
            2,
            "Saturday 01:30 belongs to Friday"
        );
        assert_eq!(places(&capacity, "2030-07-07T09:00:00Z"), 0, "a Sunday");
    }

    #[test]
    fn override_replaces_the_hours_it_names() {
        let general = capacity(&[], &["12-24 09:00-12:00 1"]);
        assert_eq!(places(&general, "2030-12-24T09:00:00Z"), 1);
        assert_eq!(places(&general, "2030-12-24T12:00:00Z"), 7);
        let weekly = capacity(&["Mon-Sun 00:00-24:00 3"], &["2030-12-24 09:00-12:00 0"]);
        assert_eq!(places(&weekly, "2030-12-24T09:00:00Z"), 0);
        assert_eq!(places(&weekly, "2031-12-24T09:00:00Z"), 3);
    }

    #[test]
    fn capacity_is_capped() {
        let capacity = capacity(&["Mon-Sun 00:00-24:00 5000"], &[]);
        assert_eq!(places(&capacity, "2030-12-24T09:00:00Z"), 1000);
    }

    #[test]
    fn invalid_entries_are_rejected() {
        for text in [
            "",
            "10",
            "Mon-Fri 09:00-12:00",
            "Mon-Fri 09:00-12:00 -1",
            "Mon-Fri 09:00-12:00 1.5",
        ] {
            assert!(
                WeeklyCapacity::try_from(text.to_owned()).is_err(),
                "{text:?}"
            );
        }
        assert!(CapacityOverride::try_from("Mon 09:00-12:00 1".to_owned()).is_err());
    }
}
