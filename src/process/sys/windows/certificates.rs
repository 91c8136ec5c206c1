//! Whether the system trusts a certificate.
//!
//! Nothing asks the network whether a certificate has been revoked: the answer could take longer
//! than any deadline, and where there is no way to the authority it would take that long each time.

use std::ffi::c_void;
use std::io;
use std::mem::{offset_of, size_of};
use std::ptr::{self, NonNull};

use windows_sys::core::PSTR;
use windows_sys::Win32::Foundation::{
    CERT_E_CHAINING, CERT_E_EXPIRED, CERT_E_REVOKED, CERT_E_UNTRUSTEDROOT, CERT_E_WRONG_USAGE,
    CRYPT_E_REVOKED, FILETIME,
};
use windows_sys::Win32::Security::Cryptography::*;

/// Why a certificate is not trusted.
pub enum ChainProblem {
    /// No trusted authority has issued it.
    UnknownIssuer,
    /// It is not valid now.
    Expired,
    /// It is revoked, or Windows has been told not to trust it.
    Revoked,
    /// It is not for servers.
    WrongUsage,
    /// It cannot be read.
    Malformed,
    /// Another reason of the system's.
    Other(io::Error),
}

/// Authorities that are trusted beside the system's.
#[derive(Debug)]
pub struct ExtraAuthorities(NonNull<c_void>);

// SAFETY: the system allows every thread to use an engine and to free it.
unsafe impl Send for ExtraAuthorities {}
// SAFETY: the system allows several threads to use an engine at the same time.
unsafe impl Sync for ExtraAuthorities {}

impl ExtraAuthorities {
    /// Authorities with these certificates, in DER form.
    pub fn new<'a>(certificates: impl Iterator<Item = &'a [u8]>) -> io::Result<ExtraAuthorities> {
        let store = Store::new()?;
        for certificate in certificates {
            store.add(certificate)?;
        }
        let config = CERT_CHAIN_ENGINE_CONFIG {
            // Windows 7 does not know the members behind.
            cbSize: offset_of!(CERT_CHAIN_ENGINE_CONFIG, dwExclusiveFlags) as u32,
            hExclusiveRoot: store.0.as_ptr(),
            ..Default::default()
        };
        let mut engine = ptr::null_mut();
        // SAFETY: the configuration is as long as it says and names an open store, which the engine
        // keeps open, and `engine` is a variable.
        let is_made = unsafe { CertCreateCertificateChainEngine(&config, &mut engine) } != 0;
        found(is_made, engine).map(ExtraAuthorities)
    }
}

impl Drop for ExtraAuthorities {
    fn drop(&mut self) {
        // SAFETY: the engine is freed once.
        unsafe { CertFreeCertificateChainEngine(self.0.as_ptr()) };
    }
}

/// Checks that a server's certificate, in DER form, leads to an authority that is trusted. The
/// other certificates are those that the server has sent with it. The caller checks the name.
/// `now` is in seconds since 1970.
pub fn check_chain(
    certificate: &[u8],
    others: &[&[u8]],
    extra: Option<&ExtraAuthorities>,
    now: u64,
) -> Result<(), ChainProblem> {
    let store = Store::new().map_err(ChainProblem::Other)?;
    let malformed = |_| ChainProblem::Malformed;
    let certificate = store.add(certificate).map_err(malformed)?;
    for other in others {
        store.add(other).map_err(malformed)?;
    }
    let time = file_time(now);
    // The system may look for an authority that it does not know on the network.
    if let Some(extra) = extra {
        let engine = extra.0.as_ptr();
        let chain = Chain::new(
            &certificate,
            &store,
            engine,
            &time,
            CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL,
        );
        if chain.is_ok_and(|chain| chain.check().is_ok()) {
            return Ok(());
        }
    }
    let chain = Chain::new(&certificate, &store, ptr::null_mut(), &time, 0);
    chain.map_err(ChainProblem::Other)?.check()
}

