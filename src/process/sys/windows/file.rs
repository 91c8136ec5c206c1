//! What identifies a file.

use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    GetFileInformationByHandle, BY_HANDLE_FILE_INFORMATION, FILE_READ_ATTRIBUTES,
};

/// What identifies the file at a path, as long as it exists.
pub fn file_identity(file: &Path) -> Option<(u64, u64)> {
    let opened = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .open(file)
        .ok()?;
    let mut information = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and `information` is a variable.
    let is_read = unsafe { GetFileInformationByHandle(opened.as_raw_handle(), &mut information) };
    let index = u64::from(information.nFileIndexHigh) << 32 | u64::from(information.nFileIndexLow);
    (is_read != 0).then_some((u64::from(information.dwVolumeSerialNumber), index))
}
