//! The configuration file: access, options and services, with their defaults.
//!
//! An error is reported in one line with file, line and column.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{de::Error as _, Deserialize, Deserializer};

use crate::domain::interval::EndPrecedence;

mod service;
mod v1;

pub(crate) use service::{CallDirection, Service, ServiceOptions};
pub(crate) use v1::{ChangeResponse, IdQuery, NoResult, RecordLink, V1Config};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    /// By name; the two built-in ones if the file has none.
    #[serde(deserialize_with = "services")]
    pub(crate) services: BTreeMap<String, Service>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Names and addresses, besides localhost, under which the page and the control routes may be
    /// used.
    #[serde(deserialize_with = "hosts")]
    pub(crate) hosts: Vec<String>,
    pub(crate) v1: V1Config,
    pub(crate) v3: V3Config,
}

/// Access to the v3 API, and the points in which real v3 servers may differ.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct V3Config {
    /// A request needs one of these keys; empty means that no key is needed.
    #[serde(deserialize_with = "keys")]
    pub(crate) api_keys: Vec<String>,
    /// The status when the office is closed at the desired time.
    #[serde(deserialize_with = "one_of::<_, 429, 400>")]
    pub(crate) closed_status: u16,
    pub(crate) interval_end: EndPrecedence,
}

impl Default for V3Config {
    fn default() -> Self {
        V3Config {
            api_keys: vec!["sandbox-key".to_owned()],
            closed_status: 429,
            interval_end: EndPrecedence::default(),
        }
    }
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

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {}: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    /// Lines and columns count from 1; a column is a character.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Invalid {
        file: PathBuf,
        line: usize,
        column: usize,
        message: String,
    },
}

impl Config {
    /// Loads a configuration file, or the built-in configuration.
    pub(crate) fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let Some(file) = file else {
            return parse(Path::new("built-in"), BUILT_IN_SERVICES);
        };
        let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let mut config = parse(file, &text)?;
        if config.services.is_empty() {
            config.services = Config::load(None)?.services;
        }
        Ok(config)
    }
}

fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = text
            .get(..error.span().map_or(0, |span| span.start))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        ConfigError::Invalid {
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

/// An entry with a scheme or a port would match no request.
fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    let is_name = |host: &str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !host.is_empty() && host.bytes().all(is_legal)
    };
    let is_host = |host: &str| is_name(host) || host.parse::<IpAddr>().is_ok();
    match hosts.iter().find(|host| !is_host(host)) {
        Some(host) => Err(D::Error::custom(format!(
            "host {host:?}: write a name or an address without scheme and port, such as \"sandbox\""
        ))),
        None => Ok(hosts),
    }
}

/// A request with an empty key counts as one without a key, so an empty key would match nothing.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let keys = Vec::<String>::deserialize(deserializer)?;
    if keys.iter().any(String::is_empty) {
        return Err(D::Error::custom(
            "a key is empty: write [] if none is needed",
        ));
    }
    Ok(keys)
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

/// A name that is one segment of a path.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct ServiceName(String);

