//! A week of a service hour by hour, and the latest bookings, for the page.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::ToSpan;

use super::{saturating_u32, BookingError, BookingService};
use crate::store::Booking;

#[derive(Debug)]
pub(crate) struct Week {
    /// Seven days.
    pub(crate) days: Vec<Date>,
    /// By hour of the day, one cell per day. Hours without any slot are left out.
    pub(crate) hours: BTreeMap<i8, Vec<HourCell>>,
}

/// One hour of one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct HourCell {
    pub(crate) booked: u32,
    pub(crate) total: u32,
    /// The number of slots that start in this hour; 0 means closed.
    pub(crate) slots: u32,
    /// Whether all slots have ended.
    pub(crate) past: bool,
}

impl BookingService {
    /// The week that starts on a date, in the zone of the service.
    pub(crate) async fn week(&self, name: &str, first: Date) -> Result<Week, BookingError> {
        let now = self.clock.now();
        let key = name.to_owned();
        self.with_service(name, move |table, service| {
            let calendar = &service.calendar;
            let days: Vec<Date> = (0..7)
                .filter_map(|day| first.checked_add(day.days()).ok())
                .collect();
            let week = calendar.week(first);
            let booked = table.times_in(&key, week)?;
            let mut hours: BTreeMap<i8, Vec<HourCell>> = BTreeMap::new();
            for slot in calendar.slots(week.start, week.end) {
                let local = slot.start.to_zoned(calendar.zone.clone());
                let Some(day) = days.iter().position(|date| *date == local.date()) else {
                    continue;
                };
                let cells = hours
                    .entry(local.hour())
                    .or_insert_with(|| vec![HourCell::default(); days.len()]);
                let cell = &mut cells[day];
                let before = booked.partition_point(|time| *time < slot.start);
                let until = booked.partition_point(|time| *time < slot.end);
                cell.booked += saturating_u32(until - before);
                cell.total += service.capacity.of_slot(slot.start);
                cell.slots += 1;
                cell.past = slot.end <= now;
            }
            Ok(Week { days, hours })
        })
        .await
    }

    /// The latest bookings, newest first.
    pub(crate) async fn recent(&self, limit: u32) -> Result<Vec<Booking>, BookingError> {
        self.store
            .transact(move |table| Ok(table.recent(limit)?))
            .await
    }
}
