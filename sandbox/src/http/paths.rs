//! Which part of the server a path belongs to.

pub(crate) const V3_BASE: &str = "/engagement/v3";

/// Whether `path` is `base` or below it.
pub(crate) fn is_under(path: &str, base: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether errors at a path have the form of the v3 API.
pub(crate) fn is_v3(path: &str) -> bool {
    is_under(path, "/engagement")
}

/// Whether a path belongs to one of the two APIs.
pub(crate) fn is_api(path: &str) -> bool {
    is_v3(path) || path.starts_with("/genesys/")
}
