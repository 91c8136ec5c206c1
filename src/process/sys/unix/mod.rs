//! Unix: signal masks, thread cancellation, `errno`, fork handlers and descriptors above standard
//! error.

#[cfg(feature = "outbox")]
mod processes;
mod readiness;

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::sigset_t;

#[cfg(feature = "outbox")]
pub use processes::{look_up_process, own_process};
pub use readiness::Readiness;

use crate::process::fork::{self, ForkSafeMutex};

/// Signals that the kernel raises for what the running thread itself does. If one is blocked at
/// that moment, the kernel ends the process without running the host's handler.
const SYNCHRONOUS: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// The signals that a thread blocks.
#[derive(Clone, Copy)]
pub struct SignalMask(sigset_t);

impl SignalMask {
    /// The mask of the calling thread.
    pub fn current() -> SignalMask {
        change_mask(libc::SIG_BLOCK, &signal_set(|_| {}))
    }

    /// Runs a section with this mask. A child that the section forks keeps it.
    pub fn apply<R>(&self, section: impl FnOnce() -> R) -> R {
        let _restored = MaskGuard::set(libc::SIG_SETMASK, &self.0);
        section()
    }
}

/// Runs a section that starts a thread of the library, with every signal blocked that another
/// thread can handle. Threads inherit the mask of the thread that creates them.
pub fn starting_thread<R>(section: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    let asynchronous = signal_set(|set| {
        // SAFETY: `set` is a valid set, and the numbers are those of signals.
        unsafe {
            libc::sigfillset(set);
            for signal in SYNCHRONOUS {
                libc::sigdelset(set, signal);
            }
        }
    });
    let _restored = MaskGuard::set(libc::SIG_BLOCK, &asynchronous);
    section()
}

/// Restores a signal mask when dropped.
struct MaskGuard {
    before: SignalMask,
    generation: u64,
}

impl MaskGuard {
    fn set(how: c_int, set: &sigset_t) -> MaskGuard {
        MaskGuard {
            before: change_mask(how, set),
            generation: fork::generation(),
        }
    }
}

impl Drop for MaskGuard {
    fn drop(&mut self) {
        // In a child that a handler forked on the handlers' thread, the mask before is that of a
        // library thread.
        if self.generation == fork::generation() {
            change_mask(libc::SIG_SETMASK, &self.before.0);
        }
    }
}

fn change_mask(how: c_int, set: &sigset_t) -> SignalMask {
    SignalMask(signal_set(|before| {
        // SAFETY: both sets are valid. The call fails only for an unknown `how`, which no caller
        // here passes.
        unsafe { libc::pthread_sigmask(how, set, before) };
    }))
}

/// A set of signals, empty before `fill` changes it.
fn signal_set(fill: impl FnOnce(*mut sigset_t)) -> sigset_t {
    let mut set = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: the pointer is that of a variable, and the call initialises it.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    fill(set.as_mut_ptr());
    // SAFETY: `sigemptyset` initialised it, and `fill` only passes it to functions that keep it
    // valid.
    unsafe { set.assume_init() }
}

static HAS_FORK_HANDLERS: AtomicBool = AtomicBool::new(false);

