use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::outbox::entry::{
    ClaimedEntry, Delivery, NewEntry, Next, Selection, Step, StoredRequest, Submitted, Work,
    NOT_LOOKED_UP,
};
use crate::status::Status;
use listing::Refusal;

const SERVER: &str = "v1 http://h/x";
const NUMBER: &str = "+14151110000";
const WALL: i64 = 1_900_000_000_000;

/// A directory that is removed with the test, with a file in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let name = format!(
            "outbox-{}-{:x}",
            std::process::id(),
            crate::process::random::number()
        );
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        Scratch(directory)
    }

    fn file(&self) -> PathBuf {
        self.0.join("callbacks.db")
    }

    fn store(&self) -> Store {
        let boot = Claimant::current().boot.clone();
        Store::new(&self.file(), move || SystemTimes::now(&boot))
    }

    fn sqlite(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }

    /// Whether any file of the directory holds some bytes.
    fn holds(&self, wanted: &str) -> bool {
        let files = fs::read_dir(&self.0).unwrap();
        files.into_iter().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            memchr::memmem::find(&bytes, wanted.as_bytes()).is_some()
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn entry(key: Option<&str>) -> NewEntry {
    NewEntry {
        id: format!("{:x}", crate::process::random::number()),
        key: key.map(str::to_owned),
        server: SERVER.to_owned(),
        desired_time: None,
        twin: None,
        request: StoredRequest {
            path: String::new(),
            accept: "application/json".to_owned(),
            content_type: "application/x-www-form-urlencoded".to_owned(),
            body: format!("_customer_number={NUMBER}"),
        },
        max_entries: 1_000_000,
    }
}

fn twin(number: i64) -> NewEntry {
    NewEntry {
        twin: Some(number),
        ..entry(None)
    }
}

fn submit(store: &Store, entry: NewEntry) -> Submitted {
    store.submit(entry, soon()).unwrap()
}

fn request(max: usize) -> ClaimRequest {
    ClaimRequest {
        server: SERVER.to_owned(),
        max,
        due_by: None,
        max_age: Duration::from_secs(86_400),
        timeout: Duration::from_secs(3),
        keep: Duration::from_secs(604_800),
        with_upkeep: true,
    }
}

fn claim(store: &Store, token: &ClaimToken) -> Vec<ClaimedEntry> {
    store
        .advance(token, &[], &request(100), soon())
        .unwrap()
        .entries
}

fn step(
    store: &Store,
    token: &ClaimToken,
    entry: &ClaimedEntry,
    next: Next,
) -> (Delivery, Option<String>) {
    let steps = [Step {
        number: entry.number,
        next,
        error: None,
    }];
    let settled = store.record(token, &steps, soon()).unwrap().remove(0);
    (settled.delivery, settled.booking)
}

fn delivered(booking: &str) -> Next {
    Next::Finished {
        delivery: Delivery::Delivered,
        booking: Some(booking.to_owned()),
    }
}

const AGAIN: Next = Next::Waiting {
    pause_ms: 0,
    was_attempted: true,
};

fn all(store: &Store) -> Vec<crate::outbox::entry::ListedEntry> {
    let selection = Selection {
        limit: 100_000,
        ..Selection::default()
    };
    store.list(&selection, soon()).unwrap()
}

fn states(store: &Store) -> Vec<&'static str> {
    all(store)
        .iter()
        .map(|entry| entry.delivery.name())
        .collect()
}

#[test]
fn a_key_is_stored_once() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let first = submit(&store, entry(Some("k")));
    let again = submit(&store, entry(Some("k")));
    assert_eq!((first.is_new, again.is_new), (true, false));
    assert_eq!((first.id, Delivery::Waiting), (again.id, again.delivery));
    submit(&store, entry(None));
    submit(&store, entry(None));
    assert_eq!(all(&store).len(), 3);
    let elsewhere = NewEntry {
        server: "v1 http://other".to_owned(),
        ..entry(Some("k"))
    };
    let error = store.submit(elsewhere, soon()).unwrap_err();
    assert_eq!(
        (error.status, error.field.as_deref()),
        (Status::BadOption, Some("key"))
    );
}

