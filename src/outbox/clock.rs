//! The clock of an outbox file, by which ages, pauses and claims are measured.
//!
//! The clock of the system can be set, forward and back, and at any time. A pause that is measured
//! with it could last for hours, and an entry could expire years too early. The clock of the file
//! advances with the time since the system was started, which no program can set. Only across a
//! restart does it advance with the system's clock, and never backwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Result};

use crate::process::sys;

/// A system's clock that shows an earlier time has not been set yet: 2023-11-14.
const FIRST_PLAUSIBLE_MS: i64 = 1_700_000_000_000;

/// How often the file records both clocks, so that what was done to the system's clock before a
/// restart does not count.
const RECORD_EVERY_MS: i64 = 60_000;

/// A duration in whole milliseconds.
pub fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What the clocks of the system show.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemTimes {
    /// Identifies the time from one start of the system to the next.
    pub boot: String,
    /// Milliseconds since that start.
    pub boot_ms: i64,
    /// The same without the time while the system was suspended.
    pub monotonic_ms: i64,
    /// Milliseconds since 1970, as the system's clock has been set.
    pub wall_ms: i64,
}

impl SystemTimes {
    /// The times now.
    pub fn now(boot: &str) -> SystemTimes {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        SystemTimes {
            boot: boot.to_owned(),
            boot_ms: sys::boot_milliseconds(),
            monotonic_ms: sys::monotonic_milliseconds(),
            wall_ms: wall.map_or(0, milliseconds),
        }
    }
}

/// The time at which a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// Milliseconds of the file's clock.
    pub file_ms: i64,
    /// Milliseconds since the system was started, without the time while it was suspended.
    pub monotonic_ms: i64,
    /// Milliseconds since 1970, by the system's clock.
    pub wall_ms: i64,
}

impl Now {
    /// A time of the file's clock, as the system's clock shows it.
    pub fn wall_of(self, file_ms: i64) -> i64 {
        self.wall_ms
            .saturating_add(file_ms.saturating_sub(self.file_ms))
    }
}

/// The clock of one file, as read from it.
#[derive(Clone, Debug)]
pub struct FileClock {
    recorded: SystemTimes,
    file_ms: i64,
}

impl FileClock {
    /// Reads the clock of a file that has one.
    pub fn read(connection: &Connection) -> Result<Option<FileClock>> {
        let clock = connection.query_row(
            "SELECT boot, boot_ms, wall_ms, file_ms FROM clock",
            [],
            |row| {
                Ok(FileClock {
                    recorded: SystemTimes {
                        boot: row.get(0)?,
                        boot_ms: row.get(1)?,
                        monotonic_ms: 0,
                        wall_ms: row.get(2)?,
                    },
                    file_ms: row.get(3)?,
                })
            },
        );
        clock.optional()
    }

    /// Reads the clock of a file, or starts it, and records it. The caller holds a write
    /// transaction.
    pub fn open(connection: &Connection, times: &SystemTimes) -> Result<FileClock> {
        let mut clock = FileClock::read(connection)?.unwrap_or_else(|| FileClock {
            recorded: times.clone(),
            file_ms: times.wall_ms,
        });
        clock.record(connection, times)?;
        Ok(clock)
    }

    /// The time now.
    pub fn now(&self, times: &SystemTimes) -> Now {
        let before = &self.recorded;
        let is_same_boot = before.boot == times.boot && before.boot_ms <= times.boot_ms;
        let passed = if is_same_boot {
            times.boot_ms - before.boot_ms
        } else if before.wall_ms >= FIRST_PLAUSIBLE_MS {
            (times.wall_ms - before.wall_ms).max(0)
        } else {
            0
        };
        Now {
            file_ms: self.file_ms.saturating_add(passed),
            monotonic_ms: times.monotonic_ms,
            wall_ms: times.wall_ms,
        }
    }

    /// Whether the file should record the clocks again.
    pub fn is_old(&self, times: &SystemTimes) -> bool {
        self.recorded.boot != times.boot
            || !(0..RECORD_EVERY_MS).contains(&(times.boot_ms - self.recorded.boot_ms))
    }

    /// Records what the clocks show.
    pub fn record(&mut self, connection: &Connection, times: &SystemTimes) -> Result<()> {
        let file_ms = self.now(times).file_ms;
        connection
            .prepare_cached(
                "INSERT INTO clock (one, boot, boot_ms, wall_ms, file_ms) VALUES (1, ?1, ?2, ?3, ?4) \
                 ON CONFLICT (one) DO UPDATE SET boot = ?1, boot_ms = ?2, wall_ms = ?3, file_ms = ?4",
            )?
            .execute((&times.boot, times.boot_ms, times.wall_ms, file_ms))?;
        self.recorded = times.clone();
        self.file_ms = file_ms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: i64 = 1_900_000_000_000;

    fn times(boot: &str, boot_ms: i64, wall_ms: i64) -> SystemTimes {
        SystemTimes {
            boot: boot.to_owned(),
            boot_ms,
            monotonic_ms: boot_ms,
            wall_ms,
        }
    }

    fn clock(recorded: SystemTimes) -> FileClock {
        FileClock {
            recorded,
            file_ms: WALL,
        }
    }

    #[test]
    fn setting_the_systems_clock_changes_nothing() {
        let clock = clock(times("a", 1_000, WALL));
        for wall in [0, WALL - 86_400_000, WALL, WALL + 86_400_000] {
            let now = clock.now(&times("a", 6_000, wall));
            assert_eq!((now.file_ms, now.wall_ms), (WALL + 5_000, wall));
            assert_eq!(now.wall_of(WALL), wall - 5_000);
        }
    }

    #[test]
    fn a_restart_advances_the_clock_with_the_systems_but_never_back() {
        let clock = clock(times("a", 1_000_000, WALL));
        let after = |boot: &str, boot_ms, wall| clock.now(&times(boot, boot_ms, wall)).file_ms;
        assert_eq!(after("b", 10, WALL + 60_000), WALL + 60_000);
        assert_eq!(after("b", 10, WALL - 60_000), WALL);
        assert_eq!(after("b", 10, 0), WALL);
        // Without an identifier of the boot, a time that goes back shows the restart.
        assert_eq!(after("a", 10, WALL + 60_000), WALL + 60_000);
    }

    #[test]
    fn a_clock_that_was_never_set_ages_nothing() {
        let mut clock = clock(times("a", 1_000, 5_000));
        clock.file_ms = 5_000;
        assert_eq!(clock.now(&times("b", 10, WALL)).file_ms, 5_000);
    }
}
