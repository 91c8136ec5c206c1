//! Checks the certificates of servers with the authorities of Windows, and their names as on other
//! systems.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme,
};

use crate::process::sys::{check_chain, ChainProblem, ExtraAuthorities};

#[derive(Debug)]
pub struct Verifier {
    extra: Option<ExtraAuthorities>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// A verifier that trusts these authorities beside those of the system.
    pub fn new_with_extra_roots(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Verifier, TlsError> {
        let roots: Vec<_> = roots.into_iter().collect();
        let extra = (!roots.is_empty())
            .then(|| ExtraAuthorities::new(roots.iter().map(AsRef::as_ref)))
            .transpose()
            .map_err(|error| TlsError::General(error.to_string()))?;
        Ok(Verifier { extra, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer,
        intermediates: &[CertificateDer],
        server_name: &ServerName,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let intermediates: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        check_chain(
            end_entity,
            &intermediates,
            self.extra.as_ref(),
            now.as_secs(),
        )
        .map_err(certificate_error)?;
        verify_server_name(&parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn certificate_error(problem: ChainProblem) -> CertificateError {
    match problem {
        ChainProblem::UnknownIssuer => CertificateError::UnknownIssuer,
        ChainProblem::Expired => CertificateError::Expired,
        ChainProblem::Revoked => CertificateError::Revoked,
        ChainProblem::WrongUsage => CertificateError::InvalidPurpose,
        ChainProblem::Malformed => CertificateError::BadEncoding,
        ChainProblem::Other(error) => CertificateError::Other(OtherError(Arc::new(error))),
    }
}