#[test]
fn a_key_keeps_its_entry_until_it_is_pruned() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    let first = submit(&store, entry(Some("k")));
    let claimed = claim(&store, &token);
    assert_eq!(submit(&store, entry(Some("k"))).delivery, Delivery::Sending);
    step(&store, &token, &claimed[0], delivered("369"));
    let again = submit(&store, entry(Some("k")));
    assert_eq!(
        (&again.id, again.delivery),
        (&first.id, Delivery::Delivered)
    );
    std::thread::sleep(Duration::from_millis(5));
    let forgetful = ClaimRequest {
        keep: Duration::ZERO,
        ..request(1)
    };
    store.advance(&token, &[], &forgetful, soon()).unwrap();
    assert!(submit(&store, entry(Some("k"))).is_new);
}

#[test]
fn submit_beyond_the_limit_is_busy_and_stores_nothing() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    let limited = |key| NewEntry {
        max_entries: 2,
        ..entry(key)
    };
    submit(&store, limited(Some("k")));
    submit(&store, limited(None));
    assert_eq!(
        store.submit(limited(None), soon()).unwrap_err().status,
        Status::Busy
    );
    // A key that is there needs no room.
    assert!(!submit(&store, limited(Some("k"))).is_new);
    // What is being sent still takes room; what is finished does not.
    let claimed = claim(&store, &token);
    assert_eq!(
        store.submit(limited(None), soon()).unwrap_err().status,
        Status::Busy
    );
    step(&store, &token, &claimed[0], delivered("1"));
    submit(&store, limited(None));
    assert_eq!(store.totals(soon()).unwrap().entries, [1, 1, 1, 0, 0, 0]);
}

#[test]
fn entries_are_claimed_once_and_in_order() {
    let scratch = Scratch::new();
    let (first, second) = (scratch.store(), scratch.store());
    let ids: Vec<String> = (0..5).map(|_| submit(&first, entry(None)).id).collect();
    let (mine, theirs) = (ClaimToken::new(), ClaimToken::new());
    let some = first
        .advance(&mine, &[], &request(3), soon())
        .unwrap()
        .entries;
    let rest = claim(&second, &theirs);
    let claimed: Vec<String> = some
        .iter()
        .chain(&rest)
        .map(|entry| entry.id.clone())
        .collect();
    assert_eq!(claimed, ids);
    assert!(claim(&second, &theirs).is_empty());
    assert!(some
        .iter()
        .all(|entry| (entry.work, entry.attempts) == (Work::Send, 1)));
    assert_eq!(some[0].request, entry(None).request);
    // A result for another's claim changes nothing.
    step(&second, &theirs, &some[0], AGAIN);
    assert_eq!(states(&first), ["sending"; 5]);
}

#[test]
fn only_entries_of_the_server_are_claimed() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    submit(
        &store,
        NewEntry {
            server: "v1 http://other".to_owned(),
            ..entry(None)
        },
    );
    let claimed = store.advance(&token, &[], &request(100), soon()).unwrap();
    assert!(claimed.entries.is_empty() && claimed.next_due_ms.is_none());
}

#[test]
fn the_claim_of_a_process_that_has_ended_is_looked_up() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    let ids: Vec<String> = (0..4).map(|_| submit(&store, entry(None)).id).collect();
    claim(&store, &token);
    let sqlite = scratch.sqlite();
    let foreign =
        "UPDATE entry SET claim_namespace = 'x', claim_until = claim_until + ?2 WHERE id = ?1";
    sqlite
        .execute(
            "UPDATE entry SET claim_pid = 1, claim_started = -1 WHERE id = ?1",
            [&ids[0]],
        )
        .unwrap();
    sqlite.execute(foreign, (&ids[1], -100_000)).unwrap();
    sqlite.execute(foreign, (&ids[2], 0)).unwrap();
    // No claim of this start of the system ends in two days.
    sqlite.execute(foreign, (&ids[3], 172_800_000)).unwrap();
    let other = ClaimToken::new();
    let resolved = claim(&store, &other);
    assert_eq!(
        resolved.iter().map(|entry| &entry.id).collect::<Vec<_>>(),
        [&ids[0], &ids[1], &ids[3]]
    );
    assert!(resolved
        .iter()
        .all(|entry| (entry.work, entry.attempts) == (Work::Resolve, 1)));
}

#[test]
fn what_a_deliverer_leaves_claimed_is_looked_up_by_the_next_one() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    submit(&store, entry(None));
    claim(&store, &token);
    let next = ClaimToken::new();
    assert!(claim(&store, &next).is_empty());
    drop(token);
    assert_eq!(claim(&store, &next)[0].work, Work::Resolve);
}