/// A time of the system's, in units of 100 nanoseconds since 1601.
fn file_time(seconds: u64) -> FILETIME {
    const UNITS_PER_SECOND: u64 = 10_000_000;
    const FROM_1601_TO_1970: u64 = 11_644_473_600;
    let units = seconds
        .saturating_add(FROM_1601_TO_1970)
        .saturating_mul(UNITS_PER_SECOND);
    FILETIME {
        dwLowDateTime: units as u32,
        dwHighDateTime: (units >> 32) as u32,
    }
}

/// What a function has made, or why it failed.
fn found<T>(is_made: bool, made: *mut T) -> io::Result<NonNull<T>> {
    NonNull::new(made)
        .filter(|_| is_made)
        .ok_or_else(io::Error::last_os_error)
}

/// A store in memory.
struct Store(NonNull<c_void>);

impl Store {
    fn new() -> io::Result<Store> {
        // With this flag, certificates may outlive the store.
        const FLAGS: u32 = CERT_STORE_DEFER_CLOSE_UNTIL_LAST_FREE_FLAG;
        // SAFETY: a store in memory needs no parameter.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_MEMORY, 0, 0, FLAGS, ptr::null()) };
        found(true, store).map(Store)
    }

    fn add(&self, der: &[u8]) -> io::Result<Certificate> {
        let length = u32::try_from(der.len()).map_err(io::Error::other)?;
        let mut certificate = ptr::null_mut();
        // SAFETY: the store is open, the bytes are as long as stated, and `certificate` is a
        // variable.
        let is_added = unsafe {
            CertAddEncodedCertificateToStore(
                self.0.as_ptr(),
                X509_ASN_ENCODING,
                der.as_ptr(),
                length,
                CERT_STORE_ADD_ALWAYS,
                &mut certificate,
            )
        };
        found(is_added != 0, certificate).map(Certificate)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is closed once.
        unsafe { CertCloseStore(self.0.as_ptr(), 0) };
    }
}

struct Certificate(NonNull<CERT_CONTEXT>);

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: the certificate is freed once.
        unsafe { CertFreeCertificateContext(self.0.as_ptr()) };
    }
}

/// A certificate with its issuers.
struct Chain(NonNull<CERT_CHAIN_CONTEXT>);

impl Chain {
    fn new(
        certificate: &Certificate,
        others: &Store,
        engine: HCERTCHAINENGINE,
        time: &FILETIME,
        flags: u32,
    ) -> io::Result<Chain> {
        /// How long the system may look for a missing issuer.
        const RETRIEVAL_MS: u32 = 3_000;
        let mut server_usage = szOID_PKIX_KP_SERVER_AUTH as PSTR;
        let parameters = CERT_CHAIN_PARA {
            // Windows 7 does not know the members behind.
            cbSize: offset_of!(CERT_CHAIN_PARA, pStrongSignPara) as u32,
            RequestedUsage: CERT_USAGE_MATCH {
                dwType: USAGE_MATCH_TYPE_AND,
                Usage: CTL_USAGE {
                    cUsageIdentifier: 1,
                    rgpszUsageIdentifier: &mut server_usage,
                },
            },
            dwUrlRetrievalTimeout: RETRIEVAL_MS,
            ..Default::default()
        };
        let mut chain = ptr::null_mut();
        // SAFETY: certificate, store and engine are open, or the engine is NULL, which is that of
        // the system. The parameters are as long as they say, and what they point to outlives the
        // call, which only reads it. `chain` is a variable.
        let is_made = unsafe {
            CertGetCertificateChain(
                engine,
                certificate.0.as_ptr(),
                time,
                others.0.as_ptr(),
                &parameters,
                CERT_CHAIN_CACHE_END_CERT | flags,
                ptr::null(),
                &mut chain,
            )
        };
        found(is_made != 0, chain).map(Chain)
    }

