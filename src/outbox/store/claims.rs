//! Claims: while a process sends an entry, no other one does.
//!
//! An entry is claimed in one transaction, before anything is sent. Its process, or another one
//! after it has ended, says in another transaction what became of it.
//!
//! A claim expires some time after the deadline of the attempt. Until then it holds as long as its
//! process is there, or cannot be seen, since it runs in another container. An expired claim holds
//! as long as its process is stopped, since the attempt may go on with it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{params, Connection, Row};

use super::Store;
use crate::error::Result;
use crate::outbox::claimant::{Claimant, Liveness};
use crate::outbox::clock::{milliseconds, Now};
use crate::outbox::entry::{
    Claimed, ClaimedEntry, Delivery, Next, Settled, Step, StoredRequest, Work, NOT_LOOKED_UP,
};
use crate::process::fork::{lock, PerProcess};
use crate::process::random;

/// How much longer than the deadline of its attempt a claim holds.
const CLAIM_MARGIN: Duration = Duration::from_secs(60);

/// The longest time that a claim holds: no attempt may take more than a day.
const MAX_HOLD: Duration = Duration::from_secs(24 * 3_600 + CLAIM_MARGIN.as_secs());

/// The most entries that are removed in one transaction.
const MAX_PRUNED: i64 = 500;

/// The claims of this process that are in use.
static TOKENS: PerProcess<Tokens> = PerProcess::new();

struct Tokens {
    /// The upper half of the tokens, which tells copies of the library in one process apart, and
    /// programs that a process runs one after the other.
    instance: i64,
    in_use: Mutex<HashSet<i64>>,
}

impl Tokens {
    fn current() -> Arc<Tokens> {
        TOKENS.get(|| Tokens {
            instance: (random::number() >> 33) as i64,
            in_use: Mutex::default(),
        })
    }

    fn is_own(&self, token: i64) -> bool {
        token >> 32 == self.instance
    }
}

/// Identifies the claims of one deliverer. When it is dropped, claims that are left count as those
/// of a process that has ended.
pub struct ClaimToken(i64, Arc<Tokens>);

impl ClaimToken {
    /// A token that no other deliverer has.
    pub fn new() -> ClaimToken {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let tokens = Tokens::current();
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let token = tokens.instance << 32 | i64::from(number);
        lock(&tokens.in_use).insert(token);
        ClaimToken(token, tokens)
    }
}

impl Drop for ClaimToken {
    fn drop(&mut self) {
        // In a child that inherits the token, the set is the parent's.
        let is_inherited = TOKENS
            .get_if_set()
            .is_none_or(|tokens| !Arc::ptr_eq(&tokens, &self.1));
        if !is_inherited {
            lock(&self.1.in_use).remove(&self.0);
        }
    }
}

/// Which entries are claimed.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The API and the base URL of the server.
    pub server: String,
    /// The most entries.
    pub max: usize,
    /// By when entries must have been due, by the file's clock; those that are to be looked up for
    /// the first time may have become so later.
    pub due_by: Option<i64>,
    /// After which time an entry without a decision is finished.
    pub max_age: Duration,
    /// How long an attempt can take.
    pub timeout: Duration,
    /// How long finished entries are kept.
    pub keep: Duration,
    /// Whether claims of processes that have ended are taken over, and old entries removed.
    pub with_upkeep: bool,
}

impl Store {
    /// Records the results of earlier claims, and claims the entries that are due, in one
    /// transaction. Returns them in the order in which they became due.
    pub fn advance(
        &self,
        token: &ClaimToken,
        steps: &[Step],
        request: &ClaimRequest,
        deadline: Instant,
    ) -> Result<Claimed> {
        self.write(deadline, |transaction, now| {
            let settled = apply_all(transaction, token.0, steps, now)?;
            if request.with_upkeep {
                self.recover(transaction, now)?;
                prune(transaction, now, request)?;
            }
            let entries = self.claim(transaction, token.0, request, now)?;
            let next_due_ms = next_due(transaction, &request.server, now)?;
            Ok(Claimed {
                settled,
                entries,
                next_due_ms,
                now,
            })
        })
    }

