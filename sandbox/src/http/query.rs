//! Query parameters and their types, the same for both APIs.

use jiff::tz::TimeZone;
use jiff::Timestamp;

use crate::booking::BookingError;
use crate::domain::time_format::{self, ParsedTime};
use crate::http::body::{self, BodyError};

/// The parameters of a query string. A later one replaces an earlier one of the same name;
/// one with an empty value counts as absent.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of the address behind the question mark.
    pub(crate) fn read(text: Option<&str>) -> Result<Query, BodyError> {
        let pairs = body::pairs(text.unwrap_or_default())?;
        Ok(Query(pairs))
    }

    /// Refuses parameters that are not among the `known` ones.
    pub(crate) fn reject_unknown(&self, known: &[&str]) -> Result<(), BookingError> {
        let is_unknown = |name: &&String| !known.contains(&name.as_str());
        let Some(name) = self.0.iter().map(|(name, _)| name).find(is_unknown) else {
            return Ok(());
        };
        let expected = match known {
            [] => "this address takes none".to_owned(),
            _ => format!("not one of {}", known.join(", ")),
        };
        Err(BookingError::Parameter(format!(
            "Unknown query parameter {name}: {expected}."
        )))
    }

    /// All parameters that are not empty, as they are written.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(_, value)| !value.is_empty())
    }

    /// Every value of a parameter that may stand several times.
    pub(crate) fn every<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// A parameter as it is written.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number from 1 on.
    pub(crate) fn count(&self, name: &str) -> Result<Option<i32>, BookingError> {
        let read = |text: &str| text.parse().ok().filter(|count| *count >= 1);
        self.parsed(name, "a whole number above 0", read)
    }

    /// A number of slots.
    pub(crate) fn slots(&self, name: &str) -> Result<Option<usize>, BookingError> {
        let count = self.count(name)?;
        Ok(count.and_then(|count| usize::try_from(count).ok()))
    }

    /// `true` or `false`; absent means false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, BookingError> {
        Ok(self
            .parsed(name, "true or false", boolean)?
            .unwrap_or(false))
    }

    /// A time with or without zone.
    pub(crate) fn written(&self, name: &str) -> Result<Option<ParsedTime>, BookingError> {
        self.parsed(
            name,
            "a time such as 2030-01-07T10:00:00.000Z (write + as %2B)",
            time_format::parse,
        )
    }

    /// A time with zone.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<Timestamp>, BookingError> {
        let text = self.text(name);
        text.map(|text| moment(name, text)).transpose()
    }

    /// An IANA time zone.
    pub(crate) fn zone(&self, name: &str) -> Result<Option<TimeZone>, BookingError> {
        self.parsed(name, "an IANA time zone", |text| TimeZone::get(text).ok())
    }

    /// A time that is given either as text, in `zone` if it names none, or in milliseconds.
    pub(crate) fn one_of(
        &self,
        text: &str,
        milliseconds: &str,
        zone: &TimeZone,
    ) -> Result<Option<Timestamp>, BookingError> {
        let written = self.written(text)?;
        let counted = self.milliseconds(milliseconds)?;
        match (written, counted) {
            (Some(_), Some(_)) => Err(BookingError::Parameter(format!(
                "Set only one of {text} and {milliseconds}."
            ))),
            (Some(written), None) => match written.in_zone(zone) {
                Some(moment) => Ok(Some(moment)),
                None => Err(BookingError::Parameter(format!(
                    "Invalid parameter {text}: out of range."
                ))),
            },
            (None, counted) => Ok(counted),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn milliseconds(&self, name: &str) -> Result<Option<Timestamp>, BookingError> {
        let read = |text: &str| Timestamp::from_millisecond(text.parse().ok()?).ok();
        self.parsed(name, "a number of milliseconds since 1970", read)
    }

    fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, BookingError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(BookingError::Parameter(format!(
                "Invalid parameter {name}: [{text}] is not {wanted}."
            ))),
        }
    }
}

/// Reads `true` or `false`, in capital or small letters.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// Reads a time that must say its zone.
pub(crate) fn moment(name: &str, text: &str) -> Result<Timestamp, BookingError> {
    match time_format::parse(text) {
        Some(ParsedTime::Utc(moment)) => Ok(moment),
        Some(ParsedTime::Local(_)) => Err(BookingError::Parameter(format!(
            "Invalid parameter {name}: [{text}] has no time zone; end it with Z or an offset."
        ))),
        None => Err(BookingError::Parameter(format!(
            "Invalid parameter {name}: [{text}] is not a time such as 2030-01-07T10:00:00.000Z."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::read(Some(text)).unwrap()
    }

    #[test]
    fn empty_is_absent_and_the_last_one_counts() {
        let query = query("a=1&a=2&b=");
        assert_eq!(query.text("a"), Some("2"));
        assert_eq!(query.text("b"), None);
        assert!(!query.flag("b").unwrap());
    }

    #[test]
    fn booleans_are_read_in_any_case() {
        let query = query("a=True&b=FALSE&c=tRuE&d=1");
        assert!(query.flag("a").unwrap() && query.flag("c").unwrap());
        assert!(!query.flag("b").unwrap());
        assert!(query.flag("d").is_err());
    }

    #[test]
    fn types_are_checked() {
        let query = query("n=0&f=yes&t=2030-01-07T10:00:00&ms=1e3&ok=1893456000000");
        assert!(query.count("n").is_err());
        assert!(query.slots("f").is_err());
        assert!(query.flag("f").is_err());
        assert!(query.moment("t").is_err());
        assert!(matches!(query.written("t"), Ok(Some(ParsedTime::Local(_)))));
        assert!(query.milliseconds("ms").is_err());
        let moment = query.milliseconds("ok").unwrap().unwrap();
        assert_eq!(time_format::format_utc(moment), "2030-01-01T00:00:00.000Z");
    }
}
