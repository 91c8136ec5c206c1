//! TLS: which authorities are trusted, who this client is, and what a failed handshake means.

use std::sync::Arc;

use once_cell::race::OnceBox;
use rustls::crypto::{ring, CryptoProvider};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, PeerIncompatible,
    RootCertStore, SupportedProtocolVersion,
};
use rustls_platform_verifier::Verifier;

use crate::config::connection::{Connection, Tls};
use crate::error::{Error, Result};
use crate::status::Status;

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];

/// The verifier with the system's authorities alone: reading them takes milliseconds, so all services share it.
static SYSTEM: OnceBox<Arc<Verifier>> = OnceBox::new();

/// The configuration for all connections of a service.
pub fn client_config(connection: &Connection) -> Result<ClientConfig> {
    let tls = &connection.tls;
    let provider = Arc::new(ring::default_provider());
    let versions = if tls.only_1_3 { NEWEST } else { BOTH };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| unusable("tls", &error))?;
    let builder = if connection.uses_tls() {
        let verifier = verifier(connection, provider)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
    } else {
        // Nothing is encrypted, so a machine without any authorities will do; and nobody is trusted.
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| unusable("tls.keyFile", &error))?,
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(connection: &Connection, provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>> {
    let authorities = &connection.tls.authorities;
    if let (true, Some(system)) = (authorities.is_empty(), SYSTEM.get()) {
        return Ok(system.clone());
    }
    let made = Verifier::new_with_extra_roots(authorities.iter().cloned(), provider);
    let made = Arc::new(made.map_err(|error| match authorities.is_empty() {
        true => Error::new(
            Status::Tls,
            "this machine has no certificate authorities to check a server with; install them \
             (Debian: ca-certificates), or name a file in SSL_CERT_FILE or tls.caFile",
        ),
        false => unusable("tls.caFile", &error),
    })?);
    if authorities.is_empty() {
        let _ = SYSTEM.set(Box::new(made.clone()));
    }
    Ok(made)
}

fn unusable(key: &str, error: &TlsError) -> Error {
    Error::field(Status::Tls, key, format!("cannot be used: {error}"))
}

/// What to tell of a handshake that the server ended.
fn refused(alert: AlertDescription, host: &str, tls: &Tls) -> String {
    use AlertDescription::*;
    match alert {
        ProtocolVersion => no_common_version(host, tls),
        NoApplicationProtocol => {
            format!(
                "{host} does not speak HTTP/1.1, as blocking commands do; started ones (cbsvc_start) speak HTTP/2 too"
            )
        }
        AccessDenied
        | BadCertificate
        | CertificateExpired
        | CertificateRequired
        | CertificateRevoked
        | CertificateUnknown
        | UnknownCA
        | UnsupportedCertificate => match tls.identity {
            Some(_) => format!("{host} does not accept the client certificate in tls.certFile: {alert:?}"),
            None => format!("{host} wants a client certificate ({alert:?}): give tls.certFile and tls.keyFile"),
        },
        _ => format!("{host} ended the handshake: {alert:?}; perhaps it wants a client certificate (tls.certFile)"),
    }
}

fn no_common_version(host: &str, tls: &Tls) -> String {
    let least = if tls.only_1_3 {
        "1.3, which tls.minVersion asks for"
    } else {
        "1.2"
    };
    format!("{host} has no TLS version that is accepted here: the least is {least}")
}

/// What to tell of a failed handshake.
pub fn explain(error: &TlsError, connection: &Connection) -> String {
    let host = connection.origin.host_str().unwrap_or_default();
    match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{host} has a certificate from an issuer that is not trusted here; if it is right, name the issuer's certificate in tls.caFile")
        }
        TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => {
            format!("the certificate of {host} has expired, or this machine's clock is wrong")
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => {
            format!("the certificate of {host} is not valid yet, or this machine's clock is wrong")
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!("the certificate is for another host than {host}")
        }
        TlsError::InvalidCertificate(reason)
            if format!("{reason:?}").contains("CaUsedAsEndEntity") =>
        {
            format!(
                "{host} shows the certificate of an authority (CA:TRUE) as its own; give it a certificate of its own, \
                 signed by that authority"
            )
        }
        TlsError::InvalidCertificate(CertificateError::Other(reason)) => {
            format!("the certificate of {host} is not acceptable: {}", reason.0)
        }
        TlsError::InvalidCertificate(reason) => {
            format!("the certificate of {host} is not acceptable: {reason}")
        }
        TlsError::AlertReceived(alert) => refused(*alert, host, &connection.tls),
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => no_common_version(host, &connection.tls),
        TlsError::InvalidMessage(_) => {
            format!("{host} does not answer in TLS: perhaps dataURL should begin with http:// or name another port")
        }
        other => format!("no encrypted connection to {host}: {other}"),
    }
}
