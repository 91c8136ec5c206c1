//! Names that JavaScript accepts for a variable.

/// Words of the language, which cannot be names.
const RESERVED_WORDS: [&str; 46] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
];

/// Whether a text is a valid name of a JavaScript variable.
pub fn is_javascript_identifier(text: &str) -> bool {
    let is_start = |letter: char| letter.is_alphabetic() || matches!(letter, '_' | '$');
    let is_part = |letter: char| {
        is_start(letter) || letter.is_numeric() || matches!(letter, '\u{200c}' | '\u{200d}')
    };
    text.starts_with(is_start)
        && text.chars().all(is_part)
        && !RESERVED_WORDS.contains(&text)
        && !matches!(text, "with" | "yield")
}

#[cfg(test)]
mod tests {
    use super::is_javascript_identifier;

    #[test]
    fn identifiers_are_recognized() {
        for text in ["a", "_a", "$", "firstName", "x2", "größe", "classes"] {
            assert!(is_javascript_identifier(text), "{text}");
        }
        for text in [
            "",
            "2nd",
            "order-id",
            "first name",
            "a.b",
            "class",
            "in",
            "a\u{301}b!",
            "x[0]",
        ] {
            assert!(!is_javascript_identifier(text), "{text}");
        }
    }
}
