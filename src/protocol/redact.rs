//! Hides what is private in a server's words, which are meant for logs.

use zeroize::Zeroizing;

use super::form;

const HIDDEN: &str = "[hidden]";
const LONGEST_MESSAGE: usize = 1_000;
/// Texts that are shorter are words of any message.
const SHORTEST_TEXT: usize = 3;
/// So many digits in a row, whatever stands between them, tell whose number it is.
const TELLING_DIGITS: usize = 6;
/// So many letters and digits tell the same of other texts.
const TELLING_LETTERS: usize = 5;
/// A text with more digits is no number but data, such as a picture in base64.
const MOST_DIGITS: usize = 40;
/// Separators that may stand between two digits of one number.
const LONGEST_GAP: usize = 3;

/// A server's text without the private texts that it may repeat. `None`: it is too long to be a message, or repeats them
/// in a spelling that cannot be cut out.
pub fn scrubbed(text: &str, private: &[Zeroizing<String>]) -> Option<String> {
    if text.len() > LONGEST_MESSAGE {
        return None;
    }
    let lines = private
        .iter()
        .flat_map(|text| text.lines().filter(|_| text.contains('\n')));
    let texts = private
        .iter()
        .map(|text| text.as_str())
        .chain(lines)
        .map(str::trim);
    let private: Vec<&str> = texts
        .filter(|text| text.chars().count() >= SHORTEST_TEXT)
        .collect();
    let mut spellings: Vec<_> = private
        .iter()
        .flat_map(|text| spellings(text))
        .map(Zeroizing::new)
        .collect();
    // The longest first, so that no part of a longer text is left over.
    spellings.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut text = text.to_owned();
    for hidden in &spellings {
        text = hide(&text, hidden);
    }
    for number in private
        .iter()
        .map(|text| digits(text))
        .filter(|number| (TELLING_DIGITS..=MOST_DIGITS).contains(&number.len()))
    {
        text = hide_number(&text, &number);
    }
    let left = squeezed(&text.replace(HIDDEN, " "));
    let mut telling = private
        .iter()
        .map(|text| squeezed(text))
        .filter(|text| text.chars().count() >= TELLING_LETTERS);
    (!telling.any(|text| left.contains(text.as_str()))).then_some(text)
}

/// A text as it is, and as forms, URLs, JSON and HTML hold it.
fn spellings(text: &str) -> impl Iterator<Item = String> {
    let json = serde_json::to_string(text)
        .ok()
        .map(|json| json[1..json.len() - 1].to_owned());
    form::encodings(text)
        .into_iter()
        .chain(json)
        .chain([in_html(text), text.to_owned()])
}

fn in_html(text: &str) -> String {
    ENTITIES
        .iter()
        .fold(text.to_owned(), |text, (sign, entity)| {
            text.replace(sign, entity)
        })
}

/// The ampersand comes first: the others hold one.
const ENTITIES: [(&str, &str); 5] = [
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("\"", "&quot;"),
    ("'", "&#39;"),
];

/// Hides a text in capitals or not.
fn hide(text: &str, hidden: &str) -> String {
    // Only ASCII letters change, so that both texts have the same positions.
    let (folded, wanted) = (
        text.to_ascii_lowercase(),
        Zeroizing::new(hidden.to_ascii_lowercase()),
    );
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (start, found) in folded.match_indices(wanted.as_str()) {
        out.push_str(&text[end..start]);
        out.push_str(HIDDEN);
        end = start + found.len();
    }
    out.push_str(&text[end..]);
    out
}

fn digits(text: &str) -> Zeroizing<Vec<u8>> {
    text.bytes()
        .filter(u8::is_ascii_digit)
        .collect::<Vec<u8>>()
        .into()
}

/// Hides every stretch of digits that the message shares with a number, in whatever groups the server writes it, and
/// whatever number stands before or behind.
fn hide_number(message: &str, number: &[u8]) -> String {
    let mut out = String::with_capacity(message.len());
    let mut end = 0;
    for run in runs(message) {
        let digits: Vec<u8> = run.iter().map(|at| message.as_bytes()[*at]).collect();
        for (first, last) in shared(&digits, number) {
            let start = end + message[end..run[first]].trim_end_matches(['+', '(']).len();
            out.push_str(&message[end..start]);
            out.push_str(HIDDEN);
            end = run[last] + 1;
        }
    }
    out.push_str(&message[end..]);
    out
}

