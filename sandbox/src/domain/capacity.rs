//! Places in a slot: the same number everywhere, or numbers by the hour of the week with exceptions for single days.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::office_hours::{AdditionalHours, DayTimes, WeeklyHours};

/// No entry for an hour counts more places than this, as on real servers.
const MOST_PLACES: u32 = 1000;

/// The places of all slots of a service.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// The zone in which the hours are meant.
    pub(crate) zone: TimeZone,
    /// Places in each slot when nothing is said for hours of the week.
    pub(crate) places: u32,
    /// Places by the hour of the week; hours that are not named have none.
    pub(crate) weekly: Vec<WeeklyPlaces>,
    /// Places on single days, in place of all else for the hours they name.
    pub(crate) exceptions: Vec<ExceptionalPlaces>,
}

/// Places such as `Mon-Fri 09:00-12:00 10`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WeeklyPlaces {
    hours: WeeklyHours,
    places: u32,
}

/// Places such as `2030-12-24 09:00-12:00 1`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ExceptionalPlaces {
    hours: AdditionalHours,
    places: u32,
}

impl Capacity {
    /// How many scheduled bookings a slot holds that begins at this moment.
    pub(crate) fn places(&self, start: Timestamp) -> u32 {
        if self.weekly.is_empty() && self.exceptions.is_empty() {
            return self.places;
        }
        let local = start.to_zoned(self.zone.clone());
        let (date, time) = (local.date(), local.time());
        let exception = self.exceptions.iter().find(|rule| {
            let day = rule.hours.day;
            covers(rule.hours.times, date, time, |date| day.is(date))
        });
        let weekly = || {
            let rule = self.weekly.iter().find(|rule| {
                covers(rule.hours.times, date, time, |date| {
                    rule.hours.opens_on(date.weekday())
                })
            });
            rule.map_or(0, |rule| rule.places.min(MOST_PLACES))
        };
        let general = || {
            if self.weekly.is_empty() {
                self.places
            } else {
                weekly()
            }
        };
        exception.map_or_else(general, |rule| rule.places.min(MOST_PLACES))
    }
}

/// Whether times that begin on days which `begins` tells hold a moment; after midnight they began the day before.
fn covers(times: DayTimes, date: Date, time: Time, begins: impl Fn(Date) -> bool) -> bool {
    let minute = i16::from(time.hour()) * 60 + i16::from(time.minute());
    if !times.wraps() {
        return begins(date) && times.opens <= minute && minute < times.closes;
    }
    let evening = minute >= times.opens && begins(date);
    evening || (minute < times.closes && date.yesterday().is_ok_and(begins))
}

/// The rule's text and its number of places.
fn split(text: &str) -> Option<(String, u32)> {
    let (hours, places) = text.trim().rsplit_once(' ')?;
    Some((hours.trim_end().to_owned(), places.parse().ok()?))
}

impl TryFrom<String> for WeeklyPlaces {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = split(&text).and_then(|(hours, places)| Some((hours.try_into().ok()?, places)));
        read.map(|(hours, places)| WeeklyPlaces { hours, places }).ok_or_else(|| {
            format!("places {text:?}: write days, times and a number such as \"Mon-Fri 09:00-12:00 10\"")
        })
    }
}

impl TryFrom<String> for ExceptionalPlaces {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = split(&text).and_then(|(hours, places)| Some((hours.try_into().ok()?, places)));
        read.map(|(hours, places)| ExceptionalPlaces { hours, places }).ok_or_else(|| {
            format!("places {text:?}: write a day, times and a number such as \"2030-12-24 09:00-12:00 1\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(weekly: &[&str], exceptions: &[&str]) -> Capacity {
        Capacity {
            zone: TimeZone::get("Europe/London").unwrap(),
            places: 7,
            weekly: weekly
                .iter()
                .map(|text| text.to_string().try_into().unwrap())
                .collect(),
            exceptions: exceptions
                .iter()
                .map(|text| text.to_string().try_into().unwrap())
                .collect(),
        }
    }

    fn places(capacity: &Capacity, start: &str) -> u32 {
        capacity.places(start.parse().unwrap())
    }

    #[test]
    fn hours_of_the_week_are_local_and_unnamed_ones_have_no_place() {
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
    fn exceptions_stand_for_the_hours_they_name() {
        let general = capacity(&[], &["12-24 09:00-12:00 1"]);
        assert_eq!(places(&general, "2030-12-24T09:00:00Z"), 1);
        assert_eq!(places(&general, "2030-12-24T12:00:00Z"), 7);
        let weekly = capacity(&["Mon-Sun 00:00-24:00 3"], &["2030-12-24 09:00-12:00 0"]);
        assert_eq!(places(&weekly, "2030-12-24T09:00:00Z"), 0);
        assert_eq!(places(&weekly, "2031-12-24T09:00:00Z"), 3);
    }

    #[test]
    fn there_is_a_most() {
        let capacity = capacity(&["Mon-Sun 00:00-24:00 5000"], &[]);
        assert_eq!(places(&capacity, "2030-12-24T09:00:00Z"), 1000);
    }

    #[test]
    fn wrong_places_are_refused() {
        for text in [
            "",
            "10",
            "Mon-Fri 09:00-12:00",
            "Mon-Fri 09:00-12:00 -1",
            "Mon-Fri 09:00-12:00 1.5",
        ] {
            assert!(WeeklyPlaces::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(ExceptionalPlaces::try_from("Mon 09:00-12:00 1".to_owned()).is_err());
    }
}