    /// Records the results of earlier claims, and claims nothing.
    pub fn record(
        &self,
        token: &ClaimToken,
        steps: &[Step],
        deadline: Instant,
    ) -> Result<Vec<Settled>> {
        self.write(deadline, |transaction, now| {
            apply_all(transaction, token.0, steps, now)
        })
    }

    /// The number of entries for a server that are to be sent.
    pub fn waiting(&self, server: &str, deadline: Instant) -> Result<i64> {
        self.read(deadline, |connection, _| {
            connection
                .prepare_cached(
                    "SELECT count(*) FROM entry \
                     WHERE server = ?1 AND due_at IS NOT NULL AND delivery = 'waiting'",
                )?
                .query_row([server], |row| row.get(0))
        })
    }

    fn claim(
        &self,
        transaction: &Connection,
        token: i64,
        request: &ClaimRequest,
        now: Now,
    ) -> rusqlite::Result<Vec<ClaimedEntry>> {
        if request.max == 0 {
            return Ok(Vec::new());
        }
        let mut due = transaction.prepare_cached(
            "SELECT e.number, e.id, e.key, e.delivery, e.attempts, e.submitted_at, e.desired_time, \
                    e.sent_at, e.lookups, r.path, r.accept, r.content_type, r.body \
             FROM entry e JOIN request r ON r.number = e.number \
             WHERE e.server = ?1 AND e.due_at <= ?2 \
                AND (e.due_at <= ?4 OR (e.delivery = 'unknown' AND e.lookups < 0)) \
                AND (e.twin IS NULL OR NOT EXISTS ( \
                    SELECT 1 FROM entry t WHERE t.twin = e.twin \
                        AND t.delivery IN ('sending', 'unknown') \
                        AND t.delivery = CASE e.delivery WHEN 'waiting' THEN 'unknown' ELSE 'sending' END \
                        AND t.number <> e.number AND t.server = e.server \
                        AND (t.due_at IS NOT NULL OR t.claim IS NOT NULL))) \
             ORDER BY e.due_at, e.number LIMIT ?3",
        )?;
        let max = i64::try_from(request.max).unwrap_or(i64::MAX);
        let due_by = request.due_by.unwrap_or(now.file_ms);
        let parameters = (&request.server, now.file_ms, max, due_by);
        let rows = due.query_map(parameters, |row| claimed(row, now))?;
        let entries = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let hold = request.timeout + CLAIM_MARGIN;
        let until = now.monotonic_ms.saturating_add(milliseconds(hold));
        let mut claim = transaction.prepare_cached(
            "UPDATE entry SET delivery = ?2, attempts = ?3, sent_at = ?4, due_at = NULL, claim = ?5, \
                    claim_until = ?6, claim_pid = ?7, claim_started = ?8, claim_boot = ?9, \
                    claim_namespace = ?10 \
             WHERE number = ?1",
        )?;
        for entry in &entries {
            let delivery = match entry.work {
                Work::Send => Delivery::Sending,
                Work::Resolve => Delivery::Unknown,
            };
            claim.execute(params![
                entry.number,
                delivery.name(),
                entry.attempts,
                entry.sent_at_file_ms,
                token,
                until,
                self.claimant.pid,
                self.claimant.started,
                self.claimant.boot,
                self.claimant.namespace,
            ])?;
        }
        Ok(entries)
    }

