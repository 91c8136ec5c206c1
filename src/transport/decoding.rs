//! Decoding of a body's `Content-Encoding`, in bounded memory.

use std::io::{self, BufRead, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

/// The most encodings that one body can have.
const MAX_ENCODINGS: usize = 4;

/// Why a body is not decoded.
#[derive(Debug, PartialEq)]
pub enum DecodeError {
    /// It is larger than the limit.
    TooLarge,
    /// The name of an encoding that is not supported.
    Unsupported(String),
    /// The name of the encoding that the body does not have.
    Corrupt(String),
}

/// Undoes the encodings, which are listed in the order in which they were applied. No more than
/// `limit` bytes are decoded in each step.
pub fn decode(encodings: &str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, DecodeError> {
    let names = encodings.split(',').map(str::trim);
    let names: Vec<_> = names
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .collect();
    if names.len() > MAX_ENCODINGS {
        return Err(DecodeError::Unsupported(printable(encodings)));
    }
    names.iter().rev().try_fold(body, |body, name| {
        // Some servers and proxies leave the header in place when they decode a body, or write a
        // charset into it.
        if body.is_empty() || is_json(&body) {
            return Ok(body);
        }
        let corrupt = |_| DecodeError::Corrupt(name.to_ascii_lowercase());
        let decoded = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gunzip(&body, limit).map_err(corrupt)?,
            "deflate" => inflate(&body, limit).map_err(corrupt)?,
            _ => return Err(DecodeError::Unsupported(printable(name))),
        };
        if decoded.len() > limit {
            return Err(DecodeError::TooLarge);
        }
        Ok(decoded)
    })
}

fn is_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')) && std::str::from_utf8(body).is_ok()
}

/// A name as a message can hold it.
fn printable(name: &str) -> String {
    let is_token = |letter: char| letter.is_ascii_alphanumeric() || "-_, ".contains(letter);
    name.chars()
        .filter(|letter| is_token(*letter))
        .take(40)
        .collect()
}

/// One or more gzip members, up to one byte above the limit. What follows them is ignored.
fn gunzip(mut body: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    loop {
        let left = limit + 1 - decoded.len();
        let mut member = GzDecoder::new(body);
        member
            .by_ref()
            .take(left as u64)
            .read_to_end(&mut decoded)?;
        body = member.into_inner();
        if decoded.len() > limit || !body.starts_with(&[0x1f, 0x8b]) {
            return Ok(decoded);
        }
    }
}

/// The zlib format, as the standard says, or the bare deflate stream that some servers send.
fn inflate(body: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let read = |decoder: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut decoded = Vec::new();
        decoder.take(limit as u64 + 1).read_to_end(&mut decoded)?;
        Ok(decoded)
    };
    read(&mut ZlibDecoder::new(body)).or_else(|_| {
        let mut decoder = DeflateDecoder::new(body);
        let decoded = read(&mut decoder)?;
        // Bytes of another format can happen to be a stream that ends at once.
        if decoded.is_empty() && !decoder.into_inner().fill_buf()?.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(decoded)
    })
}

#[cfg(test)]
mod tests {
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use flate2::Compression;
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = br#"{"_id":"1"}"#;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn supported_encodings_are_decoded() {
        let two_members = [gzip(b"{\"_id\":"), gzip(b"\"1\"}")].concat();
        let with_padding = [gzip(TEXT), vec![0; 100]].concat();
        for (encodings, body) in [
            ("", TEXT.to_vec()),
            ("identity", TEXT.to_vec()),
            ("gzip", gzip(TEXT)),
            ("GZip", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("gzip", two_members),
            ("gzip", with_padding),
            ("deflate", zlib(TEXT)),
            ("deflate", raw_deflate(TEXT)),
            ("gzip, identity", gzip(TEXT)),
            ("deflate, gzip", gzip(&zlib(TEXT))),
            ("gzip,,x-gzip", gzip(&gzip(TEXT))),
            ("gzip,deflate ,gzip", gzip(&zlib(&gzip(TEXT)))),
            ("gzip", TEXT.to_vec()),
            ("deflate, gzip", gzip(TEXT)),
            ("br", TEXT.to_vec()),
            ("utf-8", b" [1]".to_vec()),
        ] {
            let decoded = decode(encodings, body, 100).unwrap();
            assert_eq!(
                decoded,
                if encodings == "utf-8" { b" [1]" } else { TEXT },
                "{encodings}"
            );
        }
        assert_eq!(decode("br", Vec::new(), 100), Ok(Vec::new()));
    }

    #[test]
    fn unsupported_and_corrupt_encodings_are_named() {
        for (encodings, named) in [
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, compress", "compress"),
            ("x\u{7f}\"y", "xy"),
        ] {
            let error = decode(encodings, vec![0x8b, 0x05], 100).unwrap_err();
            assert_eq!(
                error,
                DecodeError::Unsupported(named.to_owned()),
                "{encodings}"
            );
        }
        let whole = gzip(TEXT);
        let mut flipped = whole.clone();
        let crc = flipped.len() - 6;
        flipped[crc] ^= 1;
        let text = b"<p>hi</p>".to_vec();
        for (encodings, body) in [
            ("gzip", whole[..whole.len() - 3].to_vec()),
            ("gzip", whole[..12].to_vec()),
            ("gzip", flipped),
            ("gzip", zlib(TEXT)),
            ("gzip", text.clone()),
            ("deflate", text),
            ("deflate", zlib(TEXT)[..8].to_vec()),
            ("deflate, gzip", gzip(b"<p>hi</p>")),
        ] {
            let result = decode(encodings, body, 100);
            assert!(
                matches!(result, Err(DecodeError::Corrupt(_))),
                "{encodings} {result:?}"
            );
        }
        assert!(matches!(
            decode("gzip,gzip,gzip,gzip,gzip", gzip(TEXT), 100),
            Err(DecodeError::Unsupported(_))
        ));
    }

    #[test]
    fn bomb_is_not_decoded_beyond_the_limit() {
        let zeros = vec![0; 10 << 20];
        let once = gzip(&zeros);
        let limit = once.len();
        for (encodings, body) in [
            ("gzip", once.clone()),
            ("deflate", zlib(&zeros)),
            ("deflate", raw_deflate(&zeros)),
            ("gzip, gzip", gzip(&once)),
            ("gzip", [gzip(&zeros[..limit]), gzip(b"1")].concat()),
        ] {
            let error = decode(encodings, body, limit).unwrap_err();
            assert_eq!(error, DecodeError::TooLarge, "{encodings}");
        }
        assert_eq!(
            decode("gzip", gzip(&zeros[..limit]), limit).unwrap().len(),
            limit
        );
    }
}
