//! Handle table: index plus generation, so that stale and forged handles are rejected.

use std::sync::Arc;

use crate::process::fork::ForkSafeMutex;
use crate::process::random;
use crate::service::Service;

/// Stands for a service outside the library. Always odd, so that it is never the address of
/// anything, and below 2^53, so that languages whose numbers are doubles can hold it.
pub type Handle = usize;

const HANDLE_BITS: u32 = if usize::BITS == 64 { 53 } else { usize::BITS };
const INDEX_BITS: u32 = if usize::BITS == 64 { 20 } else { 10 };
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;
const GENERATION_MASK: usize = (1 << (HANDLE_BITS - INDEX_BITS - 1)) - 1;

/// The services of the process.
pub static SERVICES: HandleTable = HandleTable(ForkSafeMutex::new(Entries {
    entries: Vec::new(),
    free: Vec::new(),
}));

/// A table of services.
pub struct HandleTable(ForkSafeMutex<Entries>);

struct Entries {
    entries: Vec<Entry>,
    free: Vec<usize>,
}

struct Entry {
    generation: usize,
    service: Option<Arc<Service>>,
}

impl HandleTable {
    /// Adds a service. Returns `None` if the table is full.
    pub fn insert(&self, service: Arc<Service>) -> Option<Handle> {
        self.0.with(|table| {
            let index = table.free.pop().or_else(|| {
                // Generations start at a random value, so that small integers are not valid.
                let index = table.entries.len();
                (index <= INDEX_MASK).then(|| {
                    table.entries.push(Entry {
                        generation: random::number() as usize & GENERATION_MASK,
                        service: None,
                    })
                })?;
                Some(index)
            })?;
            let entry = &mut table.entries[index];
            entry.generation = entry.generation.wrapping_add(1) & GENERATION_MASK;
            entry.service = Some(service);
            Some(entry.generation << (INDEX_BITS + 1) | index << 1 | 1)
        })
    }

    /// Returns the service of a handle.
    pub fn get(&self, handle: Handle) -> Option<Arc<Service>> {
        self.0.with(|table| table.find(handle)?.service.clone())
    }

    /// Removes a service. Its handle is stale from then on.
    pub fn remove(&self, handle: Handle) -> Option<Arc<Service>> {
        self.0.with(|table| {
            let service = table.find(handle)?.service.take()?;
            table.free.push(handle >> 1 & INDEX_MASK);
            Some(service)
        })
    }

    /// Returns all services.
    pub fn all(&self) -> Vec<Arc<Service>> {
        self.0.with(|table| {
            table
                .entries
                .iter()
                .filter_map(|entry| entry.service.clone())
                .collect()
        })
    }
}

impl Entries {
    fn find(&mut self, handle: Handle) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(handle >> 1 & INDEX_MASK)?;
        (handle & 1 == 1 && handle >> (INDEX_BITS + 1) == entry.generation).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn table() -> HandleTable {
        HandleTable(ForkSafeMutex::new(Entries {
            entries: Vec::new(),
            free: Vec::new(),
        }))
    }

    fn service() -> Arc<Service> {
        let config = Config::parse(r#"{"dataURL":"http://h"}"#);
        Arc::new(Service::new(config.unwrap()))
    }

    #[test]
    fn handles_are_exact_as_doubles() {
        let table = table();
        let service = service();
        for _ in 0..1_000 {
            let handle = table.insert(service.clone()).unwrap();
            assert!((handle as u64) < 1 << 53);
            assert_eq!(handle as f64 as usize, handle);
        }
        let full = GENERATION_MASK << (INDEX_BITS + 1) | INDEX_MASK << 1 | 1;
        assert!((full as u64) < 1 << 53);
    }

    #[test]
    fn stale_and_forged_handles_are_rejected() {
        let table = table();
        let first = table.insert(service()).unwrap();
        let second = table.insert(service()).unwrap();
        assert_ne!(first, second);
        assert!(table.get(first).is_some());
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
            assert!(table.get(wild).is_none() || wild == second, "{wild:x}");
        }
        assert!(table.remove(first).is_some());
        assert!(table.remove(first).is_none() && table.get(first).is_none());
        let third = table.insert(service()).unwrap();
        assert_ne!(third, first);
        assert!(table.get(first).is_none() && table.get(third).is_some());
        assert_eq!(table.all().len(), 2);
    }
}
