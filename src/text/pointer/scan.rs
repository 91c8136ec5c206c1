//! Walks over JSON text without building anything: where the members of an object and the elements
//! of an array begin and end.
//!
//! What is stepped over is not checked, except that its strings and brackets must end. An error is
//! the position at which the text is not JSON.

use std::ops::Range;

use memchr::memchr2;

use super::blocks::{has_last, Blocks};

/// What a walk finds, or the position at which the text is not JSON.
pub type Scan<T> = std::result::Result<T, usize>;

/// The position of the next byte that is not a blank.
pub fn skip_blanks(json: &[u8], at: usize) -> usize {
    let rest = json.get(at..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| is_blank(**byte));
    at + blanks.count()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The end of the value that begins at a position.
pub fn value_end(json: &[u8], at: usize) -> Scan<usize> {
    match json.get(at) {
        Some(b'"') => string_end(json, at),
        Some(b'{' | b'[') => container_end(json, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let is_end = |byte: &u8| is_blank(*byte) || matches!(byte, b',' | b'}' | b']');
            Ok(json[at..]
                .iter()
                .position(is_end)
                .map_or(json.len(), |length| at + length))
        }
        _ => Err(at),
    }
}

/// The end of the string that begins at a position.
fn string_end(json: &[u8], at: usize) -> Scan<usize> {
    let mut from = at + 1;
    while let Some(found) = memchr2(b'"', b'\\', json.get(from..).unwrap_or_default()) {
        from += found;
        if json[from] == b'"' {
            return Ok(from + 1);
        }
        from += 2;
    }
    Err(json.len())
}

/// The end of the object or array that begins at a position.
fn container_end(json: &[u8], at: usize) -> Scan<usize> {
    let mut depth = 0usize;
    for block in Blocks::new(json, at) {
        let mut brackets = block.opening | block.closing;
        let first = brackets & brackets.wrapping_neg();
        let is_inner = block.closing & first != 0;
        let outer = depth.saturating_sub(usize::from(is_inner));
        if outer > 0 {
            if let Some(inner) = block.inner(is_inner) {
                depth = outer + usize::from(has_last(inner));
                continue;
            }
        }
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            brackets ^= bracket;
            if block.opening & bracket != 0 {
                depth += 1;
                continue;
            }
            depth -= 1;
            if depth == 0 {
                let end = block.start + bracket.trailing_zeros() as usize;
                // Each opening bracket of ASCII is two below its closing one.
                let is_pair = json[end] == json[at] + 2;
                return is_pair.then_some(end + 1).ok_or(end);
            }
        }
    }
    Err(json.len())
}

/// The start of an element of the array that begins at a position; `None` when it has fewer.
pub fn element(json: &[u8], at: usize, index: usize) -> Scan<Option<usize>> {
    let first = skip_blanks(json, at + 1);
    if json.get(first) == Some(&b']') {
        return Ok(None);
    }
    if index == 0 {
        return Ok(Some(first));
    }
    let (mut depth, mut left) = (0usize, index);
    for block in Blocks::new(json, at) {
        if matches!(depth, 1 | 2) {
            if let Some(inner) = block.inner(depth == 2) {
                let commas = (block.commas & !inner).count_ones() as usize;
                if commas < left {
                    left -= commas;
                    depth = 1 + usize::from(has_last(inner));
                    continue;
                }
            }
        }
        let mut marks = block.opening | block.closing | block.commas;
        while marks != 0 {
            let mark = marks & marks.wrapping_neg();
            marks ^= mark;
            let position = || block.start + mark.trailing_zeros() as usize;
            if block.opening & mark != 0 {
                depth += 1;
            } else if block.closing & mark != 0 {
                depth -= 1;
                if depth == 0 {
                    let is_end = json[position()] == b']';
                    return is_end.then_some(None).ok_or(position());
                }
            } else if depth == 1 {
                left -= 1;
                if left == 0 {
                    return Ok(Some(skip_blanks(json, position() + 1)));
                }
            }
        }
    }
    Err(json.len())
}

/// A member of an object, or an element of an array.
pub struct Item {
    /// The key, with its quotation marks; of an element the empty place before its value.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The items of an object or array, one after the other.
pub struct Items<'a> {
    json: &'a [u8],
    at: usize,
    close: u8,
    is_first: bool,
}

impl<'a> Items<'a> {
    /// The items of the object or array that begins at a position.
    pub fn new(json: &'a [u8], at: usize) -> Items<'a> {
        Items {
            json,
            at: at + 1,
            close: json[at] + 2,
            is_first: true,
        }
    }

    /// The next item; `None` after the last one.
    pub fn next(&mut self) -> Scan<Option<Item>> {
        let Some((key, value)) = self.next_start()? else {
            return Ok(None);
        };
        self.skip(value)?;
        let value = value..self.at;
        Ok(Some(Item { key, value }))
    }

    /// The key of the next item and the start of its value, which `skip` must step over.
    pub fn next_start(&mut self) -> Scan<Option<(Range<usize>, usize)>> {
        let at = skip_blanks(self.json, self.at);
        let start = match self.json.get(at) {
            Some(byte) if *byte == self.close => return Ok(None),
            Some(_) if self.is_first => at,
            Some(b',') => skip_blanks(self.json, at + 1),
            _ => return Err(at),
        };
        self.is_first = false;
        Ok(Some(match self.close {
            b'}' => self.key(start)?,
            _ => (start..start, start),
        }))
    }

    /// Steps over the value that begins at a position.
    pub fn skip(&mut self, value: usize) -> Scan<()> {
        self.at = value_end(self.json, value)?;
        Ok(())
    }

    /// A key and the start of its value.
    fn key(&self, start: usize) -> Scan<(Range<usize>, usize)> {
        if self.json.get(start) != Some(&b'"') {
            return Err(start);
        }
        let end = string_end(self.json, start)?;
        let colon = skip_blanks(self.json, end);
        if self.json.get(colon) != Some(&b':') {
            return Err(colon);
        }
        Ok((start..end, skip_blanks(self.json, colon + 1)))
    }
}
