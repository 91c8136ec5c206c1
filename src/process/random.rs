//! Numbers that differ from call to call, for retry delays and initial counts; not for secrets.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Instant;

use crate::process::fork;

/// Returns a number. The keys of a new hash map differ from those of the one before on the same
/// thread. Forked children inherit them, so the process and the time are hashed with them.
pub fn number() -> u64 {
    RandomState::new().hash_one((std::process::id(), fork::generation(), Instant::now()))
}
