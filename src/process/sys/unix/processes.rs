//! Other processes, as `/proc` shows them.

use std::fs;

use super::process_exists;
use crate::process::sys::{ProcessIdentity, ProcessState};

/// The present process.
pub fn own_process() -> ProcessIdentity {
    ProcessIdentity {
        started: read_stat("self").map_or(0, |stat| stat.started),
        boot: read_line("/proc/sys/kernel/random/boot_id"),
        namespace: fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default(),
    }
}

/// What is known of the process with a number of this namespace.
pub fn look_up_process(process: u32) -> ProcessState {
    match read_stat(&process.to_string()) {
        Some(stat) if stat.has_ended => ProcessState::Gone,
        Some(stat) if stat.is_stopped => ProcessState::Stopped(stat.started),
        Some(stat) => ProcessState::Running(stat.started),
        // A system can hide the processes of other users.
        None if process_exists(process) => ProcessState::Hidden,
        None => ProcessState::Gone,
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
