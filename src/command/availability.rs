//! The options of the availability command.

use super::options::{
    boolean, conflict, get, invalid_option, is_absent, positive_integer, text, time, OptionNames,
};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;
use crate::text::number::whole_number;
use crate::text::timestamp;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.availability",
    resolved: c"CallbackService.availableSlots",
    rejected: c"CallbackService.availabilityError",
    missing_data: "No query parameters passed for callback availability service",
    effect: None,
};

/// A validated query, without the differences between the server APIs.
#[derive(Debug, Default, PartialEq)]
pub struct AvailabilityQuery {
    /// The start: in canonical form, or local to `timezone`.
    pub start: Option<String>,
    /// The length in days, an alternative to the end.
    pub number_of_days: Option<u32>,
    /// The end, in the same form as the start.
    pub end: Option<String>,
    /// The maximum number of slots to list.
    pub max_slots: Option<u32>,
    /// The virtual queue, when the command names one.
    pub service_name: Option<String>,
    /// The zone for local times.
    pub timezone: Option<String>,
    /// Whether full slots are listed too.
    pub include_full: Option<bool>,
}

/// The aliases are the parameters of the server APIs by their own names.
pub const OPTIONS: OptionNames = OptionNames(&[
    ("startDate", &["start"]),
    ("numberOfDays", &["number-of-days"]),
    ("endDate", &["end"]),
    ("maxTimeSlots", &["max-time-slots"]),
    ("serviceName", &[]),
    ("timezone", &[]),
    ("reportBusy", &["report-busy"]),
    ("startMS", &["start-ms"]),
    ("endMS", &["end-ms"]),
]);

impl AvailabilityQuery {
    /// Validates the options of a command. `zone` is the configured zone in which the server reads
    /// times without one, if it can.
    pub fn parse(options: &Object, zone: ZoneSupport) -> Result<AvailabilityQuery> {
        OPTIONS.reject_unknown(options)?;
        let timezone = text(options, OPTIONS.given_name(options, "timezone")?)?;
        let has_zone = match zone {
            ZoneSupport::None => false,
            ZoneSupport::Optional { is_configured } => is_configured || timezone.is_some(),
        };
        Ok(AvailabilityQuery {
            start: bound(options, "startDate", "startMS", has_zone)?,
            number_of_days: positive_integer(
                options,
                OPTIONS.given_name(options, "numberOfDays")?,
            )?,
            end: bound(options, "endDate", "endMS", has_zone)?,
            max_slots: positive_integer(options, OPTIONS.given_name(options, "maxTimeSlots")?)?,
            service_name: text(options, "serviceName")?,
            timezone,
            include_full: boolean(options, OPTIONS.given_name(options, "reportBusy")?)?,
        })
    }
}

/// Whether the server reads a time without a zone in the zone of the query.
#[derive(Clone, Copy, Debug)]
pub enum ZoneSupport {
    /// It does not know zones.
    None,
    /// It does when a zone is given.
    Optional {
        /// Whether the configuration gives one.
        is_configured: bool,
    },
}

