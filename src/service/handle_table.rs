//! Handle table: index plus generation, so that stale and forged handles are rejected.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::process::fork::ForkSafeMutex;
use crate::process::random;
use crate::service::Service;

/// Stands for a service outside the library. Always odd, so that it is never the address of
/// anything, and below 2^53, so that languages whose numbers are doubles can hold it.
pub type Handle = usize;

/// How a handle is divided. From the lowest bit on, it has a one, the index of a slot, and the
/// generation of that slot. The comment of `cbsvc_service` has the numbers that follow from it.
#[derive(Clone, Copy)]
struct Layout {
    index_bits: u32,
    generation_bits: u32,
}

impl Layout {
    const NATIVE: Layout = match usize::BITS {
        64 => Layout {
            index_bits: 20,
            generation_bits: 32,
        },
        _ => Layout::OF_32_BITS,
    };
    const OF_32_BITS: Layout = Layout {
        index_bits: 10,
        generation_bits: 21,
    };

    fn slots(self) -> usize {
        1 << self.index_bits
    }

    /// How many generations a slot has, from 1. Zero and the highest number are left out: they
    /// would make handles of small numbers, and of small negative ones.
    fn generations(self) -> usize {
        (1 << self.generation_bits) - 2
    }

    fn generation_after(self, generation: usize) -> usize {
        generation % self.generations() + 1
    }

    fn handle(self, index: usize, generation: usize) -> Handle {
        (generation << self.index_bits | index) << 1 | 1
    }

    /// The index and the generation of a handle.
    fn parts(self, handle: Handle) -> Option<(usize, usize)> {
        let index = handle >> 1 & (self.slots() - 1);
        (handle & 1 == 1).then_some((index, handle >> 1 >> self.index_bits))
    }
}

/// So many free slots take turns, which makes it longer until a generation comes back.
const SPARE_SLOTS: usize = 1 << 10;

/// The services of the process.
pub static SERVICES: HandleTable = HandleTable::new(Layout::NATIVE);

/// A table of services.
pub struct HandleTable(ForkSafeMutex<Entries>);

struct Entries {
    layout: Layout,
    entries: Vec<Entry>,
    /// The slots without a service; the one that has been free for longest is at the front.
    free: VecDeque<usize>,
}

struct Entry {
    generation: usize,
    service: Option<Arc<Service>>,
}

impl HandleTable {
    const fn new(layout: Layout) -> HandleTable {
        HandleTable(ForkSafeMutex::new(Entries {
            layout,
            entries: Vec::new(),
            free: VecDeque::new(),
        }))
    }

    /// Adds a service. Returns `None` if the table is full.
    pub fn insert(&self, service: Arc<Service>) -> Option<Handle> {
        self.0.with(|table| {
            let index = table.vacant()?;
            let entry = &mut table.entries[index];
            entry.generation = table.layout.generation_after(entry.generation);
            entry.service = Some(service);
            Some(table.layout.handle(index, entry.generation))
        })
    }

    /// Returns the service of a handle.
    pub fn get(&self, handle: Handle) -> Option<Arc<Service>> {
        self.0.with(|table| table.find(handle)?.1.service.clone())
    }

