//! Storing bookings. Bookings that are submitted at the same time share one transaction: one thread
//! writes those of all, while the next ones gather.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension};

use super::failure::Failure;
use super::open::Access;
use super::{Store, LOCK_WAIT};
use crate::error::{Error, Result};
use crate::outbox::clock::Now;
use crate::outbox::entry::{Delivery, NewEntry, Submitted};
use crate::process::fork::lock;
use crate::status::Status;

/// The most bookings of one transaction.
const MAX_BATCH: usize = 256;

/// A booking that waits to be stored.
pub struct Ticket {
    /// The booking.
    pub entry: NewEntry,
    /// Until when locks are waited for.
    pub deadline: Instant,
    /// Receives the result, on the thread that writes.
    pub reply: Box<dyn FnOnce(Result<Submitted>) + Send>,
}

/// The bookings of this process that wait to be stored.
#[derive(Default)]
pub struct SubmitQueue {
    state: Mutex<QueueState>,
    /// A thread has written, or has given up.
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    tickets: VecDeque<Ticket>,
    /// Whether a thread writes.
    is_writing: bool,
}

impl Store {
    /// Stores a booking, on this thread or on another one that stores its own. It is durable when
    /// this returns `Ok`.
    pub fn submit(&self, entry: NewEntry, deadline: Instant) -> Result<Submitted> {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.enqueue(Ticket {
            entry,
            deadline,
            reply: Box::new(move |stored| *lock(&slot) = Some(stored)),
        });
        loop {
            self.write_or_wait(|| lock(&result).is_some());
            if let Some(stored) = lock(&result).take() {
                return stored;
            }
        }
    }

    /// Adds a booking for [`Store::drain_submits`].
    pub fn enqueue(&self, ticket: Ticket) {
        lock(&self.submits.state).tickets.push_back(ticket);
    }

    /// Stores bookings on this thread until none waits.
    pub fn drain_submits(&self) {
        while !lock(&self.submits.state).tickets.is_empty() {
            self.write_or_wait(|| false);
        }
    }

    /// Writes one batch, or waits for the thread that does so now, unless the caller is done.
    fn write_or_wait(&self, is_done: impl Fn() -> bool) {
        let queue = &self.submits;
        let mut state = lock(&queue.state);
        if is_done() {
            return;
        }
        if state.is_writing {
            drop(queue.wait(state));
            return;
        }
        let size = state.tickets.len().min(MAX_BATCH);
        let batch: Vec<Ticket> = state.tickets.drain(..size).collect();
        if batch.is_empty() {
            return;
        }
        state.is_writing = true;
        drop(state);
        let writing = Writing(queue);
        let unwritten = self.write_batch(batch);
        writing.finish(unwritten);
    }

    /// Writes a batch in one transaction. Returns what a lock has kept from being written.
    fn write_batch(&self, batch: Vec<Ticket>) -> Vec<Ticket> {
        let mut results = Vec::new();
        let written = self.try_once(Access::Write, LOCK_WAIT, &mut |transaction, now| {
            let mut open = count_open(transaction)?;
            for ticket in &batch {
                results.push(store(transaction, &ticket.entry, now, &mut open)?);
            }
            Ok(())
        });
        match written {
            Ok(()) => {
                self.changed.notify_waiters();
                for (ticket, result) in batch.into_iter().zip(results) {
                    (ticket.reply)(result);
                }
                Vec::new()
            }
            Err(failure) => {
                let is_busy = matches!(failure, Failure::Busy);
                let error = self.failed(failure);
                let now = Instant::now();
                let mut unwritten = Vec::new();
                for ticket in batch {
                    if is_busy && now < ticket.deadline {
                        unwritten.push(ticket);
                    } else {
                        (ticket.reply)(Err(error.clone()));
                    }
                }
                unwritten
            }
        }
    }
}

impl SubmitQueue {
    fn wait<'a>(&self, state: MutexGuard<'a, QueueState>) -> MutexGuard<'a, QueueState> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets another thread write when this one has finished, in whichever way.
struct Writing<'a>(&'a SubmitQueue);

impl Writing<'_> {
    fn finish(self, unwritten: Vec<Ticket>) {
        let mut state = lock(&self.0.state);
        unwritten
            .into_iter()
            .rev()
            .for_each(|ticket| state.tickets.push_front(ticket));
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).is_writing = false;
        self.0.changed.notify_all();
    }
}

/// The number of entries that are not finished.
fn count_open(transaction: &Connection) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("SELECT open FROM total")?
        .query_row([], |row| row.get(0))
}

/// Stores one booking, unless its key is there already or too many entries wait.
fn store(
    transaction: &Connection,
    entry: &NewEntry,
    now: Now,
    open: &mut i64,
) -> rusqlite::Result<Result<Submitted>> {
    if let Some(present) = find_key(transaction, entry)? {
        return Ok(present);
    }
    if *open >= entry.max_entries {
        let message = format!(
            "outbox full: {} entries are not finished (outbox.maxEntries); deliver them, or raise the limit",
            entry.max_entries
        );
        return Ok(Err(Error::new(Status::Busy, message).retryable(true)));
    }
    let delivery = Delivery::Waiting;
    transaction
        .prepare_cached(
            "INSERT INTO entry (id, key, server, delivery, submitted_at, due_at, submitted_ms, \
                desired_time, twin) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            &entry.id,
            &entry.key,
            &entry.server,
            delivery.name(),
            now.file_ms,
            now.wall_ms,
            &entry.desired_time,
            entry.twin,
        ))?;
    let request = &entry.request;
    transaction
        .prepare_cached(
            "INSERT INTO request (number, path, accept, content_type, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            transaction.last_insert_rowid(),
            &request.path,
            &request.accept,
            &request.content_type,
            &request.body,
        ))?;
    *open += 1;
    Ok(Ok(Submitted {
        id: entry.id.clone(),
        key: entry.key.clone(),
        delivery,
        is_new: true,
    }))
}

/// The entry that has the key already.
fn find_key(
    transaction: &Connection,
    entry: &NewEntry,
) -> rusqlite::Result<Option<Result<Submitted>>> {
    let Some(key) = &entry.key else {
        return Ok(None);
    };
    let present = transaction
        .prepare_cached("SELECT id, delivery, server FROM entry WHERE key = ?1")?
        .query_row([key], |row| {
            let server: String = row.get(2)?;
            Ok((
                row.get::<_, String>(0)?,
                super::listing::delivery(row, 1)?,
                server,
            ))
        })
        .optional()?;
    Ok(present.map(|(id, delivery, server)| {
        if server != entry.server {
            let message =
                "is the key of a booking for another server (dataURL); nothing was stored";
            return Err(Error::field(Status::BadOption, "key", message));
        }
        Ok(Submitted {
            id,
            key: Some(key.clone()),
            delivery,
            is_new: false,
        })
    }))
}
