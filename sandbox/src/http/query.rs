//! Query parameters and their types, the same for both APIs.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use jiff::Timestamp;

use super::body::{self, BodyError};
use super::errors::ParameterError;
use crate::domain::time_format::{self, ParsedTime};

/// The parameters of a query string. The last one of a name counts; an empty value counts as
/// absent.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

/// A query string that is not decoded yet, because a handler first checks the credentials.
#[derive(Debug)]
pub(crate) struct RawQuery(Option<String>);

impl<S: Sync> FromRequestParts<S> for RawQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<RawQuery, Infallible> {
        Ok(RawQuery(parts.uri.query().map(str::to_owned)))
    }
}

impl RawQuery {
    pub(crate) fn parse(&self) -> Result<Query, BodyError> {
        Query::parse(self.0.as_deref())
    }
}

impl Query {
    /// Parses the part of a URL after the question mark.
    pub(crate) fn parse(text: Option<&str>) -> Result<Query, BodyError> {
        let pairs = body::pairs(text.unwrap_or_default())?;
        Ok(Query(pairs))
    }

    /// Refuses parameters that are not among the `known` ones.
    pub(crate) fn reject_unknown(&self, known: &[&str]) -> Result<(), ParameterError> {
        let mut names = self.0.iter().map(|(name, _)| name.as_str());
        let Some(name) = names.find(|name| !known.contains(name)) else {
            return Ok(());
        };
        let expected = match known {
            [] => "this address takes none".to_owned(),
            _ => format!("not one of {}", known.join(", ")),
        };
        Err(ParameterError::new(format!(
            "Unknown query parameter {name}: {expected}."
        )))
    }

    /// All parameters in the order of the query string, including empty and repeated ones.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a repeatable parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs()
            .filter(move |(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number from 1 on.
    pub(crate) fn count(&self, name: &str) -> Result<Option<i32>, ParameterError> {
        let parse = |text: &str| text.parse().ok().filter(|count| *count >= 1);
        self.parsed(name, "a whole number above 0", parse)
    }

    pub(crate) fn limit(&self, name: &str) -> Result<Option<usize>, ParameterError> {
        let count = self.count(name)?;
        Ok(count.and_then(|count| usize::try_from(count).ok()))
    }

    /// `true` or `false`; absent means false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ParameterError> {
        let flag = self.parsed(name, "true or false", parse_boolean)?;
        Ok(flag.unwrap_or(false))
    }

    /// A time with or without a zone.
    fn time(&self, name: &str) -> Result<Option<ParsedTime>, ParameterError> {
        self.parsed(
            name,
            "a time such as 2030-01-07T10:00:00.000Z (write + as %2B)",
            time_format::parse,
        )
    }

    pub(crate) fn time_with_zone(&self, name: &str) -> Result<Option<Timestamp>, ParameterError> {
        let text = self.text(name);
        text.map(|text| parse_time_with_zone(name, text))
            .transpose()
    }

    /// An IANA time zone.
    pub(crate) fn zone(&self, name: &str) -> Result<Option<TimeZone>, ParameterError> {
        self.parsed(name, "an IANA time zone", |text| TimeZone::get(text).ok())
    }

    /// A time that is given as text or in milliseconds. Text without a zone is read in `zone`.
    pub(crate) fn time_or_millis(
        &self,
        text: &str,
        millis: &str,
        zone: &TimeZone,
    ) -> Result<Option<Timestamp>, ParameterError> {
        let time = self.time(text)?;
        let count = self.millis(millis)?;
        let Some(time) = time else {
            return Ok(count);
        };
        if count.is_some() {
            return Err(ParameterError::new(format!(
                "Set only one of {text} and {millis}."
            )));
        }
        let out_of_range =
            || ParameterError::new(format!("Invalid parameter {text}: out of range."));
        time.in_zone(zone).map(Some).ok_or_else(out_of_range)
    }

    fn millis(&self, name: &str) -> Result<Option<Timestamp>, ParameterError> {
        let parse = |text: &str| Timestamp::from_millisecond(text.parse().ok()?).ok();
        self.parsed(name, "a number of milliseconds since 1970", parse)
    }

    fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(ParameterError::invalid_value(name, text, expected)),
        }
    }
}

/// Accepts any case.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

pub(crate) fn parse_time_with_zone(name: &str, text: &str) -> Result<Timestamp, ParameterError> {
    match time_format::parse(text) {
        Some(ParsedTime::Utc(time)) => Ok(time),
        Some(ParsedTime::Local(_)) => Err(ParameterError::new(format!(
            "Invalid parameter {name}: [{text}] has no time zone; end it with Z or an offset."
        ))),
        None => {
            let expected = "a time such as 2030-01-07T10:00:00.000Z";
            Err(ParameterError::invalid_value(name, text, expected))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(Some(text)).unwrap()
    }

    #[test]
    fn empty_is_absent_and_the_last_value_counts() {
        let query = query("a=1&a=2&b=");
        assert_eq!(query.text("a"), Some("2"));
        assert_eq!(query.text("b"), None);
        assert!(!query.flag("b").unwrap());
    }

    #[test]
    fn booleans_are_accepted_in_any_case() {
        let query = query("a=True&b=FALSE&c=tRuE&d=1");
        assert!(query.flag("a").unwrap() && query.flag("c").unwrap());
        assert!(!query.flag("b").unwrap());
        assert!(query.flag("d").is_err());
    }

    #[test]
    fn parameter_types_are_checked() {
        let query = query("n=0&f=yes&t=2030-01-07T10:00:00&ms=1e3&ok=1893456000000");
        assert!(query.count("n").is_err());
        assert!(query.limit("f").is_err());
        assert!(query.flag("f").is_err());
        assert!(query.time_with_zone("t").is_err());
        assert!(matches!(query.time("t"), Ok(Some(ParsedTime::Local(_)))));
        assert!(query.millis("ms").is_err());
        let time = query.millis("ok").unwrap().unwrap();
        assert_eq!(time_format::format_utc(time), "2030-01-01T00:00:00.000Z");
    }
}