    /// Removes a service. Its handle is stale from then on.
    pub fn remove(&self, handle: Handle) -> Option<Arc<Service>> {
        self.0.with(|table| {
            let (index, entry) = table.find(handle)?;
            let service = entry.service.take()?;
            table.free.push_back(index);
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
    fn find(&mut self, handle: Handle) -> Option<(usize, &mut Entry)> {
        let (index, generation) = self.layout.parts(handle)?;
        let entry = self.entries.get_mut(index)?;
        (entry.generation == generation).then_some((index, entry))
    }

    /// The index of a slot without a service: a new one, or the one that was freed first.
    fn vacant(&mut self) -> Option<usize> {
        let index = self.entries.len();
        if self.free.len() >= SPARE_SLOTS || index == self.layout.slots() {
            return self.free.pop_front();
        }
        // Generations start at a random value, so that handles of another process, or of an
        // earlier run, are not valid.
        self.entries.push(Entry {
            generation: random::number() as usize % self.layout.generations(),
            service: None,
        });
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// One that is small enough to see each of its handles.
    const SMALL: Layout = Layout {
        index_bits: 2,
        generation_bits: 3,
    };

    fn service() -> Arc<Service> {
        let config = Config::parse(r#"{"dataURL":"http://h"}"#);
        Arc::new(Service::new(config.unwrap()))
    }

    fn each_layout(check: impl Fn(Layout)) {
        for layout in [Layout::NATIVE, Layout::OF_32_BITS, SMALL] {
            check(layout);
        }
    }

    #[test]
    fn handles_are_exact_as_doubles_and_fit_into_a_pointer() {
        each_layout(|layout| {
            let table = HandleTable::new(layout);
            let service = service();
            for _ in 0..layout.slots().min(2_000) {
                let handle = table.insert(service.clone()).unwrap();
                assert_eq!(handle as f64 as usize, handle);
            }
            let largest = layout.handle(layout.slots() - 1, layout.generations());
            assert!((largest as u64) < 1 << 53);
        });
        let bits = |layout: Layout| 1 + layout.index_bits + layout.generation_bits;
        assert_eq!(bits(Layout::OF_32_BITS), 32);
        assert!(bits(Layout::NATIVE) <= usize::BITS);
    }

    #[test]
    fn stale_and_forged_handles_are_rejected() {
        each_layout(|layout| {
            let table = HandleTable::new(layout);
            let [first, second] = [(); 2].map(|()| table.insert(service()).unwrap());
            assert_ne!(first, second);
            assert!(table.get(first).is_some());
            let next = layout.parts(first).unwrap().1 + 1;
            for wild in [
                0,
                1,
                2,
                usize::MAX,
                first ^ 1,
                first ^ 2,
                first ^ 1 << (usize::BITS - 1),
                first + 2,
                layout.handle(0, layout.generation_after(next)),
                layout.handle(2, next),
            ] {
                assert!(table.get(wild).is_none() || wild == second, "{wild:x}");
                assert!(wild == second || table.remove(wild).is_none(), "{wild:x}");
            }
            assert!(table.remove(first).is_some());
            assert!(table.remove(first).is_none() && table.get(first).is_none());
            let third = table.insert(service()).unwrap();
            assert_ne!(third, first);
            assert!(table.get(first).is_none() && table.get(third).is_some());
            assert_eq!(table.all().len(), 2);
        });
    }

    #[test]
    fn each_open_service_has_one_handle() {
        let table = HandleTable::new(SMALL);
        let valid = |wanted: &[Handle]| {
            let found: Vec<_> = (0..1 << 8)
                .filter(|handle| table.get(*handle).is_some())
                .collect();
            assert_eq!(found, wanted);
        };
        valid(&[]);
        let service = service();
        let mut open: Vec<_> = (0..SMALL.slots())
            .map(|_| table.insert(service.clone()).unwrap())
            .collect();
        open.sort();
        valid(&open);
        assert_eq!(table.insert(service), None);
        table.remove(open.remove(1));
        valid(&open);
    }

    #[test]
    fn small_numbers_are_no_handles() {
        // 0 and those on both sides of it up to this one.
        for (layout, bits, number) in [(Layout::OF_32_BITS, 32, 2_048), (SMALL, 6, 8)] {
            let smallest = layout.handle(0, 1);
            let largest = layout.handle(layout.slots() - 1, layout.generations());
            assert_eq!(smallest, number + 1);
            assert_eq!(largest as u64, (1 << bits) - number as u64 - 1);
            let mut generation = 0;
            for _ in 0..3 * layout.generations() {
                generation = layout.generation_after(generation);
                assert!((1..=layout.generations()).contains(&generation));
            }
        }
    }

    #[test]
    fn a_handle_comes_back_only_after_all_generations_of_its_slot() {
        // The numbers that the comment of `cbsvc_service` gives.
        assert_eq!(
            (Layout::OF_32_BITS.slots(), Layout::OF_32_BITS.generations()),
            (1_024, 2_097_150)
        );
        #[cfg(target_pointer_width = "64")]
        assert_eq!(
            (Layout::NATIVE.slots(), Layout::NATIVE.generations()),
            (1_048_576, 4_294_967_294)
        );
        let service = service();
        let reopen = |table: &HandleTable, times: usize, stale: Handle| {
            for _ in 0..times {
                let handle = table.insert(service.clone()).unwrap();
                assert_ne!(handle, stale);
                assert!(table.get(stale).is_none());
                table.remove(handle);
            }
        };
        for layout in [Layout::OF_32_BITS, SMALL] {
            // With all other slots taken, each service gets the slot that is left.
            let table = HandleTable::new(layout);
            let handles: Vec<_> = (0..layout.slots())
                .map(|_| table.insert(service.clone()).unwrap())
                .collect();
            let stale = handles[layout.slots() / 2];
            table.remove(stale);
            reopen(&table, layout.generations() - 1, stale);
            assert_eq!(table.insert(service.clone()), Some(stale));
        }
        // Free slots take turns.
        let table = HandleTable::new(SMALL);
        let stale = table.insert(service.clone()).unwrap();
        table.remove(stale);
        reopen(&table, SMALL.slots() * SMALL.generations() - 1, stale);
        assert_eq!(table.insert(service.clone()), Some(stale));
    }
}