/// Registers the fork handlers. When it returns `Ok` in any thread, they are registered.
pub fn install_fork_handlers() -> io::Result<()> {
    if HAS_FORK_HANDLERS.load(Ordering::Acquire) {
        return Ok(());
    }
    // Threads that arrive together all register, since waiting for each other could outlast a fork.
    // The handlers have the same effect however often they run. SAFETY: the functions exist as long
    // as the process, since the library is never unloaded, and do not unwind.
    let error =
        unsafe { libc::pthread_atfork(Some(fork::prepare), Some(fork::parent), Some(child)) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    HAS_FORK_HANDLERS.store(true, Ordering::Release);
    Ok(())
}

extern "C" fn child() {
    if fork::child() {
        release_inherited_placeholders();
    }
}

/// What a library call leaves as it was on the thread that makes it: `errno`, and whether the
/// thread can be cancelled.
///
/// Cancellation unwinds the stack, which must not happen to the library's frames, so it is disabled
/// until this value is dropped. A pending cancellation of a thread with the type
/// PTHREAD_CANCEL_ASYNCHRONOUS acts in the drop itself: the frames above must have nothing left to
/// clean up, and be able to unwind.
pub struct CallerState {
    errno: c_int,
    cancel_state: c_int,
}

impl CallerState {
    /// Disables cancellation of the calling thread.
    pub fn save() -> CallerState {
        CallerState {
            errno: errno(),
            cancel_state: set_cancel_state(cancel::DISABLE),
        }
    }
}

impl Drop for CallerState {
    fn drop(&mut self) {
        set_errno(self.errno);
        if self.cancel_state != cancel::DISABLE {
            set_cancel_state(self.cancel_state);
        }
    }
}

/// Makes sure that the host cannot cancel the calling thread, which is the library's own.
pub fn disable_cancellation() {
    set_cancel_state(cancel::DISABLE);
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
mod cancel {
    use std::ffi::c_int;

    pub const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    extern "C-unwind" {
        pub fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn set_cancel_state(state: c_int) -> c_int {
    let mut before = cancel::DISABLE;
    // SAFETY: the state is a constant or what an earlier call returned, and `before` is a variable.
    unsafe { cancel::pthread_setcancelstate(state, &mut before) };
    before
}

// Systems without thread cancellation, such as Android.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
mod cancel {
    pub const DISABLE: std::ffi::c_int = 1;
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn set_cancel_state(state: c_int) -> c_int {
    state
}

fn errno() -> c_int {
    // SAFETY: the system's pointer to this thread's `errno` is valid as long as the thread.
    unsafe { *errno_location() }
}

fn set_errno(value: c_int) {
    // SAFETY: the system's pointer to this thread's `errno` is valid as long as the thread.
    unsafe { *errno_location() = value };
}

#[cfg(target_os = "linux")]
use libc::__errno_location as errno_location;

#[cfg(target_os = "android")]
use libc::__errno as errno_location;

#[cfg(target_vendor = "apple")]
use libc::__error as errno_location;

/// Milliseconds since the system was started, also while it was suspended. All processes of the
/// system read the same clock, and no program can set it.
pub fn boot_milliseconds() -> i64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    clock_milliseconds(CLOCK)
}

/// The same without the time while the system was suspended, as deadlines are measured.
pub fn monotonic_milliseconds() -> i64 {
    clock_milliseconds(libc::CLOCK_MONOTONIC)
}

fn clock_milliseconds(clock: libc::clockid_t) -> i64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is a variable, and the call initialises it.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    // SAFETY: zeroes are a valid value, also if the call has failed.
    let time = unsafe { time.assume_init() };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_millis() as i64
}

/// Whether there is a process with this number, as far as this process may know.
fn process_exists(process: u32) -> bool {
    let Ok(process) = libc::pid_t::try_from(process) else {
        return false;
    };
    // SAFETY: signal 0 only asks, and the number is that of one process.
    process > 0 && (unsafe { libc::kill(process, 0) } == 0 || errno() == libc::EPERM)
}

/// What identifies the file at a path, as long as it exists.
pub fn file_identity(file: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether an error says that the system has no descriptor left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Placeholders on the standard descriptors that the host has closed, while sections run that open
/// descriptors.
static RESERVATION: ForkSafeMutex<Reservation> = ForkSafeMutex::new(Reservation {
    sections: 0,
    placeholders: [false; 3],
});

/// Whether there are placeholders, so that a fork without any costs nothing.
static IS_RESERVED: AtomicBool = AtomicBool::new(false);

struct Reservation {
    sections: usize,
    placeholders: [bool; 3],
}

/// Runs a section that opens descriptors; none of them is 0, 1 or 2.
///
/// In a host that has closed these, a socket would become its standard error, and what the host
/// writes there would be sent to the server. While the section runs, the closed ones are taken by
/// descriptors that can be neither read nor written. Sections may run on several threads at the
/// same time, and may wait.
pub fn with_stdio_reserved<R>(section: impl FnOnce() -> R) -> R {
    struct Release(u64);
    impl Drop for Release {
        fn drop(&mut self) {
            if self.0 == fork::generation() {
                RESERVATION.with(Reservation::leave);
            }
        }
    }
    RESERVATION.with(Reservation::enter);
    let _release = Release(fork::generation());
    section()
}

/// Closes the placeholders of sections that other threads of the parent were in.
fn release_inherited_placeholders() {
    if IS_RESERVED.load(Ordering::Acquire) {
        RESERVATION.with(|reservation| {
            reservation.sections = 0;
            reservation.close();
        });
    }
}

impl Reservation {
    fn enter(&mut self) {
        self.sections += 1;
        for descriptor in 0..3 {
            // The host may have closed another one since the first section began.
            while !is_open(descriptor) {
                let Some(opened) = open_placeholder() else {
                    break;
                };
                match self.placeholders.get_mut(opened as usize) {
                    Some(is_placeholder) => *is_placeholder = true,
                    // Another thread of the host has opened the free one meanwhile.
                    None => close(opened),
                }
                IS_RESERVED.store(true, Ordering::Release);
            }
        }
    }

    fn leave(&mut self) {
        self.sections -= 1;
        if self.sections == 0 && IS_RESERVED.load(Ordering::Acquire) {
            self.close();
        }
    }

    fn close(&mut self) {
        for (descriptor, is_placeholder) in (0..).zip(&mut self.placeholders) {
            // The host may have put a descriptor of its own in its place.
            if std::mem::replace(is_placeholder, false) && is_like_placeholder(descriptor) {
                close(descriptor);
            }
        }
        IS_RESERVED.store(false, Ordering::Release);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const PLACEHOLDER_FLAGS: c_int = libc::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PLACEHOLDER_FLAGS: c_int = libc::O_DIRECTORY;

/// Opens a placeholder with the lowest free number.
fn open_placeholder() -> Option<c_int> {
    // The root directory is there also in a process that has changed its root.
    // SAFETY: the path is NUL-terminated.
    let opened = unsafe { libc::open(c"/".as_ptr(), PLACEHOLDER_FLAGS | libc::O_CLOEXEC) };
    (opened >= 0).then_some(opened)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_like_placeholder(descriptor: c_int) -> bool {
    // SAFETY: the call only reads the flags of a descriptor, and fails for one that is closed.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_PATH != 0
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_like_placeholder(descriptor: c_int) -> bool {
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `status` is a variable, zeroes are a valid value, and the call fails for a closed
    // descriptor.
    unsafe {
        libc::fstat(descriptor, status.as_mut_ptr()) == 0
            && status.assume_init().st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

fn is_open(descriptor: c_int) -> bool {
    // SAFETY: the call only reads the flags of a descriptor, and fails for one that is closed.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) >= 0 }
}

fn close(descriptor: c_int) {
    // SAFETY: the caller opened the descriptor and closes it once.
    unsafe { libc::close(descriptor) };
}

/// Runs a section in a forked child. Whether it ended there without a panic.
#[cfg(test)]
pub fn succeeds_in_forked_child(section: impl FnOnce()) -> bool {
    install_fork_handlers().unwrap();
    // SAFETY: the child has one thread, which ends in `_exit`. Until then it allocates, which the
    // C library allows there, and uses what the fork handlers have prepared.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(section));
        // SAFETY: the call ends the process.
        unsafe { libc::_exit(c_int::from(ended.is_err())) };
    }
    let mut status = -1;
    // SAFETY: `status` is a variable.
    child > 0 && unsafe { libc::waitpid(child, &mut status, 0) } == child && status == 0
}

/// Whether what [`Readiness::waitable`] returned is signalled.
#[cfg(test)]
pub fn is_signalled(waitable: isize) -> bool {
    assert!(waitable > 2);
    let mut poll = libc::pollfd {
        fd: waitable as c_int,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `poll` is a variable, and one element long.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}
