//! One service: its hours, slots, places, limits and life cycle, with the defaults of real servers where they are known.

use jiff::tz::TimeZone;
use jiff::SignedDuration;
use rlibphonenumber::Region;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::calendar::Calendar;
use crate::domain::capacity::{Capacity, ExceptionalPlaces, WeeklyPlaces};
use crate::domain::office_hours::{
    AdditionalHours, CalendarDay, Horizon, SlotMinutes, WeeklyHours,
};
use crate::domain::phone_number::NumberRules;

/// One service.
#[derive(Debug, Deserialize)]
#[serde(from = "ServiceTable")]
pub(crate) struct Service {
    /// Office hours and slots.
    pub(crate) calendar: Calendar,
    /// Places in each slot.
    pub(crate) capacity: Capacity,
    /// How far ahead a callback may be booked.
    pub(crate) furthest: Horizon,
    /// How long ago the desired time may be.
    pub(crate) past: SignedDuration,
    /// Which telephone numbers are refused.
    pub(crate) numbers: NumberRules,
    /// How many bookings are taken.
    pub(crate) limits: Limits,
    /// How long a callback stays in its states.
    pub(crate) stages: Stages,
    /// v1: parameters that a booking must have.
    pub(crate) mandatory_keys: Vec<String>,
    /// v1: parameters beside the number that queries may ask for.
    pub(crate) lookup_keys: Vec<String>,
    /// The queue that callers of this service wait in.
    pub(crate) virtual_queue: Option<String>,
    /// Agents who work on the queue.
    pub(crate) agents: u32,
    /// The number that a user dials who calls in.
    pub(crate) access_number: String,
    /// Who dials when the request does not say.
    pub(crate) call_direction: CallDirection,
    /// v3: whether a booking must show that a person makes it.
    pub(crate) captcha: bool,
    /// v1: the user name for this service, in place of the server's.
    pub(crate) username: Option<String>,
    /// v1: the password for this service, in place of the server's.
    pub(crate) password: Option<String>,
}

/// Who dials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CallDirection {
    /// The contact center calls.
    #[default]
    UserTerminated,
    /// The user calls.
    UserOriginated,
}

/// How many bookings a service takes; everything is off unless it is configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Callbacks that may be queued at once.
    pub(crate) queued: Option<u32>,
    /// Bookings within a number of seconds.
    pub(crate) throttles: Vec<Throttle>,
    /// Bookings on one day with the same value of one of the daily keys.
    pub(crate) daily: Option<u32>,
    /// The parameters whose values are counted.
    pub(crate) daily_keys: Vec<String>,
    /// Refuse a number that has two callbacks queued or scheduled.
    pub(crate) in_queue_check: bool,
}

/// So many bookings in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Throttle {
    /// Bookings.
    pub(crate) limit: u32,
    /// Seconds.
    pub(crate) seconds: u32,
}

/// How long a callback stays in its states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stages {
    /// A callback due within this time is already in the queue.
    pub(crate) execution_buffer: SignedDuration,
    /// In the queue, counted from the desired time.
    pub(crate) queued: SignedDuration,
    /// On its way to an agent.
    pub(crate) routing: SignedDuration,
    /// In conversation.
    pub(crate) processing: SignedDuration,
    /// From the desired time until the record expires.
    pub(crate) time_to_live: SignedDuration,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServiceTable {
    slot_minutes: SlotMinutes,
    places: u32,
    weekly_places: Vec<WeeklyPlaces>,
    exceptional_places: Vec<ExceptionalPlaces>,
    hours: Vec<WeeklyHours>,
    holidays: Vec<CalendarDay>,
    additions: Vec<AdditionalHours>,
    #[serde(deserialize_with = "time_zone")]
    time_zone: TimeZone,
    furthest: Horizon,
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

impl Default for ServiceTable {
    fn default() -> Self {
        let number = || vec!["_customer_number".to_owned()];
        ServiceTable {
            slot_minutes: SlotMinutes::default(),
            places: 100,
            weekly_places: Vec::new(),
            exceptional_places: Vec::new(),
            hours: Vec::new(),
            holidays: Vec::new(),
            additions: Vec::new(),
            time_zone: TimeZone::UTC,
            furthest: Horizon::default(),
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

impl From<ServiceTable> for Service {
    fn from(table: ServiceTable) -> Self {
        let seconds = |count: u32| SignedDuration::from_secs(i64::from(count));
        Service {
            capacity: Capacity {
                zone: table.time_zone.clone(),
                places: table.places,
                weekly: table.weekly_places,
                exceptions: table.exceptional_places,
            },
            calendar: Calendar {
                zone: table.time_zone,
                hours: table.hours,
                holidays: table.holidays,
                additions: table.additions,
                slot: table.slot_minutes,
            },
            furthest: table.furthest,
            past: seconds(table.past_seconds),
            numbers: NumberRules {
                disallow_impossible: table.disallow_impossible_numbers,
                disallow_premium: table.disallow_premium_numbers,
                country: table.default_country,
            },
            limits: Limits {
                queued: table.max_queued,
                throttles: table.throttles,
                daily: table.max_daily,
                daily_keys: table.daily_keys,
                in_queue_check: table.in_queue_check,
            },
            stages: Stages {
                execution_buffer: seconds(table.execution_buffer_seconds),
                queued: seconds(table.queued_seconds),
                routing: seconds(table.routing_seconds),
                processing: seconds(table.processing_seconds),
                time_to_live: seconds(table.time_to_live_seconds),
            },
            mandatory_keys: table.mandatory_keys,
            lookup_keys: table.lookup_keys,
            virtual_queue: table.virtual_queue,
            agents: table.agents,
            access_number: table.access_number,
            call_direction: table.call_direction,
            captcha: table.captcha,
            username: table.username,
            password: table.password,
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
    let wrong = || {
        D::Error::custom(format!(
            "country {name:?} is unknown: write two capital letters such as \"GB\""
        ))
    };
    name.parse().map(Some).map_err(|_| wrong())
}
