//! The outbox: bookings that are stored in a file and delivered when the server is there.
//!
//! [`store`] is the file, [`deliverer`] sends what is due, and [`decision`] says what becomes of an
//! entry after an attempt.

mod claimant;
mod clock;
pub mod decision;
pub mod deliverer;
pub mod entry;
mod flight;
mod lookup;
mod pace;
pub mod store;
pub mod tally;
#[cfg(test)]
mod test_support;
pub mod worker;

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use crate::config::outbox::OutboxConfig;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::process::random;
use crate::protocol::stored::{has_lookup, server, StoredRequest};
use crate::status::Status;
use crate::text::json::Object;
use entry::{NewEntry, Work};

/// The error of a command that needs an outbox.
pub fn not_configured() -> Error {
    let message = "the service has no outbox: set outbox.file in its configuration";
    Error::new(Status::WrongMode, message)
}

/// Checks the options of a booking and makes an entry of it.
pub fn new_entry(
    config: &Config,
    outbox: &OutboxConfig,
    key: Option<String>,
    options: &Object,
) -> Result<NewEntry> {
    let request = StoredRequest::new(config, options)?;
    let number = request.number().filter(|_| has_lookup(config));
    Ok(NewEntry {
        id: uuid(),
        key,
        server: server(config),
        desired_time: request.desired_time(),
        twin: number.map(|number| twin(&number)),
        request,
        max_entries: outbox.max_entries,
    })
}

/// A number that is equal for equal telephone numbers, in every version of the library (FNV-1a).
fn twin(number: &str) -> i64 {
    let hash = number
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    hash.cast_signed()
}

/// A random UUID.
fn uuid() -> String {
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&random::number().to_ne_bytes());
        bytes[8..].copy_from_slice(&random::number().to_ne_bytes());
    }
    let number = u128::from_be_bytes(bytes);
    let version_4 = number & !(0xf << 76) | 4 << 76;
    let standard = version_4 & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{standard:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// An error as it is stored: without what the server says, which may repeat the number.
pub fn error_json(error: &Error) -> String {
    json!({
        "status": error.status.code(),
        "name": error.status.name(),
        "message": error.message,
        "booked": if error.is_effect_unknown { "unknown" } else { "no" },
    })
    .to_string()
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Work::Send => "sending",
            Work::Resolve => "looking it up",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_random_uuids() {
        let (first, second) = (uuid(), uuid());
        assert_ne!(first, second);
        let form: String = first
            .chars()
            .map(|letter| {
                if letter.is_ascii_hexdigit() {
                    'x'
                } else {
                    letter
                }
            })
            .collect();
        assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(&first[14..15], "4");
        assert!("89ab".contains(&first[19..20]));
    }
}