/// One end of the period: a time, or the API's milliseconds since 1970.
fn bound(
    options: &Object,
    name: &'static str,
    name_ms: &'static str,
    has_zone: bool,
) -> Result<Option<String>> {
    let (name, name_ms) = (
        OPTIONS.given_name(options, name)?,
        OPTIONS.given_name(options, name_ms)?,
    );
    let time = time(options, name, has_zone)?;
    let Some(milliseconds) = get(options, name_ms).filter(|value| !is_absent(value)) else {
        return Ok(time);
    };
    if time.is_some() {
        return Err(conflict(name, name_ms));
    }
    let time = whole_number(milliseconds).and_then(|number| i64::try_from(number).ok());
    let time = time.and_then(timestamp::from_epoch_milliseconds);
    let invalid = || invalid_option(name_ms, "must be milliseconds since 1970");
    time.ok_or_else(invalid).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;
    use serde_json::{json, Value};

    fn parse(options: Value) -> Result<AvailabilityQuery> {
        AvailabilityQuery::parse(options.as_object().unwrap(), ZoneSupport::None)
    }

    #[test]
    fn zero_empty_and_null_count_as_absent() {
        let options = json!({
            "startDate": "", "endDate": null, "numberOfDays": 0, "maxTimeSlots": "", "start": null,
            "serviceName": "", "timezone": null, "reportBusy": "", "number-of-days": "", "endMS": null
        });
        assert_eq!(parse(options).unwrap(), AvailabilityQuery::default());
    }

    #[test]
    fn counts_may_be_text() {
        let query = parse(json!({"numberOfDays": "5", "maxTimeSlots": 20.0})).unwrap();
        assert_eq!((query.number_of_days, query.max_slots), (Some(5), Some(20)));
    }

    #[test]
    fn parameters_of_both_apis_are_aliases() {
        let expected = AvailabilityQuery {
            start: Some("2030-12-01T10:00:00.000Z".to_owned()),
            end: Some("2030-12-02T10:00:00.000Z".to_owned()),
            max_slots: Some(3),
            include_full: Some(true),
            ..AvailabilityQuery::default()
        };
        for options in [
            json!({"start": "2030-12-01T10:00Z", "end": "20301202T100000Z", "max-time-slots": 3, "report-busy": true}),
            json!({"startMS": 1922349600000i64, "endMS": "1922436000000", "maxTimeSlots": "3", "reportBusy": "true"}),
            json!({"start-ms": "1922349600000", "end-ms": 1922436000000.0, "maxTimeSlots": 3, "reportBusy": "True"}),
        ] {
            assert_eq!(parse(options.clone()).unwrap(), expected, "{options}");
        }
        assert_eq!(
            parse(json!({"number-of-days": 2})).unwrap().number_of_days,
            Some(2)
        );
    }

    #[test]
    fn an_option_given_twice_is_rejected() {
        let time = "2030-12-01T10:00:00Z";
        for (options, name) in [
            (json!({"start": time, "startDate": time}), "start"),
            (json!({"startDate": time, "startMS": 5}), "startMS"),
            (json!({"start": time, "start-ms": 5}), "start-ms"),
            (
                json!({"numberOfDays": 1, "number-of-days": 1}),
                "number-of-days",
            ),
            (json!({"endMS": 5, "end-ms": 5}), "end-ms"),
        ] {
            assert_eq!(
                parse(options.clone()).unwrap_err().field.as_deref(),
                Some(name),
                "{options}"
            );
        }
    }

    #[test]
    fn unknown_options_are_rejected_with_the_nearest_known_name() {
        for (name, meant) in [
            ("startdate", "startDate"),
            ("start_date", "startDate"),
            ("StartDate", "startDate"),
            ("strat", "startDate"),
            ("from", "numberOfDays"),
            ("days", "numberOfDays"),
            ("number_of_days", "numberOfDays"),
            ("numberOfDay", "numberOfDays"),
            ("maxSlots", "maxTimeSlots"),
            ("timeZone", "timezone"),
            ("tz", "timezone"),
            ("servicename", "serviceName"),
            ("phonenumber", "serviceName"),
        ] {
            let error = parse(json!({ name: "x" })).unwrap_err();
            assert_eq!(
                (error.status, error.field.as_deref()),
                (Status::BadOption, Some(name))
            );
            assert!(
                error
                    .message
                    .starts_with(&format!("{name}: unknown option")),
                "{}",
                error.message
            );
            if !matches!(name, "from" | "days" | "tz" | "phonenumber") {
                assert!(
                    error.message.contains(&format!("did you mean {meant}?")),
                    "{}",
                    error.message
                );
            }
        }
        let error = parse(json!({"+4915112345678": 1})).unwrap_err();
        assert!(
            !error.message.contains("4915112345678"),
            "{}",
            error.message
        );
    }

    #[test]
    fn wrong_types_name_their_option() {
        for (options, name) in [
            (json!({"startDate": "2030-01-01"}), "startDate"),
            (json!({"startDate": "2030-01-01T10:00:00"}), "startDate"),
            (json!({"endDate": 5}), "endDate"),
            (json!({"numberOfDays": "many"}), "numberOfDays"),
            (json!({"numberOfDays": -1}), "numberOfDays"),
            (json!({"numberOfDays": 1.5}), "numberOfDays"),
            (json!({"maxTimeSlots": []}), "maxTimeSlots"),
            (json!({"serviceName": {}}), "serviceName"),
            (json!({"serviceName": 1.5}), "serviceName"),
            (json!({"timezone": true}), "timezone"),
            (json!({"reportBusy": 1}), "reportBusy"),
            (json!({"startMS": "soon"}), "startMS"),
            (json!({"startMS": -1}), "startMS"),
            (json!({"endMS": 9e17}), "endMS"),
        ] {
            assert_eq!(
                parse(options.clone()).unwrap_err().field.as_deref(),
                Some(name),
                "{options}"
            );
        }
    }

    #[test]
    fn a_local_time_needs_a_zone() {
        let options = json!({"startDate": "2030-03-31T09:00", "endDate": "20300401T090000"});
        let mut options = options.as_object().unwrap().clone();
        let zone = |is_configured| ZoneSupport::Optional { is_configured };
        let error = AvailabilityQuery::parse(&options, zone(false)).unwrap_err();
        assert!(error.message.contains("timezone"), "{}", error.message);
        let query = AvailabilityQuery::parse(&options, zone(true)).unwrap();
        assert_eq!(query.start.as_deref(), Some("2030-03-31T09:00:00.000"));
        assert_eq!(query.end.as_deref(), Some("2030-04-01T09:00:00.000"));
        options.insert("timezone".to_owned(), json!("Europe/Berlin"));
        assert!(AvailabilityQuery::parse(&options, zone(false)).is_ok());
        assert!(AvailabilityQuery::parse(&options, ZoneSupport::None).is_err());
    }
}
