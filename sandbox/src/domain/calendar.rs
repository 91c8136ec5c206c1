//! When an office is open, and the slots its hours are cut into. Pure functions of time.
//!
//! A slot begins at an opening time plus a whole number of slot lengths, counted in elapsed
//! time, so a day on which the clocks change still has slots of equal length. Where two
//! opening periods overlap, the later one counts from the end of the earlier one.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::office_hours::{
    AdditionalHours, CalendarDay, DayTimes, Horizon, SlotMinutes, WeeklyHours,
};

/// A stretch of time with a number of places; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The first moment of the slot.
    pub(crate) start: Timestamp,
    /// The first moment after the slot.
    pub(crate) end: Timestamp,
}

/// The office hours of one service.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// The zone in which the hours are meant.
    pub(crate) zone: TimeZone,
    /// Weekly hours; none means always open.
    pub(crate) hours: Vec<WeeklyHours>,
    /// Days on which the weekly hours do not hold.
    pub(crate) holidays: Vec<CalendarDay>,
    /// Hours beside the weekly ones, holidays included.
    pub(crate) additions: Vec<AdditionalHours>,
    /// The length of a slot.
    pub(crate) slot: SlotMinutes,
}

impl Calendar {
    /// The slot that contains a moment, or nothing when the office is closed then.
    pub(crate) fn slot_at(&self, moment: Timestamp) -> Option<Slot> {
        let today = self.date_of(moment);
        let period = today
            .yesterday()
            .into_iter()
            .chain([today])
            .flat_map(|date| self.periods_of(date))
            .find(|period| period.start <= moment && moment < period.end)?;
        let length = self.slot_length();
        let elapsed = moment.duration_since(period.start);
        let whole = elapsed.as_secs() / length.as_secs();
        slot_in(
            period,
            length,
            period.start + SignedDuration::from_secs(whole * length.as_secs()),
        )
    }

    /// The slots that begin at or after `from` and before `to`, in ascending order.
    pub(crate) fn slots(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Slot> + '_ {
        let first = self.date_of(from);
        let first = first.yesterday().unwrap_or(first);
        let last = self.date_of(to);
        std::iter::successors(Some(first), |date| date.tomorrow().ok())
            .take_while(move |date| *date <= last && from < to)
            .flat_map(|date| self.periods_of(date))
            .flat_map(|period| self.slots_of(period))
            .skip_while(move |slot| slot.start < from)
            .take_while(move |slot| slot.start < to)
    }

    /// The last moment that may be booked when it is `now`.
    pub(crate) fn furthest(&self, now: Timestamp, horizon: Horizon) -> Timestamp {
        now.to_zoned(self.zone.clone())
            .saturating_add(horizon.0)
            .timestamp()
    }

    /// How long the office stays open from a moment on: nothing when it is closed, at most a week.
    pub(crate) fn open_for(&self, moment: Timestamp) -> SignedDuration {
        const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
        let limit = moment.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let mut until = moment;
        while until < limit {
            let Some(slot) = self.slot_at(until) else {
                break;
            };
            until = slot.end;
        }
        until.min(limit).duration_since(moment)
    }

    /// The slot length as elapsed time.
    pub(crate) fn slot_length(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.slot.0))
    }

    fn date_of(&self, moment: Timestamp) -> Date {
        moment.to_zoned(self.zone.clone()).date()
    }

    /// The opening periods that begin on a date, in ascending order and without overlaps.
    fn periods_of(&self, date: Date) -> Vec<Slot> {
        let mut covered = date
            .yesterday()
            .map(|yesterday| self.rules_of(yesterday))
            .unwrap_or_default()
            .iter()
            .map(|period| period.end)
            .max()
            .unwrap_or(Timestamp::MIN);
        let mut periods = self.rules_of(date);
        for period in &mut periods {
            period.start = period.start.max(covered);
            covered = covered.max(period.end);
        }
        periods.retain(|period| period.start < period.end);
        periods
    }

    /// What the rules say for a date, overlaps included, in the order of their beginnings.
    fn rules_of(&self, date: Date) -> Vec<Slot> {
        let holiday = self.holidays.iter().any(|day| day.is(date));
        let mut times: Vec<DayTimes> = Vec::new();
        if !holiday && self.hours.is_empty() {
            times.push(DayTimes::WHOLE_DAY);
        }
        if !holiday {
            let open = self
                .hours
                .iter()
                .filter(|rule| rule.opens_on(date.weekday()));
            times.extend(open.map(|rule| rule.times));
        }
        let additions = self
            .additions
            .iter()
            .filter(|addition| addition.day.is(date));
        times.extend(additions.map(|addition| addition.times));
        let mut periods: Vec<Slot> = times
            .into_iter()
            .filter_map(|times| self.period(date, times))
            .collect();
        periods.sort_by_key(|period| (period.start, std::cmp::Reverse(period.end)));
        periods
    }

    /// Nothing only at the very edges of the calendar, where a date has no moment.
    fn period(&self, date: Date, times: DayTimes) -> Option<Slot> {
        let closing_date = if times.wraps() {
            date.tomorrow().ok()?
        } else {
            date
        };
        Some(Slot {
            start: self.moment(date, times.opens)?,
            end: self.moment(closing_date, times.closes)?,
        })
    }

    fn moment(&self, date: Date, minutes: i16) -> Option<Timestamp> {
        let local = date
            .at(0, 0, 0, 0)
            .checked_add(i64::from(minutes).minutes())
            .ok()?;
        self.zone.to_timestamp(local).ok()
    }

    fn slots_of(&self, period: Slot) -> impl Iterator<Item = Slot> {
        let length = self.slot_length();
        std::iter::successors(slot_in(period, length, period.start), move |slot| {
            slot_in(period, length, slot.end)
        })
    }
}

