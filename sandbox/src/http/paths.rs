//! Which part of the server a path belongs to.

use super::body::percent_decoded;

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

/// Whether a path begins with the segments of a pattern, in which `*` matches any segment.
pub(crate) fn begins_with(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|wanted| {
        let segment = segments.next();
        segment.is_some_and(|segment| wanted == "*" || wanted == segment)
    })
}

/// Whether a path consists of the segments of a pattern, in which `*` matches any segment.
pub(crate) fn matches(path: &str, pattern: &str) -> bool {
    path.matches('/').count() == pattern.matches('/').count() && begins_with(path, pattern)
}

/// The last segment of a path, percent-decoded; as it is if that is not possible.
pub(crate) fn last_segment(path: &str) -> String {
    let (_, segment) = path.rsplit_once('/').unwrap_or_default();
    // A plus sign is only a blank in queries and forms.
    let decoded = percent_decoded(&segment.replace('+', "%2B"));
    decoded.unwrap_or_else(|_| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_whole_segments() {
        assert!(begins_with("/a/b/c", "/a/*"));
        assert!(begins_with("/a/b", ""));
        assert!(!begins_with("/ab/c", "/a"));
        assert!(matches("/a/b", "/a/*"));
        assert!(!matches("/a/b/c", "/a/*"));
        assert!(!matches("/a", "/a/*"));
    }

    #[test]
    fn last_segment_is_decoded() {
        assert_eq!(last_segment("/a/b%20c+d"), "b c+d");
        assert_eq!(last_segment("/a/%zz"), "%zz");
        assert_eq!(last_segment("/a/"), "");
    }
}