#[test]
fn two_lookups_in_a_row_decide_that_nothing_was_booked() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    submit(&store, entry(None));
    let claimed = claim(&store, &token).remove(0);
    step(
        &store,
        &token,
        &claimed,
        Next::Unknown {
            pause_ms: 0,
            lookups: NOT_LOOKED_UP,
        },
    );
    let none = |entry: &ClaimedEntry| Next::LookedUp {
        bookings: Vec::new(),
        lookups: entry.lookups,
        pause_ms: 0,
    };
    let first = claim(&store, &token).remove(0);
    assert_eq!(
        (first.work, first.lookups, first.attempts),
        (Work::Resolve, NOT_LOOKED_UP, 1)
    );
    assert_eq!(
        step(&store, &token, &first, none(&first)).0,
        Delivery::Unknown
    );
    let second = claim(&store, &token).remove(0);
    assert_eq!(second.lookups, 1);
    assert_eq!(
        step(&store, &token, &second, none(&second)).0,
        Delivery::Waiting
    );
    let again = claim(&store, &token).remove(0);
    assert_eq!(
        (again.work, again.attempts, again.sent_at_file_ms),
        (Work::Send, 2, claimed.sent_at_file_ms)
    );
}

#[test]
fn a_booking_belongs_to_one_entry() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    for _ in 0..3 {
        submit(&store, entry(None));
    }
    let claimed = claim(&store, &token);
    let found = |bookings: &[&str]| Next::LookedUp {
        bookings: bookings.iter().map(|id| (*id).to_owned()).collect(),
        lookups: NOT_LOOKED_UP,
        pause_ms: 0,
    };
    step(&store, &token, &claimed[0], delivered("a"));
    let second = step(&store, &token, &claimed[1], found(&["a", "b"]));
    assert_eq!(second, (Delivery::Delivered, Some("b".to_owned())));
    let third = step(&store, &token, &claimed[2], found(&["a", "b"]));
    assert_eq!(third, (Delivery::Unknown, None));
}

#[test]
fn twins_are_not_sent_while_one_is_in_doubt() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    for number in [1, 1, 2] {
        submit(&store, twin(number));
    }
    // Without doubt they are sent together.
    let sent = claim(&store, &token);
    assert_eq!(sent.len(), 3);
    step(
        &store,
        &token,
        &sent[0],
        Next::Unknown {
            pause_ms: 0,
            lookups: NOT_LOOKED_UP,
        },
    );
    submit(&store, twin(1));
    // No lookup while a twin is under way: it could find that one's booking.
    assert!(claim(&store, &token).is_empty());
    step(&store, &token, &sent[1], AGAIN);
    let lookup = claim(&store, &token);
    assert_eq!(
        lookup
            .iter()
            .map(|entry| (&entry.id, entry.work))
            .collect::<Vec<_>>(),
        [(&sent[0].id, Work::Resolve)]
    );
    assert!(claim(&store, &token).is_empty());
    step(&store, &token, &lookup[0], delivered("a"));
    assert_eq!(claim(&store, &token).len(), 2);
}

#[test]
fn an_undecided_entry_can_be_sent_again_or_forgotten() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    let id = submit(&store, entry(Some("k"))).id;
    let resend = |store: &Store| store.resend(&id, soon()).unwrap();
    let claimed = claim(&store, &token).remove(0);
    assert_eq!(resend(&store), Err(Refusal::Sending));
    assert_eq!(store.forget(&id, soon()).unwrap(), Err(Refusal::Sending));
    step(&store, &token, &claimed, Next::Undecided);
    assert!(claim(&store, &token).is_empty());
    assert_eq!(resend(&store).unwrap().delivery, Delivery::Waiting);
    let claimed = claim(&store, &token).remove(0);
    assert_eq!((claimed.work, claimed.attempts), (Work::Send, 2));
    step(&store, &token, &claimed, delivered("1"));
    assert_eq!(resend(&store), Err(Refusal::Finished(Delivery::Delivered)));
    assert_eq!(
        store
            .forget(&id, soon())
            .unwrap()
            .unwrap()
            .booking
            .as_deref(),
        Some("1")
    );
    assert_eq!(resend(&store), Err(Refusal::Missing));
    assert!(all(&store).is_empty() && submit(&store, entry(Some("k"))).is_new);
}

