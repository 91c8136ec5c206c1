//! API keys and HTTP basic authentication.

use axum::http::header::AUTHORIZATION;
use axum::http::HeaderMap;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::{json, Value};

use crate::config::{Service, V1Config};

/// What is wrong with the API key of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyProblem {
    /// There is none.
    Missing,
    /// It is not one of the configured ones.
    Invalid,
}

impl KeyProblem {
    /// The body that an API gateway answers.
    pub(crate) fn fault(self) -> Value {
        let (text, code) = match self {
            KeyProblem::Missing => (
                "Failed to resolve API Key variable request.header.x-api-key",
                "steps.oauth.v2.FailedToResolveAPIKey",
            ),
            KeyProblem::Invalid => ("Invalid ApiKey", "oauth.v2.InvalidApiKey"),
        };
        json!({"fault": {"faultstring": text, "detail": {"errorcode": code}}})
    }
}

/// Looks for one of the keys in the named headers. Without keys everybody may come in.
pub(crate) fn check_key(
    headers: &HeaderMap,
    names: &[&str],
    keys: &[String],
) -> Result<(), KeyProblem> {
    if keys.is_empty() {
        return Ok(());
    }
    let sent = names.iter().filter_map(|name| headers.get(*name));
    let mut sent = sent.filter(|value| !value.is_empty()).peekable();
    if sent.peek().is_none() {
        return Err(KeyProblem::Missing);
    }
    let known = |value: &[u8]| keys.iter().any(|key| key.as_bytes() == value);
    match sent.any(|value| known(value.as_bytes())) {
        true => Ok(()),
        false => Err(KeyProblem::Invalid),
    }
}

/// Checks name and password. Each comes from the service if it has one, else from the server; without a service
/// those of the callback section stand in the service's place. As long as there is no password, nothing is asked for.
pub(crate) fn check_basic(
    headers: &HeaderMap,
    server: &V1Config,
    service: Option<&Service>,
) -> bool {
    let chosen = |own: Option<&String>, general: &Option<String>| {
        own.or(general.as_ref())
            .filter(|text| !text.is_empty())
            .cloned()
    };
    let (own_username, own_password) = match service {
        Some(service) => (service.username.as_ref(), service.password.as_ref()),
        None => (
            server.callback_username.as_ref(),
            server.callback_password.as_ref(),
        ),
    };
    let Some(password) = chosen(own_password, &server.password) else {
        return true;
    };
    let username = chosen(own_username, &server.username).unwrap_or_default();
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

    /// `user:password` of the server and of the service, each part possibly empty.
    fn opens(server: &str, service: &str, pair: Option<&str>) -> bool {
        let mut settings = Config::load(None).unwrap();
        let part = |text: &str| Some(text.to_owned());
        let (user, password) = server.split_once(':').unwrap();
        settings.server.v1.username = part(user);
        settings.server.v1.password = part(password);
        let own = settings.services.get_mut("samples").unwrap();
        let (user, password) = service.split_once(':').unwrap();
        own.username = part(user).filter(|text| !text.is_empty());
        own.password = part(password).filter(|text| !text.is_empty());
        check_basic(
            &sent(pair),
            &settings.server.v1,
            settings.services.get("samples"),
        )
    }

    #[test]
    fn the_documented_matrix() {
        assert!(opens("s:p", ":", Some("s:p")));
        assert!(!opens("s:p", ":", Some("x:p")));
        assert!(!opens("s:p", ":", None));
        assert!(opens(":", "v:q", Some("v:q")));
        assert!(!opens(":", "v:q", Some("x:q")));
        assert!(opens("s:p", "v:q", Some("v:q")));
        assert!(!opens("s:p", "v:q", Some("s:p")));
        assert!(opens("s:", ":", None));
        assert!(opens(":", "v:", None));
        assert!(!opens(":p", ":", None));
        assert!(!opens(":", ":q", None));
        assert!(opens("s:", ":q", Some("s:q")));
        assert!(opens("s:p", ":q", Some("s:q")));
        assert!(opens("s:p", "v:", Some("v:p")));
        assert!(opens(":p", "v:", Some("v:p")));
        assert!(opens(":", ":", None));
    }

    #[test]
    fn broken_credentials_are_wrong_ones() {
        for value in ["Basic", "Basic ====", "Bearer czpw", "basic"] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(credentials(&headers), None, "{value}");
        }
    }

    #[test]
    fn keys_are_found_in_any_of_the_headers() {
        let keys = ["right".to_owned()];
        let mut headers = HeaderMap::new();
        let names = ["apikey", "x-api-key"];
        assert_eq!(check_key(&headers, &names, &keys), Err(KeyProblem::Missing));
        headers.insert("apikey", "".parse().unwrap());
        assert_eq!(check_key(&headers, &names, &keys), Err(KeyProblem::Missing));
        headers.insert("apikey", "wrong".parse().unwrap());
        assert_eq!(check_key(&headers, &names, &keys), Err(KeyProblem::Invalid));
        headers.insert("x-api-key", "right".parse().unwrap());
        assert_eq!(check_key(&headers, &names, &keys), Ok(()));
        assert_eq!(check_key(&HeaderMap::new(), &names, &[]), Ok(()));
    }
}
