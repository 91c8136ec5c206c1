//! The rules of booking, the same for both APIs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::calendar::Slot;
use crate::clock::Clock;
use crate::settings::{Service, Settings};
use crate::store::{Places, Record, Store, StoreError};
use crate::times;

/// How many slots are proposed in place of a refused one.
const PROPOSALS: usize = 5;
/// A callback due within this time is already in the queue.
const EXECUTION_BUFFER: SignedDuration = SignedDuration::from_secs(120);
/// How long a record outlives its desired time.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(24);

/// Takes bookings and offers slots.
#[derive(Debug)]
pub struct Desk {
    /// Services and switches.
    pub settings: Settings,
    /// The bookings.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

/// What a client wants to book.
#[derive(Debug)]
pub struct Wish {
    /// The id of the new booking.
    pub id: String,
    /// The service.
    pub service: String,
    /// The number to call.
    pub number: String,
    /// When to call; nothing means as soon as possible.
    pub desired: Option<Timestamp>,
    /// Everything else the client sent.
    pub data: Map<String, Value>,
}

/// A slot of open hours and its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The first moment of the slot.
    pub start: Timestamp,
    /// Places still free.
    pub free: u32,
    /// Places altogether.
    pub total: u32,
}

/// Why something is refused. The texts are what clients get to read.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such service.
    #[error("Service {0} is not configured.")]
    UnknownService(String),
    /// A parameter is missing or wrong.
    #[error("{0}")]
    Parameter(String),
    /// The telephone number cannot be one.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Number(String),
    /// The slot has no place left.
    #[error(
        "Too many requests at the desired time {}. Proposing time slots.",
        times::local(*desired, &jiff::tz::TimeZone::UTC)
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
        times::local(*desired, &jiff::tz::TimeZone::UTC)
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

impl Desk {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Result<&Service, Refusal> {
        let service = self.settings.services.get(name);
        service.ok_or_else(|| Refusal::UnknownService(name.to_owned()))
    }

    /// Books, or says why not. A scheduled callback takes one place of its slot; one that is
    /// wanted as soon as possible only needs the office to be open.
    pub async fn book(&self, wish: Wish) -> Result<(), Refusal> {
        let service = self.service(&wish.service)?;
        if service.refuse_unparsable_numbers && !parsable(&wish.number) {
            return Err(Refusal::Number(wish.number));
        }
        let now = self.clock.now();
        let desired = wish.desired.unwrap_or(now);
        within_bounds(service, now, desired)?;
        let name = wish.service.clone();
        let Some(slot) = service.calendar.slot_at(desired) else {
            let proposals = self.proposals(&name, now, desired).await?;
            return Err(Refusal::Closed { desired, proposals });
        };
        let places = wish.desired.map(|_| Places { slot, total: service.places });
        if self.store.add(record(wish, now), places).await? {
            return Ok(());
        }
        let proposals = self.proposals(&name, now, slot.start).await?;
        Err(Refusal::Full { desired, proposals })
    }

    /// The slots of open hours that begin in a stretch and can be booked when it is `now`,
    /// full ones included; with a limit, up to and including that many free ones.
    pub async fn offers(
        &self,
        name: &str,
        now: Timestamp,
        stretch: Slot,
        limit: Option<usize>,
    ) -> Result<Vec<Offer>, Refusal> {
        let service = self.service(name)?;
        let from = stretch.start.max(earliest(service, now));
        let to = stretch.end.min(service.calendar.furthest(now, service.furthest));
        // The last slot reaches beyond the stretch.
        let booked_until = to.saturating_add(service.calendar.slot_length());
        let within = Slot { start: from, end: booked_until.unwrap_or(Timestamp::MAX) };
        let booked = self.store.booked(name.to_owned(), within).await?;
        Ok(offers(service, service.calendar.slots(from, to), &booked, limit))
    }

    async fn proposals(&self, name: &str, now: Timestamp, from: Timestamp) -> Result<Vec<Offer>, Refusal> {
        let stretch = Slot { start: from, end: Timestamp::MAX };
        let mut offers = self.offers(name, now, stretch, Some(PROPOSALS)).await?;
        offers.retain(|offer| offer.free > 0);
        Ok(offers)
    }
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
        let free = service.places.saturating_sub(taken);
        free_slots += usize::from(free > 0);
        offers.push(Offer { start: slot.start, free, total: service.places });
    }
    offers
}

/// The first moment that can be booked: the slot that is running now is still offered.
fn earliest(service: &Service, now: Timestamp) -> Timestamp {
    service.calendar.slot_at(now).map_or(now, |slot| slot.start)
}

fn within_bounds(service: &Service, now: Timestamp, desired: Timestamp) -> Result<(), Refusal> {
    let wrong = |what: &str| {
        let desired = times::utc(desired);
        Err(Refusal::Parameter(format!("The desired time {desired} is {what}.")))
    };
    if desired < earliest(service, now) {
        return wrong("in the past");
    }
    if desired > service.calendar.furthest(now, service.furthest) {
        return wrong("too far in the future");
    }
    Ok(())
}

fn record(wish: Wish, now: Timestamp) -> Record {
    let desired = wish.desired.unwrap_or(now);
    let due_soon = desired.duration_since(now) <= EXECUTION_BUFFER;
    Record {
        id: wish.id,
        service: wish.service,
        number: wish.number,
        desired,
        scheduled: wish.desired.is_some(),
        state: if due_soon { "QUEUED" } else { "SCHEDULED" },
        data: Value::Object(wish.data).to_string(),
        created: now,
        expires: desired.saturating_add(TIME_TO_LIVE).unwrap_or(Timestamp::MAX),
    }
}

/// Two to seventeen digits, and nothing else but the signs people write between them.
fn parsable(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let legal = |sign: char| sign.is_ascii_digit() || "+()-./ ".contains(sign);
    (2..=17).contains(&digits) && number.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        Desk { settings: Settings::load(None).unwrap(), store: Store::open(None).unwrap(), clock: Clock }
    }

    fn wish(id: usize, desired: Option<Timestamp>) -> Wish {
        Wish { id: id.to_string(), service: "samples".to_owned(), number: "5115".to_owned(), desired, data: Map::new() }
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
        let stretch = Slot { start: Timestamp::now() - SignedDuration::from_mins(15), end: in_hours(1) };
        let offers = desk.offers("samples", Timestamp::now(), stretch, None).await.unwrap();
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
        let stretch = Slot { start: in_hours(-1), end: in_hours(24 * 40) };
        let offers = desk.offers("samples", Timestamp::now(), stretch, None).await.unwrap();
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
        let stretch = Slot { start: full.start, end: in_hours(9) };
        let offers = desk.offers("samples", Timestamp::now(), stretch, Some(2)).await.unwrap();
        let free: Vec<u32> = offers.iter().map(|offer| offer.free).collect();
        assert_eq!(free, [0, 5, 5]);
    }

    #[test]
    fn numbers_have_digits_and_signs() {
        for number in ["5115", "+44 (20) 7946-0000", "+1.415.555.0000"] {
            assert!(parsable(number), "{number}");
        }
        for number in ["", "abc", "+", "5", "123456789012345678", "5115x"] {
            assert!(!parsable(number), "{number}");
        }
    }
}
