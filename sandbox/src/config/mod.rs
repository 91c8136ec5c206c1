//! The configuration file: access, switches and services, with their defaults.
//!
//! A mistake is reported as one line with file, line and column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{de::Error as _, Deserialize, Deserializer};

mod service;

pub(crate) use service::{CallDirection, Service, Stages};

/// Everything that can be configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What holds for the whole server.
    pub(crate) server: Server,
    /// The services by name; the two built-in ones when the file names none.
    #[serde(deserialize_with = "services")]
    pub(crate) services: BTreeMap<String, Service>,
}

/// What holds for the whole server, one part for each API.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Names besides localhost under which the page and the control routes may be used.
    pub(crate) hosts: Vec<String>,
    /// The v1 API.
    pub(crate) v1: V1,
    /// The v3 API.
    pub(crate) v3: V3,
}

/// Access to the v1 API, and the points in which real v1 servers may differ.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct V1 {
    /// Keys of which a request must carry one; none means no key is asked for.
    #[serde(deserialize_with = "keys")]
    pub(crate) api_keys: Vec<String>,
    /// The realm of the basic authentication challenge.
    pub(crate) realm: String,
    /// The user name for all services.
    pub(crate) username: Option<String>,
    /// The password for all services; without any password no authentication is asked for.
    pub(crate) password: Option<String>,
    /// The user name for what belongs to no single service, in place of the server's.
    pub(crate) callback_username: Option<String>,
    /// The password for what belongs to no single service, in place of the server's.
    pub(crate) callback_password: Option<String>,
    /// The status when the slot has no place left: 400 or 429.
    #[serde(deserialize_with = "one_of::<_, 400, 429>")]
    pub(crate) full_slot_status: u16,
    /// The status when the service does not exist: 400 or 404.
    #[serde(deserialize_with = "one_of::<_, 400, 404>")]
    pub(crate) unknown_service_status: u16,
    /// The status when a callback to cancel or to change does not exist: 404 or 400.
    #[serde(deserialize_with = "one_of::<_, 404, 400>")]
    pub(crate) unknown_id_status: u16,
    /// The answer when an availability interval has no open slot.
    pub(crate) closed_interval: ClosedInterval,
    /// The first slot when an interval begins inside one.
    pub(crate) first_slot: FirstSlot,
    /// What decides when a request has both `end` and `number-of-days`.
    pub(crate) interval_end: IntervalEnd,
}

impl Default for V1 {
    fn default() -> Self {
        V1 {
            api_keys: Vec::new(),
            realm: "Genesys Application Configuration Needed".to_owned(),
            username: None,
            password: None,
            callback_username: None,
            callback_password: None,
            full_slot_status: 400,
            unknown_service_status: 400,
            unknown_id_status: 404,
            closed_interval: ClosedInterval::default(),
            first_slot: FirstSlot::default(),
            interval_end: IntervalEnd::default(),
        }
    }
}

/// Access to the v3 API, and the points in which real v3 servers may differ.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct V3 {
    /// Keys of which a request must carry one; none means no key is asked for.
    #[serde(deserialize_with = "keys")]
    pub(crate) api_keys: Vec<String>,
    /// The status when the office is closed at the desired time: 429 or 400.
    #[serde(deserialize_with = "one_of::<_, 429, 400>")]
    pub(crate) closed_status: u16,
    /// What decides when a request has both an end and `numberOfDays`.
    pub(crate) interval_end: EndChoice,
}

impl Default for V3 {
    fn default() -> Self {
        V3 {
            api_keys: vec!["sandbox-key".to_owned()],
            closed_status: 429,
            interval_end: EndChoice::default(),
        }
    }
}

/// v1: the answer when an availability interval has no open slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClosedInterval {
    /// 400 with `CallbackExceptionAvailability`.
    #[default]
    Refuse,
    /// 200 with an empty object.
    Empty,
}

/// v1: the first slot when an availability interval begins inside one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FirstSlot {
    /// The slot that contains the beginning.
    #[default]
    Current,
    /// The slot after it.
    Next,
}

/// v1: what decides when a request has both `end` and `number-of-days`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IntervalEnd {
    /// `end` decides.
    #[default]
    End,
    /// `number-of-days` decides.
    NumberOfDays,
}

/// v3: what decides when a request has both an end (`end` or `endMS`) and `numberOfDays`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndChoice {
    /// The end decides.
    #[default]
    End,
    /// `numberOfDays` decides.
    NumberOfDays,
    /// Neither: the request is refused.
    Refuse,
}

const BUILT_IN_SERVICES: &str = r#"
[services.samples]
slot_minutes = 15
places = 5

[services.support]
slot_minutes = 30
places = 2
hours = ["Mon-Fri 09:00-17:00"]
time_zone = "Europe/London"
"#;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not a legal configuration.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

impl Settings {
    /// Reads a configuration file, or gives the built-in configuration.
    pub(crate) fn load(file: Option<&Path>) -> Result<Settings, SettingsError> {
        let Some(file) = file else {
            return parse(Path::new("built-in"), BUILT_IN_SERVICES);
        };
        let text = std::fs::read_to_string(file).map_err(|source| SettingsError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let mut settings = parse(file, &text)?;
        if settings.services.is_empty() {
            settings.services = Settings::load(None)?.services;
        }
        Ok(settings)
    }
}

fn parse(file: &Path, text: &str) -> Result<Settings, SettingsError> {
    toml::from_str(text).map_err(|error| {
        let before = text
            .get(..error.span().map_or(0, |span| span.start))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        SettingsError::Wrong {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().replace('\n', " "),
        }
    })
}

fn one_of<'de, D: Deserializer<'de>, const FIRST: u16, const SECOND: u16>(
    deserializer: D,
) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if status == FIRST || status == SECOND {
        return Ok(status);
    }
    Err(D::Error::custom(format!(
        "status {status}: write {FIRST} or {SECOND}"
    )))
}

