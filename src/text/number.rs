//! Numbers as text, without a change of their value.

use serde_json::{Number, Value};

/// The longest text that a number is written as. A longer one is no identifier and no quantity.
const MAX_LENGTH: usize = 100;

/// The digits of a whole number, also one that is written with a zero fraction or an exponent:
/// `4.15e9` is `4150000000`. `None` if it is not whole, or too long.
pub fn whole_digits(number: &Number) -> Option<String> {
    let decimal = Decimal::parse(number.as_str())?;
    decimal.is_whole().then(|| decimal.digits())?
}

/// A number without an exponent. A whole number loses its fraction; any other keeps the digits that
/// it is written with. `None` if it is too long.
pub fn plain_decimal(number: &Number) -> Option<String> {
    let text = number.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= MAX_LENGTH {
        return Some(text.to_owned());
    }
    Decimal::parse(text)?.digits()
}

/// A number that is whole and not negative, also when it is written with a zero fraction, an
/// exponent, or as text.
pub fn whole_number(value: &Value) -> Option<u64> {
    value_digits(value)?.parse().ok()
}

/// The same for a number that may be negative.
pub fn signed_whole_number(value: &Value) -> Option<i64> {
    value_digits(value)?.parse().ok()
}

fn value_digits(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => whole_digits(number),
        Value::String(text) => whole_digits(&serde_json::from_str(text.trim()).ok()?),
        _ => None,
    }
}

/// Whether a text is a number as programs print floating-point values (`4.15e9`, `4151110000.0`),
/// which is never how a person writes an identifier.
pub fn is_floating_point(text: &str) -> bool {
    let text = text.trim().trim_start_matches('+');
    let may_be = text.ends_with(".0") || text.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    may_be && serde_json::from_str::<Number>(text).is_ok()
}

/// A number in its parts: its value is the digits with the point after `point` of them.
struct Decimal<'a> {
    sign: &'a str,
    digits: String,
    point: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Decimal<'a>> {
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => ("-", unsigned),
            None => ("", text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent
            .parse()
            .ok()
            .filter(|exponent: &i64| exponent.abs() < 1 << 32)?;
        Some(Decimal {
            sign,
            digits: format!("{whole}{fraction}"),
            point: i64::try_from(whole.len()).ok()? + exponent,
        })
    }

    fn is_whole(&self) -> bool {
        let fraction = usize::try_from(self.point)
            .unwrap_or(0)
            .min(self.digits.len());
        self.digits[fraction..].bytes().all(|digit| digit == b'0')
    }

    fn digits(&self) -> Option<String> {
        if self.digits.bytes().all(|digit| digit == b'0') {
            return Some("0".to_owned());
        }
        if self.point.unsigned_abs() > MAX_LENGTH as u64 || self.digits.len() > MAX_LENGTH {
            return None;
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        // As many zeros in front and behind as the point needs to stand between digits.
        let before = (1 - self.point).max(0);
        let behind = self.point - self.digits.len() as i64;
        let padded = format!("{}{}{}", zeros(before), self.digits, zeros(behind));
        let (whole, fraction) = padded.split_at(usize::try_from(self.point + before).ok()?);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if self.is_whole() {
            String::new()
        } else {
            format!(".{fraction}")
        };
        Some(format!("{}{whole}{point}", self.sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn whole_numbers_become_their_digits() {
        for (given, digits) in [
            ("4151110000", Some("4151110000")),
            ("4151110000.0", Some("4151110000")),
            ("4151110000.000", Some("4151110000")),
            ("4.15e9", Some("4150000000")),
            ("4.15E+9", Some("4150000000")),
            ("41500e-2", Some("415")),
            ("0.0415e4", Some("415")),
            (
                "123456789012345678901234567890",
                Some("123456789012345678901234567890"),
            ),
            ("-5.0", Some("-5")),
            ("-0.0", Some("0")),
            ("0e99", Some("0")),
            ("1.5", None),
            ("41501e-2", None),
            ("1e400", None),
            ("1e99999999999999999999", None),
            ("5e-1", None),
        ] {
            assert_eq!(whole_digits(&number(given)).as_deref(), digits, "{given}");
        }
    }

    #[test]
    fn fractions_keep_their_digits() {
        for (given, text) in [
            ("1.50", Some("1.50")),
            ("-2.25", Some("-2.25")),
            ("1.5e-3", Some("0.0015")),
            ("12.5e1", Some("125")),
            ("12.55e1", Some("125.5")),
            ("7", Some("7")),
            ("1e-400", None),
        ] {
            assert_eq!(plain_decimal(&number(given)).as_deref(), text, "{given}");
        }
    }

    #[test]
    fn whole_numbers_may_be_text() {
        for (value, expected) in [
            (serde_json::json!("3000"), Some(3000)),
            (serde_json::json!(" 3000 "), Some(3000)),
            (serde_json::json!("3e3"), Some(3000)),
            (serde_json::json!(3000.0), Some(3000)),
            (serde_json::json!("3000 ms"), None),
            (serde_json::json!("3,000"), None),
            (serde_json::json!(""), None),
            (serde_json::json!(-1), None),
            (serde_json::json!(true), None),
        ] {
            assert_eq!(whole_number(&value), expected, "{value}");
        }
    }

    #[test]
    fn floating_point_texts_are_recognized() {
        for text in [
            "4151110000.0",
            "4.15E9",
            "4.15e+09",
            " 1e3 ",
            "+4151110000.0",
        ] {
            assert!(is_floating_point(text), "{text}");
        }
        for text in [
            "4151110000",
            "+4151110000",
            "415.111.0000",
            "415.111",
            "0049891234567",
            "",
        ] {
            assert!(!is_floating_point(text), "{text}");
        }
    }
}
