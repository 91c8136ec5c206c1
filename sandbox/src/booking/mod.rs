//! The rules of booking, the same for both APIs: what can be booked, and what is proposed instead.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::config::{Config, Service};
use crate::domain::calendar::{Interval, Slot};
use crate::domain::clock::Clock;
use crate::domain::lifecycle::Lifecycle;
use crate::store::{Booking, BookingTable, Store};

mod counts;
mod error;
mod limits;
mod queue;
mod update;
mod week;

pub(crate) use error::BookingError;
pub(crate) use update::BookingUpdate;
pub(crate) use week::{HourCell, Week};

/// How many free slots are proposed instead of a refused one.
const MAX_PROPOSALS: usize = 5;

/// Books callbacks and lists slots.
#[derive(Debug)]
pub(crate) struct BookingService {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    store: Store,
    /// Counts changes, for the page.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct BookingRequest {
    /// The id of the new booking.
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) number: String,
    /// `None` means as soon as possible.
    pub(crate) desired: Option<Timestamp>,
    /// All other members of the request.
    pub(crate) data: Map<String, Value>,
}

/// A slot of the opening hours and its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotOffer {
    pub(crate) start: Timestamp,
    pub(crate) free: u32,
    pub(crate) total: u32,
}

enum Reservation {
    Made,
    SlotFull,
}

impl BookingService {
    pub(crate) fn new(config: Config, store: Store, clock: Clock) -> BookingService {
        BookingService {
            config: Arc::new(config),
            store,
            clock,
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn service(&self, name: &str) -> Result<&Service, BookingError> {
        let service = self.config.services.get(name);
        service.ok_or_else(|| BookingError::UnknownService(name.to_owned()))
    }

    /// Notifies the subscribers of [`watch`](Self::watch).
    pub(crate) fn notify_changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Subscribes to changes from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Runs `work` on the bookings of a service, in one transaction.
    async fn with_service<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&BookingTable, &Service) -> Result<T, BookingError> + Send + 'static,
    ) -> Result<T, BookingError> {
        let (config, name) = (self.config.clone(), name.to_owned());
        self.store
            .transact(move |table| match config.services.get(&name) {
                Some(service) => work(table, service),
                None => Err(BookingError::UnknownService(name)),
            })
            .await
    }

    /// Books a callback. A scheduled callback takes capacity of its slot. One that is wanted as
    /// soon as possible only needs the office to be open.
    pub(crate) async fn book(&self, request: BookingRequest) -> Result<(), BookingError> {
        let service = self.service(&request.service)?;
        service
            .phone_numbers
            .check(&request.service, &request.number)?;
        let now = self.clock.now();
        let desired = request.desired.unwrap_or(now);
        check_bounds(service, now, desired)?;
        let name = request.service.clone();
        let Some(slot) = service.calendar.slot_at(desired) else {
            return Err(self.closed_error(&name, now, desired).await?);
        };
        let booking = new_booking(request, service, now);
        let reservation = self.with_service(&name, move |table, service| {
            limits::check(table, service, &booking, now)?;
            if booking.scheduled && is_full(table, service, &booking, slot)? {
                return Ok(Reservation::SlotFull);
            }
            table.insert(&booking)?;
            Ok(Reservation::Made)
        });
        match reservation.await? {
            Reservation::Made => {
                self.notify_changed();
                Ok(())
            }
            Reservation::SlotFull => Err(self.full_error(&name, now, desired, slot).await?),
        }
    }

    async fn full_error(
        &self,
        service: &str,
        now: Timestamp,
        desired: Timestamp,
        slot: Slot,
    ) -> Result<BookingError, BookingError> {
        let proposals = self.proposals(service, now, slot.start).await?;
        Ok(BookingError::Full { desired, proposals })
    }

    async fn closed_error(
        &self,
        service: &str,
        now: Timestamp,
        desired: Timestamp,
    ) -> Result<BookingError, BookingError> {
        let proposals = self.proposals(service, now, desired).await?;
        Ok(BookingError::Closed { desired, proposals })
    }

    /// The slots that start in an interval and can be booked at `now`, full ones included. With a
    /// limit, up to and including that many free ones.
    pub(crate) async fn offers(
        &self,
        name: &str,
        now: Timestamp,
        interval: Interval,
        limit: Option<usize>,
    ) -> Result<Vec<SlotOffer>, BookingError> {
        let service = name.to_owned();
        self.with_service(name, move |table, settings| {
            let calendar = &settings.calendar;
            let from = interval.start.max(earliest(settings, now));
            let latest = calendar.latest_bookable(now, settings.options.furthest);
            let to = interval.end.min(latest);
            // The last slot extends beyond the interval.
            let booked_until = to.saturating_add(calendar.slot_length());
            let covered = Interval {
                start: from,
                end: booked_until.unwrap_or(Timestamp::MAX),
            };
            let booked = table.times_in(&service, covered)?;
            let slots = calendar.slots(from, to);
            Ok(slot_offers(settings, slots, &booked, limit))
        })
        .await
    }

    async fn proposals(
        &self,
        service: &str,
        now: Timestamp,
        from: Timestamp,
    ) -> Result<Vec<SlotOffer>, BookingError> {
        let interval = Interval {
            start: from,
            end: Timestamp::MAX,
        };
        let mut offers = self
            .offers(service, now, interval, Some(MAX_PROPOSALS))
            .await?;
        offers.retain(|offer| offer.free > 0);
        Ok(offers)
    }
}