/// A request with an empty key counts as one without key, so that an empty key would let nobody in.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let keys = Vec::<String>::deserialize(deserializer)?;
    match keys.iter().any(String::is_empty) {
        true => Err(D::Error::custom(
            "a key is empty: write [] if none is needed",
        )),
        false => Ok(keys),
    }
}

fn services<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Service>, D::Error> {
    let named = BTreeMap::<ServiceName, Service>::deserialize(deserializer)?;
    Ok(named
        .into_iter()
        .map(|(name, service)| (name.0, service))
        .collect())
}

/// A name that can be one segment of a path.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct ServiceName(String);

impl TryFrom<String> for ServiceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name.is_empty() || name.contains('/') {
            return Err(format!(
                "service name {name:?}: write a name that is not empty and holds no /"
            ));
        }
        Ok(ServiceName(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(Path::new("f.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_services() {
        let settings = Settings::load(None).unwrap();
        let names: Vec<&String> = settings.services.keys().collect();
        assert_eq!(names, ["samples", "support"]);
        assert_eq!(settings.services["support"].capacity.places, 2);
        assert_eq!(settings.server.v3.api_keys, ["sandbox-key"]);
        assert!(settings.server.v1.api_keys.is_empty());
    }

    #[test]
    fn the_example_says_what_the_defaults_are() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("example.toml");
        let example = Settings::load(Some(&file)).unwrap();
        let built_in = Settings::load(None).unwrap();
        assert_eq!(
            format!("{:?}", example.server),
            format!("{:?}", built_in.server)
        );
        assert_eq!(
            format!("{:?}", example.services),
            format!("{:?}", built_in.services)
        );
    }

    #[test]
    fn the_example_is_legal_with_every_line_switched_on() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("example.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let all: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect();
        let settings = parse(&file, &all.join("\n")).unwrap();
        assert!(settings.server.v1.password.is_some());
        assert!(settings.services["support"].password.is_some());
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        let unknown = complaint("[server]\n[services.a]\nplaces = 1\nplasces = 2\n");
        assert!(unknown.starts_with("f.toml:4:1: "), "{unknown}");
        assert!(unknown.contains("plasces"), "{unknown}");
        let hours = complaint("[services.a]\nhours = [\"Mon 09:00-17:00\", \"Tue 9-5\"]\n");
        assert!(hours.starts_with("f.toml:2:9: "), "the array: {hours}");
        assert!(hours.contains("\"Tue 9-5\""), "{hours}");
        assert_eq!(
            complaint("[server.v1]\nfull_slot_status = 500\n"),
            "f.toml:2:20: status 500: write 400 or 429"
        );
        assert!(complaint("[services.a]\ntime_zone = \"Mars\"").starts_with("f.toml:2:13: "));
        assert!(complaint("[services.a]\nslot_minutes = 7").starts_with("f.toml:2:16: "));
        assert!(complaint("[services.a]\nfurthest = \"1\"").starts_with("f.toml:2:12: "));
        assert!(complaint("[server").starts_with("f.toml:1:8: "));
        assert!(
            complaint("services = 3").contains("invalid type"),
            "a number is no table"
        );
    }

    #[test]
    fn keys_and_names_that_nobody_could_use_are_mistakes() {
        for text in [
            "[server.v1]\napi_keys = [\"\"]\n",
            "[server.v3]\napi_keys = [\"one\", \"\"]\n",
        ] {
            let empty = complaint(text);
            assert!(
                empty.starts_with("f.toml:2:") && empty.contains("a key is empty"),
                "{empty}"
            );
        }
        for text in [
            "[services.a]\n[services.\"\"]\n",
            "[services.a]\n[services.\"b/c\"]\n",
        ] {
            let name = complaint(text);
            assert!(
                name.starts_with("f.toml:2:") && name.contains("service name"),
                "{name}"
            );
        }
    }

    #[test]
    fn the_end_of_a_v3_interval_is_a_switch() {
        let read = |text: &str| {
            parse(Path::new("f.toml"), text)
                .unwrap()
                .server
                .v3
                .interval_end
        };
        assert_eq!(read(""), EndChoice::End);
        assert_eq!(
            read("[server.v3]\ninterval_end = \"number-of-days\"\n"),
            EndChoice::NumberOfDays
        );
        assert_eq!(
            read("[server.v3]\ninterval_end = \"refuse\"\n"),
            EndChoice::Refuse
        );
        assert!(complaint("[server.v3]\ninterval_end = \"start\"\n").contains("number-of-days"));
    }

    #[test]
    fn a_file_without_services_keeps_the_built_in_ones() {
        let file = std::env::temp_dir().join(format!("sandbox-{}.toml", uuid::Uuid::new_v4()));
        std::fs::write(&file, "[server.v3]\napi_keys = []\n").unwrap();
        let settings = Settings::load(Some(&file)).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(settings.server.v3.api_keys.is_empty());
        assert_eq!(settings.services.len(), 2);
    }
}
