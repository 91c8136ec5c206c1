//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::domain::clock::MAX_SPEED;
use crate::domain::time_format::{self, ParsedTime};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
callback-sandbox: a server that speaks the callback APIs v1 and v3, for trying, developing and testing

Usage: callback-sandbox [--listen ADDRESS:PORT] [--db FILE] [--config FILE.toml] [--now TIME] [--speed NUMBER]

  --listen ADDRESS:PORT  where to listen, default 127.0.0.1:8080; port 0 takes a free one
  --db FILE              keep bookings in this SQLite file; without it they are kept in memory
  --config FILE.toml     services and switches; without it there are the services samples and support
  --now TIME             start its clock at this time, such as 2030-03-31T00:00:00Z, in place of the present
  --speed NUMBER         let its clock run so many times as fast as the computer's, 0 to 86400; 0 stands still
  --help                 print this text
  --version              print the version

The first line on standard output is \"listening on http://ADDRESS:PORT\".
v1: http://ADDRESS:PORT/genesys/1/service/callback/samples
v3: http://ADDRESS:PORT/engagement/v3/callbacks, header x-api-key: sandbox-key
To watch it, open http://ADDRESS:PORT/ in a browser; http://ADDRESS:PORT/openapi.json describes it.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Print the help text.
    Help,
    /// Print the version.
    Version,
    /// Serve.
    Serve(Arguments),
}

/// How to serve.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// The file that keeps the bookings.
    pub(crate) db: Option<PathBuf>,
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// Where its clock starts.
    pub(crate) now: Option<Timestamp>,
    /// How fast its clock runs.
    pub(crate) speed: f64,
}

/// Why the command line cannot be followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    /// The argument is not known.
    #[error("unknown argument {0:?}; see callback-sandbox --help")]
    Unknown(OsString),
    /// The option stands without a value.
    #[error("{0} needs a value; see callback-sandbox --help")]
    NoValue(&'static str),
    /// The option stands twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// The value of `--listen` is not an address.
    #[error("--listen {0:?} is not ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:0")]
    Address(OsString),
    /// The value of `--now` is not a time.
    #[error("--now {0:?} is not a time with its zone, such as 2030-03-31T00:00:00Z")]
    Now(OsString),
    /// The value of `--speed` is not one.
    #[error("--speed {0:?} is not a number from 0 to 86400")]
    Speed(OsString),
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, ArgumentError> {
    let mut arguments = arguments.into_iter();
    let (mut listen, mut db, mut config, mut now, mut speed) = (None, None, None, None, None);
    while let Some(argument) = arguments.next() {
        let (name, joined) = split(&argument);
        let (option, place) = match name.as_str() {
            "--help" | "-h" if joined.is_none() => return Ok(Command::Help),
            "--version" | "-V" if joined.is_none() => return Ok(Command::Version),
            "--listen" => ("--listen", &mut listen),
            "--db" => ("--db", &mut db),
            "--config" => ("--config", &mut config),
            "--now" => ("--now", &mut now),
            "--speed" => ("--speed", &mut speed),
            _ => return Err(ArgumentError::Unknown(argument)),
        };
        let value = joined
            .or_else(|| arguments.next())
            .filter(|value| !value.is_empty());
        let value = value.ok_or(ArgumentError::NoValue(option))?;
        if place.replace(value).is_some() {
            return Err(ArgumentError::Twice(option));
        }
    }
    Ok(Command::Serve(Arguments {
        listen: address(listen)?,
        db: db.map(PathBuf::from),
        config: config.map(PathBuf::from),
        now: now.map(moment).transpose()?,
        speed: speed.map_or(Ok(1.0), factor)?,
    }))
}

fn moment(text: OsString) -> Result<Timestamp, ArgumentError> {
    match text.to_str().and_then(time_format::parse) {
        Some(ParsedTime::Utc(moment)) => Ok(moment),
        _ => Err(ArgumentError::Now(text)),
    }
}

fn factor(text: OsString) -> Result<f64, ArgumentError> {
    let number: Option<f64> = text.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|number| (0.0..=MAX_SPEED).contains(number))
        .ok_or(ArgumentError::Speed(text))
}

/// `--name=value` in its two parts; a value that is not Unicode has to stand alone.
fn split(argument: &OsString) -> (String, Option<OsString>) {
    match argument.to_str().and_then(|text| text.split_once('=')) {
        Some((name, value)) => (name.to_owned(), Some(value.into())),
        None => (argument.to_string_lossy().into_owned(), None),
    }
}

fn address(text: Option<OsString>) -> Result<SocketAddr, ArgumentError> {
    let Some(text) = text else {
        return Ok(SocketAddr::from(([127, 0, 0, 1], 8080)));
    };
    let address = text.to_str().and_then(|text| text.parse().ok());
    address.ok_or(ArgumentError::Address(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, ArgumentError> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_default_is_local_and_in_memory() {
        let expected = Arguments {
            listen: "127.0.0.1:8080".parse().unwrap(),
            db: None,
            config: None,
            now: None,
            speed: 1.0,
        };
        assert_eq!(read(&[]), Ok(Command::Serve(expected)));
    }

    #[test]
    fn values_stand_alone_or_joined() {
        let expected = Arguments {
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
    fn mistakes_are_named() {
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
        for (arguments, mistake) in [
            (
                ["--now", "2030-03-31T00:00:00"],
                ArgumentError::Now("2030-03-31T00:00:00".into()),
            ),
            (["--speed", "-1"], ArgumentError::Speed("-1".into())),
            (["--speed", "NaN"], ArgumentError::Speed("NaN".into())),
        ] {
            assert_eq!(read(&arguments), Err(mistake));
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
