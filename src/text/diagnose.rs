//! What to say about a caller's text that is not JSON.

/// A hint that helps to correct the text, or an empty string. `line` and `column` are where the
/// parser stopped.
pub fn hint(text: &str, line: usize, column: usize) -> &'static str {
    let trimmed = text.trim();
    if trimmed.starts_with('<') {
        return "; it looks like XML or HTML";
    }
    if matches!(trimmed, "{" | "[" | "\"") {
        return "; the text ends after one character: if it is UTF-16 or UTF-32, convert it to UTF-8";
    }
    if looks_like_code(text, line, column) {
        return "; if it is JavaScript, run JSON.stringify(...) on the object, in the browser's console for \
                example, and pass the result (in Python: json.dumps)";
    }
    ""
}

/// Whether the parser stopped at something that JavaScript or Python allows and JSON does not: a
/// name without quotation marks, a text in single ones, a comment, a comma at the end, a semicolon.
fn looks_like_code(text: &str, line: usize, column: usize) -> bool {
    let line_start = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    let mut offset = (line_start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let (before, rest) = text.split_at(offset);
    match rest.chars().next() {
        Some('\'' | '`' | '/' | ';' | '(' | ')' | '=' | '_' | '$' | '#') => true,
        Some('}' | ']') => before.trim_end().ends_with(','),
        Some(letter) => letter.is_alphabetic(),
        None => false,
    }
}

/// Why bytes that are not UTF-8 are probably not: the name of the encoding that their beginning
/// shows.
pub fn encoding_hint(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "; it looks like UTF-16: convert it to UTF-8",
        _ => "; if it is Latin-1 or another encoding, convert it to UTF-8",
    }
}

#[cfg(test)]
mod tests {
    use crate::text::json::parse;

    #[test]
    fn code_is_recognized_and_broken_json_is_not() {
        for text in [
            "window._genesys.widgets = { callback: { dataURL: 'x' } };",
            "var x = {};",
            "// ours\n{}",
            "{ callback: {} }",
            "{\"a\": 'x'}",
            "{\"a\": `x`}",
            "{\"a\":\"x\", // ours\n \"b\":{}}",
            "{\"a\":\"x\",\n}",
            "[1,]",
            "{\"a\":1};",
            "{\"a\": undefined}",
            "{\"a\": None}",
            "{'a': 1}",
            "({\"a\":1})",
            "/* ours */ {\"a\":1}",
        ] {
            let message = parse(text, "the text").unwrap_err().message;
            assert!(message.contains("JavaScript"), "{text}: {message}");
        }
        for text in [
            "{\"a\":",
            "{\"a\" 1}",
            "{\"é\" \"é\"}",
            "[1 2]",
            "{} {}",
            "<p>",
            "{",
        ] {
            let message = parse(text, "the text").unwrap_err().message;
            assert!(!message.contains("JavaScript"), "{text}: {message}");
        }
        let message = parse("{", "the text").unwrap_err().message;
        assert!(message.contains("UTF-16"), "{message}");
        assert!(parse("<html>", "x").unwrap_err().message.contains("HTML"));
    }
}
