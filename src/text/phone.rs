//! Telephone numbers as people paste them.

use super::number::is_floating_point;

/// A telephone number without the characters that word processors, web pages and address books add:
/// invisible marks are removed; spaces, hyphens and digits of other scripts become those of ASCII.
/// The error says what cannot be sent.
pub fn clean(text: &str) -> Result<String, String> {
    // Most numbers need nothing done.
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'(' | b')' | b'-');
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.starts_with(|letter: char| letter.is_ascii_digit()) && digits.bytes().all(is_plain) {
        return Ok(text.trim_end().to_owned());
    }
    let mut number = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' '..='~' => number.push(letter),
            _ if is_ignorable(letter) => {}
            _ => number.push(to_ascii(letter).ok_or_else(|| {
                let code = u32::from(letter);
                format!("holds U+{code:04X}, which a telephone number cannot hold")
            })?),
        }
    }
    let number = number.trim();
    if number.is_empty() {
        return Err("is blank".to_owned());
    }
    if is_floating_point(number) {
        return Err("looks like a floating-point value; give the digits as text".to_owned());
    }
    let is_negative = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_digit());
    if number.strip_prefix('-').is_some_and(is_negative) {
        return Err("must not be negative".to_owned());
    }
    Ok(number.to_owned())
}

/// Characters without a glyph: controls of layout and direction, joiners, variation selectors and
/// tags.
fn is_ignorable(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn to_ascii(letter: char) -> Option<char> {
    match letter {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{30fb}' | '\u{b7}' | '\u{2022}' | '\u{2024}' | '\u{2027}' => Some('.'),
        '\u{2044}' | '\u{2215}' => Some('/'),
        // The full-width forms follow the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0),
        '\u{fe62}' => Some('+'),
        _ if letter.is_whitespace() => Some(' '),
        _ => digit(letter),
    }
}

/// A decimal digit of another script. Each script has its digits in a row.
fn digit(letter: char) -> Option<char> {
    const ZEROS: [u32; 18] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
        0xed0, 0xf20, 0x1040, 0x17e0, 0x1810,
    ];
    let value = ZEROS.iter().find_map(|zero| {
        u32::from(letter)
            .checked_sub(*zero)
            .filter(|value| *value < 10)
    })?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_numbers_are_cleaned() {
        for (given, sent) in [
            ("+1 (415) 111-0000", "+1 (415) 111-0000"),
            ("\u{202d}+49 89 1234567\u{202c}", "+49 89 1234567"),
            ("+49\u{a0}89\u{2011}1234567", "+49 89-1234567"),
            ("\u{feff}+49891234567\u{200e}", "+49891234567"),
            ("+49\u{200b}89\u{2060}1234567", "+49891234567"),
            ("\u{2066}+49891234567\u{2069}", "+49891234567"),
            ("+49\u{ad}89\u{fe0f}1", "+49891"),
            ("+49\u{202f}89\u{2009}1\u{3000}2", "+49 89 1 2"),
            ("\u{ff0b}\u{ff14}\u{ff19} 89", "+49 89"),
            ("\u{660}\u{661}\u{669}", "019"),
            ("+49\u{2013}89\u{2212}1", "+49-89-1"),
            ("+49/89\u{b7}1", "+49/89.1"),
            ("\t+49 89\r\n", "+49 89"),
            ("sip:agent@example.com", "sip:agent@example.com"),
            ("1-800-FLOWERS", "1-800-FLOWERS"),
        ] {
            assert_eq!(clean(given).as_deref(), Ok(sent), "{given:?}");
        }
    }

    #[test]
    fn unsendable_numbers_are_rejected() {
        for text in [
            " ",
            "\u{200b}",
            "+49 89 é",
            "+49\0",
            "\u{1b}1",
            "☎ 1",
            "4151110000.0",
            "4.15e9",
            "-4151110000",
            "\u{2212}415",
        ] {
            assert!(clean(text).is_err(), "{text:?}");
        }
    }
}