    /// Has the entries looked up whose process has ended while it sent them.
    fn recover(&self, transaction: &Connection, now: Now) -> rusqlite::Result<()> {
        let mut claims = transaction.prepare_cached(
            "SELECT DISTINCT claim, claim_until, claim_pid, claim_started, claim_boot, claim_namespace \
             FROM entry WHERE claim IS NOT NULL",
        )?;
        let rows = claims.query_map([], |row| {
            let claimant = Claimant {
                pid: row.get(2)?,
                started: row.get(3)?,
                boot: row.get(4)?,
                namespace: row.get(5)?,
            };
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, claimant))
        })?;
        let mut release = transaction.prepare_cached(
            "UPDATE entry SET delivery = 'unknown', due_at = ?1, lookups = -1, claim = NULL, \
                    claim_until = NULL, claim_pid = NULL, claim_started = NULL, claim_boot = NULL, \
                    claim_namespace = NULL \
             WHERE claim = ?2 AND claim_until = ?3 AND claim_pid = ?4 AND claim_started = ?5 \
                   AND claim_boot = ?6 AND claim_namespace = ?7",
        )?;
        for row in rows.collect::<rusqlite::Result<Vec<_>>>()? {
            let (token, until, claimant) = row;
            if self.is_abandoned(token, until, &claimant, now) {
                release.execute(params![
                    now.file_ms,
                    token,
                    until,
                    claimant.pid,
                    claimant.started,
                    claimant.boot,
                    claimant.namespace,
                ])?;
            }
        }
        Ok(())
    }

    fn is_abandoned(&self, token: i64, until: i64, claimant: &Claimant, now: Now) -> bool {
        let tokens = Tokens::current();
        if *claimant == *self.claimant && tokens.is_own(token) {
            return !lock(&tokens.in_use).contains(&token);
        }
        match self.claimant.liveness_of(claimant) {
            Liveness::Gone => true,
            Liveness::Stopped => false,
            Liveness::Alive => until < now.monotonic_ms,
            // A later end than any claim of now was made before the system was started.
            Liveness::Unknown => {
                let left = until.saturating_sub(now.monotonic_ms);
                !(0..=milliseconds(MAX_HOLD)).contains(&left)
            }
        }
    }
}

fn next_due(connection: &Connection, server: &str, now: Now) -> rusqlite::Result<Option<i64>> {
    let due: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM entry WHERE server = ?1 AND due_at IS NOT NULL")?
        .query_row([server], |row| row.get(0))?;
    Ok(due.map(|due| (due - now.file_ms).max(0)))
}

fn claimed(row: &Row, now: Now) -> rusqlite::Result<ClaimedEntry> {
    let work = match row.get::<_, String>(3)?.as_str() {
        "unknown" => Work::Resolve,
        _ => Work::Send,
    };
    let attempts: u32 = row.get(4)?;
    let sent_at_file_ms = row.get::<_, Option<i64>>(7)?.unwrap_or(now.file_ms);
    Ok(ClaimedEntry {
        number: row.get(0)?,
        id: row.get(1)?,
        key: row.get(2)?,
        work,
        attempts: attempts.saturating_add(u32::from(work == Work::Send)),
        age_ms: (now.file_ms - row.get::<_, i64>(5)?).max(0),
        desired_time: row.get(6)?,
        sent_at_file_ms,
        sent_at: now.wall_of(sent_at_file_ms),
        lookups: row.get(8)?,
        request: StoredRequest {
            path: row.get(9)?,
            accept: row.get(10)?,
            content_type: row.get(11)?,
            body: row.get(12)?,
        },
    })
}

fn apply_all(
    transaction: &Connection,
    token: i64,
    steps: &[Step],
    now: Now,
) -> rusqlite::Result<Vec<Settled>> {
    let steps = steps.iter();
    steps
        .map(|step| apply(transaction, token, step, now))
        .collect()
}

/// The values that a step gives to an entry.
struct Change {
    settled: Settled,
    pause_ms: Option<i64>,
    is_finished: bool,
    lookups: i32,
    is_uncounted: bool,
}

impl Change {
    fn to(delivery: Delivery, pause_ms: Option<i64>) -> Change {
        Change {
            settled: Settled {
                delivery,
                booking: None,
            },
            pause_ms,
            is_finished: false,
            lookups: NOT_LOOKED_UP,
            is_uncounted: false,
        }
    }

