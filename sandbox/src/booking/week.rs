//! A week of a service, hour by hour, for people who look.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::{Desk, Refusal};
use crate::domain::calendar::Slot;

/// The days of a week and what each of their hours holds.
#[derive(Debug)]
pub(crate) struct Week {
    /// Seven days.
    pub(crate) days: Vec<Date>,
    /// By hour of the day, one cell for each day; only hours in which anything is open.
    pub(crate) hours: BTreeMap<i8, Vec<Cell>>,
}

/// One hour of one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Places booked.
    pub(crate) booked: u32,
    /// Places altogether.
    pub(crate) total: u32,
    /// How many slots begin in it; none means closed.
    pub(crate) slots: u32,
    /// Whether all of them are over.
    pub(crate) past: bool,
}

impl Desk {
    /// The week that begins on a day, as the service's own calendar has it.
    pub(crate) async fn week(&self, name: &str, first: Date) -> Result<Week, Refusal> {
        let now = self.clock.now();
        let own = name.to_owned();
        self.with_service(name, move |ledger, service| {
            let zone = &service.calendar.zone;
            let days: Vec<Date> = (0..7)
                .filter_map(|day| first.checked_add(day.days()).ok())
                .collect();
            let midnight = |date: Date| {
                date.to_zoned(zone.clone())
                    .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
            };
            let start = midnight(first);
            let end = first.checked_add(7.days()).map_or(Timestamp::MAX, midnight);
            let booked = ledger.booked(&own, Slot { start, end })?;
            let mut hours: BTreeMap<i8, Vec<Cell>> = BTreeMap::new();
            for slot in service.calendar.slots(start, end) {
                let local = slot.start.to_zoned(zone.clone());
                let Some(day) = days.iter().position(|date| *date == local.date()) else {
                    continue;
                };
                let cells = hours
                    .entry(local.hour())
                    .or_insert_with(|| vec![Cell::default(); days.len()]);
                let cell = &mut cells[day];
                let before = booked.partition_point(|time| *time < slot.start);
                let until = booked.partition_point(|time| *time < slot.end);
                cell.booked += u32::try_from(until - before).unwrap_or(u32::MAX);
                cell.total += service.capacity.of_slot(slot.start);
                cell.slots += 1;
                cell.past = slot.end <= now;
            }
            Ok(Week { days, hours })
        })
        .await
    }

    /// The bookings that were made last, the newest first.
    pub(crate) async fn newest(&self, most: u32) -> Result<Vec<crate::store::Record>, Refusal> {
        self.store
            .transact(move |ledger| Ok(ledger.newest(most)?))
            .await
    }
}
