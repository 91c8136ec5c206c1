//! When an office is open, and the slots into which its hours are divided. Pure functions of time.
//!
//! A slot starts at an opening time plus a whole number of slot lengths in elapsed time, so a day
//! on which the clocks change still has slots of equal length. Where two opening periods overlap,
//! the later one counts from the end of the earlier one.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::dates::{CalendarDay, DateRange};
use super::office_hours::{AdditionalHours, BookingHorizon, DayTimes, SlotMinutes, WeeklyHours};

/// `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// An interval that can be booked.
pub(crate) type Slot = Interval;

/// The office hours of one service.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// The zone of all hours and days.
    pub(crate) zone: TimeZone,
    /// Weekly hours; empty means always open.
    pub(crate) hours: Vec<WeeklyHours>,
    /// The dates on which the weekly hours apply; empty means always.
    pub(crate) effective: Vec<DateRange>,
    /// Days without the weekly hours.
    pub(crate) holidays: Vec<CalendarDay>,
    /// Hours in addition to the weekly ones, also on holidays.
    pub(crate) extra_hours: Vec<AdditionalHours>,
    pub(crate) slot: SlotMinutes,
}

impl Calendar {
    /// The slot that contains a time, or `None` when the office is closed.
    pub(crate) fn slot_at(&self, time: Timestamp) -> Option<Slot> {
        let today = self.date_of(time);
        let period = today
            .yesterday()
            .into_iter()
            .chain([today])
            .flat_map(|date| self.periods_of(date))
            .find(|period| period.start <= time && time < period.end)?;
        let length = self.slot_length();
        let elapsed = time.duration_since(period.start);
        let whole = elapsed.as_secs() / length.as_secs();
        slot_in(
            period,
            length,
            period.start + SignedDuration::from_secs(whole * length.as_secs()),
        )
    }

    /// The slots that start at or after `from` and before `to`, in ascending order.
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

    /// The last time that can be booked at `now`.
    pub(crate) fn latest_bookable(&self, now: Timestamp, horizon: BookingHorizon) -> Timestamp {
        now.to_zoned(self.zone.clone())
            .saturating_add(horizon.0)
            .timestamp()
    }

    /// How long the office stays open from a time on: zero when it is closed, at most a week.
    pub(crate) fn open_for(&self, time: Timestamp) -> SignedDuration {
        const MAX_OPEN: SignedDuration = SignedDuration::from_hours(7 * 24);
        let limit = time.saturating_add(MAX_OPEN).unwrap_or(Timestamp::MAX);
        let mut until = time;
        while until < limit {
            let Some(slot) = self.slot_at(until) else {
                break;
            };
            until = slot.end;
        }
        until.min(limit).duration_since(time)
    }

