//! API keys and HTTP basic authentication.

use axum::http::header::AUTHORIZATION;
use axum::http::HeaderMap;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::{json, Value};

use crate::config::{Service, V1Config};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiKeyError {
    Missing,
    Invalid,
}

impl ApiKeyError {
    /// The body of an API gateway's response.
    pub(crate) fn gateway_body(self) -> Value {
        let (text, code) = match self {
            ApiKeyError::Missing => (
                "Failed to resolve API Key variable request.header.x-api-key",
                "steps.oauth.v2.FailedToResolveAPIKey",
            ),
            ApiKeyError::Invalid => ("Invalid ApiKey", "oauth.v2.InvalidApiKey"),
        };
        json!({"fault": {"faultstring": text, "detail": {"errorcode": code}}})
    }
}

/// Looks for one of the keys in the named headers. With no keys configured, every request is
/// accepted.
pub(crate) fn check_key(
    headers: &HeaderMap,
    names: &[&str],
    keys: &[String],
) -> Result<(), ApiKeyError> {
    if keys.is_empty() {
        return Ok(());
    }
    let values = names.iter().filter_map(|name| headers.get(*name));
    let mut values = values.filter(|value| !value.is_empty()).peekable();
    if values.peek().is_none() {
        return Err(ApiKeyError::Missing);
    }
    let is_known = |value: &[u8]| keys.iter().any(|key| key.as_bytes() == value);
    if values.any(|value| is_known(value.as_bytes())) {
        Ok(())
    } else {
        Err(ApiKeyError::Invalid)
    }
}

/// Checks user name and password. Each comes from the service if it has one, else from the server.
/// Without a service, the callback section replaces it. Without a password, every request is
/// accepted.
pub(crate) fn check_basic_auth(
    headers: &HeaderMap,
    server: &V1Config,
    service: Option<&Service>,
) -> bool {
    let choose = |own: &Option<String>, server: &Option<String>| {
        let text = own.as_ref().or(server.as_ref());
        text.filter(|text| !text.is_empty()).cloned()
    };
    let (username, password) = match service {
        Some(service) => (&service.options.username, &service.options.password),
        None => (&server.callback_username, &server.callback_password),
    };
    let Some(password) = choose(password, &server.password) else {
        return true;
    };
    let username = choose(username, &server.username).unwrap_or_default();
    credentials(headers).is_some_and(|sent| sent == format!("{username}:{password}").as_bytes())
}

fn credentials(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    STANDARD.decode(encoded.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn sent(pair: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(pair) = pair {
            let value = format!("Basic {}", STANDARD.encode(pair));
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    /// Credentials of the server and of the service as `user:password`; each part may be empty.
    fn accepts(server: &str, service: &str, pair: Option<&str>) -> bool {
        let mut config = Config::load(None).unwrap();
        let part = |text: &str| Some(text.to_owned());
        let (user, password) = server.split_once(':').unwrap();
        config.server.v1.username = part(user);
        config.server.v1.password = part(password);
        let own = config.services.get_mut("samples").unwrap();
        let (user, password) = service.split_once(':').unwrap();
        own.options.username = part(user).filter(|text| !text.is_empty());
        own.options.password = part(password).filter(|text| !text.is_empty());
        check_basic_auth(
            &sent(pair),
            &config.server.v1,
            config.services.get("samples"),
        )
    }

    #[test]
    fn basic_auth_matrix() {
        assert!(accepts("s:p", ":", Some("s:p")));
        assert!(!accepts("s:p", ":", Some("x:p")));
        assert!(!accepts("s:p", ":", None));
        assert!(accepts(":", "v:q", Some("v:q")));
        assert!(!accepts(":", "v:q", Some("x:q")));
        assert!(accepts("s:p", "v:q", Some("v:q")));
        assert!(!accepts("s:p", "v:q", Some("s:p")));
        assert!(accepts("s:", ":", None));
        assert!(accepts(":", "v:", None));
        assert!(!accepts(":p", ":", None));
        assert!(!accepts(":", ":q", None));
        assert!(accepts("s:", ":q", Some("s:q")));
        assert!(accepts("s:p", ":q", Some("s:q")));
        assert!(accepts("s:p", "v:", Some("v:p")));
        assert!(accepts(":p", "v:", Some("v:p")));
        assert!(accepts(":", ":", None));
    }

    #[test]
    fn malformed_credentials_are_ignored() {
        for value in ["Basic", "Basic ====", "Bearer czpw", "basic"] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(credentials(&headers), None, "{value}");
        }
    }

    #[test]
    fn api_key_is_accepted_in_any_of_the_headers() {
        let keys = ["right".to_owned()];
        let mut headers = HeaderMap::new();
        let names = ["apikey", "x-api-key"];
        assert_eq!(
            check_key(&headers, &names, &keys),
            Err(ApiKeyError::Missing)
        );
        headers.insert("apikey", "".parse().unwrap());
        assert_eq!(
            check_key(&headers, &names, &keys),
            Err(ApiKeyError::Missing)
        );
        headers.insert("apikey", "wrong".parse().unwrap());
        assert_eq!(
            check_key(&headers, &names, &keys),
            Err(ApiKeyError::Invalid)
        );
        headers.insert("x-api-key", "right".parse().unwrap());
        assert_eq!(check_key(&headers, &names, &keys), Ok(()));
        assert_eq!(check_key(&HeaderMap::new(), &names, &[]), Ok(()));
    }
}
