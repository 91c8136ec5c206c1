//! Percent-encoding, and `application/x-www-form-urlencoded` with nested data as jQuery writes it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Number, Value};

use crate::text::json::{javascript_number, javascript_order, Object};

/// Where a text will stand, which decides what must be encoded.
#[derive(Clone, Copy)]
enum Place {
    Form,
    Query,
}

/// How numbers and the order of members are written.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    /// As the caller wrote them.
    AsGiven,
    /// As a browser writes them after reading the caller's text.
    JavaScript,
}

/// A form: nested data goes to `name[key][key]`, array elements to `name[]` or, when nested themselves, `name[0]`.
pub fn encode(members: &Object, style: Style) -> String {
    let mut form = Form {
        text: String::new(),
        style,
    };
    for (name, value) in form.members(members) {
        form.nested(name, value);
    }
    form.text
}

/// A field's value.
#[derive(Clone, Copy)]
pub enum FieldValue<'a> {
    /// Text.
    Text(&'a str),
    /// Whatever the caller gave.
    Any(&'a Value),
}

/// The fields of a form in the order in which they came first; each has the value that came last.
#[derive(Default)]
pub struct Fields<'a> {
    members: Vec<(&'a str, FieldValue<'a>)>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Fields<'a> {
    /// Few fields are found by looking at each sooner than by hashing the name.
    const FEW: usize = 16;

    /// Gives a field its value.
    pub fn set(&mut self, name: &'a str, value: FieldValue<'a>) {
        if self.members.len() == Self::FEW && self.places.is_empty() {
            self.places = self
                .members
                .iter()
                .enumerate()
                .map(|(place, (name, _))| (*name, place))
                .collect();
        }
        let known = match self.members.len() {
            0..Self::FEW => self.members.iter().position(|(known, _)| *known == name),
            _ => self.places.get(name).copied(),
        };
        match known {
            Some(place) => self.members[place].1 = value,
            None => {
                if self.members.len() >= Self::FEW {
                    self.places.insert(name, self.members.len());
                }
                self.members.push((name, value));
            }
        }
    }

    /// The form.
    pub fn encode(&self) -> String {
        let mut form = Form {
            text: String::with_capacity(256),
            style: Style::AsGiven,
        };
        for (name, value) in &self.members {
            match value {
                FieldValue::Text(text) => form.pair(name, text),
                FieldValue::Any(value) => form.nested(name, value),
            }
        }
        form.text
    }
}

struct Form {
    text: String,
    style: Style,
}

impl Form {
    fn members<'a>(&self, object: &'a Object) -> Vec<(&'a String, &'a Value)> {
        match self.style {
            Style::AsGiven => object.iter().collect(),
            Style::JavaScript => javascript_order(object),
        }
    }

    fn nested(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in self.members(object) {
                    self.nested(&format!("{name}[{key}]"), value);
                }
            }
            // jQuery takes a name that ends so for one that the caller has completed.
            Value::Array(items) if name.ends_with("[]") => {
                items
                    .iter()
                    .for_each(|item| self.pair(name, &joined(item, self.style)));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::Object(_) | Value::Array(_) => {
                            self.nested(&format!("{name}[{index}]"), item)
                        }
                        _ => self.nested(&format!("{name}[]"), item),
                    }
                }
            }
            scalar => self.pair(name, &joined(scalar, self.style)),
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        push_encoded(&mut self.text, name, Place::Form);
        self.text.push('=');
        push_encoded(&mut self.text, value, Place::Form);
    }
}

/// What JavaScript makes of a value that is used as text.
fn joined(value: &Value, style: Style) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Number(number) => number_text(number, style).into(),
        Value::String(text) => text.into(),
        Value::Array(items) => items
            .iter()
            .map(|item| joined(item, style))
            .collect::<Vec<_>>()
            .join(",")
            .into(),
        Value::Object(_) => "[object Object]".into(),
    }
}

fn number_text(number: &Number, style: Style) -> String {
    match style {
        Style::AsGiven => number.to_string(),
        Style::JavaScript => javascript_number(number),
    }
}

