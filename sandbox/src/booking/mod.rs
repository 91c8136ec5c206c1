//! The rules of booking, the same for both APIs: what may be booked, what is offered in its place.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::config::{Config, Service};
use crate::domain::calendar::Slot;
use crate::domain::clock::Clock;
use crate::domain::lifecycle::Lifecycle;
use crate::domain::phone_number::PhoneNumberError;
use crate::domain::time_format;
use crate::store::{Ledger, Record, Store, StoreError};

mod limits;
mod queue;
mod update;
mod week;

pub(crate) use update::Change;
pub(crate) use week::{Cell, Week};

/// How many slots are proposed in place of a refused one.
const PROPOSALS: usize = 5;

/// Takes bookings and offers slots.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Services and switches.
    pub(crate) settings: Arc<Config>,
    /// The bookings.
    pub(crate) store: Store,
    /// The time.
    pub(crate) clock: Clock,
    /// Counts what has changed, for those who watch.
    changes: watch::Sender<u64>,
}

/// What a client wants to book.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The id of the new booking.
    pub(crate) id: String,
    /// The service.
    pub(crate) service: String,
    /// The number to call.
    pub(crate) number: String,
    /// When to call; nothing means as soon as possible.
    pub(crate) desired: Option<Timestamp>,
    /// Everything else the client sent.
    pub(crate) data: Map<String, Value>,
}

/// A slot of open hours and its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The first moment of the slot.
    pub(crate) start: Timestamp,
    /// Places still free.
    pub(crate) free: u32,
    /// Places altogether.
    pub(crate) total: u32,
}

/// Why something is refused. The texts are what clients get to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such service.
    #[error("Service {0} is not configured.")]
    UnknownService(String),
    /// There is no such booking.
    #[error("Callback {0} does not exist.")]
    UnknownCallback(String),
    /// A parameter is missing or wrong.
    #[error("{0}")]
    Parameter(String),
    /// The telephone number is not taken.
    #[error(transparent)]
    Number(#[from] PhoneNumberError),
    /// The service takes no more bookings for now.
    #[error("{0}")]
    Limit(String),
    /// The callback has gone too far to be cancelled or changed.
    #[error("Callback {id} is {state} and cannot be changed any more.")]
    TooLate {
        /// The callback.
        id: String,
        /// Where it stands.
        state: &'static str,
    },
    /// The slot has no place left.
    #[error(
        "Too many requests at the desired time {}. Proposing time slots.",
        time_format::format_local(*desired, &jiff::tz::TimeZone::UTC)
    )]
    Full {
        /// The time that was asked for.
        desired: Timestamp,
        /// What can be booked in its place.
        proposals: Vec<Offer>,
    },
    /// The office is closed.
    #[error(
        "The office is closed at the desired time {}.",
        time_format::format_local(*desired, &jiff::tz::TimeZone::UTC)
    )]
    Closed {
        /// The time that was asked for.
        desired: Timestamp,
        /// What can be booked in its place.
        proposals: Vec<Offer>,
    },
    /// The bookings cannot be reached.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::Store(error.into())
    }
}

/// Whether a slot took a booking.
enum Taken {
    Yes,
    Full,
}

impl Desk {
    /// Takes bookings for these services.
    pub(crate) fn new(settings: Config, store: Store, clock: Clock) -> Desk {
        Desk {
            settings: Arc::new(settings),
            store,
            clock,
            changes: watch::Sender::new(0),
        }
    }

    /// The service of that name.
    pub(crate) fn service(&self, name: &str) -> Result<&Service, Refusal> {
        let service = self.settings.services.get(name);
        service.ok_or_else(|| Refusal::UnknownService(name.to_owned()))
    }

