//! What a run that ends has done.

use std::collections::HashMap;

use crate::outbox::entry::Delivery;

/// How many entries became what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub delivered: u64,
    pub refused: u64,
    pub unknown: u64,
    pub expired: u64,
}

/// What a run that ends knows of itself.
#[derive(Default)]
pub struct Once {
    /// When it began, by the file's clock. What becomes due later is left to the next run.
    pub began_at: Option<i64>,
    /// What each entry has become last.
    pub states: HashMap<i64, Delivery>,
}

impl Once {
    /// How many entries became what.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for delivery in self.states.values() {
            match delivery {
                Delivery::Delivered => tally.delivered += 1,
                Delivery::Refused => tally.refused += 1,
                Delivery::Unknown => tally.unknown += 1,
                Delivery::Expired => tally.expired += 1,
                Delivery::Waiting | Delivery::Sending => {}
            }
        }
        tally
    }
}
