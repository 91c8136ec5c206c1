//! Percent-encoding, and `application/x-www-form-urlencoded` with nested data as jQuery writes it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Number, Value};

use crate::text::javascript::{js_key_order, js_number_text};
use crate::text::json::Object;
use crate::text::number::plain_decimal;

/// Which characters are encoded.
#[derive(Clone, Copy)]
enum EncodeSet {
    Form,
    Query,
    /// A query in which a space is a plus sign.
    WidgetQuery,
}

/// How numbers and the order of members are written.
#[derive(Clone, Copy, PartialEq)]
pub enum NumberStyle {
    /// As the caller wrote them.
    AsGiven,
    /// As a browser writes them after reading the caller's text.
    JavaScript,
}

/// A form: nested data goes to `name[key][key]`, array elements to `name[]` or, when nested
/// themselves, `name[0]`.
pub fn encode(members: &Object, style: NumberStyle) -> String {
    let mut form = Form {
        text: String::new(),
        style,
    };
    for (name, value) in form.members(members) {
        form.nested(name, value);
    }
    form.text
}

#[derive(Clone, Copy)]
pub enum FieldValue<'a> {
    Text(&'a str),
    /// Whatever the caller gave.
    Any(&'a Value),
}

/// The fields of a form in the order in which they came first; each has the value that came last.
#[derive(Default)]
pub struct Fields<'a> {
    members: Vec<(&'a str, FieldValue<'a>)>,
    index: HashMap<&'a str, usize>,
}

impl<'a> Fields<'a> {
    /// Few fields are found by looking at each sooner than by hashing the name.
    const LINEAR_SEARCH_MAX: usize = 16;

    /// Gives a field its value.
    pub fn set(&mut self, name: &'a str, value: FieldValue<'a>) {
        if self.members.len() == Self::LINEAR_SEARCH_MAX && self.index.is_empty() {
            self.index = self
                .members
                .iter()
                .enumerate()
                .map(|(place, (name, _))| (*name, place))
                .collect();
        }
        let known = match self.members.len() {
            0..Self::LINEAR_SEARCH_MAX => self.members.iter().position(|(known, _)| *known == name),
            _ => self.index.get(name).copied(),
        };
        match known {
            Some(place) => self.members[place].1 = value,
            None => {
                if self.members.len() >= Self::LINEAR_SEARCH_MAX {
                    self.index.insert(name, self.members.len());
                }
                self.members.push((name, value));
            }
        }
    }

    pub fn encode(&self) -> String {
        let mut form = Form {
            text: String::with_capacity(256),
            style: NumberStyle::AsGiven,
        };
        for (name, value) in &self.members {
            match value {
                FieldValue::Text(text) => form.push_pair(name, text),
                FieldValue::Any(value) => form.nested(name, value),
            }
        }
        form.text
    }
}

struct Form {
    text: String,
    style: NumberStyle,
}

impl Form {
    fn members<'a>(&self, object: &'a Object) -> Vec<(&'a String, &'a Value)> {
        match self.style {
            NumberStyle::AsGiven => object.iter().collect(),
            NumberStyle::JavaScript => js_key_order(object),
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
                    .for_each(|item| self.push_pair(name, &js_string(item, self.style)));
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
            scalar => self.push_pair(name, &js_string(scalar, self.style)),
        }
    }

    fn push_pair(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        push_encoded(&mut self.text, name, EncodeSet::Form);
        self.text.push('=');
        push_encoded(&mut self.text, value, EncodeSet::Form);
    }
}

/// What JavaScript makes of a value that is used as text.
fn js_string(value: &Value, style: NumberStyle) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Number(number) => number_text(number, style).into(),
        Value::String(text) => text.into(),
        Value::Array(items) => items
            .iter()
            .map(|item| js_string(item, style))
            .collect::<Vec<_>>()
            .join(",")
            .into(),
        Value::Object(_) => "[object Object]".into(),
    }
}

