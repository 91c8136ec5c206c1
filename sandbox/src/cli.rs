//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::domain::clock::MAX_SPEED;
use crate::domain::time_format::{self, ParsedTime};

pub(crate) const HELP: &str = "\
callback-sandbox: a server that implements the callback APIs v1 and v3, for evaluation, development and tests

Usage: callback-sandbox [--listen ADDRESS:PORT] [--db FILE] [--config FILE.toml] [--now TIME] [--speed NUMBER]

  --listen ADDRESS:PORT  address to listen on, default 127.0.0.1:8080; port 0 selects a free port
  --db FILE              store bookings in this SQLite file instead of in memory
  --config FILE.toml     services and options; the default has the services samples and support
  --now TIME             start the clock at this time, such as 2030-03-31T00:00:00Z, instead of the present
  --speed NUMBER         speed of the clock relative to the system's, 0 to 86400; 0 stops it
  --help                 print this text
  --version              print the version

The first line on standard output is \"listening on http://ADDRESS:PORT\".
v1: http://ADDRESS:PORT/genesys/1/service/callback/samples
v3: http://ADDRESS:PORT/engagement/v3/callbacks, header x-api-key: sandbox-key
http://ADDRESS:PORT/ is a page that shows bookings and requests; http://ADDRESS:PORT/openapi.json describes the APIs.
";

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Serve(ServeOptions),
}

#[derive(Debug, PartialEq)]
pub(crate) struct ServeOptions {
    pub(crate) listen: SocketAddr,
    /// The database file.
    pub(crate) db: Option<PathBuf>,
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// The initial time of the clock.
    pub(crate) now: Option<Timestamp>,
    /// The speed of the clock.
    pub(crate) speed: f64,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("unknown argument {0:?}; see callback-sandbox --help")]
    Unknown(OsString),
    #[error("{0} needs a value; see callback-sandbox --help")]
    NoValue(&'static str),
    #[error("{0} is given twice")]
    Twice(&'static str),
    #[error("--listen {0:?} is not ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:0")]
    Address(OsString),
    #[error("--now {0:?} is not a time with its zone, such as 2030-03-31T00:00:00Z")]
    Now(OsString),
    #[error("--speed {0:?} is not a number from 0 to 86400")]
    Speed(OsString),
}

/// Parses the arguments after the name of the program.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, ArgumentError> {
    let mut arguments = arguments.into_iter();
    let (mut listen, mut db, mut config, mut now, mut speed) = (None, None, None, None, None);
    while let Some(argument) = arguments.next() {
        let (name, joined_value) = split(&argument);
        let (option, target) = match name.as_str() {
            "--help" | "-h" if joined_value.is_none() => return Ok(Command::Help),
            "--version" | "-V" if joined_value.is_none() => return Ok(Command::Version),
            "--listen" => ("--listen", &mut listen),
            "--db" => ("--db", &mut db),
            "--config" => ("--config", &mut config),
            "--now" => ("--now", &mut now),
            "--speed" => ("--speed", &mut speed),
            _ => return Err(ArgumentError::Unknown(argument)),
        };
        if target.is_some() {
            return Err(ArgumentError::Twice(option));
        }
        *target = joined_value
            .or_else(|| arguments.next())
            .filter(|value| !value.is_empty());
        if target.is_none() {
            return Err(ArgumentError::NoValue(option));
        }
    }
    Ok(Command::Serve(ServeOptions {
        listen: parse_address(listen)?,
        db: db.map(PathBuf::from),
        config: config.map(PathBuf::from),
        now: now.map(parse_time).transpose()?,
        speed: speed.map_or(Ok(1.0), parse_speed)?,
    }))
}

fn parse_time(text: OsString) -> Result<Timestamp, ArgumentError> {
    match text.to_str().and_then(time_format::parse) {
        Some(ParsedTime::Utc(time)) => Ok(time),
        _ => Err(ArgumentError::Now(text)),
    }
}

fn parse_speed(text: OsString) -> Result<f64, ArgumentError> {
    let speed: Option<f64> = text.to_str().and_then(|text| text.parse().ok());
    speed
        .filter(|speed| (0.0..=MAX_SPEED).contains(speed))
        .ok_or(ArgumentError::Speed(text))
}

fn parse_address(text: Option<OsString>) -> Result<SocketAddr, ArgumentError> {
    let Some(text) = text else {
        return Ok(SocketAddr::from(([127, 0, 0, 1], 8080)));
    };
    let address = text.to_str().and_then(|text| text.parse().ok());
    address.ok_or(ArgumentError::Address(text))
}

/// Splits `--name=value`. A value that is not Unicode must be a separate argument.
fn split(argument: &OsString) -> (String, Option<OsString>) {
    match argument.to_str().and_then(|text| text.split_once('=')) {
        Some((name, value)) => (name.to_owned(), Some(value.into())),
        None => (argument.to_string_lossy().into_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, ArgumentError> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn default_is_local_and_in_memory() {
        let expected = ServeOptions {
            listen: "127.0.0.1:8080".parse().unwrap(),
            db: None,
            config: None,
            now: None,
            speed: 1.0,
        };
        assert_eq!(read(&[]), Ok(Command::Serve(expected)));
    }

    #[test]
    fn values_are_separate_or_joined() {
        let expected = ServeOptions {
            listen: "[::1]:0".parse().unwrap(),
            db: Some("a=b.db".into()),
            config: Some("c.toml".into()),
            now: Some("2030-03-31T00:00:00Z".parse().unwrap()),
            speed: 60.0,
        };
        let arguments = [
            "--listen=[::1]:0",
            "--db",
            "a=b.db",
            "--config",
            "c.toml",
            "--now",
            "2030-03-31T00:00:00Z",
            "--speed=60",
        ];
        assert_eq!(read(&arguments), Ok(Command::Serve(expected)));
    }

    #[test]
    fn argument_errors_name_the_argument() {
        assert_eq!(
            read(&["--prot", "1"]),
            Err(ArgumentError::Unknown("--prot".into()))
        );
        assert_eq!(read(&["--db"]), Err(ArgumentError::NoValue("--db")));
        assert_eq!(read(&["--db="]), Err(ArgumentError::NoValue("--db")));
        assert_eq!(
            read(&["--db", "a", "--db", "b"]),
            Err(ArgumentError::Twice("--db"))
        );
        for (arguments, error) in [
            (
                ["--now", "2030-03-31T00:00:00"],
                ArgumentError::Now("2030-03-31T00:00:00".into()),
            ),
            (["--speed", "-1"], ArgumentError::Speed("-1".into())),
            (["--speed", "NaN"], ArgumentError::Speed("NaN".into())),
        ] {
            assert_eq!(read(&arguments), Err(error));
        }
        assert_eq!(
            read(&["--listen", "8080"]),
            Err(ArgumentError::Address("8080".into()))
        );
    }

    #[test]
    fn help_and_version() {
        assert_eq!(read(&["--help"]), Ok(Command::Help));
        assert_eq!(read(&["--version"]), Ok(Command::Version));
        assert!(read(&["--help=1"]).is_err());
    }
}