impl TryFrom<String> for ServiceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name.is_empty() || name.contains('/') {
            return Err(format!(
                "service name {name:?}: write a name that is not empty and contains no /"
            ));
        }
        Ok(ServiceName(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        parse(Path::new("f.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn built_in_services() {
        let config = Config::load(None).unwrap();
        let names: Vec<&String> = config.services.keys().collect();
        assert_eq!(names, ["samples", "support"]);
        assert_eq!(config.services["support"].capacity.default, 2);
        assert_eq!(config.server.v3.api_keys, ["sandbox-key"]);
        assert!(config.server.v1.api_keys.is_empty());
    }

    #[test]
    fn example_file_shows_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("example.toml");
        let example = Config::load(Some(&file)).unwrap();
        let built_in = Config::load(None).unwrap();
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
    fn example_file_is_valid_with_every_line_enabled() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("example.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let all: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect();
        let config = parse(&file, &all.join("\n")).unwrap();
        assert!(config.server.v1.password.is_some());
        assert!(config.services["support"].options.password.is_some());
    }

    #[test]
    fn error_names_line_and_column() {
        let unknown = error_of("[server]\n[services.a]\nplaces = 1\nplasces = 2\n");
        assert!(unknown.starts_with("f.toml:4:1: "), "{unknown}");
        assert!(unknown.contains("plasces"), "{unknown}");
        let hours = error_of("[services.a]\nhours = [\"Mon 09:00-17:00\", \"Tue 9-5\"]\n");
        assert!(hours.starts_with("f.toml:2:9: "), "the array: {hours}");
        assert!(hours.contains("\"Tue 9-5\""), "{hours}");
        assert_eq!(
            error_of("[server.v1]\nfull_slot_status = 500\n"),
            "f.toml:2:20: status 500: write 400 or 429"
        );
        assert!(error_of("[services.a]\ntime_zone = \"Mars\"").starts_with("f.toml:2:13: "));
        assert!(error_of("[services.a]\nslot_minutes = 7").starts_with("f.toml:2:16: "));
        assert!(error_of("[services.a]\nfurthest = \"1\"").starts_with("f.toml:2:12: "));
        assert!(error_of("[server").starts_with("f.toml:1:8: "));
        assert!(
            error_of("services = 3").contains("invalid type"),
            "a number is no table"
        );
    }

    #[test]
    fn unusable_keys_and_names_are_rejected() {
        for text in [
            "[server.v1]\napi_keys = [\"\"]\n",
            "[server.v3]\napi_keys = [\"one\", \"\"]\n",
        ] {
            let empty = error_of(text);
            assert!(
                empty.starts_with("f.toml:2:") && empty.contains("a key is empty"),
                "{empty}"
            );
        }
        for text in [
            "[services.a]\n[services.\"\"]\n",
            "[services.a]\n[services.\"b/c\"]\n",
        ] {
            let name = error_of(text);
            assert!(
                name.starts_with("f.toml:2:") && name.contains("service name"),
                "{name}"
            );
        }
    }

    #[test]
    fn v3_end_precedence_is_configurable() {
        let read = |text: &str| {
            parse(Path::new("f.toml"), text)
                .unwrap()
                .server
                .v3
                .interval_end
        };
        assert_eq!(read(""), EndPrecedence::End);
        assert_eq!(
            read("[server.v3]\ninterval_end = \"number-of-days\"\n"),
            EndPrecedence::NumberOfDays
        );
        assert_eq!(
            read("[server.v3]\ninterval_end = \"refuse\"\n"),
            EndPrecedence::Refuse
        );
        assert!(error_of("[server.v3]\ninterval_end = \"start\"\n").contains("number-of-days"));
    }

    #[test]
    fn hosts_have_no_scheme_and_port() {
        for host in ["", "sandbox:8080", "http://sandbox", "*", "a b", "[::1]"] {
            let error = error_of(&format!("[server]\nhosts = [\"ok\", \"{host}\"]\n"));
            assert!(error.starts_with("f.toml:2:9: host"), "{error}");
        }
        let hosts =
            "[server]\nhosts = [\"sandbox\", \"a-b.c_d\", \"192.0.2.1\", \"2001:db8::1\"]\n";
        assert!(parse(Path::new("f.toml"), hosts).is_ok());
    }

    #[test]
    fn v1_end_precedence_cannot_be_refuse() {
        let error = error_of("[server.v1]\ninterval_end = \"refuse\"\n");
        assert!(error.starts_with("f.toml:2:16: "), "{error}");
        assert!(error.contains("`end` or `number-of-days`"), "{error}");
    }

    #[test]
    fn file_without_services_keeps_the_built_in_ones() {
        let file = std::env::temp_dir().join(format!("sandbox-{}.toml", uuid::Uuid::new_v4()));
        std::fs::write(&file, "[server.v3]\napi_keys = []\n").unwrap();
        let config = Config::load(Some(&file)).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(config.server.v3.api_keys.is_empty());
        assert_eq!(config.services.len(), 2);
    }
}
