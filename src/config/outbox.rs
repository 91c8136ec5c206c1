//! The outbox of a service: the file, when its entries are delivered, and when they expire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::known_keys;
use super::section::{Section, DAY_MS};
use super::RetryPolicy;
use crate::error::Result;

/// The longest time that an entry is waited for or kept: ten years.
const MAX_AGE_MS: u64 = 3_653 * DAY_MS;
const DEFAULT_KEEP_MS: u64 = 7 * DAY_MS;

/// When entries are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliverMode {
    /// On the network thread, while the service is open.
    Thread,
    /// By the command `CallbackService.deliver` only.
    Command,
}

/// What becomes of a booking whose response was lost and that cannot be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnknown {
    /// It is reported, and not sent again.
    Report,
    /// It is sent again, at the risk of a second booking.
    Resend,
}

/// The checked section `outbox`.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxConfig {
    /// The file as it was given.
    given_file: String,
    /// The same as an absolute path.
    pub file: PathBuf,
    pub deliver: DeliverMode,
    /// How many entries may be unfinished.
    pub max_entries: i64,
    /// After which time an entry expires.
    pub max_age: Duration,
    /// How long after its desired time a booking may be sent.
    pub late: Duration,
    /// The pauses between attempts.
    pub retry: RetryPolicy,
    /// How long finished entries are kept.
    pub keep: Duration,
    pub when_unknown: WhenUnknown,
}

impl OutboxConfig {
    /// Reads the section, if there is one. `present` is the one before a change: the path of a file
    /// does not move with the working directory.
    pub fn parse(
        section: &Section,
        present: Option<&OutboxConfig>,
    ) -> Result<Option<OutboxConfig>> {
        let Some(given) = section.object("outbox")? else {
            return Ok(None);
        };
        if !cfg!(feature = "outbox") {
            return Err(section.error(
                "outbox",
                "this library was built without the feature outbox",
            ));
        }
        known_keys::reject_misspelt_keys(given, "outbox", known_keys::OUTBOX)?;
        let given = Section::new(given, "outbox");
        let given_file = given.required("file")?;
        let file = match present.filter(|present| present.given_file == given_file) {
            Some(present) => present.file.clone(),
            None => absolute(&given, &given_file)?,
        };
        let age = |key, default| {
            let age = given.milliseconds(key, 0, MAX_AGE_MS)?;
            Ok(age.unwrap_or(Duration::from_millis(default)))
        };
        let delay = |key, default| {
            let delay = given.milliseconds(key, 1, DAY_MS)?;
            Ok(delay.unwrap_or(Duration::from_millis(default)))
        };
        let deliver = [
            ("thread", DeliverMode::Thread),
            ("command", DeliverMode::Command),
        ];
        let when_unknown = [
            ("report", WhenUnknown::Report),
            ("resend", WhenUnknown::Resend),
        ];
        Ok(Some(OutboxConfig {
            given_file,
            file,
            deliver: given.one_of("deliver", &deliver, DeliverMode::Thread)?,
            max_entries: given
                .integer("maxEntries", 1, 1 << 31)?
                .map_or(10_000, |entries| entries as i64),
            max_age: age("maxAgeMs", DAY_MS)?,
            late: age("lateMs", 0)?,
            retry: RetryPolicy {
                attempts: 1,
                base_delay: delay("baseDelayMs", 1_000)?,
                max_delay: delay("maxDelayMs", 60_000)?,
            },
            keep: age("keepMs", DEFAULT_KEEP_MS)?,
            when_unknown: given.one_of("whenUnknown", &when_unknown, WhenUnknown::Report)?,
        }))
    }

    /// Whether a change leaves the file and the way of delivering it alone.
    pub fn is_same_outbox(&self, other: &OutboxConfig) -> bool {
        (&self.file, self.deliver) == (&other.file, other.deliver)
    }
}

fn absolute(section: &Section, file: &str) -> Result<PathBuf> {
    if file.contains('\0') {
        return Err(section.error("file", "holds a NUL, which no path can hold"));
    }
    std::path::absolute(Path::new(file))
        .map_err(|error| section.error("file", &format!("has no absolute path: {error}")))
}

#[cfg(all(test, feature = "outbox"))]
mod tests {
    use serde_json::{json, Value};

    use super::*;
    use crate::config::Config;
    use crate::error::Error;

