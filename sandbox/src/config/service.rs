//! One service: its hours, slots, capacity, limits and lifecycle. The defaults are those of real
//! servers where they are known.

use jiff::tz::TimeZone;
use jiff::SignedDuration;
use rlibphonenumber::Region;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::calendar::Calendar;
use crate::domain::capacity::{Capacity, CapacityOverride, WeeklyCapacity};
use crate::domain::dates::{CalendarDay, DateRange};
use crate::domain::lifecycle::Stages;
use crate::domain::office_hours::{AdditionalHours, BookingHorizon, SlotMinutes, WeeklyHours};
use crate::domain::phone_number::PhoneNumberPolicy;

#[derive(Debug, Deserialize)]
#[serde(from = "ServiceOptions")]
pub(crate) struct Service {
    /// The keys of the file. The fields below are made of some of them.
    pub(crate) options: ServiceOptions,
    pub(crate) calendar: Calendar,
    pub(crate) capacity: Capacity,
    pub(crate) phone_numbers: PhoneNumberPolicy,
    pub(crate) stages: Stages,
}

/// The keys of a service in the configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceOptions {
    #[serde(default)]
    slot_minutes: SlotMinutes,
    #[serde(default = "number::<100>")]
    places: u32,
    #[serde(default)]
    weekly_places: Vec<WeeklyCapacity>,
    #[serde(default)]
    exceptional_places: Vec<CapacityOverride>,
    #[serde(default)]
    hours: Vec<WeeklyHours>,
    #[serde(default)]
    effective_dates: Vec<DateRange>,
    #[serde(default)]
    holidays: Vec<CalendarDay>,
    #[serde(default)]
    additions: Vec<AdditionalHours>,
    #[serde(default = "utc", deserialize_with = "time_zone")]
    time_zone: TimeZone,
    /// How far ahead a callback can be booked.
    #[serde(default)]
    pub(crate) furthest: BookingHorizon,
    /// How long ago the desired time may be.
    #[serde(default)]
    pub(crate) past_seconds: u32,
    #[serde(default)]
    disallow_impossible_numbers: bool,
    #[serde(default)]
    disallow_premium_numbers: bool,
    #[serde(default, deserialize_with = "country")]
    default_country: Option<Region>,
    /// Callbacks that may be queued at the same time.
    #[serde(default)]
    pub(crate) max_queued: Option<u32>,
    #[serde(default)]
    pub(crate) throttles: Vec<Throttle>,
    /// Bookings per day with the same value of one of the daily keys.
    #[serde(default)]
    pub(crate) max_daily: Option<u32>,
    #[serde(default = "customer_number")]
    pub(crate) daily_keys: Vec<String>,
    /// Refuse a number that has two queued or scheduled callbacks.
    #[serde(default)]
    pub(crate) in_queue_check: bool,
    #[serde(default = "number::<120>")]
    execution_buffer_seconds: u32,
    #[serde(default = "number::<60>")]
    queued_seconds: u32,
    #[serde(default = "number::<10>")]
    routing_seconds: u32,
    #[serde(default = "number::<120>")]
    processing_seconds: u32,
    #[serde(default = "number::<86_400>")]
    time_to_live_seconds: u32,
    /// v1: parameters that a booking must have.
    #[serde(default = "customer_number")]
    pub(crate) mandatory_keys: Vec<String>,
    /// v1: parameters besides the number that queries can filter by.
    #[serde(default)]
    pub(crate) lookup_keys: Vec<String>,
    /// v1: stored properties in the records of queries, besides those of every record and the
    /// lookup keys; `None` means all.
    #[serde(default)]
    pub(crate) returned_keys: Option<Vec<String>>,
    /// The queue in which callers of this service wait.
    #[serde(default)]
    pub(crate) virtual_queue: Option<String>,
    /// Agents who serve the queue.
    #[serde(default = "number::<1>")]
    pub(crate) agents: u32,
    /// The number that a user dials to call in.
    #[serde(default = "access_number")]
    pub(crate) access_number: String,
    /// v1: whether a user who has to call gets an access code if the request does not specify it.
    #[serde(default = "yes")]
    pub(crate) provide_code: bool,
    /// The direction if the request does not specify it.
    #[serde(default)]
    pub(crate) call_direction: CallDirection,
    /// v3: whether a booking needs a captcha token.
    #[serde(default)]
    pub(crate) captcha: bool,
    /// v1: replaces the server's user name.
    #[serde(default)]
    pub(crate) username: Option<String>,
    /// v1: replaces the server's password.
    #[serde(default)]
    pub(crate) password: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CallDirection {
    /// The contact center calls.
    #[default]
    UserTerminated,
    /// The user calls.
    UserOriginated,
}

/// At most `limit` bookings in `seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Throttle {
    pub(crate) limit: u32,
    pub(crate) seconds: u32,
}

impl From<ServiceOptions> for Service {
    fn from(options: ServiceOptions) -> Self {
        let seconds = |count: u32| SignedDuration::from_secs(i64::from(count));
        Service {
            capacity: Capacity {
                zone: options.time_zone.clone(),
                default: options.places,
                weekly: options.weekly_places.clone(),
                overrides: options.exceptional_places.clone(),
            },
            calendar: Calendar {
                zone: options.time_zone.clone(),
                hours: options.hours.clone(),
                effective: options.effective_dates.clone(),
                holidays: options.holidays.clone(),
                extra_hours: options.additions.clone(),
                slot: options.slot_minutes,
            },
            phone_numbers: PhoneNumberPolicy {
                disallow_impossible: options.disallow_impossible_numbers,
                disallow_premium: options.disallow_premium_numbers,
                country: options.default_country,
            },
            stages: Stages {
                execution_buffer: seconds(options.execution_buffer_seconds),
                queued: seconds(options.queued_seconds),
                routing: seconds(options.routing_seconds),
                processing: seconds(options.processing_seconds),
                time_to_live: seconds(options.time_to_live_seconds),
            },
            options,
        }
    }
}

fn number<const NUMBER: u32>() -> u32 {
    NUMBER
}

fn yes() -> bool {
    true
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

fn customer_number() -> Vec<String> {
    vec!["_customer_number".to_owned()]
}

fn access_number() -> String {
    "+15550100".to_owned()
}

fn time_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(|_| {
        D::Error::custom(format!(
            "time zone {name:?} is unknown: write an IANA name such as \"Europe/London\""
        ))
    })
}

fn country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Region>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || {
        D::Error::custom(format!(
            "country {name:?} is unknown: write two capital letters such as \"GB\""
        ))
    };
    name.parse().map(Some).map_err(|_| unknown())
}
