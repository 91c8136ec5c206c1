//! TLS: trusted authorities, the client certificate, and what a failed handshake means.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use once_cell::race::OnceBox;
use reqwest::Url;
use rustls::client::ResolvesClientCert;
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, PeerIncompatible,
    PeerMisbehaved, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
#[cfg(not(windows))]
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::socket::Io;
#[cfg(windows)]
use super::windows_verifier::Verifier;
use crate::config::connection::{ConnectionSettings, TlsSettings};
use crate::error::{Error, Result};
use crate::process::sys;
use crate::status::Status;

const TLS12_AND_13: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];

const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// The verifier with the system's authorities only. Reading them takes milliseconds, so all
/// services share it.
static SYSTEM_VERIFIER: OnceBox<Arc<Verifier>> = OnceBox::new();

/// The TLS configuration of a service, and what its handshakes have shown.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    /// Whether the server has ever asked for a client certificate.
    pub certificate_requested: Arc<AtomicBool>,
}

impl TlsClient {
    /// The configuration for all connections of a service.
    pub fn new(settings: &ConnectionSettings) -> Result<TlsClient> {
        let tls = &settings.tls;
        let provider = Arc::new(ring::default_provider());
        let versions = if tls.only_1_3 {
            TLS13_ONLY
        } else {
            TLS12_AND_13
        };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| invalid_setting("tls", &error))?;
        let builder = if settings.uses_tls() {
            let verifier = sys::with_stdio_reserved(|| verifier(settings, provider.clone()))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        } else {
            // Without TLS, a machine needs no authorities.
            builder.with_root_certificates(RootCertStore::empty())
        };
        let client_certificate = match &tls.client_certificate {
            None => None,
            Some(identity) => {
                let key = identity.key.clone_key();
                let certified = CertifiedKey::from_der(identity.chain.clone(), key, &provider)
                    .map_err(|error| invalid_setting("tls.keyFile", &error))?;
                Some(Arc::new(certified))
            }
        };
        let certificate_requested = Arc::<AtomicBool>::default();
        let resolver = ClientCertificateResolver {
            certificate: client_certificate,
            requested: certificate_requested.clone(),
        };
        let config = builder.with_client_cert_resolver(Arc::new(resolver));
        Ok(TlsClient {
            config: Arc::new(config),
            certificate_requested,
        })
    }

    /// Encrypts a connection to the host of a URL; and whether it has chosen HTTP/2.
    pub async fn handshake(
        &self,
        url: &Url,
        stream: Box<dyn Io>,
        offers_http2: bool,
    ) -> io::Result<(Box<dyn Io>, bool)> {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let protocols: &[&[u8]] = if offers_http2 {
            &[HTTP2, HTTP1]
        } else {
            &[HTTP1]
        };
        let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.with_alpn(protocols).connect(name, stream).await?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok((Box::new(stream), speaks_http2))
    }
}

/// Gives the client certificate to a server that asks for one, and records that it did.
#[derive(Debug)]
struct ClientCertificateResolver {
    certificate: Option<Arc<CertifiedKey>>,
    requested: Arc<AtomicBool>,
}

impl ResolvesClientCert for ClientCertificateResolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.requested.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}