/// A query string with its question mark; empty when there is nothing in it.
#[derive(Default)]
pub struct Query(String);

impl Query {
    /// Adds a parameter that is given.
    pub fn add(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            push_encoded(&mut self.0, value.as_ref(), Place::Query);
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    encoded(text, Place::Query)
}

/// A text as a form or a URL holds it.
pub fn encodings(text: &str) -> [String; 2] {
    [encoded(text, Place::Form), encoded(text, Place::Query)]
}

fn encoded(text: &str, place: Place) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_encoded(&mut encoded, text, place);
    encoded
}

fn push_encoded(out: &mut String, text: &str, place: Place) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(text.len());
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if is_plain(byte, place) {
            continue;
        }
        push_plain(out, text, plain..index);
        plain = index + 1;
        match (byte, place) {
            (b' ', Place::Form) => out.push('+'),
            _ => {
                out.push('%');
                out.push(DIGITS[usize::from(byte >> 4)].into());
                out.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
    push_plain(out, text, plain..text.len());
}

fn is_plain(byte: u8, place: Place) -> bool {
    match byte {
        b'-' | b'_' | b'.' | b'~' => true,
        b'!' | b'*' | b'\'' | b'(' | b')' => matches!(place, Place::Form),
        _ => byte.is_ascii_alphanumeric(),
    }
}

/// A run of plain letters; an empty one may lie inside a character.
fn push_plain(out: &mut String, text: &str, run: Range<usize>) {
    out.push_str(text.get(run).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(value: Value, style: Style) -> String {
        encode(value.as_object().unwrap(), style)
            .replace("%5B", "[")
            .replace("%5D", "]")
    }

    #[test]
    fn nested_data_is_written_as_jquery_does() {
        let value = json!({
            "a": {"b": {"c": "d"}}, "list": [1, "x", null, {"y": 2}, [3, []]],
            "none": [], "empty": {}, "null": null, "truth": [true, false]
        });
        assert_eq!(
            form(value, Style::JavaScript),
            "a[b][c]=d&list[]=1&list[]=x&list[]=&list[3][y]=2&list[4][]=3&null=&truth[]=true&truth[]=false"
        );
    }

    #[test]
    fn a_field_keeps_its_place_and_its_last_value() {
        for count in [1, 15, 16, 17, 40] {
            let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
            let mut fields = Fields::default();
            for value in ["1", "2"] {
                names
                    .iter()
                    .for_each(|name| fields.set(name, FieldValue::Text(value)));
            }
            let expected: Vec<String> = names.iter().map(|name| format!("{name}=2")).collect();
            assert_eq!(fields.encode(), expected.join("&"));
        }
    }

    #[test]
    fn a_name_with_brackets_is_complete() {
        let value = json!({"a[]": [1, null, [2, 3], {}], "b": {"": [4]}});
        assert_eq!(
            form(value, Style::JavaScript),
            "a[]=1&a[]=&a[]=2%2C3&a[]=[object+Object]&b[]=4"
        );
    }

    #[test]
    fn numbers_keep_their_text_unless_a_browser_would_change_it() {
        let value: Value = serde_json::from_str(r#"{"b":1.50,"7":12345678901234567890}"#).unwrap();
        assert_eq!(
            form(value.clone(), Style::AsGiven),
            "b=1.50&7=12345678901234567890"
        );
        assert_eq!(
            form(value, Style::JavaScript),
            "7=12345678901234567000&b=1.5"
        );
    }

    #[test]
    fn forms_queries_and_paths_leave_different_characters() {
        assert_eq!(
            form(json!({"q": "a b!'()*~-_.+é/"}), Style::AsGiven),
            "q=a+b!'()*~-_.%2B%C3%A9%2F"
        );
        let mut query = Query::default();
        query.add("q", Some("a b!'()*~+"));
        query.add("none", None::<&str>);
        query.add("z", Some(""));
        assert_eq!(query.finish(), "?q=a%20b%21%27%28%29%2A~%2B&z=");
        assert_eq!(segment("a/b ?#%"), "a%2Fb%20%3F%23%25");
    }
}
