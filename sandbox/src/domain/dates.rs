//! Days and date ranges as text, each parsed from one value of the configuration file.

use jiff::civil::Date;
use serde::Deserialize;

/// One day of one year (`2030-12-25`) or of every year (`12-25`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CalendarDay {
    year: Option<i16>,
    month: i8,
    day: i8,
}

impl CalendarDay {
    pub(crate) fn parse(text: &str) -> Option<CalendarDay> {
        let mut parts = text.rsplitn(3, '-');
        let day = two_digits(parts.next()?)?;
        let month = two_digits(parts.next()?)?;
        let year = match parts.next() {
            Some(year) if year.len() == 4 => Some(number(year)?),
            Some(_) => return None,
            None => None,
        };
        // A leap year, so that 29 February can be a yearly day.
        Date::new(year.unwrap_or(2000), month, day).ok()?;
        Some(CalendarDay { year, month, day })
    }

    pub(crate) fn matches(self, date: Date) -> bool {
        self.year.is_none_or(|year| year == date.year())
            && self.month == date.month()
            && self.day == date.day()
    }
}

/// Dates such as `2030-04-01 to 2030-10-31`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DateRange {
    first: Date,
    last: Date,
}

impl DateRange {
    pub(crate) fn contains(self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

impl TryFrom<String> for CalendarDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        CalendarDay::parse(text.trim()).ok_or_else(|| {
            format!("day {text:?}: write \"2030-12-25\", or \"12-25\" for every year")
        })
    }
}

impl TryFrom<String> for DateRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = |text: &str| {
            let CalendarDay { year, month, day } = CalendarDay::parse(text.trim())?;
            Date::new(year?, month, day).ok()
        };
        let read = |text: &str| {
            let (first, last) = text.split_once(" to ")?;
            let (first, last) = (date(first)?, date(last)?);
            (first <= last).then_some(DateRange { first, last })
        };
        read(&text).ok_or_else(|| {
            format!(
                "effective dates {text:?}: write the first and the last date, such as \"2030-04-01 to 2030-10-31\""
            )
        })
    }
}

fn two_digits(text: &str) -> Option<i8> {
    (text.len() == 2)
        .then(|| number(text)?.try_into().ok())
        .flatten()
}

/// Digits only: the standard parser also accepts a sign.
pub(crate) fn number(text: &str) -> Option<i16> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_apply_once_or_yearly() {
        let day = |text: &str| CalendarDay::try_from(text.to_owned());
        let once = day("2030-12-25").unwrap();
        assert!(once.matches(Date::constant(2030, 12, 25)));
        assert!(!once.matches(Date::constant(2031, 12, 25)));
        let yearly = day("02-29").unwrap();
        assert!(yearly.matches(Date::constant(2028, 2, 29)));
        for text in [
            "",
            "12",
            "2030-02-29",
            "13-01",
            "1-1",
            "30-12-25",
            "2030-12-25-01",
        ] {
            assert!(day(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn effective_dates_are_parsed() {
        let range = |text: &str| DateRange::try_from(text.to_owned());
        let summer = range("2030-04-01 to 2030-10-31").unwrap();
        let contains = |month, day| summer.contains(Date::constant(2030, month, day));
        assert!(contains(4, 1) && contains(10, 31));
        assert!(!contains(3, 31) && !contains(11, 1));
        for text in [
            "",
            "2030-04-01",
            "2030-04-01 to ",
            "04-01 to 10-31",
            "2030-10-31 to 2030-04-01",
            "2030-02-30 to 2030-03-01",
        ] {
            assert!(range(text).is_err(), "{text:?} was accepted");
        }
    }
}
