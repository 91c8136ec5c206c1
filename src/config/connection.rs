//! The part of the configuration that decides which connections a service can use.

use std::time::Duration;

use reqwest::Url;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::RootCertStore;

use super::known_keys;
use super::proxy::{self, Proxy};
use super::section::Section;
use crate::error::{Error, Result};

/// The configuration's keys from which a connection is made.
pub const KEYS: [&str; 6] = [
    "dataURL",
    "apiVersion",
    "connectTimeout",
    "maxConnections",
    "proxy",
    "tls",
];

/// Services with equal values can share connections.
#[derive(Debug, PartialEq)]
pub struct Connection {
    /// The origin of the server.
    pub origin: Url,
    /// The longest time that making a connection may take.
    pub connect_timeout: Option<Duration>,
    /// The most connections that started calls use at the same time, where one cannot carry them all.
    pub max_connections: usize,
    /// The proxy between this machine and the server.
    pub proxy: Option<Proxy>,
    /// Certificates and versions.
    pub tls: Tls,
}

/// What the caller asked of TLS.
#[derive(Debug, Default, PartialEq)]
pub struct Tls {
    /// Authorities trusted beside the system's.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The certificate chain and key that identify this client.
    pub identity: Option<Identity>,
    /// Whether TLS 1.3 is the least that is accepted.
    pub only_1_3: bool,
}

/// A client certificate.
#[derive(Debug, PartialEq)]
pub struct Identity {
    /// The certificate, then its issuers.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
}

const DEFAULT_MAX_CONNECTIONS: u64 = 100;

impl Connection {
    /// Reads `connectTimeout`, `proxy` and `tls`; files are read here, so that a wrong path is told at once.
    pub fn read(section: &Section, data_url: &Url) -> Result<Connection> {
        let mut origin = data_url.clone();
        origin.set_path("");
        Ok(Connection {
            connect_timeout: section.milliseconds("connectTimeout", 1, super::DAY_MS)?,
            max_connections: section
                .integer("maxConnections", 1, 1 << 16)?
                .unwrap_or(DEFAULT_MAX_CONNECTIONS) as usize,
            proxy: proxy::read(section, &origin)?,
            tls: tls(section)?,
            origin,
        })
    }

    /// Whether any connection is encrypted, so that authorities are needed.
    pub fn uses_tls(&self) -> bool {
        let proxy = self.proxy.as_ref();
        self.origin.scheme() == "https"
            || proxy.is_some_and(|proxy| proxy.url.starts_with("https:"))
    }
}

fn tls(section: &Section) -> Result<Tls> {
    let Some(given) = section.object("tls")? else {
        return Ok(Tls::default());
    };
    known_keys::check(given, "tls", known_keys::TLS)?;
    let given = Section::new(given, "tls");
    let authorities = match given.non_empty_text("caFile")? {
        Some(path) => authorities(&given, &path)?,
        None => Vec::new(),
    };
    let identity = match (
        given.non_empty_text("certFile")?,
        given.non_empty_text("keyFile")?,
    ) {
        (Some(certificate), Some(key)) => Some(identity(&given, &certificate, &key)?),
        (None, None) => None,
        (Some(_), None) => return Err(given.error("keyFile", "is required with tls.certFile")),
        (None, Some(_)) => return Err(given.error("certFile", "is required with tls.keyFile")),
    };
    let only_1_3 = given.one_of("minVersion", &[("1.2", false), ("1.3", true)], false)?;
    Ok(Tls {
        authorities,
        identity,
        only_1_3,
    })
}

fn authorities(section: &Section, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found = certificates(section, "caFile", path)?;
    for (index, certificate) in found.iter().enumerate() {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| {
                section.error(
                    "caFile",
                    &format!(
                        "certificate {} of {path} cannot be used: {error}",
                        index + 1
                    ),
                )
            })?;
    }
    Ok(found)
}

fn identity(section: &Section, certificate: &str, key: &str) -> Result<Identity> {
    let identity = Identity {
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
        Err(error) => Err(section.error(
            "keyFile",
            &format!("does not go with tls.certFile: {error}"),
        )),
    }
}

fn certificates(section: &Section, key: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read_file(section, key, path)?;
    let certificates: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(section.error(key, &format!("{path} holds no certificate in PEM form"))),
    }
}

fn private_key(section: &Section, path: &str) -> Result<PrivateKeyDer<'static>> {
    let pem = read_file(section, "keyFile", path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        section.error(
            "keyFile",
            &format!("{path} holds no unencrypted private key in PEM form"),
        )
    })
}

fn read_file(section: &Section, key: &str, path: &str) -> std::result::Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| section.error(key, &format!("cannot read {path}: {error}")))
}
