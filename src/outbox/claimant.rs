//! Who claims an entry: a process, so that another one can tell whether it is gone.

use std::sync::Arc;

use crate::process::fork::PerProcess;
use crate::process::sys::{self, ProcessState};

/// A process of this machine, or of another container on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimant {
    /// Its number.
    pub pid: u32,
    /// As [`sys::ProcessIdentity`] says.
    pub started: i64,
    pub boot: String,
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
            let identity = sys::own_process();
            Claimant {
                pid: std::process::id(),
                started: identity.started,
                boot: identity.boot,
                namespace: identity.namespace,
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
        match sys::look_up_process(other.pid) {
            ProcessState::Running(started) if started == other.started => Liveness::Alive,
            ProcessState::Stopped(started) if started == other.started => Liveness::Stopped,
            ProcessState::Hidden => Liveness::Unknown,
            ProcessState::Running(_) | ProcessState::Stopped(_) | ProcessState::Gone => {
                Liveness::Gone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// A process that runs until it is killed.
    fn start_process() -> (Child, Claimant) {
        let mut command = if cfg!(windows) {
            // It waits for a key.
            let mut command = Command::new("cmd");
            command.args(["/c", "pause"]);
            command
        } else {
            let mut command = Command::new("sleep");
            command.arg("60");
            command
        };
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        // While a program is loaded, it can count as stopped.
        let started = loop {
            match sys::look_up_process(child.id()) {
                ProcessState::Running(started) => break started,
                ProcessState::Stopped(_) => std::thread::yield_now(),
                state => panic!("a process that was started is {state:?}"),
            }
        };
        let claimant = Claimant {
            pid: child.id(),
            started,
            ..Claimant::clone(&Claimant::current())
        };
        (child, claimant)
    }

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        let current = Claimant::current();
        assert!(current.started > 0 && !current.boot.is_empty() && !current.namespace.is_empty());
        assert_eq!(current.liveness_of(&current), Liveness::Alive);
        let (mut child, other) = start_process();
        while current.liveness_of(&other) != Liveness::Alive {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        // Until it is waited for, its number is still taken.
        while current.liveness_of(&other) != Liveness::Gone {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(current.liveness_of(&other), Liveness::Gone);
    }

    #[cfg(unix)]
    #[test]
    fn a_stopped_process_may_run_again() {
        let current = Claimant::current();
        let (mut child, other) = start_process();
        let pid = child.id().to_string();
        let stopped = Command::new("kill").args(["-STOP", &pid]).status();
        assert!(stopped.unwrap().success());
        while current.liveness_of(&other) != Liveness::Stopped {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
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
