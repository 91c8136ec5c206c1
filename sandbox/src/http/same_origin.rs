//! Protects the page and the control routes from web pages of other origins.
//!
//! A browser sends `Origin` with every cross-origin request that changes something. That alone
//! does not stop DNS rebinding: a page of `evil.example` whose name suddenly resolves to this
//! machine is same-origin for the browser, and its GET requests carry no `Origin` at all. `Host`
//! gives it away, because it still names `evil.example`.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// The hosts under which the page and the control routes may be used, besides loopback.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    /// The address of `--listen`.
    pub(crate) listen: IpAddr,
    /// Names and addresses from the configuration.
    pub(crate) names: Vec<String>,
}

impl AllowedHosts {
    /// Returns whether a request names an allowed host and comes from no other origin. `local`
    /// is the address on which its connection was accepted.
    pub(crate) fn permit(&self, uri: &Uri, headers: &HeaderMap, local: Option<IpAddr>) -> bool {
        // An absolute request target overrides Host.
        let target = uri.authority().map(|authority| authority.as_str());
        let hosts: Option<Vec<&str>> = headers
            .get_all(HOST)
            .iter()
            .map(|value| value.to_str().ok())
            .collect();
        let Some([host]) = hosts.as_deref() else {
            return false;
        };
        let is_allowed = |authority: &str| self.is_allowed(authority, local);
        is_allowed(host)
            && target.is_none_or(is_allowed)
            && headers.get_all(ORIGIN).iter().all(|origin| {
                let origin = origin
                    .to_str()
                    .ok()
                    .and_then(|text| text.strip_prefix("http://"));
                origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
            })
    }

    fn is_allowed(&self, authority: &str, local: Option<IpAddr>) -> bool {
        match host_of(authority) {
            Some(Host::Address(address)) => {
                address.is_loopback()
                    || address == self.listen.to_canonical()
                    || local.is_some_and(|local| address == local.to_canonical())
                    || self.names.iter().any(|name| name.parse() == Ok(address))
            }
            Some(Host::Name(name)) => {
                name.eq_ignore_ascii_case("localhost")
                    || self
                        .names
                        .iter()
                        .any(|known| name.eq_ignore_ascii_case(known))
            }
            None => false,
        }
    }
}

enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

/// Splits off the port. `None` if the text is not a host with an optional port.
fn host_of(authority: &str) -> Option<Host<'_>> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (Host::Address(IpAddr::V6(address).to_canonical()), port)
        }
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let host = name.parse().map_or(Host::Name(name), |address| {
                Host::Address(IpAddr::V4(address))
            });
            (host, port)
        }
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(host: &str, origin: Option<&str>) -> bool {
        let hosts = AllowedHosts {
            listen: "0.0.0.0".parse().unwrap(),
            names: vec!["sandbox".to_owned(), "198.51.100.1".to_owned()],
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let local = "::ffff:192.0.2.7".parse().ok();
        hosts.permit(&Uri::from_static("/sandbox/reset"), &headers, local)
    }

    #[test]
    fn loopback_listen_address_and_configured_names_are_allowed() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.1.2.3:65535",
            "[::1]",
            "[::1]:8080",
            "[0:0:0:0:0:0:0:1]:80",
            "[::ffff:127.0.0.1]:80",
            "192.0.2.7:8080",
            "[::ffff:192.0.2.7]",
            "0.0.0.0:8080",
            "sandbox",
            "SANDBOX:8080",
            "198.51.100.1:80",
            "[::ffff:198.51.100.1]",
        ] {
            assert!(permit(host, None), "{host}");
            assert!(permit(host, Some(&format!("http://{host}"))), "{host}");
            assert!(!permit(host, Some("http://evil.example")), "{host}");
            assert!(!permit(host, Some("null")), "{host}");
            assert!(
                !permit(host, Some(&format!("http://{host}.evil"))),
                "{host}"
            );
        }
    }

    #[test]
    fn other_hosts_are_rejected_with_and_without_origin() {
        for host in [
            "",
            ":8080",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "localhost.evil.example:8080",
            "evil.localhost",
            "localhost.localdomain",
            "notlocalhost",
            "localhost,evil.example",
            "localhost evil.example",
            "localhost:8080:8080",
            "localhost:",
            "localhost:x",
            "localhost:+80",
            "localhost:65536",
            "localhost:80@evil.example",
            "evil.example@localhost",
            "localhost#evil.example",
            "localhost/evil.example",
            "127.0.0.1.evil",
            "127.0.0.1.evil:8080",
            "127.0.0.1.nip.io",
            "127.0.0.1@evil.example",
            "126.255.255.255",
            "128.0.0.1",
            "0x7f.0.0.1",
            "017700000001",
            "2130706433",
            "127.1",
            "::1",
            "::1:8080",
            "[::1",
            "[::1].evil.example",
            "[::1]evil:80",
            "[::1]:80:80",
            "[::2]",
            "[fe80::1]",
            "[::1%25lo]",
            "[127.0.0.1]",
            "[::ffff:192.0.2.8]",
            "192.0.2.8",
            "10.0.0.1",
            "[::]",
            "sandbox.evil.example",
        ] {
            assert!(!permit(host, None), "{host}");
            assert!(!permit(host, Some(&format!("http://{host}"))), "{host}");
        }
    }

    #[test]
    fn every_host_and_origin_counts() {
        let hosts = AllowedHosts {
            listen: "127.0.0.1".parse().unwrap(),
            names: Vec::new(),
        };
        let permit = |uri: &str, lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            hosts.permit(&uri.parse().unwrap(), &headers, None)
        };
        let own = ("host", "localhost:8080");
        assert!(permit("/", &[own]));
        assert!(permit("http://localhost:8080/", &[own]));
        assert!(!permit("http://evil.example/", &[own]));
        assert!(!permit("/", &[]));
        assert!(!permit("/", &[own, ("host", "evil.example")]));
        assert!(!permit("/", &[("host", "evil.example"), own]));
        let origin = ("origin", "http://localhost:8080");
        assert!(permit("/", &[own, origin]));
        assert!(!permit(
            "/",
            &[own, origin, ("origin", "http://evil.example")]
        ));
        for other in [
            "https://localhost:8080",
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:8080",
            "http://localhost:8080/",
            "localhost:8080",
            "",
        ] {
            assert!(!permit("/", &[own, ("origin", other)]), "{other}");
        }
    }
}
