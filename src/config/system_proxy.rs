//! The proxy settings of Windows, in the form in which the system keeps them.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Has also servers on this machine reached through the proxy.
const NO_IMPLICIT_BYPASS: &str = "<-loopback>";
/// Stands for names without a dot.
const LOCAL_NAMES: &str = "<local>";

/// The proxy for a server, as a URL. `proxies` is a proxy for everything, or a list such as
/// `http=a:3128;https=b:3128`, and `bypass` a list of hosts without a proxy.
pub fn proxy_for(proxies: &str, bypass: &str, origin: &Url) -> Option<String> {
    let (mut own, mut general, mut socks) = (None, None, None);
    for entry in entries(proxies) {
        match entry.split_once('=') {
            None => general = general.or(Some(entry.to_owned())),
            Some((scheme, proxy)) if scheme.eq_ignore_ascii_case(origin.scheme()) => {
                own = own.or(Some(proxy.to_owned()));
            }
            Some((scheme, proxy)) if scheme.eq_ignore_ascii_case("socks") => {
                socks = socks.or(Some(format!("socks://{proxy}")));
            }
            Some(_) => {}
        }
    }
    let proxy = own.or(general).or(socks)?;
    if is_bypassed(bypass, origin) {
        return None;
    }
    Some(if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    })
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(|character: char| character == ';' || character.is_whitespace())
        .filter(|entry| !entry.is_empty())
}

fn is_bypassed(list: &str, origin: &Url) -> bool {
    let host = origin.host_str().unwrap_or_default();
    let port = origin.port_or_known_default().map(|port| port.to_string());
    let reaches_itself_directly = !entries(list).any(|entry| entry == NO_IMPLICIT_BYPASS);
    if reaches_itself_directly && is_near(origin) {
        return true;
    }
    entries(list).any(|entry| {
        if entry.eq_ignore_ascii_case(LOCAL_NAMES) {
            return matches!(origin.host(), Some(Host::Domain(name)) if !name.contains('.'));
        }
        let pattern = match entry.split_once("://") {
            Some((scheme, _)) if !scheme.eq_ignore_ascii_case(origin.scheme()) => return false,
            Some((_, rest)) => rest,
            None => entry,
        };
        let (pattern, wanted) = match pattern.rsplit_once(':') {
            Some((name, port)) if name.ends_with(']') || !name.contains(':') => (name, Some(port)),
            _ => (pattern, None),
        };
        let is_port = wanted.is_none_or(|wanted| Some(wanted) == port.as_deref());
        let bare = |text: &str| text.trim_matches(['[', ']']).to_ascii_lowercase();
        is_port && matches(bare(pattern).as_bytes(), bare(host).as_bytes())
    })
}

/// Whether a server is on this machine or beside it, where the system itself uses no proxy.
fn is_near(origin: &Url) -> bool {
    match origin.host() {
        Some(Host::Domain(name)) => {
            ["localhost", "loopback"].contains(&name) || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_near_v4(address),
        Some(Host::Ipv6(address)) => is_near_v6(address),
        None => false,
    }
}

fn is_near_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_link_local()
}

fn is_near_v6(address: Ipv6Addr) -> bool {
    let mapped = address.to_ipv4_mapped();
    address.is_loopback() || address.is_unicast_link_local() || mapped.is_some_and(is_near_v4)
}

/// Whether a text has the form of a pattern, in which `*` stands for any characters.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut matched) = (0, 0);
    // Where the last star stands, and up to where it stands for the text.
    let mut star = None;
    while matched < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, matched));
                at += 1;
            }
            Some(byte) if *byte == text[matched] => {
                at += 1;
                matched += 1;
            }
            _ => {
                let Some((star_at, until)) = star else {
                    return false;
                };
                star = Some((star_at, until + 1));
                at = star_at + 1;
                matched = until + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(proxies: &str, bypass: &str, origin: &str) -> Option<String> {
        proxy_for(proxies, bypass, &Url::parse(origin).unwrap())
    }

    #[test]
    fn one_proxy_or_one_for_each_scheme() {
        let (http, https) = ("http://a.example/", "https://a.example/");
        for (proxies, origin, expected) in [
            ("p:3128", http, Some("http://p:3128")),
            ("p:3128", https, Some("http://p:3128")),
            ("https://p:3129", http, Some("https://p:3129")),
            ("http=a:1;https=b:2;ftp=c:3", http, Some("http://a:1")),
            ("http=a:1;https=b:2;ftp=c:3", https, Some("http://b:2")),
            ("HTTPS=http://b:2 http=a:1", https, Some("http://b:2")),
            ("http=a:1", https, None),
            ("ftp=c:3", http, None),
            ("http=a:1;p:3128", https, Some("http://p:3128")),
            ("http=a:1;socks=s:1080", https, Some("socks://s:1080")),
            ("http=a:1;socks=s:1080", http, Some("http://a:1")),
            ("", http, None),
            (" ; ", http, None),
        ] {
            assert_eq!(
                proxy(proxies, "", origin).as_deref(),
                expected,
                "{proxies} {origin}"
            );
        }
    }

    #[test]
    fn bypass_forms() {
        for (bypass, origin) in [
            ("a.example", "http://A.example/"),
            ("x;*.example", "https://a.example/"),
            ("x *.Example y", "https://a.example/"),
            ("a.*", "https://a.example/"),
            ("*", "https://a.example/"),
            ("*exam*", "https://a.example/"),
            ("192.168.*", "http://192.168.1.2/"),
            ("http://a.example", "http://a.example/"),
            ("a.example:8080", "http://a.example:8080/"),
            ("a.example:443", "https://a.example/"),
            ("[fd00::1]", "http://[fd00::1]:8080/"),
            ("[fd00::1]:8080", "http://[fd00::1]:8080/"),
            ("fd00::*", "http://[fd00::1]/"),
            ("<local>", "http://intranet/"),
            ("<LOCAL>", "http://intranet/"),
            ("", "http://localhost:8080/"),
            ("", "http://a.localhost/"),
            ("", "http://127.1.2.3/"),
            ("", "http://[::1]/"),
            ("", "http://169.254.1.1/"),
            ("", "http://[fe80::1]/"),
        ] {
            assert_eq!(proxy("p:1", bypass, origin), None, "{bypass} {origin}");
        }
        for (bypass, origin) in [
            ("", "http://a.example/"),
            ("example", "http://a.example/"),
            ("*.example", "http://example/"),
            ("a.example", "http://b.a.example/"),
            ("https://a.example", "http://a.example/"),
            ("a.example:8081", "http://a.example:8080/"),
            ("<local>", "http://a.example/"),
            ("<local>", "http://[fd00::1]/"),
            ("<-loopback>", "http://localhost:8080/"),
            ("<-loopback>", "http://127.0.0.1/"),
            ("192.168.*", "http://10.192.168.1/"),
        ] {
            assert!(proxy("p:1", bypass, origin).is_some(), "{bypass} {origin}");
        }
    }
}
