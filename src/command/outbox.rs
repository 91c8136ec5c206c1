//! Listing the entries of the outbox, and changing one.

use super::options::{invalid_option, positive_integer, text, OptionNames};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.outbox",
    resolved: c"CallbackService.outboxEntries",
    rejected: c"CallbackService.outboxError",
    missing_data: "",
    effect: None,
};

const OPTIONS: OptionNames = OptionNames(&[
    ("entry", &[]),
    ("key", &[]),
    ("delivery", &[]),
    ("limit", &[]),
    ("action", &[]),
]);

/// The states of an entry.
const DELIVERIES: [&str; 6] = [
    "waiting",
    "sending",
    "delivered",
    "refused",
    "unknown",
    "expired",
];

const DEFAULT_LIMIT: u32 = 100;

/// The validated options.
#[derive(Debug, PartialEq)]
pub enum OutboxRequest {
    /// List entries.
    List {
        entry: Option<String>,
        key: Option<String>,
        delivery: Option<String>,
        limit: u32,
    },
    /// Send an entry again.
    Resend(String),
    /// Remove an entry.
    Forget(String),
}

impl OutboxRequest {
    /// Validates the options of a command.
    pub fn parse(options: &Object) -> Result<OutboxRequest> {
        OPTIONS.reject_unknown(options)?;
        let entry = text(options, "entry")?.map(|entry| entry.trim().to_ascii_lowercase());
        let (key, delivery) = (text(options, "key")?, text(options, "delivery")?);
        let limit = positive_integer(options, "limit")?;
        let delivery = delivery.map(|delivery| delivery.to_ascii_lowercase());
        let is_known = |delivery: &String| DELIVERIES.contains(&delivery.as_str());
        if delivery
            .as_ref()
            .is_some_and(|delivery| !is_known(delivery))
        {
            let message = format!("must be {}", DELIVERIES.join(", "));
            return Err(invalid_option("delivery", &message));
        }
        let Some(action) = text(options, "action")? else {
            return Ok(OutboxRequest::List {
                entry,
                key,
                delivery,
                limit: limit.unwrap_or(DEFAULT_LIMIT),
            });
        };
        let Some(entry) = entry else {
            return Err(invalid_option("entry", "is required with action"));
        };
        for (name, is_given) in [
            ("key", key.is_some()),
            ("delivery", delivery.is_some()),
            ("limit", limit.is_some()),
        ] {
            if is_given {
                return Err(invalid_option(name, "cannot be given together with action"));
            }
        }
        match action.to_ascii_lowercase().as_str() {
            "resend" => Ok(OutboxRequest::Resend(entry)),
            "forget" => Ok(OutboxRequest::Forget(entry)),
            _ => Err(invalid_option("action", "must be resend or forget")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, Value};

    use super::*;

    fn parse(options: Value) -> Result<OutboxRequest> {
        OutboxRequest::parse(options.as_object().unwrap())
    }

    #[test]
    fn options_select_entries_or_change_one() {
        let list = |entry: Option<&str>, delivery: Option<&str>, limit| OutboxRequest::List {
            entry: entry.map(str::to_owned),
            key: None,
            delivery: delivery.map(str::to_owned),
            limit,
        };
        assert_eq!(parse(json!({})).unwrap(), list(None, None, 100));
        let some = json!({"entry": "AB ", "delivery": "Waiting", "limit": "5"});
        assert_eq!(parse(some).unwrap(), list(Some("ab"), Some("waiting"), 5));
        let resend = parse(json!({"action": "resend", "entry": "ab"}));
        assert_eq!(resend.unwrap(), OutboxRequest::Resend("ab".to_owned()));
        let forget = parse(json!({"action": "Forget", "entry": "ab"}));
        assert_eq!(forget.unwrap(), OutboxRequest::Forget("ab".to_owned()));
    }

    #[test]
    fn wrong_values_name_their_option() {
        for (options, field) in [
            (json!({"delivery": "lost"}), "delivery"),
            (json!({"limit": -1}), "limit"),
            (json!({"action": "resend"}), "entry"),
            (json!({"action": "retry", "entry": "a"}), "action"),
            (json!({"action": "forget", "entry": "a", "key": "b"}), "key"),
            (json!({"Entry": "a"}), "Entry"),
            (json!({"id": "a"}), "id"),
        ] {
            let error = parse(options.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{options}");
        }
    }
}