#[test]
fn an_undecided_entry_is_erased_after_its_time() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    let id = submit(&store, entry(None)).id;
    let claimed = claim(&store, &token).remove(0);
    step(&store, &token, &claimed, Next::Undecided);
    std::thread::sleep(Duration::from_millis(5));
    let impatient = ClaimRequest {
        max_age: Duration::ZERO,
        ..request(1)
    };
    store.advance(&token, &[], &impatient, soon()).unwrap();
    assert!(store.truncate_log());
    assert!(!scratch.holds(NUMBER));
    assert_eq!(
        store.resend(&id, soon()).unwrap(),
        Err(Refusal::Finished(Delivery::Unknown))
    );
}

#[test]
fn setting_the_clock_delays_nothing() {
    let scratch = Scratch::new();
    let (boot, wall) = (
        Arc::new(AtomicI64::new(50_000)),
        Arc::new(AtomicI64::new(WALL)),
    );
    let (boot_now, wall_now) = (boot.clone(), wall.clone());
    let store = Store::new(&scratch.file(), move || SystemTimes {
        boot: "b".to_owned(),
        boot_ms: boot_now.load(Ordering::SeqCst),
        monotonic_ms: boot_now.load(Ordering::SeqCst),
        wall_ms: wall_now.load(Ordering::SeqCst),
    });
    let token = ClaimToken::new();
    submit(&store, entry(None));
    let claimed = claim(&store, &token).remove(0);
    step(
        &store,
        &token,
        &claimed,
        Next::Waiting {
            pause_ms: 60_000,
            was_attempted: true,
        },
    );
    wall.store(WALL - 7_200_000, Ordering::SeqCst);
    boot.store(50_000 + 59_000, Ordering::SeqCst);
    let claimed = store.advance(&token, &[], &request(100), soon()).unwrap();
    assert!(claimed.entries.is_empty());
    assert_eq!(claimed.next_due_ms, Some(1_000));
    assert_eq!(
        all(&store)[0].next_attempt_at,
        Some(WALL - 7_200_000 + 1_000)
    );
    boot.store(50_000 + 60_000, Ordering::SeqCst);
    let due = claim(&store, &token).remove(0);
    assert_eq!((due.age_ms, due.attempts), (60_000, 2));
    wall.store(WALL + 31_536_000_000, Ordering::SeqCst);
    step(&store, &token, &due, AGAIN);
    assert_eq!(claim(&store, &token)[0].age_ms, 60_000);
}

#[test]
fn finished_entries_leave_no_number_in_the_files() {
    let scratch = Scratch::new();
    let (store, token) = (scratch.store(), ClaimToken::new());
    // Bodies of different sizes move the others from page to page.
    let body = |size: usize| NewEntry {
        request: StoredRequest {
            body: format!("_customer_number={NUMBER}&text={}", "x".repeat(size)),
            ..entry(None).request
        },
        ..entry(Some(&format!(
            "{size}-{:x}",
            crate::process::random::number()
        )))
    };
    for round in 0..4 {
        (0..150).for_each(|index| drop(submit(&store, body(index * 37 % 1_500 + index % 5 * 900))));
        let mut claimed = store
            .advance(&token, &[], &request(200), soon())
            .unwrap()
            .entries;
        // In an order that leaves holes everywhere.
        claimed.sort_by_cached_key(|_| crate::process::random::number());
        let (some, rest) = claimed.split_at(claimed.len() * round / 4);
        for entry in some {
            step(&store, &token, entry, delivered(&entry.id));
        }
        for entry in rest {
            step(&store, &token, entry, AGAIN);
        }
    }
    assert!(scratch.holds(NUMBER));
    let mut left = store
        .advance(&token, &[], &request(1_000), soon())
        .unwrap()
        .entries;
    left.sort_by_cached_key(|_| crate::process::random::number());
    for (index, entry) in left.iter().enumerate() {
        let next = match index % 3 {
            0 => Next::Finished {
                delivery: Delivery::Refused,
                booking: None,
            },
            1 => Next::Finished {
                delivery: Delivery::Expired,
                booking: None,
            },
            _ => delivered(&entry.id),
        };
        step(&store, &token, entry, next);
    }
    assert!(store.truncate_log());
    assert!(!scratch.holds(NUMBER), "a number is left");
    assert_eq!(
        fs::metadata(scratch.0.join("callbacks.db-wal"))
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn threads_that_submit_together_lose_nothing() {
    let scratch = Scratch::new();
    let store = scratch.store();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for index in 0..50 {
                    let key = format!("{}", (thread * 50 + index) / 2);
                    submit(store, entry(Some(&key)));
                    submit(store, entry(None));
                }
            });
        }
    });
    assert_eq!(all(&store).len(), 200 + 400);
    assert_eq!(store.totals(soon()).unwrap().entries[0], 600);
}

