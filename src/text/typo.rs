//! Finding the known name that an unknown one is probably meant to be.

/// The known name that is closest to an unknown one.
pub struct Nearest<'a> {
    pub name: &'a str,
    /// Whether the unknown name is so close that it is most likely a misspelling.
    pub is_likely_typo: bool,
}

/// The known name closest to `name`; `None` when nothing is known.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Nearest<'a>> {
    let plain = plain_letters(name);
    let distances = known
        .into_iter()
        .map(|known| (edit_distance(&plain, &plain_letters(known)), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    Some(Nearest {
        name: known,
        is_likely_typo: distance <= max_distance(plain_letters(known).len()),
    })
}

/// The known name that `name` most likely misspells.
pub fn likely_typo<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (length, letters) = outline(name);
    let is_close = |known: &&str| {
        let (known_length, known_letters) = outline(known);
        // A wrong letter takes one letter away and brings another.
        let differing = (letters ^ known_letters).count_ones() as usize;
        length.abs_diff(known_length) <= MAX_DISTANCE && differing <= 2 * MAX_DISTANCE
    };
    let nearest = nearest(name, known.into_iter().filter(is_close))?;
    nearest.is_likely_typo.then_some(nearest.name)
}

/// Whether two names differ in nothing but case, underscores and hyphens.
pub fn is_variant(name: &str, other: &str) -> bool {
    let letters = |name: &str| name.replace(['_', '-'], "");
    letters(name).eq_ignore_ascii_case(&letters(other))
}

/// The number of letters and which ones, as bits. Comparing these is much cheaper than counting
/// edits.
fn outline(name: &str) -> (usize, u64) {
    let letters = name.chars().filter(|letter| !is_separator(*letter));
    letters.fold((0, 0), |(count, bits), letter| {
        let bit = u32::from(letter.to_ascii_lowercase()) % u64::BITS;
        (count + 1, bits | 1 << bit)
    })
}

/// Letters that may be wrong in a word of five letters or more.
const MAX_DISTANCE: usize = 2;

/// In a known word of three or four letters, two other letters make another word.
fn max_distance(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=4 => 1,
        _ => MAX_DISTANCE,
    }
}

/// The name without what people vary: case, underscores, hyphens, dots and spaces.
fn plain_letters(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|letter| !is_separator(*letter));
    letters.flat_map(char::to_lowercase).collect()
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '_' | '-' | '.' | '$') || letter.is_whitespace()
}

/// How many letters are added, dropped, changed or swapped with their neighbour.
fn edit_distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for row in 1..=one.len() {
        let mut current = vec![row];
        for column in 1..=other.len() {
            let change = usize::from(one[row - 1] != other[column - 1]);
            let mut best = (above[column] + 1).min(current[column - 1] + 1);
            best = best.min(above[column - 1] + change);
            let is_swapped = row > 1
                && column > 1
                && one[row - 1] == other[column - 2]
                && one[row - 2] == other[column - 1];
            if is_swapped {
                best = best.min(before[column - 2] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognized() {
        let known = [
            "dataURL",
            "ajaxTimeout",
            "apikey",
            "form",
            "tls",
            "_desired_time",
        ];
        for (name, expected) in [
            ("dataUrl", "dataURL"),
            ("data_url", "dataURL"),
            ("data-URL", "dataURL"),
            (" dataURL", "dataURL"),
            ("ajaxTimout", "ajaxTimeout"),
            ("ajaxTmeuot", "ajaxTimeout"),
            ("api.key", "apikey"),
            ("from", "form"),
            ("desiredtme", "_desired_time"),
            ("desired-time", "_desired_time"),
        ] {
            assert_eq!(likely_typo(name, known), Some(expected), "{name}");
        }
        for name in ["url", "theme", "é", "", "_", "orderNumber", "desiredDate"] {
            assert_eq!(likely_typo(name, known), None, "{name}");
        }
    }

    #[test]
    fn variants_have_the_same_letters() {
        for name in ["firstname", "FirstName", "first_name", "first-Name_"] {
            assert!(is_variant(name, "firstname"), "{name}");
        }
        for name in ["first name", "firstnme", "firstnames", ""] {
            assert!(!is_variant(name, "firstname"), "{name}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_for_every_word() {
        let found = nearest("days", ["numberOfDays", "endDate"]).unwrap();
        assert_eq!(found.name, "endDate");
        assert!(!found.is_likely_typo);
        assert!(nearest("x", []).is_none());
    }
}
