//! The entries of an outbox.

use crate::outbox::clock::Now;
pub use crate::protocol::stored::StoredRequest;

/// What has become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is sent when it is due.
    Waiting,
    /// A process sends it now.
    Sending,
    /// The booking was made.
    Delivered,
    /// The server does not make the booking.
    Refused,
    /// The booking may have been made.
    Unknown,
    /// It was not sent in time.
    Expired,
}

impl Delivery {
    /// Every state.
    pub const ALL: [Delivery; 6] = [
        Delivery::Waiting,
        Delivery::Sending,
        Delivery::Delivered,
        Delivery::Refused,
        Delivery::Unknown,
        Delivery::Expired,
    ];

    /// Its name in outcomes and in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Delivery::Waiting => "waiting",
            Delivery::Sending => "sending",
            Delivery::Delivered => "delivered",
            Delivery::Refused => "refused",
            Delivery::Unknown => "unknown",
            Delivery::Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Delivery> {
        Delivery::ALL
            .into_iter()
            .find(|delivery| delivery.name() == name)
    }
}

/// A booking to be stored.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The entry's UUID.
    pub id: String,
    /// The application's own key.
    pub key: Option<String>,
    /// The API and the base URL of the server.
    pub server: String,
    /// When the callback is wanted, in canonical form; absent is as soon as possible.
    pub desired_time: Option<String>,
    /// Equal for bookings that a lookup cannot tell apart; absent if the server has no lookups.
    pub twin: Option<i64>,
    /// What is sent.
    pub request: StoredRequest,
    /// How many entries may be unfinished.
    pub max_entries: i64,
}

/// The result of storing a booking.
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// The entry's UUID.
    pub id: String,
    /// Its key.
    pub key: Option<String>,
    /// Its state.
    pub delivery: Delivery,
    /// Whether it was stored now, and was not there already.
    pub is_new: bool,
}

/// An entry as it is listed. Times are milliseconds since 1970, by the system's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedEntry {
    pub id: String,
    pub key: Option<String>,
    pub server: String,
    pub delivery: Delivery,
    pub attempts: u32,
    pub submitted_at: i64,
    pub next_attempt_at: Option<i64>,
    pub desired_time: Option<String>,
    /// The identifier of the booking.
    pub booking: Option<String>,
    /// The last error, as a JSON object.
    pub error: Option<String>,
}

/// Which entries are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    pub id: Option<String>,
    pub key: Option<String>,
    pub delivery: Option<Delivery>,
    pub limit: u32,
}

/// There was no lookup since the attempt that left an entry in doubt.
pub const NOT_LOOKED_UP: i32 = -1;

/// What is done with a claimed entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Send it.
    Send,
    /// Find out whether an earlier attempt has made the booking.
    Resolve,
}

/// An entry that this process has claimed.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedEntry {
    /// Its number in the file.
    pub number: i64,
    pub id: String,
    pub key: Option<String>,
    pub work: Work,
    /// Attempts to send it, this one included.
    pub attempts: u32,
    /// Milliseconds since it was submitted.
    pub age_ms: i64,
    pub desired_time: Option<String>,
    /// When it was sent first, in milliseconds since 1970; of an entry to be sent for the first
    /// time, now.
    pub sent_at: i64,
    /// The same by the file's clock.
    pub sent_at_file_ms: i64,
    /// Lookups in a row that have not found the booking, or [`NOT_LOOKED_UP`].
    pub lookups: i32,
    pub request: StoredRequest,
}

/// What a claimed entry becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// It is finished, and its personal data is erased.
    Finished {
        /// Its last state.
        delivery: Delivery,
        /// The identifier of the booking.
        booking: Option<String>,
    },
    /// It is sent again after a pause.
    Waiting {
        /// Milliseconds from now.
        pause_ms: i64,
        /// Whether the attempt counts.
        was_attempted: bool,
    },
    /// It is looked up after a pause.
    Unknown {
        /// Milliseconds from now.
        pause_ms: i64,
        /// Lookups in a row that have not found the booking, or [`NOT_LOOKED_UP`].
        lookups: i32,
    },
    /// It was looked up. It is delivered if one of the bookings is not that of another entry. If
    /// this lookup and the one before have found none, it waits to be sent again; otherwise it is
    /// looked up again after a pause.
    LookedUp {
        /// The identifiers of the bookings that may be this one.
        bookings: Vec<String>,
        /// Earlier lookups in a row that have not found the booking, or [`NOT_LOOKED_UP`].
        lookups: i32,
        /// Milliseconds from now.
        pause_ms: i64,
    },
    /// Nothing more is done unless the application says so.
    Undecided,
}

/// The result of what was done with a claimed entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The entry's number in the file.
    pub number: i64,
    /// What it becomes.
    pub next: Next,
    /// The error, as a JSON object; `None` keeps the present one.
    pub error: Option<String>,
}

/// What has become of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Its state.
    pub delivery: Delivery,
    /// The identifier of the booking.
    pub booking: Option<String>,
}

/// What claiming found.
#[derive(Debug)]
pub struct Claimed {
    /// What the entries of the steps have become, in the same order.
    pub settled: Vec<Settled>,
    /// The claimed entries.
    pub entries: Vec<ClaimedEntry>,
    /// When the next entry is due, in milliseconds from now.
    pub next_due_ms: Option<i64>,
    /// The time of the transaction.
    pub now: Now,
}

/// The numbers of entries, and the size of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Entries in each state, in the order of [`Delivery::ALL`].
    pub entries: [i64; 6],
    /// The age of the oldest entry that waits, in milliseconds.
    pub oldest_ms: Option<i64>,
    /// The size of the file and of its write-ahead log, in bytes.
    pub bytes: u64,
}
