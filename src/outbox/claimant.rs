//! Who claims an entry: a process, so that another one can tell whether it is gone.

use std::fs;
use std::sync::Arc;

use crate::process::fork::PerProcess;
use crate::process::sys;

/// A process of this machine, or of another container on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimant {
    /// Its number.
    pub pid: u32,
    /// When it was started, in the kernel's own unit; numbers of processes are used again.
    pub started: i64,
    /// Identifies the time from one start of the system to the next; empty if it is not known.
    pub boot: String,
    /// Identifies the set of processes in which the number is valid: containers have their own.
    pub namespace: String,
}

/// What is known of the process that holds a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Liveness {
    /// It runs.
    Alive,
    /// It is stopped, and may run again.
    Stopped,
    /// It has ended.
    Gone,
    /// It cannot be seen from here.
    Unknown,
}

static CURRENT: PerProcess<Claimant> = PerProcess::new();

impl Claimant {
    /// The present process.
    pub fn current() -> Arc<Claimant> {
        CURRENT.get(|| {
            let pid = std::process::id();
            Claimant {
                pid,
                started: read_stat("self").map_or(0, |stat| stat.started),
                boot: read_line("/proc/sys/kernel/random/boot_id"),
                namespace: fs::read_link("/proc/self/ns/pid")
                    .map(|link| link.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            }
        })
    }

    /// Whether another claimant's process is still there, seen from this one.
    pub fn liveness_of(&self, other: &Claimant) -> Liveness {
        if self.boot.is_empty() || other.boot.is_empty() {
            return Liveness::Unknown;
        }
        if self.boot != other.boot {
            return Liveness::Gone;
        }
        if self.namespace != other.namespace || self.namespace.is_empty() {
            return Liveness::Unknown;
        }
        match read_stat(&other.pid.to_string()) {
            Some(stat) if stat.started != other.started || stat.has_ended => Liveness::Gone,
            Some(stat) if stat.is_stopped => Liveness::Stopped,
            Some(_) => Liveness::Alive,
            // A system can hide the processes of other users.
            None if sys::process_exists(other.pid) => Liveness::Unknown,
            None => Liveness::Gone,
        }
    }
}

fn read_line(path: &str) -> String {
    fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

struct Stat {
    started: i64,
    has_ended: bool,
    is_stopped: bool,
}

/// What `/proc/PID/stat` says of a process.
fn read_stat(process: &str) -> Option<Stat> {
    // The second field is the program's name, which may hold any bytes, in parentheses.
    let text = fs::read(format!("/proc/{process}/stat")).ok()?;
    let name_end = text.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&text[name_end + 1..]).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    // The start is field 22, and the state is field 3.
    let started = fields.nth(18)?.parse().ok()?;
    Some(Stat {
        started,
        has_ended: matches!(state, "Z" | "X") && !has_other_threads(process),
        is_stopped: matches!(state, "T" | "t" | "D"),
    })
}

/// Whether threads of a process run on after its first one has ended.
fn has_other_threads(process: &str) -> bool {
    fs::read_dir(format!("/proc/{process}/task")).is_ok_and(|tasks| tasks.count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        let current = Claimant::current();
        assert!(current.started > 0 && !current.boot.is_empty() && !current.namespace.is_empty());
        assert_eq!(current.liveness_of(&current), Liveness::Alive);
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let started = read_stat(&child.id().to_string()).unwrap().started;
        let other = Claimant {
            pid: child.id(),
            started,
            ..Claimant::clone(&current)
        };
        assert_eq!(current.liveness_of(&other), Liveness::Alive);
        let signal = |signal: &str| {
            let pid = child.id().to_string();
            assert!(Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success());
        };
        signal("-STOP");
        while current.liveness_of(&other) == Liveness::Alive {
            std::thread::yield_now();
        }
        assert_eq!(current.liveness_of(&other), Liveness::Stopped);
        child.kill().unwrap();
        // Until it is waited for, its number is still taken.
        while current.liveness_of(&other) != Liveness::Gone {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(current.liveness_of(&other), Liveness::Gone);
    }

    #[test]
    fn a_number_used_again_and_another_boot_are_gone_and_a_container_is_unknown() {
        let current = Claimant::current();
        let other = |change: fn(&mut Claimant)| {
            let mut other = Claimant::clone(&current);
            change(&mut other);
            current.liveness_of(&other)
        };
        assert_eq!(other(|other| other.started += 1), Liveness::Gone);
        assert_eq!(other(|other| other.boot = "x".to_owned()), Liveness::Gone);
        assert_eq!(
            other(|other| other.namespace = "x".to_owned()),
            Liveness::Unknown
        );
        assert_eq!(other(|other| other.boot = String::new()), Liveness::Unknown);
    }
}