    fn finished(delivery: Delivery, booking: Option<String>) -> Change {
        Change {
            settled: Settled { delivery, booking },
            is_finished: true,
            ..Change::to(delivery, None)
        }
    }
}

fn change(transaction: &Connection, step: &Step) -> rusqlite::Result<Change> {
    Ok(match &step.next {
        Next::Finished { delivery, booking } => Change::finished(*delivery, booking.clone()),
        Next::Waiting {
            pause_ms,
            was_attempted,
        } => Change {
            is_uncounted: !was_attempted,
            ..Change::to(Delivery::Waiting, Some(*pause_ms))
        },
        Next::Unknown { pause_ms, lookups } => Change {
            lookups: *lookups,
            ..Change::to(Delivery::Unknown, Some(*pause_ms))
        },
        Next::Undecided => Change::to(Delivery::Unknown, None),
        Next::LookedUp {
            bookings,
            lookups,
            pause_ms,
        } => match first_free(transaction, step.number, bookings)? {
            Some(booking) => Change::finished(Delivery::Delivered, Some(booking)),
            None if *lookups > 0 => Change::to(Delivery::Waiting, Some(0)),
            None => Change {
                lookups: 1,
                ..Change::to(Delivery::Unknown, Some(*pause_ms))
            },
        },
    })
}

/// The first of some bookings that is not that of another entry for the same server.
fn first_free(
    transaction: &Connection,
    number: i64,
    bookings: &[String],
) -> rusqlite::Result<Option<String>> {
    let mut taken = transaction.prepare_cached(
        "SELECT count(*) FROM entry WHERE booking = ?2 \
            AND server = (SELECT server FROM entry WHERE number = ?1)",
    )?;
    for booking in bookings {
        let entries: i64 = taken.query_row((number, booking), |row| row.get(0))?;
        if entries == 0 {
            return Ok(Some(booking.clone()));
        }
    }
    Ok(None)
}

/// Records what a claimed entry has become. An entry that is not claimed any more is left alone.
fn apply(transaction: &Connection, token: i64, step: &Step, now: Now) -> rusqlite::Result<Settled> {
    let change = change(transaction, step)?;
    let due = change
        .pause_ms
        .map(|pause| now.file_ms.saturating_add(pause.max(0)));
    transaction
        .prepare_cached(
            "UPDATE entry SET delivery = ?3, due_at = ?4, finished_at = ?5, booking = ?6, \
                    lookups = ?7, attempts = attempts - ?8, error = coalesce(?9, error), \
                    twin = CASE WHEN ?5 IS NULL THEN twin END, \
                    claim = NULL, claim_until = NULL, claim_pid = NULL, claim_started = NULL, \
                    claim_boot = NULL, claim_namespace = NULL \
             WHERE number = ?1 AND claim = ?2",
        )?
        .execute(params![
            step.number,
            token,
            change.settled.delivery.name(),
            due,
            change.is_finished.then_some(now.file_ms),
            change.settled.booking,
            change.lookups,
            change.is_uncounted,
            step.error,
        ])?;
    Ok(change.settled)
}

/// Removes entries that were finished long ago, and finishes those without a decision.
fn prune(transaction: &Connection, now: Now, request: &ClaimRequest) -> rusqlite::Result<()> {
    let before = |duration| now.file_ms.saturating_sub(milliseconds(duration));
    transaction
        .prepare_cached(
            "UPDATE entry SET finished_at = ?2, twin = NULL WHERE number IN \
             (SELECT number FROM entry WHERE delivery = 'unknown' AND due_at IS NULL \
                AND claim IS NULL AND finished_at IS NULL AND submitted_at < ?1 LIMIT ?3)",
        )?
        .execute((before(request.max_age), now.file_ms, MAX_PRUNED))?;
    transaction
        .prepare_cached(
            "DELETE FROM entry WHERE number IN \
             (SELECT number FROM entry WHERE finished_at < ?1 ORDER BY finished_at LIMIT ?2)",
        )?
        .execute((before(request.keep), MAX_PRUNED))?;
    Ok(())
}
