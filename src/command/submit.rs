//! Storing a booking, to be delivered later.

use serde_json::Value;

use super::options::invalid_option;
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.submit",
    resolved: c"CallbackService.submitted",
    rejected: c"CallbackService.submitError",
    missing_data: "No data found to submit a callback",
    effect: None,
};

/// The most characters of a key.
const MAX_KEY: usize = 200;

/// Takes the application's key out of the options, which are then those of schedule.
pub fn take_key(options: &mut Object) -> Result<Option<String>> {
    let key = match options.shift_remove("key") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(key)) => key,
        Some(_) => return Err(invalid_option("key", "must be text")),
    };
    match key.chars().count() {
        0 => Err(invalid_option("key", "must not be empty")),
        1..=MAX_KEY => Ok(Some(key)),
        _ => {
            let message = format!("must have at most {MAX_KEY} characters");
            Err(invalid_option("key", &message))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_a_text_of_some_length() {
        let take = |key: Value| {
            let mut options = Object::new();
            options.insert("key".to_owned(), key);
            let taken = take_key(&mut options);
            assert!(options.is_empty());
            taken
        };
        assert_eq!(take(json!("ä".repeat(200))).unwrap(), Some("ä".repeat(200)));
        assert_eq!(take(Value::Null).unwrap(), None);
        for key in [json!(""), json!("a".repeat(201)), json!(5), json!({})] {
            assert_eq!(take(key).unwrap_err().field.as_deref(), Some("key"));
        }
        assert_eq!(take_key(&mut Object::new()).unwrap(), None);
    }
}
