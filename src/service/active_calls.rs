//! Which calls threads are inside of: closing waits for other threads, and a service cannot be
//! closed from inside.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::process::fork::{generation, lock};

/// The threads that are inside a service, in one process.
#[derive(Default)]
pub struct ThreadCounts {
    counts: Mutex<Counts>,
    idle: Condvar,
}

#[derive(Default)]
struct Counts {
    callers: usize,
    handler_threads: usize,
    /// Threads that wait. Without any, notifying is skipped, since it costs a system call.
    closers: usize,
}

/// What a thread does for a service.
#[derive(Clone, Copy, PartialEq)]
pub enum ThreadKind {
    /// It is inside a call.
    Caller,
    /// It is the thread that runs all handlers of the service.
    Handler,
}

impl Counts {
    fn of(&mut self, kind: ThreadKind) -> &mut usize {
        match kind {
            ThreadKind::Caller => &mut self.callers,
            ThreadKind::Handler => &mut self.handler_threads,
        }
    }
}

impl ThreadCounts {
    /// The number of threads of this kind.
    pub fn get(&self, kind: ThreadKind) -> usize {
        *lock(&self.counts).of(kind)
    }

    /// Waits until there is no thread of this kind. Returns whether that came before the deadline
    /// (`None` is no limit).
    pub fn wait_until_idle(&self, kind: ThreadKind, deadline: Option<Instant>) -> bool {
        let mut counts = lock(&self.counts);
        counts.closers += 1;
        let is_busy = |counts: &mut Counts| *counts.of(kind) > 0;
        let mut counts = match deadline {
            None => self
                .idle
                .wait_while(counts, is_busy)
                .unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.idle
                    .wait_timeout_while(counts, left, is_busy)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        counts.closers -= 1;
        !is_busy(&mut counts)
    }

    fn leave(&self, kind: ThreadKind) {
        let mut counts = lock(&self.counts);
        *counts.of(kind) -= 1;
        if counts.closers > 0 {
            self.idle.notify_all();
        }
    }
}

/// Counts a thread in until it is dropped.
pub struct ActiveThread {
    counts: Arc<ThreadCounts>,
    generation: u64,
    kind: ThreadKind,
}

impl ActiveThread {
    /// Counts a thread in.
    pub fn enter(counts: Arc<ThreadCounts>, kind: ThreadKind) -> ActiveThread {
        *lock(&counts.counts).of(kind) += 1;
        ActiveThread {
            counts,
            generation: generation(),
            kind,
        }
    }

    /// Whether a handler has forked and this is the child, where pending items belong to the
    /// parent.
    pub fn is_in_forked_child(&self) -> bool {
        self.generation != generation()
    }
}

impl Drop for ActiveThread {
    fn drop(&mut self) {
        // In a child, the count, and perhaps the lock, are the parent's.
        if !self.is_in_forked_child() {
            self.counts.leave(self.kind);
        }
    }
}

thread_local! {
    /// What the calling thread is inside of, innermost last.
    static NESTING: RefCell<Nesting> = const { RefCell::new(Nesting { last_id: 0, levels: Vec::new() }) };
}

struct Nesting {
    last_id: u64,
    levels: Vec<Level>,
}

/// A call, or a handler that runs inside a call.
struct Level {
    id: u64,
    service: u64,
    /// Of a call: its thread's count, given back when the level ends, in whichever way.
    _call: Option<ActiveThread>,
    /// Of a handler: an address in the stack frame that calls it.
    frame: usize,
}

/// Marks the calling thread as inside a call or a handler of a service until it is dropped, on the
/// same thread.
pub struct LevelGuard {
    /// 0 if the thread has lost its thread-locals: then a close from inside is not detected.
    id: u64,
    unmarked: Option<ActiveThread>,
}

impl LevelGuard {
    /// Enters a call.
    pub fn enter_call(service: u64, call: ActiveThread) -> LevelGuard {
        LevelGuard::enter(service, Some(call), 0)
    }