fn verifier(settings: &ConnectionSettings, provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>> {
    let extra_roots = &settings.tls.extra_roots;
    if let (true, Some(system)) = (extra_roots.is_empty(), SYSTEM_VERIFIER.get()) {
        return Ok(system.clone());
    }
    let made = Verifier::new_with_extra_roots(extra_roots.iter().cloned(), provider);
    let made = made.map_err(|error| {
        if extra_roots.is_empty() {
            Error::new(
                Status::Tls,
                "this machine has no certificate authorities to check a server with; install them \
                 (Debian: ca-certificates), or name a file in SSL_CERT_FILE or tls.caFile",
            )
        } else {
            invalid_setting("tls.caFile", &error)
        }
    })?;
    let verifier = Arc::new(made);
    if extra_roots.is_empty() {
        let _ = SYSTEM_VERIFIER.set(Box::new(verifier.clone()));
    }
    Ok(verifier)
}

fn invalid_setting(key: &str, error: &TlsError) -> Error {
    Error::field(Status::Tls, key, format!("cannot be used: {error}"))
}

/// The message for a failed handshake.
pub fn explain_error(
    error: &TlsError,
    host: &str,
    tls: &TlsSettings,
    certificate_requested: bool,
) -> String {
    match error {
        TlsError::InvalidCertificate(reason) => explain_certificate(reason, host),
        TlsError::AlertReceived(alert) => explain_alert(*alert, host, tls, certificate_requested),
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => no_common_version(host, tls),
        TlsError::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon,
        )
        | TlsError::PeerMisbehaved(
            PeerMisbehaved::SelectedUnofferedCipherSuite
            | PeerMisbehaved::SelectedUnofferedKxGroup
            | PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedCipherSuite
            | PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedNamedGroup,
        ) => no_common_cipher(host),
        TlsError::InvalidMessage(_) => {
            format!(
                "{host} does not answer in TLS: perhaps dataURL should begin with http:// or \
             name another port"
            )
        }
        other => format!("no encrypted connection to {host}: {other}"),
    }
}

fn explain_certificate(reason: &CertificateError, host: &str) -> String {
    match reason {
        CertificateError::UnknownIssuer => {
            format!(
                "{host} has a certificate from an issuer that is not trusted here; if it is \
             right, name the issuer's certificate in tls.caFile"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired, or this machine's clock is wrong")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet, or this machine's clock is wrong")
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            format!(
                "the certificate of {host} has no subjectAltName, and the name in its subject (CN) \
                 is not used; \
                 issue it with subjectAltName={}:{host}",
                if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" }
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is for another host than {host}")
        }
        CertificateError::Other(reason) => match reason.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                format!(
                    "{host} presented a CA certificate (CA:TRUE) as its server certificate; give \
                     it a certificate of its \
                     own, signed by that authority"
                )
            }
            _ => format!("the certificate of {host} is not acceptable: {}", reason.0),
        },
        reason => format!("the certificate of {host} is not acceptable: {reason}"),
    }
}

/// The message for a handshake that the server ended.
fn explain_alert(
    alert: AlertDescription,
    host: &str,
    tls: &TlsSettings,
    certificate_requested: bool,
) -> String {
    use AlertDescription::*;
    match alert {
        ProtocolVersion => no_common_version(host, tls),
        NoApplicationProtocol => {
            format!(
                "{host} does not speak HTTP/1.1, as blocking commands do; started ones \
                 (cbsvc_start) speak HTTP/2 too"
            )
        }
        UnrecognisedName => {
            format!("{host} does not know the name {host}; check the host in dataURL")
        }
        _ if certificate_requested && tls.client_certificate.is_some() => {
            format!("{host} does not accept the client certificate in tls.certFile: {alert:?}")
        }
        _ if certificate_requested => {
            format!(
                "{host} requires a client certificate ({alert:?}): set tls.certFile and \
             tls.keyFile"
            )
        }
        HandshakeFailure | InsufficientSecurity => no_common_cipher(host),
        _ => format!("{host} ended the TLS handshake: {alert:?}"),
    }
}

fn no_common_version(host: &str, tls: &TlsSettings) -> String {
    let minimum = if tls.only_1_3 {
        "1.3, set by tls.minVersion"
    } else {
        "1.2"
    };
    format!("no common TLS version with {host} (minimum: {minimum})")
}

fn no_common_cipher(host: &str) -> String {
    format!(
        "no common cipher suite or curve with {host}; it must accept AES-GCM or ChaCha20-Poly1305 \
         with an ephemeral key \
         (ECDHE) on X25519, P-256 or P-384"
    )
}