    /// The slot length in elapsed time.
    pub(crate) fn slot_length(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.slot.0))
    }

    /// The first instant of a date.
    pub(crate) fn midnight(&self, date: Date) -> Timestamp {
        date.to_zoned(self.zone.clone())
            .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// The seven days that start on a date.
    pub(crate) fn week(&self, first: Date) -> Interval {
        let next = first.checked_add(7.days());
        Interval {
            start: self.midnight(first),
            end: next.map_or(Timestamp::MAX, |next| self.midnight(next)),
        }
    }

    fn date_of(&self, time: Timestamp) -> Date {
        time.to_zoned(self.zone.clone()).date()
    }

    /// The opening periods that start on a date, in ascending order and without overlaps.
    fn periods_of(&self, date: Date) -> Vec<Interval> {
        let mut covered = date
            .yesterday()
            .map(|yesterday| self.raw_periods(yesterday))
            .unwrap_or_default()
            .iter()
            .map(|period| period.end)
            .max()
            .unwrap_or(Timestamp::MIN);
        let mut periods = self.raw_periods(date);
        for period in &mut periods {
            period.start = period.start.max(covered);
            covered = covered.max(period.end);
        }
        periods.retain(|period| period.start < period.end);
        periods
    }

    /// The periods of all rules for a date, with overlaps, sorted by start.
    fn raw_periods(&self, date: Date) -> Vec<Interval> {
        let is_holiday = self.holidays.iter().any(|day| day.matches(date));
        let is_effective =
            self.effective.is_empty() || self.effective.iter().any(|range| range.contains(date));
        let mut times: Vec<DayTimes> = Vec::new();
        if is_effective && !is_holiday {
            if self.hours.is_empty() {
                times.push(DayTimes::WHOLE_DAY);
            }
            let rules = self.hours.iter();
            let open = rules.filter(|rule| rule.applies_on(date.weekday()));
            times.extend(open.map(|rule| rule.times));
        }
        let extra = self.extra_hours.iter();
        let extra = extra.filter(|rule| rule.day.matches(date));
        times.extend(extra.map(|rule| rule.times));
        let mut periods: Vec<Interval> = times
            .into_iter()
            .filter_map(|times| self.open_period(date, times))
            .collect();
        periods.sort_by_key(|period| (period.start, std::cmp::Reverse(period.end)));
        periods
    }

    /// `None` only at the limits of the calendar, where a date has no timestamp.
    fn open_period(&self, date: Date, times: DayTimes) -> Option<Interval> {
        let closing_date = if times.crosses_midnight() {
            date.tomorrow().ok()?
        } else {
            date
        };
        Some(Interval {
            start: self.timestamp(date, times.opens)?,
            end: self.timestamp(closing_date, times.closes)?,
        })
    }

    fn timestamp(&self, date: Date, minutes: i16) -> Option<Timestamp> {
        let local = date
            .at(0, 0, 0, 0)
            .checked_add(i64::from(minutes).minutes())
            .ok()?;
        self.zone.to_timestamp(local).ok()
    }

    fn slots_of(&self, period: Interval) -> impl Iterator<Item = Slot> {
        let length = self.slot_length();
        std::iter::successors(slot_in(period, length, period.start), move |slot| {
            slot_in(period, length, slot.end)
        })
    }
}