/// The places of digits, those together that may belong to one number.
fn runs(message: &str) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut gap = usize::MAX;
    for (at, letter) in message.char_indices() {
        if letter.is_ascii_digit() {
            match runs.last_mut() {
                Some(run) if gap <= LONGEST_GAP => run.push(at),
                _ => runs.push(vec![at]),
            }
            gap = 0;
        } else {
            gap = if letter.is_alphabetic() {
                usize::MAX
            } else {
                gap.saturating_add(1)
            };
        }
    }
    runs
}

/// First and last place of every stretch of digits, long enough to tell, that stands in the number too.
fn shared(digits: &[u8], number: &[u8]) -> Vec<(usize, usize)> {
    let is_telling = |stretch: &[u8]| number.windows(TELLING_DIGITS).any(|part| part == stretch);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (first, _) in digits
        .windows(TELLING_DIGITS)
        .enumerate()
        .filter(|(_, stretch)| is_telling(stretch))
    {
        let last = first + TELLING_DIGITS - 1;
        match found.last_mut() {
            Some((_, before)) if *before + 1 >= first => *before = last,
            _ => found.push((first, last)),
        }
    }
    found
}

/// What is left of a text without capitals, entities, spaces and punctuation.
fn squeezed(text: &str) -> Zeroizing<String> {
    let replaced =
        |text: Zeroizing<String>, (sign, entity): &(&str, &str)| text.replace(entity, sign).into();
    let plain = ENTITIES
        .iter()
        .rev()
        .fold(text.to_lowercase().into(), replaced);
    plain
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(texts: &[&str]) -> Vec<Zeroizing<String>> {
        texts.iter().map(|text| (*text).to_owned().into()).collect()
    }

    #[test]
    fn the_callers_data_is_hidden_in_a_servers_message() {
        let private = private(&[
            "+1 415 111 0000",
            "Bob",
            "x",
            "ab",
            "Jos\u{e9} \"R & D\"",
            "one\nO'Neil",
        ]);
        for (message, hidden) in [
            (
                "Customer Number [+1 415 111 0000] is disallowed",
                "Customer Number [[hidden]] is disallowed",
            ),
            ("number=14151110000 rejected", "number=[hidden] rejected"),
            ("(415) 111-0000 for Bob", "[hidden] for [hidden]"),
            (
                "at 2030-12-01T10:00:00.000 limit 300s, x",
                "at 2030-12-01T10:00:00.000 limit 300s, x",
            ),
            ("ünï + 5 (", "ünï + 5 ("),
            ("for BOB and bob", "for [hidden] and [hidden]"),
            ("n=Jos%C3%A9+%22R+%26+D%22;", "n=[hidden];"),
            ("n=Jos%C3%A9%20%22R%20%26%20D%22;", "n=[hidden];"),
            (
                "{\"n\":\"Jos\u{e9} \\\"R & D\\\"\"}",
                "{\"n\":\"[hidden]\"}",
            ),
            ("for Jos\u{e9} &quot;R &amp; D&quot;", "for [hidden]"),
            ("O&#39;Neil, O'NEIL", "[hidden], [hidden]"),
            ("400 4151110000", "400 [hidden]"),
            ("2030-4151110000.1 no", "2030-[hidden].1 no"),
            ("04151110000", "0[hidden]"),
            ("415_111,0000", "[hidden]"),
            ("415\u{a0}111\u{2011}0000", "[hidden]"),
        ] {
            assert_eq!(scrubbed(message, &private).as_deref(), Some(hidden));
        }
        assert_eq!(scrubbed(&"x".repeat(5_000), &private), None);
    }

    #[test]
    fn numbers_are_known_with_trunk_digits_and_extensions() {
        for (number, message) in [
            ("+49 (0) 30 123456", "+4930123456"),
            ("4151110000;ext=12", "(415)111-0000"),
            ("1234567.0", "1234567"),
            ("4151110000", "+1 415 1110000"),
        ] {
            let hidden = scrubbed(message, &private(&[number])).unwrap();
            assert!(
                hidden.contains(HIDDEN) && digits(&hidden).len() < 4,
                "{hidden}"
            );
        }
    }

    #[test]
    fn a_message_that_tells_in_another_spelling_is_dropped() {
        for (text, message) in [
            (
                "Jos\u{e9} M\u{fc}ller-\u{dc}nal",
                "for JOS\u{c9} M\u{dc}LLER-\u{dc}NAL",
            ),
            ("Ann  Lee Smith", "for ann lee-smith"),
            ("12345", "number 1-23-45"),
        ] {
            assert_eq!(scrubbed(message, &private(&[text])), None, "{message}");
        }
        assert!(scrubbed("The office is closed", &private(&["Ann Lee Smith"])).is_some());
    }
}