    /// Tells those who watch that something has changed.
    pub(crate) fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Sees every change from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Works with the bookings of a service, as one transaction.
    async fn with_service<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Ledger, &Service) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (settings, name) = (self.settings.clone(), name.to_owned());
        self.store
            .transact(move |ledger| match settings.services.get(&name) {
                Some(service) => work(ledger, service),
                None => Err(Refusal::UnknownService(name)),
            })
            .await
    }

    /// Books, or says why not. A scheduled callback takes one place of its slot; one that is
    /// wanted as soon as possible only needs the office to be open.
    pub(crate) async fn book(&self, wish: Wish) -> Result<Record, Refusal> {
        let service = self.service(&wish.service)?;
        service.phone_numbers.check(&wish.service, &wish.number)?;
        let now = self.clock.now();
        let desired = wish.desired.unwrap_or(now);
        within_bounds(service, now, desired)?;
        let Some(slot) = service.calendar.slot_at(desired) else {
            let proposals = self.proposals(&wish.service, now, desired).await?;
            return Err(Refusal::Closed { desired, proposals });
        };
        let name = wish.service.clone();
        let scheduled = wish.desired.is_some();
        let record = record(wish, service, now);
        let booked = record.clone();
        let taken = self.with_service(&name, move |ledger, service| {
            limits::check(ledger, service, &record, now)?;
            if scheduled && is_full(ledger, service, &record, slot)? {
                return Ok(Taken::Full);
            }
            ledger.insert(&record)?;
            Ok(Taken::Yes)
        });
        match taken.await? {
            Taken::Yes => {
                self.changed();
                Ok(booked)
            }
            Taken::Full => Err(self.full(&name, now, desired, slot).await?),
        }
    }

    async fn full(
        &self,
        name: &str,
        now: Timestamp,
        desired: Timestamp,
        slot: Slot,
    ) -> Result<Refusal, Refusal> {
        let proposals = self.proposals(name, now, slot.start).await?;
        Ok(Refusal::Full { desired, proposals })
    }

    /// The slots of open hours that begin in a stretch and can be booked when it is `now`,
    /// full ones included; with a limit, up to and including that many free ones.
    pub(crate) async fn offers(
        &self,
        name: &str,
        now: Timestamp,
        stretch: Slot,
        limit: Option<usize>,
    ) -> Result<Vec<Offer>, Refusal> {
        self.with_service(name, {
            let name = name.to_owned();
            move |ledger, service| {
                let from = stretch.start.max(earliest(service, now));
                let to = stretch
                    .end
                    .min(service.calendar.latest_bookable(now, service.horizon));
                // The last slot reaches beyond the stretch.
                let booked_until = to.saturating_add(service.calendar.slot_length());
                let within = Slot {
                    start: from,
                    end: booked_until.unwrap_or(Timestamp::MAX),
                };
                let booked = ledger.booked(&name, within)?;
                Ok(offers(
                    service,
                    service.calendar.slots(from, to),
                    &booked,
                    limit,
                ))
            }
        })
        .await
    }

    async fn proposals(
        &self,
        name: &str,
        now: Timestamp,
        from: Timestamp,
    ) -> Result<Vec<Offer>, Refusal> {
        let stretch = Slot {
            start: from,
            end: Timestamp::MAX,
        };
        let mut offers = self.offers(name, now, stretch, Some(PROPOSALS)).await?;
        offers.retain(|offer| offer.free > 0);
        Ok(offers)
    }
}

fn is_full(
    ledger: &Ledger,
    service: &Service,
    record: &Record,
    slot: Slot,
) -> Result<bool, Refusal> {
    Ok(ledger.taken(&record.service, slot, &record.id)? >= service.capacity.of_slot(slot.start))
}

/// Both the slots and the bookings ascend, so one pass over each is enough.
fn offers(
    service: &Service,
    slots: impl Iterator<Item = Slot>,
    mut booked: &[Timestamp],
    limit: Option<usize>,
) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut free_slots = 0;
    for slot in slots {
        if limit.is_some_and(|limit| free_slots >= limit) {
            break;
        }
        let before = booked.partition_point(|time| *time < slot.start);
        booked = booked.get(before..).unwrap_or_default();
        let taken = booked.partition_point(|time| *time < slot.end);
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let total = service.capacity.of_slot(slot.start);
        let free = total.saturating_sub(taken);
        free_slots += usize::from(free > 0);
        offers.push(Offer {
            start: slot.start,
            free,
            total,
        });
    }
    offers
}

/// The first moment that can be booked: the slot that is running now is still offered.
fn earliest(service: &Service, now: Timestamp) -> Timestamp {
    service.calendar.slot_at(now).map_or(now, |slot| slot.start)
}

