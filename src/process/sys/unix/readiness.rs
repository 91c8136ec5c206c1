//! The descriptor that a program waits for.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;

use super::with_stdio_reserved;

/// A pipe with one byte in it, or none. Its users exclude each other, so that neither end blocks.
pub struct Readiness {
    reader: PipeReader,
    writer: PipeWriter,
    is_set: bool,
}

impl Readiness {
    /// Opens a pipe.
    pub fn new(is_set: bool) -> io::Result<Readiness> {
        let (reader, writer) = with_stdio_reserved(io::pipe)?;
        let mut readiness = Readiness {
            reader,
            writer,
            is_set: false,
        };
        if is_set {
            readiness.set();
        }
        Ok(readiness)
    }

    /// The descriptor, which is readable while this is set.
    pub fn waitable(&self) -> isize {
        self.reader.as_raw_fd() as isize
    }

    pub fn set(&mut self) {
        if !std::mem::replace(&mut self.is_set, true) {
            // The reader is open as long as the writer, and one byte always fits.
            let _ = self.writer.write_all(&[1]);
        }
    }

    pub fn clear(&mut self) {
        if std::mem::replace(&mut self.is_set, false) {
            let _ = self.reader.read_exact(&mut [0]);
        }
    }
}
