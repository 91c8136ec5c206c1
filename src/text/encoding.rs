//! The character encoding of a server's text.

use std::borrow::Cow;

/// A body as text. UTF-16 and UTF-8 are recognized by their byte order mark, which is left out. A
/// body that is not UTF-8 is read as the `charset` of its content type says, if that is known;
/// otherwise each wrong byte becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some(body) = body.strip_prefix(b"\xef\xbb\xbf") {
        return decode_unmarked(body, content_type);
    }
    if let Some(body) = body.strip_prefix(b"\xff\xfe") {
        return decode_utf16(body, u16::from_le_bytes).into();
    }
    if let Some(body) = body.strip_prefix(b"\xfe\xff") {
        return decode_utf16(body, u16::from_be_bytes).into();
    }
    decode_unmarked(body, content_type)
}

fn decode_unmarked<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    let charset = content_type.and_then(charset).unwrap_or_default();
    match charset.as_str() {
        "utf-16" | "utf-16be" | "utf-16le" if body.len() > 1 => {
            // JSON begins with ASCII, so the zero byte tells the order whatever the label says.
            let is_big_endian = body[0] == 0 || (body[1] != 0 && charset != "utf-16le");
            let unit = if is_big_endian {
                u16::from_be_bytes
            } else {
                u16::from_le_bytes
            };
            return decode_utf16(body, unit).into();
        }
        _ => {}
    }
    // A text that is UTF-8 is hardly ever meant otherwise: servers label JSON with their default.
    match (std::str::from_utf8(body), charset.as_str()) {
        (Ok(text), _) => text.into(),
        (
            _,
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1"
            | "windows-1252" | "cp1252",
        ) => body
            .iter()
            .map(|byte| windows_1252(*byte))
            .collect::<String>()
            .into(),
        (_, "iso-8859-15" | "iso8859-15" | "latin-9" | "latin9") => body
            .iter()
            .map(|byte| iso_8859_15(*byte))
            .collect::<String>()
            .into(),
        _ => String::from_utf8_lossy(body),
    }
}

/// The `charset` parameter of a content type, in lower case.
fn charset(content_type: &str) -> Option<String> {
    let mut parameters = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    let (_, charset) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(
        charset
            .trim()
            .trim_matches(['"', '\''])
            .to_ascii_lowercase(),
    )
}

fn decode_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let pairs = body.chunks(2);
    let units = pairs.map(|pair| <[u8; 2]>::try_from(pair).map_or(0xfffd, unit));
    char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Latin-1, with the printable characters that Windows has in place of control characters.
fn windows_1252(byte: u8) -> char {
    const HIGH_CONTROLS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH_CONTROLS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn iso_8859_15(byte: u8) -> char {
    match byte {
        0xa4 => '€',
        0xa6 => 'Š',
        0xa8 => 'š',
        0xb4 => 'Ž',
        0xb8 => 'ž',
        0xbc => 'Œ',
        0xbd => 'œ',
        0xbe => 'Ÿ',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read() {
        let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(to_bytes).collect()
        };
        let little = utf16("{\"a\":\"é😀\"}", u16::to_le_bytes);
        let big = utf16("{\"a\":\"é😀\"}", u16::to_be_bytes);
        for (body, content_type, expected) in [
            (b"{}".to_vec(), None, "{}"),
            (b"\xef\xbb\xbf{}".to_vec(), None, "{}"),
            (
                "é".as_bytes().to_vec(),
                Some("application/json; charset=ISO-8859-1"),
                "é",
            ),
            (
                b"\xe9\x80".to_vec(),
                Some("application/json;Charset=\"iso-8859-1\""),
                "é€",
            ),
            (
                b"\xe9\x80".to_vec(),
                Some("text/plain; x=y; charset = windows-1252"),
                "é€",
            ),
            (
                b"\xa4".to_vec(),
                Some("text/plain; charset=iso-8859-15"),
                "€",
            ),
            (b"a\xe9b".to_vec(), Some("application/json"), "a\u{fffd}b"),
            (
                b"a\xe9b".to_vec(),
                Some("application/json; charset=utf-8"),
                "a\u{fffd}b",
            ),
            (
                [b"\xff\xfe".to_vec(), little.clone()].concat(),
                None,
                "{\"a\":\"é😀\"}",
            ),
            (
                [b"\xfe\xff".to_vec(), big.clone()].concat(),
                None,
                "{\"a\":\"é😀\"}",
            ),
            (
                little,
                Some("application/json; charset=utf-16"),
                "{\"a\":\"é😀\"}",
            ),
            (
                big,
                Some("application/json; charset=UTF-16BE"),
                "{\"a\":\"é😀\"}",
            ),
            (b"\xff\xfe{\x00}".to_vec(), None, "{\u{fffd}"),
            (b"{".to_vec(), Some("application/json; charset=utf-16"), "{"),
        ] {
            assert_eq!(
                decode(&body, content_type),
                expected,
                "{body:?} {content_type:?}"
            );
        }
    }
}