fn is_full(
    table: &BookingTable,
    service: &Service,
    booking: &Booking,
    slot: Slot,
) -> Result<bool, BookingError> {
    let booked = table.count_in_slot(&booking.service, slot, &booking.id)?;
    Ok(booked >= service.capacity.of_slot(slot.start))
}

/// Slots and booked times are both in ascending order, so one pass over each is enough.
fn slot_offers(
    service: &Service,
    slots: impl Iterator<Item = Slot>,
    mut booked: &[Timestamp],
    limit: Option<usize>,
) -> Vec<SlotOffer> {
    let mut offers = Vec::new();
    let mut free_slots = 0;
    for slot in slots {
        if limit.is_some_and(|limit| free_slots >= limit) {
            break;
        }
        let before = booked.partition_point(|time| *time < slot.start);
        booked = booked.get(before..).unwrap_or_default();
        let taken = saturating_u32(booked.partition_point(|time| *time < slot.end));
        let total = service.capacity.of_slot(slot.start);
        let free = total.saturating_sub(taken);
        free_slots += usize::from(free > 0);
        offers.push(SlotOffer {
            start: slot.start,
            free,
            total,
        });
    }
    offers
}

/// The earliest time that can be booked. The current slot is still offered.
fn earliest(service: &Service, now: Timestamp) -> Timestamp {
    service.calendar.slot_at(now).map_or(now, |slot| slot.start)
}

fn check_bounds(service: &Service, now: Timestamp, desired: Timestamp) -> Result<(), BookingError> {
    let max_past = SignedDuration::from_secs(i64::from(service.options.past_seconds));
    let first = earliest(service, now).saturating_sub(max_past);
    if desired < first.unwrap_or(Timestamp::MIN) {
        let reason = "in the past";
        return Err(BookingError::OutOfBounds { desired, reason });
    }
    if desired
        > service
            .calendar
            .latest_bookable(now, service.options.furthest)
    {
        let reason = "too far in the future";
        return Err(BookingError::OutOfBounds { desired, reason });
    }
    Ok(())
}

fn new_booking(request: BookingRequest, service: &Service, now: Timestamp) -> Booking {
    let desired = request.desired.unwrap_or(now);
    Booking {
        id: request.id,
        service: request.service,
        number: request.number,
        desired,
        scheduled: request.desired.is_some(),
        lifecycle: Lifecycle::new(&service.stages, now, desired),
        forced_state: None,
        reason: None,
        data: Value::Object(request.data).to_string(),
        created: now,
        expires: expiry(service, desired),
    }
}

fn expiry(service: &Service, desired: Timestamp) -> Timestamp {
    desired
        .checked_add(service.stages.time_to_live)
        .unwrap_or(Timestamp::MAX)
}

fn saturating_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn booking_service() -> BookingService {
        BookingService::new(
            Config::load(None).unwrap(),
            Store::open(None).unwrap(),
            Clock::new(None, 1.0),
        )
    }

    fn request(id: usize, desired: Option<Timestamp>) -> BookingRequest {
        BookingRequest {
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
    async fn full_slot_error_proposes_the_next_ones() {
        let booking = booking_service();
        let desired = in_hours(5);
        for id in 0..5 {
            booking.book(request(id, Some(desired))).await.unwrap();
        }
        let error = booking.book(request(5, Some(desired))).await.unwrap_err();
        let BookingError::Full { proposals, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(proposals.len(), MAX_PROPOSALS);
        let slot = booking
            .service("samples")
            .unwrap()
            .calendar
            .slot_at(desired);
        assert_eq!(proposals[0].start, slot.unwrap().end);
        assert!(proposals.iter().all(|offer| offer.free == 5));
    }

    #[tokio::test]
    async fn as_soon_as_possible_takes_no_capacity() {
        let booking = booking_service();
        for id in 0..9 {
            booking.book(request(id, None)).await.unwrap();
        }
        let interval = Interval {
            start: Timestamp::now() - SignedDuration::from_mins(15),
            end: in_hours(1),
        };
        let offers = booking
            .offers("samples", Timestamp::now(), interval, None)
            .await
            .unwrap();
        assert!(offers.iter().all(|offer| offer.free == 5));
    }

    #[tokio::test]
    async fn past_and_far_times_are_rejected() {
        let booking = booking_service();
        for (hours, words) in [(-1, "in the past"), (24 * 32, "too far in the future")] {
            let error = booking
                .book(request(0, Some(in_hours(hours))))
                .await
                .unwrap_err();
            assert!(
                matches!(error, BookingError::OutOfBounds { .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn first_and_last_offered_slots_can_be_booked() {
        let booking = booking_service();
        let interval = Interval {
            start: in_hours(-1),
            end: in_hours(24 * 40),
        };
        let offers = booking
            .offers("samples", Timestamp::now(), interval, None)
            .await
            .unwrap();
        for (id, offer) in [offers[0], offers[offers.len() - 1]].iter().enumerate() {
            booking.book(request(id, Some(offer.start))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn offer_limit_counts_free_slots() {
        let booking = booking_service();
        let calendar = &booking.service("samples").unwrap().calendar;
        let full = calendar.slot_at(in_hours(5)).unwrap();
        for id in 0..5 {
            booking.book(request(id, Some(full.start))).await.unwrap();
        }
        let interval = Interval {
            start: full.start,
            end: in_hours(9),
        };
        let offers = booking
            .offers("samples", Timestamp::now(), interval, Some(2))
            .await
            .unwrap();
        let free: Vec<u32> = offers.iter().map(|offer| offer.free).collect();
        assert_eq!(free, [0, 5, 5]);
    }
}