/// The slot that starts at `start`. It ends when the office closes.
fn slot_in(period: Interval, length: SignedDuration, start: Timestamp) -> Option<Slot> {
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
            effective: Vec::new(),
            holidays: Vec::new(),
            extra_hours: Vec::new(),
            slot: minutes.try_into().unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The starts within an interval, as `HH:MM` in UTC.
    fn starts(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
        calendar
            .slots(at(from), at(to))
            .map(|slot| slot.start.strftime("%H:%M").to_string())
            .collect()
    }

    #[test]
    fn slots_of_an_always_open_office_lie_on_the_utc_grid() {
        let calendar = calendar("UTC", 15, &[]);
        let slot = calendar.slot_at(at("2030-01-07T10:07:31.5Z")).unwrap();
        assert_eq!(slot.start, at("2030-01-07T10:00:00Z"));
        assert_eq!(slot.end, at("2030-01-07T10:15:00Z"));
        let over_midnight = starts(&calendar, "2030-01-07T23:40:00Z", "2030-01-08T00:15:00Z");
        assert_eq!(over_midnight, ["23:45", "00:00"]);
    }

    #[test]
    fn office_is_closed_outside_its_hours() {
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
    fn daylight_saving_time_shifts_hours_in_utc() {
        let calendar = calendar("Europe/London", 30, &["Mon-Fri 09:00-17:00"]);
        let day = starts(&calendar, "2030-07-01T00:00:00Z", "2030-07-02T00:00:00Z");
        assert_eq!((day[0].as_str(), day[15].as_str()), ("08:00", "15:30"));
    }

    // On 31 March 2030 the clocks in London go from 01:00 GMT to 02:00 BST.
    #[test]
    fn skipped_hour_has_no_slots() {
        let calendar = calendar("Europe/London", 30, &["Sun 00:00-03:00"]);
        let night = starts(&calendar, "2030-03-30T12:00:00Z", "2030-03-31T12:00:00Z");
        assert_eq!(night, ["00:00", "00:30", "01:00", "01:30"]);
    }

    #[test]
    fn skipped_opening_time_moves_by_the_gap() {
        let calendar = calendar("Europe/London", 15, &["Sun 01:30-02:45"]);
        let night = starts(&calendar, "2030-03-30T12:00:00Z", "2030-03-31T12:00:00Z");
        assert_eq!(night, ["01:30"], "02:30 to 02:45 in summer time");
    }

    // On 27 October 2030 the clocks in London go from 02:00 BST back to 01:00 GMT.
    #[test]
    fn repeated_hour_has_its_slots_twice() {
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
    fn whole_days_have_no_gap_at_clock_changes() {
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
    fn hours_over_midnight_belong_to_the_day_they_start_on() {
        let calendar = calendar("UTC", 60, &["Fri 22:00-02:00"]);
        let night = starts(&calendar, "2030-01-04T00:00:00Z", "2030-01-06T00:00:00Z");
        assert_eq!(night, ["22:00", "23:00", "00:00", "01:00"]);
        assert!(calendar.slot_at(at("2030-01-05T01:30:00Z")).is_some());
    }

    #[test]
    fn overlapping_hours_give_each_slot_once() {
        let calendar = calendar("UTC", 30, &["Mon 08:00-10:00", "Mon 09:45-11:00"]);
        let day = starts(&calendar, "2030-01-07T00:00:00Z", "2030-01-08T00:00:00Z");
        assert_eq!(day, ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30"]);
    }

    #[test]
    fn holidays_close_and_extra_hours_open() {
        let mut calendar = calendar("UTC", 60, &["Mon-Fri 09:00-11:00"]);
        calendar.holidays = vec!["01-07".to_owned().try_into().unwrap()];
        calendar.extra_hours = vec!["2030-01-07 14:00-15:00".to_owned().try_into().unwrap()];
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
    fn weekly_hours_apply_on_effective_dates_only() {
        let mut calendar = calendar("UTC", 60, &["Mon-Fri 09:00-11:00"]);
        calendar.effective = vec!["2030-01-08 to 2030-01-09".to_owned().try_into().unwrap()];
        calendar.extra_hours = vec!["2030-01-07 14:00-15:00".to_owned().try_into().unwrap()];
        let day = |day: u8| {
            let next = day + 1;
            let from = format!("2030-01-{day:02}T00:00:00Z");
            starts(&calendar, &from, &format!("2030-01-{next:02}T00:00:00Z"))
        };
        assert_eq!(day(7), ["14:00"], "additional hours do not depend on them");
        assert_eq!(day(8), ["09:00", "10:00"]);
        assert_eq!(day(9), ["09:00", "10:00"], "the last day is included");
        assert!(day(10).is_empty());
        calendar.hours.clear();
        assert!(calendar.slot_at(at("2030-01-09T23:00:00Z")).is_some());
        assert!(calendar.slot_at(at("2030-01-10T00:00:00Z")).is_none());
    }

    #[test]
    fn last_slot_ends_at_closing_time() {
        let calendar = calendar("UTC", 30, &["Mon 09:10-10:00"]);
        let last = calendar.slot_at(at("2030-01-07T09:55:00Z")).unwrap();
        assert_eq!(last.start, at("2030-01-07T09:40:00Z"));
        assert_eq!(last.end, at("2030-01-07T10:00:00Z"));
    }

    #[test]
    fn open_for_spans_adjacent_hours() {
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
    fn empty_or_reversed_interval_has_no_slots() {
        let calendar = calendar("UTC", 30, &[]);
        let moment = "2030-01-07T09:00:00Z";
        assert!(starts(&calendar, moment, moment).is_empty());
        assert!(starts(&calendar, moment, "2030-01-06T09:00:00Z").is_empty());
    }

    #[test]
    fn horizon_counts_local_days() {
        let calendar = calendar("Europe/London", 30, &[]);
        let horizon = BookingHorizon::try_from("1M".to_owned()).unwrap();
        let latest_bookable = calendar.latest_bookable(at("2030-03-15T12:00:00Z"), horizon);
        assert_eq!(
            latest_bookable,
            at("2030-04-15T11:00:00Z"),
            "noon on the wall, an hour less in UTC"
        );
    }
}
