//! The proxy settings of the user, as the control panel shows them.

use windows_sys::core::PWSTR;
use windows_sys::Win32::Foundation::GlobalFree;
use windows_sys::Win32::Networking::WinHttp::{
    WinHttpGetIEProxyConfigForCurrentUser, WINHTTP_CURRENT_USER_IE_PROXY_CONFIG,
};

/// The settings of the user that this process runs as.
pub struct SystemProxy {
    /// The proxies, as text: one for all schemes, or a list of `scheme=proxy`.
    pub proxies: String,
    /// The hosts without a proxy, as text.
    pub bypass: String,
    /// Whether the user has named a script that chooses the proxy.
    pub has_script: bool,
}

/// Reads the settings. `None` if there are none.
pub fn system_proxy() -> Option<SystemProxy> {
    let mut given = WINHTTP_CURRENT_USER_IE_PROXY_CONFIG::default();
    // SAFETY: `given` is a variable.
    if unsafe { WinHttpGetIEProxyConfigForCurrentUser(&mut given) } == 0 {
        return None;
    }
    // SAFETY: the system has set each to NULL or to a text of its own, taken once.
    let [proxies, bypass, script] = unsafe {
        [
            take_text(given.lpszProxy),
            take_text(given.lpszProxyBypass),
            take_text(given.lpszAutoConfigUrl),
        ]
    };
    Some(SystemProxy {
        proxies,
        bypass,
        has_script: !script.is_empty(),
    })
}

/// Copies and frees a text; an absent one is empty.
///
/// # Safety
/// `text` is NULL, or NUL-terminated memory of `GlobalAlloc` that nothing else uses.
unsafe fn take_text(text: PWSTR) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the text is NUL-terminated, so that every element up to the NUL can be read.
    let length = (0..)
        .take_while(|index| unsafe { *text.add(*index) } != 0)
        .count();
    // SAFETY: that many elements precede the NUL.
    let copy = String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) });
    // SAFETY: it is memory of `GlobalAlloc`, and not used from now on.
    unsafe { GlobalFree(text.cast()) };
    copy
}