    /// Whether the chain leads to an authority of its engine, and is one for a server.
    fn check(&self) -> Result<(), ChainProblem> {
        // The policy looks at some of the errors only.
        // SAFETY: the chain is valid.
        let errors = unsafe { self.0.as_ref() }.TrustStatus.dwErrorStatus;
        match problem_in(errors) {
            Some(problem) => Err(problem),
            None => self.check_policy(),
        }
    }

    fn check_policy(&self) -> Result<(), ChainProblem> {
        let mut server = HTTPSPolicyCallbackData {
            Anonymous: HTTPSPolicyCallbackData_0 {
                cbSize: size_of::<HTTPSPolicyCallbackData>() as u32,
            },
            dwAuthType: AUTHTYPE_SERVER,
            fdwChecks: IGNORE_NAME,
            pwszServerName: ptr::null_mut(),
        };
        let policy = CERT_CHAIN_POLICY_PARA {
            cbSize: size_of::<CERT_CHAIN_POLICY_PARA>() as u32,
            dwFlags: 0,
            pvExtraPolicyPara: (&raw mut server).cast(),
        };
        let mut status = CERT_CHAIN_POLICY_STATUS {
            cbSize: size_of::<CERT_CHAIN_POLICY_STATUS>() as u32,
            ..Default::default()
        };
        // SAFETY: the chain is valid, the parameters are as long as they say and outlive the call,
        // and `status` is a variable.
        let is_checked = unsafe {
            CertVerifyCertificateChainPolicy(
                CERT_CHAIN_POLICY_SSL,
                self.0.as_ptr(),
                &policy,
                &mut status,
            )
        };
        if is_checked == 0 {
            return Err(ChainProblem::Other(io::Error::last_os_error()));
        }
        match status.dwError as i32 {
            0 => Ok(()),
            CERT_E_UNTRUSTEDROOT | CERT_E_CHAINING => Err(ChainProblem::UnknownIssuer),
            CERT_E_EXPIRED => Err(ChainProblem::Expired),
            CRYPT_E_REVOKED | CERT_E_REVOKED => Err(ChainProblem::Revoked),
            CERT_E_WRONG_USAGE => Err(ChainProblem::WrongUsage),
            other => Err(ChainProblem::Other(io::Error::from_raw_os_error(other))),
        }
    }
}

/// What is wrong with a chain with these errors, of which the first that applies says most.
fn problem_in(errors: u32) -> Option<ChainProblem> {
    let has = |bits| errors & bits != 0;
    if errors == CERT_TRUST_NO_ERROR {
        None
    } else if has(CERT_TRUST_IS_UNTRUSTED_ROOT | CERT_TRUST_IS_PARTIAL_CHAIN) {
        Some(ChainProblem::UnknownIssuer)
    } else if has(CERT_TRUST_IS_REVOKED | CERT_TRUST_IS_EXPLICIT_DISTRUST) {
        Some(ChainProblem::Revoked)
    } else if has(CERT_TRUST_IS_NOT_TIME_VALID) {
        Some(ChainProblem::Expired)
    } else if has(CERT_TRUST_IS_NOT_VALID_FOR_USAGE) {
        Some(ChainProblem::WrongUsage)
    } else {
        let message = format!("Windows does not accept its chain (CERT_TRUST status {errors:#x})");
        Some(ChainProblem::Other(io::Error::other(message)))
    }
}

/// `SECURITY_FLAG_IGNORE_CERT_CN_INVALID`: the name is not checked here.
const IGNORE_NAME: u32 = 0x1000;

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: the chain is freed once.
        unsafe { CertFreeCertificateChain(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_a_chain_is_a_problem() {
        assert!(problem_in(0).is_none());
        for bit in 0..u32::BITS {
            assert!(problem_in(1 << bit).is_some(), "{bit}");
        }
        let both = CERT_TRUST_IS_PARTIAL_CHAIN | CERT_TRUST_IS_NOT_TIME_VALID;
        assert!(matches!(
            problem_in(both),
            Some(ChainProblem::UnknownIssuer)
        ));
    }
}
