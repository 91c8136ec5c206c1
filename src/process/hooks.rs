//! What the library must ask of the host's process in C terms. The C layer provides it; without it (in unit tests)
//! sections simply run.

use once_cell::race::OnceBox;

/// Runs a section under some protection.
pub type Around = fn(&mut dyn FnMut());

/// The protections.
pub struct Protections {
    /// No signal reaches this thread, nor any thread that it starts.
    pub signals_held: Around,
    /// A write to a closed connection raises no SIGPIPE.
    pub sigpipe_held: Around,
}

static PROTECTIONS: OnceBox<Protections> = OnceBox::new();

/// Sets the protections; the first call counts.
pub fn set(protections: Protections) {
    let _ = PROTECTIONS.set(Box::new(protections));
}

/// Runs a section with all signals held back.
pub fn signals_held(section: &mut dyn FnMut()) {
    match PROTECTIONS.get() {
        Some(protections) => (protections.signals_held)(section),
        None => section(),
    }
}

/// Runs a section with SIGPIPE held back.
pub fn sigpipe_held<R>(section: impl FnOnce() -> R) -> R {
    let Some(protections) = PROTECTIONS.get() else {
        return section();
    };
    let mut section = Some(section);
    let mut result = None;
    (protections.sigpipe_held)(&mut || result = section.take().map(|section| section()));
    match result {
        Some(result) => result,
        None => unreachable!("a protection runs its section"),
    }
}
