//! Other processes, as the system lists them. Unlike opening a process, the list tells every
//! account about the processes of all accounts.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};

use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SystemProcessInformation,
};
use windows_sys::Win32::Foundation::{ERROR_SUCCESS, STATUS_INFO_LENGTH_MISMATCH};
use windows_sys::Win32::System::Registry::{RegGetValueW, HKEY_LOCAL_MACHINE, RRF_RT_ANY};
use windows_sys::Win32::System::WindowsProgramming::{
    SYSTEM_PROCESS_INFORMATION, SYSTEM_THREAD_INFORMATION,
};
use windows_sys::{core::PCWSTR, w};

use crate::process::sys::{ProcessIdentity, ProcessState};

/// Where the list has the time at which a process was created; the declaration calls it reserved.
const CREATED: usize = offset_of!(SYSTEM_PROCESS_INFORMATION, Reserved1) + 24;

/// A thread that waits, and what it waits for if its process is suspended.
const STATE_WAITING: u32 = 5;
const REASON_SUSPENDED: u32 = 5;

/// The program that each start of Windows begins with, and that runs until its end.
const FIRST_SERVICE: &str = "services.exe";

/// The set of processes of a system that is no container.
const WHOLE_SYSTEM: &str = "system";

/// The present process.
pub fn own_process() -> ProcessIdentity {
    let list = ProcessList::read();
    let own = std::process::id();
    let started = list.find(own).map_or(0, |process| process.started);
    // A container shows its own first processes, so that it looks like another start of the system,
    // and only some of the others. What is not certain is left unknown.
    let (boot, namespace) = match list.boot() {
        Some(boot) if started != 0 && !is_container() => (boot, WHOLE_SYSTEM.to_owned()),
        _ => (String::new(), String::new()),
    };
    ProcessIdentity {
        started,
        boot,
        namespace,
    }
}

/// What is known of the process with a number of this namespace.
pub fn look_up_process(process: u32) -> ProcessState {
    let list = ProcessList::read();
    // Without itself, the list is not one.
    if list.find(std::process::id()).is_none() {
        return ProcessState::Hidden;
    }
    match list.find(process) {
        Some(found) if found.has_ended => ProcessState::Gone,
        Some(found) if found.is_suspended => ProcessState::Stopped(found.started),
        Some(found) => ProcessState::Running(found.started),
        None => ProcessState::Gone,
    }
}

/// Whether this process runs in a container, which shares the system's numbers of processes.
fn is_container() -> bool {
    const KEY: PCWSTR = w!("SYSTEM\\CurrentControlSet\\Control");
    const VALUE: PCWSTR = w!("ContainerType");
    // SAFETY: both names are NUL-terminated, and nothing is written to pointers that are NULL.
    let result = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            KEY,
            VALUE,
            RRF_RT_ANY,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    result == ERROR_SUCCESS
}

/// A process of the list.
struct ListedProcess {
    number: u32,
    session: u32,
    /// When it was created, in units of 100 nanoseconds.
    started: i64,
    has_ended: bool,
    is_suspended: bool,
    is_first_service: bool,
}

struct ProcessList(Vec<ListedProcess>);

impl ProcessList {
    /// The processes now; none if the system does not list them.
    fn read() -> ProcessList {
        ProcessList(read_list().map_or_else(Vec::new, |bytes| parse_list(&bytes)))
    }

    fn find(&self, number: u32) -> Option<&ListedProcess> {
        self.0.iter().find(|process| process.number == number)
    }

    /// Identifies the start of the system. The list of a system shows the first services of its
    /// containers too, which run in later sessions.
    fn boot(&self) -> Option<String> {
        let services = self.0.iter().filter(|process| process.is_first_service);
        let first = services.min_by_key(|process| (process.session, process.started))?;
        Some(format!("{:x}-{:x}", first.started, first.number))
    }
}

/// The list as the system writes it.
fn read_list() -> Option<Vec<u8>> {
    const FIRST_SIZE: usize = 256 << 10;
    const MAX_SIZE: usize = 64 << 20;
    let mut bytes = vec![0; FIRST_SIZE];
    loop {
        let mut length = 0;
        // SAFETY: the buffer is as long as stated, and `length` is a variable.
        let status = unsafe {
            NtQuerySystemInformation(
                SystemProcessInformation,
                bytes.as_mut_ptr().cast::<c_void>(),
                bytes.len() as u32,
                &mut length,
            )
        };
        match status {
            0.. => {
                bytes.truncate((length as usize).min(bytes.len()));
                return Some(bytes);
            }
            STATUS_INFO_LENGTH_MISMATCH if bytes.len() < MAX_SIZE => {
                bytes = vec![0; bytes.len() * 2];
            }
            _ => return None,
        }
    }
}

fn parse_list(bytes: &[u8]) -> Vec<ListedProcess> {
    let mut processes = Vec::new();
    let mut at = 0;
    while let Some(entry) = read_at::<SYSTEM_PROCESS_INFORMATION>(bytes, at) {
        let threads_at = at + size_of::<SYSTEM_PROCESS_INFORMATION>();
        let threads = (0..entry.NumberOfThreads as usize).map_while(|index| {
            let offset = index.checked_mul(size_of::<SYSTEM_THREAD_INFORMATION>())?;
            read_at::<SYSTEM_THREAD_INFORMATION>(bytes, threads_at.checked_add(offset)?)
        });
        let is_suspended = |thread: SYSTEM_THREAD_INFORMATION| {
            (thread.ThreadState, thread.WaitReason) == (STATE_WAITING, REASON_SUSPENDED)
        };
        processes.push(ListedProcess {
            number: entry.UniqueProcessId as usize as u32,
            session: entry.SessionId,
            started: read_at(bytes, at + CREATED).unwrap_or(0),
            // A process without threads is kept while another one has a handle to it.
            has_ended: entry.NumberOfThreads == 0,
            is_suspended: entry.NumberOfThreads > 0 && threads.map(is_suspended).all(|is| is),
            is_first_service: is_named(bytes, &entry, FIRST_SERVICE),
        });
        match entry.NextEntryOffset as usize {
            0 => break,
            next => at += next,
        }
    }
    processes
}

/// Whether a process has this name. The list refers to it by its address inside the buffer.
fn is_named(bytes: &[u8], entry: &SYSTEM_PROCESS_INFORMATION, name: &str) -> bool {
    let Some(start) = (entry.ImageName.Buffer as usize).checked_sub(bytes.as_ptr() as usize) else {
        return false;
    };
    let text = bytes.get(start..start.saturating_add(usize::from(entry.ImageName.Length)));
    text.is_some_and(|text| {
        let units = text
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let characters = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
        characters
            .map(|character| character.to_ascii_lowercase())
            .eq(name.chars())
    })
}

/// A value that is plain data, if the bytes hold it.
fn read_at<T: Plain>(bytes: &[u8], at: usize) -> Option<T> {
    let end = at.checked_add(size_of::<T>())?;
    let bytes = bytes.get(at..end)?;
    // SAFETY: the bytes are as long as the type, of which every bit pattern is a value.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Marks types of which every bit pattern is a value.
///
/// # Safety
/// That must be so.
unsafe trait Plain {}

// SAFETY: it holds integers and raw pointers only.
unsafe impl Plain for SYSTEM_PROCESS_INFORMATION {}
// SAFETY: it holds integers and raw pointers only.
unsafe impl Plain for SYSTEM_THREAD_INFORMATION {}
// SAFETY: it is an integer.
unsafe impl Plain for i64 {}
