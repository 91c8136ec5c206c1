//! Tokens for services: a slot and the number of its use, so that a stale or invented one is found out.

use std::sync::Arc;

use crate::process::fork::Guarded;
use crate::process::random;
use crate::service::Service;

/// What a program holds instead of a pointer. Always odd, so that it is never the address of anything.
pub type Token = usize;

const SLOT_BITS: u32 = if usize::BITS == 64 { 20 } else { 10 };
const SLOT_MASK: usize = (1 << SLOT_BITS) - 1;
const USE_MASK: usize = usize::MAX >> (SLOT_BITS + 1);

/// The services of the process.
pub static SERVICES: Registry = Registry(Guarded::new(Slots {
    slots: Vec::new(),
    free: Vec::new(),
}));

/// A table of services.
pub struct Registry(Guarded<Slots>);

struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    used: usize,
    service: Option<Arc<Service>>,
}

impl Registry {
    /// Adds a service; `None` when there are as many as can be told apart.
    pub fn insert(&self, service: Arc<Service>) -> Option<Token> {
        self.0.with(|table| {
            let index = table.free.pop().or_else(|| {
                // The count begins anywhere, so that small or made-up numbers are not tokens.
                let index = table.slots.len();
                (index <= SLOT_MASK).then(|| {
                    table.slots.push(Slot {
                        used: random::number() as usize & USE_MASK,
                        service: None,
                    })
                })?;
                Some(index)
            })?;
            let slot = &mut table.slots[index];
            slot.used = slot.used.wrapping_add(1) & USE_MASK;
            slot.service = Some(service);
            Some(slot.used << (SLOT_BITS + 1) | index << 1 | 1)
        })
    }

    /// The service of a token.
    pub fn get(&self, token: Token) -> Option<Arc<Service>> {
        self.0.with(|table| table.find(token)?.service.clone())
    }

    /// Takes a service out; its token is worth nothing from then on.
    pub fn remove(&self, token: Token) -> Option<Arc<Service>> {
        self.0.with(|table| {
            let service = table.find(token)?.service.take()?;
            table.free.push(token >> 1 & SLOT_MASK);
            Some(service)
        })
    }

    /// All services.
    pub fn all(&self) -> Vec<Arc<Service>> {
        self.0.with(|table| {
            table
                .slots
                .iter()
                .filter_map(|slot| slot.service.clone())
                .collect()
        })
    }
}

impl Slots {
    fn find(&mut self, token: Token) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(token >> 1 & SLOT_MASK)?;
        (token & 1 == 1 && token >> (SLOT_BITS + 1) == slot.used).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn only_a_live_token_finds_its_service() {
        let registry = Registry(Guarded::new(Slots {
            slots: Vec::new(),
            free: Vec::new(),
        }));
        let service = || {
            Arc::new(Service::new(
                Config::parse(r#"{"dataURL":"http://h"}"#).unwrap(),
            ))
        };
        let first = registry.insert(service()).unwrap();
        let second = registry.insert(service()).unwrap();
        assert_ne!(first, second);
        assert!(registry.get(first).is_some());
        for wild in [
            0,
            1,
            2,
            usize::MAX,
            first ^ 1,
            first ^ 2,
            first ^ 1 << (usize::BITS - 1),
            first + 2,
        ] {
            assert!(registry.get(wild).is_none() || wild == second, "{wild:x}");
        }
        assert!(registry.remove(first).is_some());
        assert!(registry.remove(first).is_none() && registry.get(first).is_none());
        let third = registry.insert(service()).unwrap();
        assert_ne!(third, first);
        assert!(registry.get(first).is_none() && registry.get(third).is_some());
        assert_eq!(registry.all().len(), 2);
    }
}
