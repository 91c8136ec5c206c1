//! The part of the configuration that decides which connections a service can use.

use std::time::Duration;

use reqwest::Url;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::RootCertStore;

use super::known_keys;
use super::pem;
use super::proxy::{self, Proxy};
use super::section::{Section, DAY_MS};
use crate::error::Result;
use crate::process::sys;

/// The configuration's keys from which connections are made.
pub const KEYS: [&str; 7] = [
    "dataURL",
    "apiVersion",
    "connectTimeout",
    "maxConnections",
    "maxConnectionAge",
    "proxy",
    "tls",
];

/// How to connect. Services with equal settings can share connections.
#[derive(Debug, PartialEq)]
pub struct ConnectionSettings {
    /// The origin of the server.
    pub origin: Url,
    /// The longest time that opening a connection may take.
    pub connect_timeout: Option<Duration>,
    /// The most HTTP/1.1 connections that asynchronous calls use at the same time.
    pub max_connections: usize,
    /// How long a connection is used for new requests, so that a change of the server's address is
    /// noticed.
    pub max_connection_age: Option<Duration>,
    /// The proxy between this machine and the server.
    pub proxy: Option<Proxy>,
    /// Certificates and versions.
    pub tls: TlsSettings,
}

/// What the caller asked of TLS.
#[derive(Debug, Default, PartialEq)]
pub struct TlsSettings {
    /// Authorities trusted beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The certificate chain and key that identify this client.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether TLS 1.3 is the lowest version accepted; else it is 1.2.
    pub only_1_3: bool,
}

#[derive(Debug, PartialEq)]
pub struct ClientCertificate {
    /// The certificate, then its issuers.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

const DEFAULT_MAX_CONNECTIONS: u64 = 100;
const DEFAULT_MAX_CONNECTION_AGE: Duration = Duration::from_secs(300);

impl ConnectionSettings {
    /// Reads the keys of [`KEYS`]. Files are read here, so that a wrong path is an error at once.
    pub fn parse(section: &Section, data_url: &Url) -> Result<ConnectionSettings> {
        let mut origin = data_url.clone();
        origin.set_path("");
        let max_connection_age = section
            .milliseconds("maxConnectionAge", 0, DAY_MS)?
            .unwrap_or(DEFAULT_MAX_CONNECTION_AGE);
        Ok(ConnectionSettings {
            connect_timeout: section.milliseconds("connectTimeout", 1, DAY_MS)?,
            max_connections: section
                .integer("maxConnections", 1, 1 << 16)?
                .unwrap_or(DEFAULT_MAX_CONNECTIONS) as usize,
            max_connection_age: (!max_connection_age.is_zero()).then_some(max_connection_age),
            proxy: proxy::resolve_proxy(section, &origin)?,
            tls: parse_tls(section)?,
            origin,
        })
    }

    /// Whether any connection is encrypted, so that authorities are needed.
    pub fn uses_tls(&self) -> bool {
        let proxy = self.proxy.as_ref();
        self.origin.scheme() == "https" || proxy.is_some_and(|proxy| proxy.url.scheme() == "https")
    }
}

fn parse_tls(section: &Section) -> Result<TlsSettings> {
    let Some(given) = section.object("tls")? else {
        return Ok(TlsSettings::default());
    };
    known_keys::reject_misspelt_keys(given, "tls", known_keys::TLS)?;
    let given = Section::new(given, "tls");
    let extra_roots = match given.non_empty_text("caFile")? {
        Some(path) => extra_roots(&given, &path)?,
        None => Vec::new(),
    };
    let client_certificate = match (
        given.non_empty_text("certFile")?,
        given.non_empty_text("keyFile")?,
    ) {
        (Some(certificate), Some(key)) => Some(client_certificate(&given, &certificate, &key)?),
        (None, None) => None,
        (Some(_), None) => return Err(given.error("keyFile", "is required with tls.certFile")),
        (None, Some(_)) => return Err(given.error("certFile", "is required with tls.keyFile")),
    };
    let only_1_3 = given.one_of("minVersion", &[("1.2", false), ("1.3", true)], false)?;
    Ok(TlsSettings {
        extra_roots,
        client_certificate,
        only_1_3,
    })
}

fn extra_roots(section: &Section, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = certificates(section, "caFile", path)?;
    for (number, certificate) in (1..).zip(&certificates) {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| {
                let message = format!("certificate {number} of {path} cannot be used: {error}");
                section.error("caFile", &message)
            })?;
    }
    Ok(certificates)
}

fn client_certificate(
    section: &Section,
    certificate: &str,
    key: &str,
) -> Result<ClientCertificate> {
    let identity = ClientCertificate {
        chain: certificates(section, "certFile", certificate)?,
        key: private_key(section, key)?,
    };
    let checked = CertifiedKey::from_der(
        identity.chain.clone(),
        identity.key.clone_key(),
        &ring::default_provider(),
    );
    match checked {
        Ok(_) => Ok(identity),
        Err(error) => {
            let message = format!("does not go with tls.certFile: {error}");
            Err(section.error("keyFile", &message))
        }
    }
}

fn certificates(section: &Section, key: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = read_file(section, key, path)?;
    pem::certificates(bytes).map_err(|problem| section.error(key, &format!("{path} {problem}")))
}

fn private_key(section: &Section, path: &str) -> Result<PrivateKeyDer<'static>> {
    let bytes = read_file(section, "keyFile", path)?;
    pem::private_key(bytes)
        .map_err(|problem| section.error("keyFile", &format!("{path} {problem}")))
}

fn read_file(section: &Section, key: &str, path: &str) -> Result<Vec<u8>> {
    sys::with_stdio_reserved(|| std::fs::read(path))
        .map_err(|error| section.error(key, &format!("cannot read {path}: {error}")))
}