fn within_bounds(service: &Service, now: Timestamp, desired: Timestamp) -> Result<(), Refusal> {
    let wrong = |what: &str| {
        let desired = time_format::format_utc(desired);
        Err(Refusal::Parameter(format!(
            "The desired time {desired} is {what}."
        )))
    };
    if desired
        < earliest(service, now)
            .saturating_sub(service.max_past)
            .unwrap_or(Timestamp::MIN)
    {
        return wrong("in the past");
    }
    if desired > service.calendar.latest_bookable(now, service.horizon) {
        return wrong("too far in the future");
    }
    Ok(())
}

fn record(wish: Wish, service: &Service, now: Timestamp) -> Record {
    let desired = wish.desired.unwrap_or(now);
    Record {
        id: wish.id,
        service: wish.service,
        number: wish.number,
        desired,
        scheduled: wish.desired.is_some(),
        lifecycle: Lifecycle::new(&service.stages, now, desired),
        given: None,
        reason: None,
        data: Value::Object(wish.data).to_string(),
        created: now,
        expires: expiry(service, desired),
    }
}

fn expiry(service: &Service, desired: Timestamp) -> Timestamp {
    desired
        .checked_add(service.stages.time_to_live)
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn desk() -> Desk {
        Desk::new(
            Config::load(None).unwrap(),
            Store::open(None).unwrap(),
            Clock::new(None, 1.0),
        )
    }

    fn wish(id: usize, desired: Option<Timestamp>) -> Wish {
        Wish {
            id: id.to_string(),
            service: "samples".to_owned(),
            number: "5115".to_owned(),
            desired,
            data: Map::new(),
        }
    }

    fn in_hours(hours: i64) -> Timestamp {
        Timestamp::now() + SignedDuration::from_hours(hours)
    }

    #[tokio::test]
    async fn a_full_slot_is_refused_with_the_next_ones() {
        let desk = desk();
        let desired = in_hours(5);
        for id in 0..5 {
            desk.book(wish(id, Some(desired))).await.unwrap();
        }
        let refusal = desk.book(wish(5, Some(desired))).await.unwrap_err();
        let Refusal::Full { proposals, .. } = refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!(proposals.len(), PROPOSALS);
        let slot = desk.service("samples").unwrap().calendar.slot_at(desired);
        assert_eq!(proposals[0].start, slot.unwrap().end);
        assert!(proposals.iter().all(|offer| offer.free == 5));
    }

    #[tokio::test]
    async fn as_soon_as_possible_takes_no_place() {
        let desk = desk();
        for id in 0..9 {
            desk.book(wish(id, None)).await.unwrap();
        }
        let stretch = Slot {
            start: Timestamp::now() - SignedDuration::from_mins(15),
            end: in_hours(1),
        };
        let offers = desk
            .offers("samples", Timestamp::now(), stretch, None)
            .await
            .unwrap();
        assert!(offers.iter().all(|offer| offer.free == 5));
    }

    #[tokio::test]
    async fn past_and_far_times_are_wrong_parameters() {
        let desk = desk();
        for (hours, words) in [(-1, "in the past"), (24 * 32, "too far in the future")] {
            let refusal = desk.book(wish(0, Some(in_hours(hours)))).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Parameter(_)), "{refusal:?}");
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }

    #[tokio::test]
    async fn every_offered_slot_can_be_booked() {
        let desk = desk();
        let stretch = Slot {
            start: in_hours(-1),
            end: in_hours(24 * 40),
        };
        let offers = desk
            .offers("samples", Timestamp::now(), stretch, None)
            .await
            .unwrap();
        for (id, offer) in [offers[0], offers[offers.len() - 1]].iter().enumerate() {
            desk.book(wish(id, Some(offer.start))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_limit_counts_free_slots() {
        let desk = desk();
        let calendar = &desk.service("samples").unwrap().calendar;
        let full = calendar.slot_at(in_hours(5)).unwrap();
        for id in 0..5 {
            desk.book(wish(id, Some(full.start))).await.unwrap();
        }
        let stretch = Slot {
            start: full.start,
            end: in_hours(9),
        };
        let offers = desk
            .offers("samples", Timestamp::now(), stretch, Some(2))
            .await
            .unwrap();
        let free: Vec<u32> = offers.iter().map(|offer| offer.free).collect();
        assert_eq!(free, [0, 5, 5]);
    }
}