    fn parse(outbox: Value) -> std::result::Result<Option<OutboxConfig>, Error> {
        let config = json!({"dataURL": "http://h/x", "outbox": outbox}).to_string();
        Config::parse(&config).map(|config| config.outbox.clone())
    }

    #[test]
    fn absent_keys_have_defaults() {
        let outbox = parse(json!({"file": "/x/callbacks.db"})).unwrap().unwrap();
        assert_eq!(
            outbox,
            OutboxConfig {
                given_file: "/x/callbacks.db".to_owned(),
                file: std::path::absolute("/x/callbacks.db").unwrap(),
                deliver: DeliverMode::Thread,
                max_entries: 10_000,
                max_age: Duration::from_secs(86_400),
                late: Duration::ZERO,
                retry: RetryPolicy {
                    attempts: 1,
                    base_delay: Duration::from_secs(1),
                    max_delay: Duration::from_secs(60),
                },
                keep: Duration::from_secs(604_800),
                when_unknown: WhenUnknown::Report,
            }
        );
        assert_eq!(parse(Value::Null).unwrap(), None);
    }

    #[test]
    fn given_keys_are_read_also_as_text() {
        let outbox = json!({"file": "/x", "deliver": "Command", "maxEntries": "5", "maxAgeMs": 6, "lateMs": "7",
            "baseDelayMs": 8, "maxDelayMs": 9, "keepMs": 0, "whenUnknown": "resend"});
        let outbox = parse(outbox).unwrap().unwrap();
        assert_eq!(
            (outbox.deliver, outbox.when_unknown),
            (DeliverMode::Command, WhenUnknown::Resend)
        );
        assert_eq!((outbox.max_entries, outbox.keep), (5, Duration::ZERO));
        let milliseconds = [
            outbox.max_age,
            outbox.late,
            outbox.retry.base_delay,
            outbox.retry.max_delay,
        ];
        assert_eq!(
            milliseconds.map(|duration| duration.as_millis()),
            [6, 7, 8, 9]
        );
    }

    #[test]
    fn wrong_and_misspelt_keys_are_named() {
        for (outbox, field) in [
            (json!("x"), "outbox"),
            (json!({}), "outbox.file"),
            (json!({"file": ""}), "outbox.file"),
            (json!({"file": 5}), "outbox.file"),
            (json!({"file": "/a\0b"}), "outbox.file"),
            (json!({"file": "/a", "deliver": "never"}), "outbox.deliver"),
            (
                json!({"file": "/a", "whenUnknown": true}),
                "outbox.whenUnknown",
            ),
            (json!({"file": "/a", "maxEntries": 0}), "outbox.maxEntries"),
            (
                json!({"file": "/a", "baseDelayMs": 0}),
                "outbox.baseDelayMs",
            ),
            (json!({"file": "/a", "keepMs": -1}), "outbox.keepMs"),
            (json!({"file": "/a", "maxAge": 5}), "outbox.maxAge"),
            (json!({"file": "/a", "latems": 5}), "outbox.latems"),
        ] {
            let error = parse(outbox.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{outbox}");
        }
        let misspelt = Config::parse(r#"{"dataURL":"http://h","outBox":{}}"#).unwrap_err();
        assert!(
            misspelt.message.contains("did you mean outbox?"),
            "{}",
            misspelt.message
        );
    }

    #[test]
    fn a_path_does_not_move_with_a_change() {
        let config = Config::parse(r#"{"dataURL":"http://h","outbox":{"file":"a.db"}}"#).unwrap();
        let before = config.outbox.clone().unwrap();
        assert!(before.file.is_absolute() && before.file.ends_with("a.db"));
        let moved = OutboxConfig {
            file: "/elsewhere/a.db".into(),
            ..before.clone()
        };
        let object = serde_json::from_str::<crate::text::json::Object>(
            r#"{"outbox":{"file":"a.db","lateMs":5}}"#,
        );
        let object = object.unwrap();
        let parsed = OutboxConfig::parse(&Section::new(&object, ""), Some(&moved))
            .unwrap()
            .unwrap();
        assert_eq!(
            (parsed.file.clone(), parsed.late.as_millis()),
            (moved.file.clone(), 5)
        );
        assert!(parsed.is_same_outbox(&moved) && !parsed.is_same_outbox(&before));
    }
}
