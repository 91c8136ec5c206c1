//! Values and rules without I/O: time, office hours, capacity, life cycle, telephone numbers.

pub mod calendar;
pub mod capacity;
pub mod clock;
pub mod interval;
pub mod lifecycle;
pub mod office_hours;
pub mod phone_number;
pub mod time_format;
