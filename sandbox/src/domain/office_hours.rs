//! Office hours as text: weekly rules, holidays, additional hours and the booking horizon.
//!
//! Every type is parsed from one value, so that an error in the configuration file is reported with
//! the line and column of that value.

use jiff::civil::Weekday;
use jiff::{Span, ToSpan};
use serde::Deserialize;

use super::dates::{number, CalendarDay};

const MINUTES_PER_DAY: i16 = 24 * 60;
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Opening and closing time in minutes after local midnight. `closes` is on the next day if it is
/// not later than `opens`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayTimes {
    /// 0 to 1439.
    pub(crate) opens: i16,
    /// 1 to 1440.
    pub(crate) closes: i16,
}

impl DayTimes {
    pub(crate) const WHOLE_DAY: DayTimes = DayTimes {
        opens: 0,
        closes: MINUTES_PER_DAY,
    };

    pub(crate) fn crosses_midnight(self) -> bool {
        self.closes <= self.opens
    }
}

/// A weekly rule such as `Mon-Fri 09:00-17:00`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WeeklyHours {
    days: [bool; 7],
    pub(crate) times: DayTimes,
}

impl WeeklyHours {
    pub(crate) fn applies_on(&self, weekday: Weekday) -> bool {
        self.days[day_index(weekday)]
    }
}

/// Hours in addition to the weekly ones, such as `2030-11-30 10:00-14:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AdditionalHours {
    /// The day on which the hours start.
    pub(crate) day: CalendarDay,
    pub(crate) times: DayTimes,
}

/// How far ahead a callback may be booked, such as `1M`: a number and one of `y M w d h m`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct BookingHorizon(pub(crate) Span);

impl Default for BookingHorizon {
    fn default() -> Self {
        BookingHorizon(1.month())
    }
}

/// The length of a slot: 5, 10, 15, 20, 30, 60 or 120 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct SlotMinutes(pub(crate) i16);

impl Default for SlotMinutes {
    fn default() -> Self {
        SlotMinutes(5)
    }
}

impl TryFrom<i64> for SlotMinutes {
    type Error = String;

    fn try_from(minutes: i64) -> Result<Self, String> {
        match minutes {
            5 | 10 | 15 | 20 | 30 | 60 | 120 => Ok(SlotMinutes(minutes as i16)),
            _ => Err(format!(
                "a slot of {minutes} minutes: write 5, 10, 15, 20, 30, 60 or 120"
            )),
        }
    }
}

impl TryFrom<String> for WeeklyHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        weekly_hours(text.trim()).ok_or_else(|| {
            format!(
                "office hours {text:?}: write days and times such as \"Mon-Fri 09:00-17:00\" or \"Sat 10:00-14:00\""
            )
        })
    }
}

impl TryFrom<String> for AdditionalHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = |text: &str| {
            let (day, times) = text.split_once(' ')?;
            Some(AdditionalHours {
                day: CalendarDay::parse(day)?,
                times: day_times(times.trim_start())?,
            })
        };
        read(text.trim()).ok_or_else(|| {
            format!(
                "additional hours {text:?}: write \"2030-11-30 10:00-14:00\", or \"11-30 10:00-14:00\" for every year"
            )
        })
    }
}

impl TryFrom<String> for BookingHorizon {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        horizon(text.trim()).ok_or_else(|| {
            format!("period {text:?}: write a whole number above 0 and one of y M w d h m, such as \"1M\"; at most two years")
        })
    }
}

fn weekly_hours(text: &str) -> Option<WeeklyHours> {
    let (days, times) = text.split_once(' ')?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (first, last) = (weekday(first)?, weekday(last)?);
    let mut open = [false; 7];
    let mut day = first;
    open[day] = true;
    while day != last {
        day = (day + 1) % 7;
        open[day] = true;
    }
    Some(WeeklyHours {
        days: open,
        times: day_times(times.trim_start())?,
    })
}

fn weekday(text: &str) -> Option<usize> {
    WEEKDAYS
        .iter()
        .position(|(name, _)| text.eq_ignore_ascii_case(name))
}

