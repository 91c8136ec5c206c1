//! Values, numbers and names as JavaScript sees them.

use serde_json::{Number, Value};

use super::json::Object;

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

/// Whether a value is one that JavaScript takes for "not given": null, false, zero or empty text.
pub fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A number as JavaScript prints it.
pub fn js_number_text(number: &Number) -> String {
    let Some(value) = number.as_f64() else {
        let sign = if number.to_string().starts_with('-') {
            "-"
        } else {
            ""
        };
        return format!("{sign}Infinity");
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-6..21).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{}", exponent.unsigned_abs())
}

/// An object's members in the order in which JavaScript lists them: array indexes ascending, then
/// the rest as given.
pub fn js_key_order(object: &Object) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| array_index(key).map_or(u64::MAX, u64::from));
    members
}

fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index < u32::MAX && index.to_string() == key).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn numbers_print_as_in_javascript() {
        for (json, printed) in [
            ("5", "5"),
            ("5.0", "5"),
            ("-0", "0"),
            ("0.1", "0.1"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("1.5e300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("12345678901234567890", "12345678901234567000"),
            ("-2.50", "-2.5"),
            ("1e999", "Infinity"),
            ("-1e999", "-Infinity"),
        ] {
            let number: Number = serde_json::from_str(json).unwrap();
            assert_eq!(js_number_text(&number), printed, "{json}");
        }
    }

    #[test]
    fn members_come_in_js_key_order() {
        let object: Object = serde_json::from_str(r#"{"b":1,"10":2,"9":3,"01":4,"-1":5}"#).unwrap();
        let keys: Vec<_> = js_key_order(&object)
            .iter()
            .map(|(key, _)| key.as_str())
            .collect();
        assert_eq!(keys, ["9", "10", "b", "01", "-1"]);
    }
}
