//! The one place that says what time it is: the system's clock, or one that began elsewhere and runs at another speed.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// No faster than a day a second.
pub(crate) const FASTEST: f64 = 86_400.0;

/// Answers "now" for every rule of the server.
#[derive(Debug)]
pub(crate) struct Clock {
    begin: Option<Timestamp>,
    speed: f64,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// When the hands were set last, on the computer's clock and on this one; `None` while this one follows the computer's.
    set: Option<(Instant, Timestamp)>,
    speed: f64,
}

impl Clock {
    /// A clock that begins at a moment (else at the present one) and runs so many times as fast as the computer's.
    pub(crate) fn new(begin: Option<Timestamp>, speed: f64) -> Clock {
        Clock {
            begin,
            speed,
            state: Mutex::new(begun(begin, speed)),
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// How many times as fast as the computer's clock it runs.
    pub(crate) fn speed(&self) -> f64 {
        self.lock().speed
    }

    /// Sets the hands, the speed, or both.
    pub(crate) fn set(&self, now: Option<Timestamp>, speed: Option<f64>) {
        let mut state = self.lock();
        let now = now.unwrap_or_else(|| state.now());
        *state = State {
            set: Some((Instant::now(), now)),
            speed: speed.unwrap_or(state.speed),
        };
    }

    /// Begins again.
    pub(crate) fn reset(&self) {
        *self.lock() = begun(self.begin, self.speed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begun(begin: Option<Timestamp>, speed: f64) -> State {
    let follows = begin.is_none() && speed == 1.0;
    let set = (!follows).then(|| (Instant::now(), begin.unwrap_or_else(Timestamp::now)));
    State { set, speed }
}

impl State {
    fn now(&self) -> Timestamp {
        let Some((instant, moment)) = self.set else {
            return Timestamp::now();
        };
        let passed =
            SignedDuration::try_from_secs_f64(instant.elapsed().as_secs_f64() * self.speed);
        passed
            .ok()
            .and_then(|passed| moment.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_where_it_is_told_and_can_be_set() {
        let begin: Timestamp = "2030-03-31T00:00:00Z".parse().unwrap();
        let clock = Clock::new(Some(begin), 60.0);
        assert!(clock.now() >= begin);
        let later = begin + SignedDuration::from_hours(5);
        clock.set(Some(later), Some(0.0));
        assert_eq!(clock.now(), later);
        assert_eq!(clock.now(), later, "it stands still");
        clock.reset();
        assert_eq!(clock.speed(), 60.0);
        assert!(clock.now() < later);
    }

    #[test]
    fn without_orders_it_is_the_systems() {
        let clock = Clock::new(None, 1.0);
        let before = Timestamp::now();
        assert!(clock.now() >= before && clock.now() <= Timestamp::now());
    }
}
