//! The proxy between this machine and the server, from the configuration, the environment or the
//! settings of Windows, unless the server is one of the exceptions. A proxy that cannot be used is
//! an error, never ignored.

use http::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use serde_json::Value;

use super::basic_auth::basic_auth_header;
use super::known_keys;
use super::section::Section;
#[cfg(windows)]
use super::system_proxy;
use crate::error::Result;

#[derive(Debug, PartialEq)]
pub struct Proxy {
    /// Its URL, without credentials.
    pub url: Url,
    /// Its credentials, as a header.
    pub authorization: Option<HeaderValue>,
}

/// Reads `proxy`, and the environment where that is wanted.
pub fn resolve_proxy(section: &Section, origin: &Url) -> Result<Option<Proxy>> {
    match section.get("proxy") {
        None => from_environment(section, origin),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("env") => {
            from_environment(section, origin)
        }
        Some(Value::String(word)) if word.eq_ignore_ascii_case("none") => Ok(None),
        Some(Value::Object(given)) => {
            known_keys::reject_misspelt_keys(given, "proxy", known_keys::PROXY)?;
            let given = Section::new(given, "proxy");
            let proxy = parse_proxy_url(&given.required("url")?, origin)
                .map_err(|problem| given.error("url", problem))?;
            let proxy = with_credentials(&given, proxy)?;
            Ok((!is_bypassed(&no_proxy(&given)?, origin)).then_some(proxy))
        }
        Some(_) => Err(section.error("proxy", "must be \"env\", \"none\" or an object with url")),
    }
}

/// As other programs read it: lower case wins over upper case, and a scheme's own variable over
/// that for all schemes.
fn from_environment(section: &Section, origin: &Url) -> Result<Option<Proxy>> {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|text| !text.trim().is_empty())
            .map(|text| (name.to_owned(), text))
    };
    // To a program that a web server runs, a client can give HTTP_PROXY by sending a header called
    // Proxy.
    let is_cgi = std::env::var_os("REQUEST_METHOD").is_some();
    let names: [&str; 4] = match origin.scheme() {
        "https" => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        _ => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let mut given = names
        .iter()
        .filter(|name| !(is_cgi && is_variable(name, "HTTP_PROXY")))
        .filter_map(|name| variable(name));
    let Some((name, url)) = given.next() else {
        return from_system(section, origin);
    };
    let exceptions = variable("no_proxy")
        .or_else(|| variable("NO_PROXY"))
        .map_or_else(String::new, |(_, list)| list);
    // What is meant for other servers only need not be of use here.
    if is_bypassed(&exceptions, origin) {
        return Ok(None);
    }
    // A scheme may be left out there.
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    parse_proxy_url(&url, origin).map(Some).map_err(|problem| {
        section.error(
            "proxy",
            &format!("{name} in the environment {problem}; fix it, or set \"proxy\" to \"none\""),
        )
    })
}

/// Whether two names are those of one variable of the environment.
fn is_variable(name: &str, other: &str) -> bool {
    if cfg!(windows) {
        name.eq_ignore_ascii_case(other)
    } else {
        name == other
    }
}

/// The proxy that the settings of the system name.
#[cfg(windows)]
fn from_system(section: &Section, origin: &Url) -> Result<Option<Proxy>> {
    use crate::process::{log, sys};
    let Some(settings) = sys::system_proxy() else {
        return Ok(None);
    };
    let proxy = system_proxy::proxy_for(&settings.proxies, &settings.bypass, origin);
    if proxy.is_none() && settings.has_script {
        log::info(|| {
            "the proxy settings of Windows name a script, which is not run: no proxy is used"
                .to_owned()
        });
    }
    let parsed = proxy.map(|url| parse_proxy_url(&url, origin)).transpose();
    parsed.map_err(|problem| {
        let message = format!(
            "the one in the settings of Windows {problem}; change it, or set \"proxy\" to \"none\""
        );
        section.error("proxy", &message)
    })
}

/// Only Windows has settings that all programs use.
#[cfg(not(windows))]
fn from_system(_: &Section, _: &Url) -> Result<Option<Proxy>> {
    Ok(None)
}

/// The proxy with this URL, or what is wrong with it.
fn parse_proxy_url(url: &str, origin: &Url) -> std::result::Result<Proxy, &'static str> {
    const EXPECTED: &str =
        "must be a URL that starts with http:// or https://, with a host and perhaps a port";
    let mut parsed = Url::parse(url.trim()).map_err(|_| EXPECTED)?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(
            "names a kind of proxy that is not supported; use one with http:// or https://",
        );
    }
    if parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(
            "must not have a path; put a user name or password that holds / ? or # into \
         proxy.username and proxy.password",
        );
    }
    let destination = origin.as_str().parse().map_err(|_| EXPECTED)?;
    let intercept = Matcher::builder()
        .all(parsed.as_str())
        .build()
        .intercept(&destination)
        .ok_or(EXPECTED)?;
    let authorization = intercept.basic_auth().cloned();
    parsed.set_username("").map_err(|()| EXPECTED)?;
    parsed.set_password(None).map_err(|()| EXPECTED)?;
    Ok(Proxy {
        url: parsed,
        authorization,
    })
}