/// The slot that begins at `start`, cut off where the office closes.
fn slot_in(period: Slot, length: SignedDuration, start: Timestamp) -> Option<Slot> {
    let end = start.checked_add(length).ok()?.min(period.end);
    (start < end).then_some(Slot { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str, minutes: i64, hours: &[&str]) -> Calendar {
        Calendar {
            zone: TimeZone::get(zone).unwrap(),
            hours: hours
                .iter()
                .map(|text| text.to_string().try_into().unwrap())
                .collect(),
            holidays: Vec::new(),
            additions: Vec::new(),
            slot: minutes.try_into().unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The beginnings within an interval, as `HH:MM` in UTC.
    fn starts(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
        calendar
            .slots(at(from), at(to))
            .map(|slot| slot.start.strftime("%H:%M").to_string())
            .collect()
    }

    #[test]
    fn always_open_lies_on_the_utc_grid() {
        let calendar = calendar("UTC", 15, &[]);
        let slot = calendar.slot_at(at("2030-01-07T10:07:31.5Z")).unwrap();
        assert_eq!(slot.start, at("2030-01-07T10:00:00Z"));
        assert_eq!(slot.end, at("2030-01-07T10:15:00Z"));
        let over_midnight = starts(&calendar, "2030-01-07T23:40:00Z", "2030-01-08T00:15:00Z");
        assert_eq!(over_midnight, ["23:45", "00:00"]);
    }

    #[test]
    fn closed_outside_the_hours() {
        let calendar = calendar("Europe/London", 30, &["Mon-Fri 09:00-17:00"]);
        assert!(calendar.slot_at(at("2030-01-07T08:59:59.999Z")).is_none());
        assert!(calendar.slot_at(at("2030-01-07T09:00:00Z")).is_some());
        assert!(calendar.slot_at(at("2030-01-07T16:59:59.999Z")).is_some());
        assert!(calendar.slot_at(at("2030-01-07T17:00:00Z")).is_none());
        assert!(
            calendar.slot_at(at("2030-01-05T12:00:00Z")).is_none(),
            "a Saturday"
        );
        let day = starts(&calendar, "2030-01-07T00:00:00Z", "2030-01-08T00:00:00Z");
        assert_eq!(day.len(), 16);
        assert_eq!((day[0].as_str(), day[15].as_str()), ("09:00", "16:30"));
    }

    #[test]
    fn summer_time_moves_the_hours_in_utc() {
        let calendar = calendar("Europe/London", 30, &["Mon-Fri 09:00-17:00"]);
        let day = starts(&calendar, "2030-07-01T00:00:00Z", "2030-07-02T00:00:00Z");
        assert_eq!((day[0].as_str(), day[15].as_str()), ("08:00", "15:30"));
    }

    // On 31 March 2030 London goes from 01:00 GMT to 02:00 BST.
    #[test]
    fn the_hour_that_does_not_exist_has_no_slots() {
        let calendar = calendar("Europe/London", 30, &["Sun 00:00-03:00"]);
        let night = starts(&calendar, "2030-03-30T12:00:00Z", "2030-03-31T12:00:00Z");
        assert_eq!(night, ["00:00", "00:30", "01:00", "01:30"]);
    }

    #[test]
    fn an_opening_time_that_does_not_exist_moves_on_by_the_gap() {
        let calendar = calendar("Europe/London", 15, &["Sun 01:30-02:45"]);
        let night = starts(&calendar, "2030-03-30T12:00:00Z", "2030-03-31T12:00:00Z");
        assert_eq!(night, ["01:30"], "02:30 to 02:45 in summer time");
    }

    // On 27 October 2030 London goes from 02:00 BST back to 01:00 GMT.
    #[test]
    fn the_hour_that_comes_twice_has_its_slots_twice() {
        let calendar = calendar("Europe/London", 30, &["Sun 00:00-03:00"]);
        let night: Vec<Slot> = calendar
            .slots(at("2030-10-26T12:00:00Z"), at("2030-10-27T12:00:00Z"))
            .collect();
        assert_eq!(night.len(), 8, "four hours pass");
        assert_eq!(night[0].start, at("2030-10-26T23:00:00Z"));
        let first = calendar.slot_at(at("2030-10-27T00:30:00Z")).unwrap();
        let second = calendar.slot_at(at("2030-10-27T01:30:00Z")).unwrap();
        assert_ne!(first, second, "both are 01:30 on the wall");
    }

    #[test]
    fn whole_days_have_no_hole_where_the_clocks_change() {
        for (zone, minutes) in [
            ("Europe/London", 120),
            ("Asia/Kolkata", 60),
            ("America/Sao_Paulo", 30),
        ] {
            let calendar = calendar(zone, minutes, &[]);
            let slots: Vec<Slot> = calendar
                .slots(at("2018-10-01T00:00:00Z"), at("2019-04-30T00:00:00Z"))
                .collect();
            assert!(
                slots.windows(2).all(|pair| pair[0].end == pair[1].start),
                "{zone}"
            );
        }
    }

    #[test]
    fn slot_at_and_slots_agree() {
        let calendar = calendar(
            "Europe/London",
            20,
            &["Sat-Mon 22:10-06:00", "Mon-Sun 05:00-09:15"],
        );
        let slots: Vec<Slot> = calendar
            .slots(at("2030-03-25T00:00:00Z"), at("2030-04-05T00:00:00Z"))
            .collect();
        assert!(slots.len() > 100);
        assert!(slots.windows(2).all(|pair| pair[0].end <= pair[1].start));
        for slot in slots {
            assert_eq!(calendar.slot_at(slot.start), Some(slot));
            assert_eq!(
                calendar.slot_at(slot.end - SignedDuration::from_millis(1)),
                Some(slot)
            );
        }
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_begin_on() {
        let calendar = calendar("UTC", 60, &["Fri 22:00-02:00"]);
        let night = starts(&calendar, "2030-01-04T00:00:00Z", "2030-01-06T00:00:00Z");
        assert_eq!(night, ["22:00", "23:00", "00:00", "01:00"]);
        assert!(calendar.slot_at(at("2030-01-05T01:30:00Z")).is_some());
    }

    #[test]
    fn overlapping_hours_do_not_double_a_slot() {
        let calendar = calendar("UTC", 30, &["Mon 08:00-10:00", "Mon 09:45-11:00"]);
        let day = starts(&calendar, "2030-01-07T00:00:00Z", "2030-01-08T00:00:00Z");
        assert_eq!(day, ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30"]);
    }

    #[test]
    fn holidays_close_and_additions_open() {
        let mut calendar = calendar("UTC", 60, &["Mon-Fri 09:00-11:00"]);
        calendar.holidays = vec!["01-07".to_owned().try_into().unwrap()];
        calendar.additions = vec!["2030-01-07 14:00-15:00".to_owned().try_into().unwrap()];
        let week = |from, to| starts(&calendar, from, to);
        assert_eq!(
            week("2030-01-07T00:00:00Z", "2030-01-08T00:00:00Z"),
            ["14:00"]
        );
        assert_eq!(
            week("2030-01-08T00:00:00Z", "2030-01-09T00:00:00Z"),
            ["09:00", "10:00"]
        );
        assert!(week("2031-01-07T00:00:00Z", "2031-01-08T00:00:00Z").is_empty());
    }

    #[test]
    fn the_last_slot_ends_when_the_office_closes() {
        let calendar = calendar("UTC", 30, &["Mon 09:10-10:00"]);
        let last = calendar.slot_at(at("2030-01-07T09:55:00Z")).unwrap();
        assert_eq!(last.start, at("2030-01-07T09:40:00Z"));
        assert_eq!(last.end, at("2030-01-07T10:00:00Z"));
    }

    #[test]
    fn it_is_open_until_the_last_of_the_adjoining_hours_ends() {
        let calendar = calendar(
            "UTC",
            30,
            &["Mon 08:00-10:00", "Mon 10:00-11:15", "Mon 12:00-13:00"],
        );
        let minutes = |from: &str| calendar.open_for(at(from)).as_mins();
        assert_eq!(minutes("2030-01-07T09:50:00Z"), 85);
        assert_eq!(minutes("2030-01-07T11:15:00Z"), 0);
        assert_eq!(
            self::calendar("UTC", 120, &[])
                .open_for(at("2030-01-07T11:15:00Z"))
                .as_hours(),
            168
        );
    }

    #[test]
    fn an_empty_or_inverted_interval_has_no_slots() {
        let calendar = calendar("UTC", 30, &[]);
        let moment = "2030-01-07T09:00:00Z";
        assert!(starts(&calendar, moment, moment).is_empty());
        assert!(starts(&calendar, moment, "2030-01-06T09:00:00Z").is_empty());
    }

    #[test]
    fn the_horizon_is_counted_in_local_days() {
        let calendar = calendar("Europe/London", 30, &[]);
        let horizon = Horizon::try_from("1M".to_owned()).unwrap();
        let furthest = calendar.furthest(at("2030-03-15T12:00:00Z"), horizon);
        assert_eq!(
            furthest,
            at("2030-04-15T11:00:00Z"),
            "noon on the wall, an hour less in UTC"
        );
    }
}
