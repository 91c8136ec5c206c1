//! The options of the availability command, checked.

use super::options::{bad, count, first_time, text, truth};
use crate::config::known_keys::{is_near, shown};
use crate::error::Result;
use crate::process::log;
use crate::text::json::Object;

/// The period asked for, free of the differences between the servers.
#[derive(Debug, Default, PartialEq)]
pub struct Period {
    /// Start, in the servers' form.
    pub start: Option<String>,
    /// Length in days, an alternative to the end.
    pub days: Option<u32>,
    /// End, in the servers' form.
    pub end: Option<String>,
    /// The most slots to list.
    pub max_slots: Option<u32>,
    /// The virtual queue, when the command names one.
    pub service_name: Option<String>,
    /// The zone for local times.
    pub timezone: Option<String>,
    /// Whether full slots are listed too.
    pub report_busy: Option<bool>,
}

const OPTIONS: [&str; 7] = [
    "startDate",
    "numberOfDays",
    "endDate",
    "maxTimeSlots",
    "serviceName",
    "timezone",
    "reportBusy",
];

/// Checks the options.
pub fn check(options: &Object) -> Result<Period> {
    // Passed over, a misspelt option would give the slots of another day.
    for name in options
        .keys()
        .filter(|name| !OPTIONS.contains(&name.as_str()))
    {
        if let Some(meant) = OPTIONS.iter().find(|known| is_near(name, known)) {
            return Err(bad(name, &format!("unknown option; did you mean {meant}?")));
        }
        log::warn(|| format!("availability option {} is unknown and ignored", shown(name)));
    }
    let filled = |name| Ok(text(options, name)?.filter(|text: &String| !text.is_empty()));
    Ok(Period {
        start: first_time(options, &["startDate"])?,
        days: count(options, "numberOfDays")?,
        end: first_time(options, &["endDate"])?,
        max_slots: count(options, "maxTimeSlots")?,
        service_name: filled("serviceName")?,
        timezone: filled("timezone")?,
        report_busy: truth(options, "reportBusy")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn zero_empty_and_null_count_as_absent() {
        let options = json!({
            "startDate": "", "endDate": null, "numberOfDays": 0, "maxTimeSlots": "",
            "serviceName": "", "timezone": null, "reportBusy": ""
        });
        assert_eq!(
            check(options.as_object().unwrap()).unwrap(),
            Period::default()
        );
    }

    #[test]
    fn counts_may_be_text() {
        let options = json!({"numberOfDays": "5", "maxTimeSlots": 20.0, "other": 1});
        let period = check(options.as_object().unwrap()).unwrap();
        assert_eq!((period.days, period.max_slots), (Some(5), Some(20)));
    }

    #[test]
    fn wrong_types_name_their_option() {
        for (options, name) in [
            (json!({"startDate": "2030-01-01"}), "startDate"),
            (json!({"endDate": 5}), "endDate"),
            (json!({"numberOfDays": "many"}), "numberOfDays"),
            (json!({"numberOfDays": -1}), "numberOfDays"),
            (json!({"numberOfDays": 1.5}), "numberOfDays"),
            (json!({"maxTimeSlots": []}), "maxTimeSlots"),
            (json!({"serviceName": {}}), "serviceName"),
            (json!({"timezone": true}), "timezone"),
            (json!({"reportBusy": 1}), "reportBusy"),
            (json!({"startdate": "2030-12-01T11:00:00Z"}), "startdate"),
        ] {
            let error = check(options.as_object().unwrap()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(name));
        }
    }
}
