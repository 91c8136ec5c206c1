//! Numbers that differ from call to call, for waiting times and the beginnings of counts; not for secrets.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A number. The keys of a new hash map differ from each other, and nothing more is needed.
pub fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
