//! Values and rules without I/O: time, office hours, capacity, lifecycle cycle, telephone numbers.

pub(crate) mod calendar;
pub(crate) mod capacity;
pub(crate) mod clock;
pub(crate) mod dates;
pub(crate) mod interval;
pub(crate) mod lifecycle;
pub(crate) mod number_details;
pub(crate) mod office_hours;
pub(crate) mod phone_number;
pub(crate) mod time_format;