/// The proxy with the credentials of keys of their own, where every character stands for itself.
fn with_credentials(given: &Section, proxy: Proxy) -> Result<Proxy> {
    // Looked at in place: a copy of the password would not be wiped.
    let is_absent = |key| given.get(key).is_none_or(|value| value == "");
    if is_absent("username") && is_absent("password") {
        return Ok(proxy);
    }
    if proxy.authorization.is_some() {
        return Err(given.error(
            "url",
            "holds credentials, and so do proxy.username and proxy.password; give them once",
        ));
    }
    Ok(Proxy {
        authorization: Some(basic_auth_header(given)?),
        ..proxy
    })
}

/// Whether the server is on a list of exceptions: hosts, domains with or without `.` or `*.` in
/// front, addresses, networks such as `10.0.0.0/8`, each perhaps with a port; `*` is every host.
fn is_bypassed(list: &str, origin: &Url) -> bool {
    let Ok(destination) = origin.as_str().parse() else {
        return false;
    };
    let port = origin.port_or_known_default().map(|port| port.to_string());
    let mut entries = list
        .split([',', ' ', '\t'])
        .filter(|entry| !entry.is_empty());
    entries.any(|entry| {
        let (host, wanted) = match entry.rsplit_once(':') {
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
            _ => (entry, None),
        };
        if wanted.is_some_and(|wanted| Some(wanted) != port.as_deref()) {
            return false;
        }
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.');
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        host == "*"
            || Matcher::builder()
                .all("http://proxy")
                .no(host)
                .build()
                .intercept(&destination)
                .is_none()
    })
}

fn no_proxy(given: &Section) -> Result<String> {
    match given.get("noProxy") {
        None => Ok(String::new()),
        Some(Value::String(list)) => Ok(list.clone()),
        Some(Value::Array(hosts)) => {
            let hosts: Option<Vec<_>> = hosts.iter().map(Value::as_str).collect();
            let hosts = hosts.ok_or_else(|| given.error("noProxy", "must hold text only"))?;
            Ok(hosts.join(","))
        }
        Some(_) => Err(given.error("noProxy", "must be a list of hosts, as text or as an array")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn bypassed(list: &str, origin: &str) -> bool {
        is_bypassed(list, &Url::parse(origin).unwrap())
    }

    #[test]
    fn no_proxy_forms() {
        for (list, origin) in [
            ("*", "http://127.0.0.1:8080/"),
            ("other *", "http://a.example/"),
            ("a.example", "http://a.example/"),
            ("example", "http://a.example/"),
            (".example", "http://a.example/"),
            ("*.example", "https://a.example/"),
            ("x,a.example:8080", "http://a.example:8080/"),
            ("a.example:443", "https://a.example/"),
            ("a.example.", "http://a.example/"),
            ("127.0.0.0/8", "http://127.0.0.1/"),
            ("127.0.0.1", "http://127.0.0.1/"),
            ("[::1]", "http://[::1]:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("::1", "http://[::1]/"),
            ("x y\tlocalhost", "http://localhost:1/"),
        ] {
            assert!(bypassed(list, origin), "{list} {origin}");
        }
        for (list, origin) in [
            ("", "http://a.example/"),
            (",", "http://a.example/"),
            ("b.example", "http://a.example/"),
            ("a.example:8081", "http://a.example:8080/"),
            ("ample", "http://a.example/"),
            ("10.0.0.0/8", "http://127.0.0.1/"),
            ("*a.example", "http://a.example/"),
        ] {
            assert!(!bypassed(list, origin), "{list} {origin}");
        }
    }

    #[test]
    fn invalid_proxy_urls_are_rejected() {
        let origin = Url::parse("http://a.example/").unwrap();
        for url in [
            "http://127.0.0.1:99999",
            "ftp://p",
            "socks5://p",
            "http://",
            "http://u:a/b@p",
            "http://u:a#b@p",
            "p:1",
        ] {
            assert!(parse_proxy_url(url, &origin).is_err(), "{url}");
            let configured =
                json!({"dataURL": "http://a.example/", "proxy": {"url": url, "noProxy": "*"}});
            assert!(Config::parse(&configured.to_string()).is_err(), "{url}");
        }
        let proxy = parse_proxy_url("http://us%65r:p%40ss@p:3128", &origin).unwrap();
        assert_eq!(proxy.url.as_str(), "http://p:3128/");
        assert_eq!(proxy.authorization.unwrap(), "Basic dXNlcjpwQHNz");
    }
}