    /// Enters a handler. `marker` is a variable of the function that calls it.
    pub fn enter_handler(service: u64, marker: &u8) -> LevelGuard {
        LevelGuard::enter(service, None, address(marker))
    }

    fn enter(service: u64, call: Option<ActiveThread>, frame: usize) -> LevelGuard {
        let mut call = Some(call);
        let id = NESTING.try_with(|nesting| {
            let nesting = &mut *nesting.borrow_mut();
            nesting.last_id += 1;
            nesting.levels.push(Level {
                id: nesting.last_id,
                service,
                _call: call.take().flatten(),
                frame,
            });
            nesting.last_id
        });
        LevelGuard {
            id: id.unwrap_or(0),
            unmarked: call.flatten(),
        }
    }
}

impl Drop for LevelGuard {
    fn drop(&mut self) {
        drop(self.unmarked.take());
        // Inner levels that are still there have been abandoned. If this one is not, it was taken
        // for abandoned itself.
        while let Some(ended) = self.pop_inner() {
            if ended.id == self.id {
                break;
            }
        }
    }
}

impl LevelGuard {
    fn pop_inner(&self) -> Option<Level> {
        let popped = NESTING.try_with(|nesting| {
            let levels = &mut nesting.borrow_mut().levels;
            let is_there = levels.iter().any(|level| level.id == self.id);
            is_there.then(|| levels.pop()).flatten()
        });
        popped.ok().flatten()
    }
}

fn address(marker: &u8) -> usize {
    (&raw const *marker).addr()
}

/// Whether the calling thread is inside a call or a handler of a service.
pub fn is_inside(service: u64) -> bool {
    NESTING
        .try_with(|nesting| {
            let levels = &nesting.borrow().levels;
            levels.iter().any(|level| level.service == service)
        })
        .unwrap_or(false)
}

/// Ends the calls that the host has left by jumping out of a handler (`longjmp`). `marker` is a
/// variable of the function that the host calls now. The stack grows downwards: while a handler
/// runs, all that it calls has lower addresses than the variable that marks it.
pub fn end_abandoned_calls(marker: &u8) {
    let abandoned = NESTING.try_with(|nesting| {
        let levels = &mut nesting.borrow_mut().levels;
        let is_left = |level: &Level| level.frame != 0 && level.frame < address(marker);
        let handler = levels.iter().position(is_left)?;
        // With it end the calls that led to it, up to the next handler that is still running.
        let calls = levels[..handler].iter().rev();
        let first = handler - calls.take_while(|level| level.frame == 0).count();
        Some(levels.split_off(first))
    });
    drop(abandoned);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    fn enter_call(service: u64, counts: &Arc<ThreadCounts>) -> LevelGuard {
        let thread = ActiveThread::enter(counts.clone(), ThreadKind::Caller);
        LevelGuard::enter_call(service, thread)
    }

    /// Stands for a C function.
    #[inline(never)]
    fn call_library() {
        let marker = 0;
        end_abandoned_calls(black_box(&marker));
    }

    /// Enters a call and its handler, and leaves both without dropping them.
    #[inline(never)]
    fn abandon(service: u64, counts: &Arc<ThreadCounts>) {
        let frame = [0; 4096];
        std::mem::forget(enter_call(service, counts));
        let handler = LevelGuard::enter_handler(service, &black_box(&frame)[0]);
        std::mem::forget(handler);
        call_library();
        assert!(is_inside(service), "the handler is still running");
    }

    #[test]
    fn abandoned_call_is_ended_by_the_next_one() {
        let marker = 0;
        let counts = Arc::<ThreadCounts>::default();
        let call = enter_call(1, &counts);
        let handler = LevelGuard::enter_handler(1, black_box(&marker));
        abandon(2, &counts);
        assert_eq!(counts.get(ThreadKind::Caller), 2);
        call_library();
        assert!(is_inside(1) && !is_inside(2));
        assert_eq!(counts.get(ThreadKind::Caller), 1);
        abandon(2, &counts);
        drop((handler, call));
        assert!(!is_inside(1) && !is_inside(2));
        assert_eq!(counts.get(ThreadKind::Caller), 0);
    }
}
