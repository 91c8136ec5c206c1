//! One service: its hours, slots, capacity, limits and lifecycle. The defaults are those of real
//! servers where they are known.

use jiff::tz::TimeZone;
use jiff::SignedDuration;
use rlibphonenumber::Region;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::calendar::Calendar;
use crate::domain::capacity::{Capacity, CapacityOverride, WeeklyCapacity};
use crate::domain::lifecycle::Stages;
use crate::domain::office_hours::{
    AdditionalHours, BookingHorizon, CalendarDay, SlotMinutes, WeeklyHours,
};
use crate::domain::phone_number::PhoneNumberPolicy;

#[derive(Debug, Deserialize)]
#[serde(from = "ServiceFile")]
pub(crate) struct Service {
    pub(crate) calendar: Calendar,
    pub(crate) capacity: Capacity,
    /// How far ahead a callback can be booked.
    pub(crate) horizon: BookingHorizon,
    /// How long ago the desired time may be.
    pub(crate) max_past: SignedDuration,
    pub(crate) phone_numbers: PhoneNumberPolicy,
    pub(crate) limits: Limits,
    pub(crate) stages: Stages,
    /// v1: parameters that a booking must have.
    pub(crate) mandatory_keys: Vec<String>,
    /// v1: parameters besides the number that queries can filter by.
    pub(crate) lookup_keys: Vec<String>,
    /// The queue in which callers of this service wait.
    pub(crate) virtual_queue: Option<String>,
    /// Agents who serve the queue.
    pub(crate) agents: u32,
    /// The number that a user dials to call in.
    pub(crate) access_number: String,
    /// The direction if the request does not specify it.
    pub(crate) call_direction: CallDirection,
    /// v3: whether a booking needs a captcha token.
    pub(crate) captcha: bool,
    /// v1: replaces the server's user name.
    pub(crate) username: Option<String>,
    /// v1: replaces the server's password.
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

/// How many bookings a service accepts. By default there is no limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Callbacks that may be queued at the same time.
    pub(crate) queued: Option<u32>,
    pub(crate) throttles: Vec<Throttle>,
    /// Bookings per day with the same value of one of the daily keys.
    pub(crate) daily: Option<u32>,
    pub(crate) daily_keys: Vec<String>,
    /// Refuse a number that has two queued or scheduled callbacks.
    pub(crate) in_queue_check: bool,
}

/// At most `limit` bookings in `seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Throttle {
    pub(crate) limit: u32,
    pub(crate) seconds: u32,
}

/// The keys of the file.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServiceFile {
    slot_minutes: SlotMinutes,
    places: u32,
    weekly_places: Vec<WeeklyCapacity>,
    exceptional_places: Vec<CapacityOverride>,
    hours: Vec<WeeklyHours>,
    holidays: Vec<CalendarDay>,
    additions: Vec<AdditionalHours>,
    #[serde(deserialize_with = "time_zone")]
    time_zone: TimeZone,
    furthest: BookingHorizon,
    past_seconds: u32,
    disallow_impossible_numbers: bool,
    disallow_premium_numbers: bool,
    #[serde(deserialize_with = "country")]
    default_country: Option<Region>,
    max_queued: Option<u32>,
    throttles: Vec<Throttle>,
    max_daily: Option<u32>,
    daily_keys: Vec<String>,
    in_queue_check: bool,
    execution_buffer_seconds: u32,
    queued_seconds: u32,
    routing_seconds: u32,
    processing_seconds: u32,
    time_to_live_seconds: u32,
    mandatory_keys: Vec<String>,
    lookup_keys: Vec<String>,
    virtual_queue: Option<String>,
    agents: u32,
    access_number: String,
    call_direction: CallDirection,
    captcha: bool,
    username: Option<String>,
    password: Option<String>,
}

impl Default for ServiceFile {
    fn default() -> Self {
        let number = || vec!["_customer_number".to_owned()];
        ServiceFile {
            slot_minutes: SlotMinutes::default(),
            places: 100,
            weekly_places: Vec::new(),
            exceptional_places: Vec::new(),
            hours: Vec::new(),
            holidays: Vec::new(),
            additions: Vec::new(),
            time_zone: TimeZone::UTC,
            furthest: BookingHorizon::default(),
            past_seconds: 0,
            disallow_impossible_numbers: false,
            disallow_premium_numbers: false,
            default_country: None,
            max_queued: None,
            throttles: Vec::new(),
            max_daily: None,
            daily_keys: number(),
            in_queue_check: false,
            execution_buffer_seconds: 120,
            queued_seconds: 60,
            routing_seconds: 10,
            processing_seconds: 120,
            time_to_live_seconds: 86_400,
            mandatory_keys: number(),
            lookup_keys: Vec::new(),
            virtual_queue: None,
            agents: 1,
            access_number: "+15550100".to_owned(),
            call_direction: CallDirection::default(),
            captcha: false,
            username: None,
            password: None,
        }
    }
}

impl From<ServiceFile> for Service {
    fn from(file: ServiceFile) -> Self {
        let seconds = |count: u32| SignedDuration::from_secs(i64::from(count));
        Service {
            capacity: Capacity {
                zone: file.time_zone.clone(),
                default: file.places,
                weekly: file.weekly_places,
                overrides: file.exceptional_places,
            },
            calendar: Calendar {
                zone: file.time_zone,
                hours: file.hours,
                holidays: file.holidays,
                extra_hours: file.additions,
                slot: file.slot_minutes,
            },
            horizon: file.furthest,
            max_past: seconds(file.past_seconds),
            phone_numbers: PhoneNumberPolicy {
                disallow_impossible: file.disallow_impossible_numbers,
                disallow_premium: file.disallow_premium_numbers,
                country: file.default_country,
            },
            limits: Limits {
                queued: file.max_queued,
                throttles: file.throttles,
                daily: file.max_daily,
                daily_keys: file.daily_keys,
                in_queue_check: file.in_queue_check,
            },
            stages: Stages {
                execution_buffer: seconds(file.execution_buffer_seconds),
                queued: seconds(file.queued_seconds),
                routing: seconds(file.routing_seconds),
                processing: seconds(file.processing_seconds),
                time_to_live: seconds(file.time_to_live_seconds),
            },
            mandatory_keys: file.mandatory_keys,
            lookup_keys: file.lookup_keys,
            virtual_queue: file.virtual_queue,
            agents: file.agents,
            access_number: file.access_number,
            call_direction: file.call_direction,
            captcha: file.captcha,
            username: file.username,
            password: file.password,
        }
    }
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