#[test]
fn tickets_are_answered_by_the_thread_that_writes() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let answers = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..600 {
        let answers = answers.clone();
        store.enqueue(Ticket {
            entry: entry(None),
            deadline: soon(),
            reply: Box::new(move |stored| lock(&answers).push(stored.unwrap().id)),
        });
    }
    store.drain_submits();
    assert_eq!(lock(&answers).len(), 600);
    assert_eq!(all(&store).len(), 600);
}

#[test]
fn a_lock_is_waited_for_until_the_deadline() {
    let scratch = Scratch::new();
    let store = scratch.store();
    submit(&store, entry(None));
    let sqlite = scratch.sqlite();
    sqlite.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let error = store
        .submit(entry(None), started + Duration::from_millis(300))
        .unwrap_err();
    assert_eq!((error.status, error.retryable), (Status::Storage, true));
    assert!(
        error.message.contains("is locked by another process"),
        "{}",
        error.message
    );
    assert!(started.elapsed() >= Duration::from_millis(300));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.submit(entry(None), soon()));
        std::thread::sleep(Duration::from_millis(100));
        sqlite.execute_batch("COMMIT").unwrap();
        assert!(waiting.join().unwrap().unwrap().is_new);
    });
    assert_eq!(all(&store).len(), 2);
}

fn refusal(scratch: &Scratch) -> String {
    let error = scratch.store().submit(entry(None), soon()).unwrap_err();
    assert_eq!(error.status, Status::Storage);
    error.message
}

#[test]
fn files_that_are_no_outbox_are_refused_and_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.file()).unwrap();
    assert!(
        refusal(&scratch).contains("is a directory"),
        "{}",
        refusal(&scratch)
    );
    fs::remove_dir(scratch.file()).unwrap();
    fs::write(
        scratch.file(),
        "not a database, but long enough to be one".repeat(50),
    )
    .unwrap();
    let before = fs::read(scratch.file()).unwrap();
    assert!(refusal(&scratch).contains("not an SQLite database"));
    assert_eq!(fs::read(scratch.file()).unwrap(), before);
    fs::remove_file(scratch.file()).unwrap();
    scratch
        .sqlite()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let before = fs::read(scratch.file()).unwrap();
    assert!(refusal(&scratch).contains("of another program"));
    assert_eq!(fs::read(scratch.file()).unwrap(), before);
    let missing = Scratch(scratch.0.join("none"));
    assert!(refusal(&missing).contains("cannot be opened"));
}

#[test]
fn the_file_of_a_newer_version_is_refused() {
    let scratch = Scratch::new();
    submit(&scratch.store(), entry(None));
    scratch
        .sqlite()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let message = refusal(&scratch);
    assert!(
        message.contains("newer version of the library (schema 99)"),
        "{message}"
    );
}

#[test]
fn an_empty_file_becomes_an_outbox() {
    let scratch = Scratch::new();
    fs::write(scratch.file(), "").unwrap();
    submit(&scratch.store(), entry(None));
    assert_eq!(all(&scratch.store()).len(), 1);
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let store = scratch.store();
    submit(&store, entry(None));
    for file in fs::read_dir(&scratch.0).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

// Windows does not let a file be removed that a program has open.
#[cfg(unix)]
#[test]
fn a_file_that_was_removed_is_created_again() {
    let scratch = Scratch::new();
    let store = scratch.store();
    submit(&store, entry(None));
    fs::remove_file(scratch.file()).unwrap();
    submit(&store, entry(None));
    assert_eq!(all(&scratch.store()).len(), 1);
}

#[test]
fn nothing_is_open_during_a_fork() {
    let scratch = Scratch::new();
    let store = Store::shared(&scratch.file());
    submit(&store, entry(None));
    assert!(lock(&store.connection).is_some());
    close_all();
    assert!(lock(&store.connection).is_none());
    // The log is still there, and nothing of it is lost.
    assert!(
        fs::metadata(scratch.0.join("callbacks.db-wal"))
            .unwrap()
            .len()
            > 0
    );
    assert_eq!(all(&store).len(), 1);
    assert!(Arc::ptr_eq(&store, &Store::shared(&scratch.file())));
    let is_known = || lock(&STORES.get(Mutex::default)).contains_key(&scratch.file());
    Store::close_if_unused(&scratch.file());
    assert!(is_known());
    drop(store);
    Store::close_if_unused(&scratch.file());
    assert!(!is_known());
}
