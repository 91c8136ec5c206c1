//! Certificates and keys in PEM form, and what a file in another form is.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// All certificates of a file, or what is wrong with it, as a text to be put behind its path.
pub fn certificates(bytes: Vec<u8>) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = as_text(bytes)?;
    let labels = labels(&pem);
    // A certificate that is left out would be missed only when a connection fails.
    if let Some(label) = labels.iter().find(|label| is_other_certificate(label)) {
        return Err(wrong_label(label));
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let expected = labels.iter().filter(|label| *label == CERTIFICATE).count();
    match (certificates, labels.first()) {
        (Ok(certificates), _) if expected > 0 && certificates.len() == expected => Ok(certificates),
        (_, Some(label)) if expected == 0 => Err(wrong_label(label)),
        (_, None) => Err("holds no certificate in PEM form".to_owned()),
        (certificates, _) => {
            let good = certificates.map_or(0, |certificates| certificates.len());
            Err(format!(
                "is damaged: only {good} of its {expected} certificates can be read"
            ))
        }
    }
}

/// The private key in a file, or what is wrong with it, as a text to be put behind its path.
pub fn private_key(bytes: Vec<u8>) -> Result<PrivateKeyDer<'static>, String> {
    let pem = Zeroizing::new(as_text(bytes)?);
    let labels = labels(&pem);
    let is_encrypted = find(&pem, b"Proc-Type: 4,ENCRYPTED").is_some();
    if is_encrypted || labels.iter().any(|label| label == ENCRYPTED_KEY) {
        return Err(wrong_label(ENCRYPTED_KEY));
    }
    match (PrivateKeyDer::from_pem_slice(&pem), labels.first()) {
        (Ok(key), _) => Ok(key),
        (Err(_), Some(label)) if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) => Err(
            if label.starts_with("OPENSSH") || label.starts_with("DSA") {
                wrong_label(label)
            } else {
                "is damaged: its private key cannot be read".to_owned()
            },
        ),
        (Err(_), Some(label)) => Err(match wrong_label(label) {
            message if label.ends_with(CERTIFICATE) => format!(
                "{}; expected a private key",
                message.split(';').next().unwrap_or_default()
            ),
            message => message,
        }),
        (Err(_), None) => Err("holds no private key in PEM form".to_owned()),
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// A certificate under another label than the standard's.
fn is_other_certificate(label: &str) -> bool {
    matches!(
        label,
        "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" | "PKCS7" | "CMS"
    )
}

/// What a PEM section is that is not the expected one, and what to do.
fn wrong_label(label: &str) -> String {
    let message = match label {
        CERTIFICATE => "holds a certificate",
        "TRUSTED CERTIFICATE" => {
            "holds a TRUSTED CERTIFICATE, a form of OpenSSL's own; convert it with `openssl x509 \
             -in FILE -out FILE.pem`"
        }
        "X509 CERTIFICATE" => {
            "holds an X509 CERTIFICATE, an old form; convert it with `openssl x509 -in FILE -out \
             FILE.pem`"
        }
        "PKCS7" | "CMS" => {
            "holds certificates in PKCS#7 form; convert them with `openssl pkcs7 -print_certs -in \
             FILE -out FILE.pem`"
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "holds a request for a certificate; use the certificate that the authority issued for \
             it"
        }
        ENCRYPTED_KEY => {
            "holds an encrypted private key; decrypt it with `openssl pkey -in FILE -out FILE.pem`"
        }
        "OPENSSH PRIVATE KEY" => {
            "holds a private key in OpenSSH form; convert it with `ssh-keygen -p -m pem -f FILE`"
        }
        "DSA PRIVATE KEY" => "holds a DSA key, which TLS does not support any more",
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "holds a public key",
        label if label.ends_with("PRIVATE KEY") => "holds a private key, not a certificate",
        "X509 CRL" => "holds a revocation list, not a certificate",
        _ => "holds no certificate or private key in PEM form",
    };
    message.to_owned()
}

/// The labels of all PEM sections.
fn labels(pem: &[u8]) -> Vec<String> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut labels = Vec::new();
    let mut rest = pem;
    while let Some(start) = find(rest, BEGIN) {
        rest = &rest[start + BEGIN.len()..];
        if let Some(end) = find(rest, b"-----").filter(|end| *end < 64) {
            labels.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        }
    }
    labels
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}

/// A file's bytes as PEM without byte order marks, or which other form they have.
fn as_text(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let der = |form: &str, command: &str| {
        Err(format!(
            "{form}; convert it with `openssl {command} -in FILE -out FILE.pem`"
        ))
    };
    match bytes.as_slice() {
        bytes if bytes.iter().all(u8::is_ascii_whitespace) => Err("is empty".to_owned()),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'-', 0, ..] | [0, b'-', ..] => {
            Err("is text in UTF-16; save it as UTF-8 or ASCII".to_owned())
        }
        [0xfe, 0xed, 0xfe, 0xed, ..] => Err(
            "is a Java keystore; export the certificate with `keytool -exportcert -rfc -keystore \
             FILE`"
                .to_owned(),
        ),
        [0x30, ..] if is_der(&bytes) => match der_content(&bytes) {
            [0x02, 0x01, 0x03, 0x30, ..] => der("is in PKCS#12 form", "pkcs12 -nodes"),
            [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, ..] => {
                der("is in PKCS#7 form", "pkcs7 -inform DER -print_certs")
            }
            [0x02, 0x01, 0x00 | 0x01, ..] => {
                der("is a private key in DER form", "pkey -inform DER")
            }
            [0x30, ..]
                if find(&bytes, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05])
                    .is_some_and(|at| at < 24) =>
            {
                der(
                    "is an encrypted private key in DER form",
                    "pkcs8 -inform DER",
                )
            }
            _ => der("is a certificate in DER form", "x509 -inform DER"),
        },
        bytes if bytes.starts_with(BYTE_ORDER_MARK) || find(bytes, BYTE_ORDER_MARK).is_some() => {
            let mut rest = bytes;
            let mut text = Vec::with_capacity(bytes.len());
            while let Some(start) = find(rest, BYTE_ORDER_MARK) {
                text.extend_from_slice(&rest[..start]);
                rest = &rest[start + BYTE_ORDER_MARK.len()..];
            }
            text.extend_from_slice(rest);
            Ok(text)
        }
        _ => Ok(bytes),
    }
}

/// The number of bytes that give the length of an ASN.1 element, beyond the first.
fn length_bytes(der: &[u8]) -> usize {
    der.get(1).map_or(0, |first| match first {
        0x80.. => usize::from(first & 0x7f),
        _ => 0,
    })
}

/// Whether an ASN.1 element is as long as the file.
fn is_der(bytes: &[u8]) -> bool {
    let count = length_bytes(bytes);
    match bytes.get(1) {
        None => false,
        // The end is marked.
        Some(0x80) => true,
        Some(short @ ..0x80) => bytes.len() == 2 + usize::from(*short),
        Some(_) => bytes.get(2..2 + count).is_some_and(|length| {
            let length = length.iter().fold(0_usize, |length, byte| {
                length.wrapping_shl(8) | usize::from(*byte)
            });
            bytes.len() == length.saturating_add(2 + count)
        }),
    }
}

/// The content of an ASN.1 element.
fn der_content(bytes: &[u8]) -> &[u8] {
    bytes.get(2 + length_bytes(bytes)..).unwrap_or_default()
}