fn day_index(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

fn day_times(text: &str) -> Option<DayTimes> {
    let (opens, closes) = text.split_once('-')?;
    let times = DayTimes {
        opens: minutes(opens)?,
        closes: match minutes(closes)? {
            0 => MINUTES_PER_DAY,
            closes => closes,
        },
    };
    (times.opens < MINUTES_PER_DAY && times.opens != times.closes).then_some(times)
}

fn minutes(text: &str) -> Option<i16> {
    let (hour, minute) = text.split_once(':')?;
    let well_formed = (1..=2).contains(&hour.len()) && minute.len() == 2;
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (well_formed && minute < 60 && total <= MINUTES_PER_DAY).then_some(total)
}

fn horizon(text: &str) -> Option<BookingHorizon> {
    let unit = text.chars().last()?;
    let count = text.strip_suffix(unit)?;
    let count = i64::from(count.parse::<u32>().ok()?);
    let (span, limit) = match unit {
        'y' => (Span::new().try_years(count), 2),
        'M' => (Span::new().try_months(count), 24),
        'w' => (Span::new().try_weeks(count), 104),
        'd' => (Span::new().try_days(count), 731),
        'h' => (Span::new().try_hours(count), 731 * 24),
        'm' => (Span::new().try_minutes(count), 731 * 24 * 60),
        _ => return None,
    };
    (1..=limit)
        .contains(&count)
        .then(|| span.ok().map(BookingHorizon))
        .flatten()
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;

    fn weekly(text: &str) -> Result<WeeklyHours, String> {
        WeeklyHours::try_from(text.to_owned())
    }

    fn open_days(rule: &WeeklyHours) -> String {
        WEEKDAYS
            .iter()
            .map(|&(_, day)| if rule.applies_on(day) { '1' } else { '0' })
            .collect()
    }

    #[test]
    fn weekly_hours_are_parsed() {
        let rule = weekly("Mon-Fri 9:00-17:30").unwrap();
        assert_eq!(open_days(&rule), "1111100");
        assert_eq!(
            rule.times,
            DayTimes {
                opens: 540,
                closes: 1050
            }
        );
        assert_eq!(open_days(&weekly("sat 10:00-14:00").unwrap()), "0000010");
        assert_eq!(
            weekly("Mon-Sun 00:00-24:00").unwrap().times,
            DayTimes::WHOLE_DAY
        );
    }

    #[test]
    fn day_ranges_and_time_ranges_wrap() {
        let rule = weekly("Sat-Mon 22:00-06:00").unwrap();
        assert_eq!(open_days(&rule), "1000011");
        assert!(rule.times.crosses_midnight());
        let until_midnight = weekly("Mon 18:00-00:00").unwrap().times;
        assert!(!until_midnight.crosses_midnight());
        assert_eq!(until_midnight.closes, 1440);
    }

    #[test]
    fn invalid_hours_are_rejected() {
        for text in [
            "",
            "Mon",
            "Mon 9-17",
            "Mon 09:00",
            "Mon 09:00-09:00",
            "Mon 24:00-08:00",
            "Mon 09:60-10:00",
            "Mon 09:00-24:01",
            "Mon +9:00-10:00",
            "Xyz 09:00-10:00",
            "Mon-Fri-Sat 09:00-10:00",
            "09:00-10:00",
        ] {
            assert!(weekly(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn additional_hours_are_parsed() {
        let extra = AdditionalHours::try_from("11-30 10:00-14:00".to_owned()).unwrap();
        assert!(extra.day.matches(Date::constant(2031, 11, 30)));
        assert_eq!(
            extra.times,
            DayTimes {
                opens: 600,
                closes: 840
            }
        );
        assert!(AdditionalHours::try_from("11-30".to_owned()).is_err());
    }

    #[test]
    fn horizons_are_parsed() {
        for text in ["2y", "1M", "6w", "31d", "12h", "90m"] {
            assert!(
                BookingHorizon::try_from(text.to_owned()).is_ok(),
                "{text:?} was rejected"
            );
        }
        for text in ["", "M", "1", "0d", "-1d", "1s", "3y", "99999999999d", "1é"] {
            assert!(
                BookingHorizon::try_from(text.to_owned()).is_err(),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn slot_lengths_are_limited_to_the_documented_ones() {
        assert_eq!(SlotMinutes::try_from(120), Ok(SlotMinutes(120)));
        assert!(SlotMinutes::try_from(7).is_err());
        assert!(SlotMinutes::try_from(0).is_err());
    }
}