fn number_text(number: &Number, style: NumberStyle) -> String {
    match style {
        // What cannot be written so has been refused before.
        NumberStyle::AsGiven => plain_decimal(number).unwrap_or_else(|| number.to_string()),
        NumberStyle::JavaScript => js_number_text(number),
    }
}

/// A query string with its question mark; empty when there is nothing in it.
pub struct Query {
    text: String,
    encode_set: EncodeSet,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            text: String::new(),
            encode_set: EncodeSet::Query,
        }
    }
}

impl Query {
    /// A query as the widget writes it.
    pub fn for_widget() -> Query {
        Query {
            encode_set: EncodeSet::WidgetQuery,
            ..Query::default()
        }
    }

    /// Adds a parameter whose name is the caller's.
    pub fn add_any(&mut self, name: &str, value: &str) {
        let name = encoded(name, self.encode_set);
        self.add(&name, Some(value));
    }

    /// Adds a parameter that is given. The name needs no encoding.
    pub fn add(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text.push(if self.text.is_empty() { '?' } else { '&' });
            self.text.push_str(name);
            self.text.push('=');
            push_encoded(&mut self.text, value.as_ref(), self.encode_set);
        }
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// One segment of a path, encoded.
pub fn encode_segment(text: &str) -> String {
    encoded(text, EncodeSet::Query)
}

fn encoded(text: &str, set: EncodeSet) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_encoded(&mut encoded, text, set);
    encoded
}

fn push_encoded(out: &mut String, text: &str, set: EncodeSet) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(text.len());
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if PLAIN[usize::from(byte)] & set.bit() != 0 {
            continue;
        }
        push_run(out, text, plain..index);
        plain = index + 1;
        match (byte, set) {
            (b' ', EncodeSet::Form | EncodeSet::WidgetQuery) => out.push('+'),
            _ => {
                out.push('%');
                out.push(DIGITS[usize::from(byte >> 4)].into());
                out.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
    push_run(out, text, plain..text.len());
}

impl EncodeSet {
    /// The bit of the set in [`PLAIN`].
    fn bit(self) -> u8 {
        match self {
            EncodeSet::Form => 1,
            EncodeSet::Query | EncodeSet::WidgetQuery => 2,
        }
    }
}

/// For each byte, the sets in which it is not encoded.
const PLAIN: [u8; 256] = plain_table();

const fn plain_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => 3,
            b'!' | b'*' | b'\'' | b'(' | b')' => 1,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// A run of plain letters; an empty one may lie inside a character.
fn push_run(out: &mut String, text: &str, run: Range<usize>) {
    out.push_str(text.get(run).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(value: Value, style: NumberStyle) -> String {
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
            form(value, NumberStyle::JavaScript),
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
            form(value, NumberStyle::JavaScript),
            "a[]=1&a[]=&a[]=2%2C3&a[]=[object+Object]&b[]=4"
        );
    }

    #[test]
    fn numbers_keep_their_value_unless_a_browser_would_change_it() {
        let value: Value =
            serde_json::from_str(r#"{"b":1.50,"7":12345678901234567890,"c":5.0,"d":4.15e9}"#)
                .unwrap();
        assert_eq!(
            form(value.clone(), NumberStyle::AsGiven),
            "b=1.50&7=12345678901234567890&c=5&d=4150000000"
        );
        assert_eq!(
            form(value, NumberStyle::JavaScript),
            "7=12345678901234567000&b=1.5&c=5&d=4150000000"
        );
    }

    #[test]
    fn forms_queries_and_paths_leave_different_characters() {
        assert_eq!(
            form(json!({"q": "a b!'()*~-_.+é/"}), NumberStyle::AsGiven),
            "q=a+b!'()*~-_.%2B%C3%A9%2F"
        );
        let mut query = Query::default();
        query.add("q", Some("a b!'()*~+"));
        query.add("none", None::<&str>);
        query.add("z", Some(""));
        assert_eq!(query.finish(), "?q=a%20b%21%27%28%29%2A~%2B&z=");
        assert_eq!(encode_segment("a/b ?#%"), "a%2Fb%20%3F%23%25");
    }
}
