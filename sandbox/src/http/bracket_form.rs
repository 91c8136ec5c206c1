//! Decodes form keys with brackets, `a[b][c]`, into nested values: the encoding of jQuery.

use serde_json::{Map, Value};

const MAX_DEPTH: usize = 32;

/// `a[]` appends. An object whose keys are `0`, `1`, `2`... in order becomes an array.
pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Map<String, Value>, String> {
    let mut root = Map::new();
    for (key, value) in pairs {
        if key.is_empty() {
            continue;
        }
        let path =
            path(&key).ok_or_else(|| format!("{key} nests deeper than {MAX_DEPTH} levels"))?;
        insert(&mut root, &path, value)
            .ok_or_else(|| format!("{key} is given both as a single value and as a nested one"))?;
    }
    for value in root.values_mut() {
        make_arrays(value);
    }
    Ok(root)
}

/// Splits a key into its parts. A key with unbalanced brackets is a plain name. `None` if it is
/// nested too deep.
fn path(key: &str) -> Option<Vec<&str>> {
    let plain = Some(vec![key]);
    let Some((name, rest)) = key.split_once('[') else {
        return plain;
    };
    let Some(rest) = rest.strip_suffix(']').filter(|_| !name.is_empty()) else {
        return plain;
    };
    let mut path = vec![name];
    for part in rest.split("][") {
        if part.contains(['[', ']']) {
            return plain;
        }
        path.push(part);
        if path.len() > MAX_DEPTH {
            return None;
        }
    }
    Some(path)
}

/// Returns `None` if the key contradicts an earlier one. An array stays an object with its indexes
/// as keys until all pairs are inserted: `a[]=1&a[1][x]=2` is one array.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: String) -> Option<()> {
    let (name, rest) = path.split_first()?;
    let name = match *name {
        "" => object.len().to_string(),
        name => name.to_owned(),
    };
    if rest.is_empty() {
        return match object.insert(name, value.into()) {
            Some(Value::Object(_)) => None,
            _ => Some(()),
        };
    }
    let inner = object.entry(name).or_insert_with(|| Map::new().into());
    insert(inner.as_object_mut()?, rest, value)
}

fn make_arrays(value: &mut Value) {
    let Value::Object(object) = value else {
        return;
    };
    for inner in object.values_mut() {
        make_arrays(inner);
    }
    let is_array = object
        .keys()
        .enumerate()
        .all(|(index, key)| *key == index.to_string());
    if is_array {
        let elements = std::mem::take(object).into_iter();
        *value = elements.map(|(_, element)| element).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(pairs: &[(&str, &str)]) -> Result<Value, String> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()));
        parse(pairs.collect()).map(Value::Object)
    }

    #[test]
    fn brackets_nest_values() {
        let parsed = read(&[
            ("userData[a][b]", "1"),
            ("userData[a][c]", ""),
            ("userData[list][]", "x"),
            ("userData[list][]", "y"),
            ("userData[items][0][n]", "1"),
            ("userData[items][1][n]", "2"),
            ("phoneNumber", "5115"),
        ]);
        let expected = json!({
            "userData": {"a": {"b": "1", "c": ""}, "list": ["x", "y"], "items": [{"n": "1"}, {"n": "2"}]},
            "phoneNumber": "5115"
        });
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn top_level_arrays() {
        let parsed = read(&[("a[]", "1"), ("a[]", "2"), ("b[0][x]", "3"), ("0", "zero")]);
        assert_eq!(
            parsed,
            Ok(json!({"a": ["1", "2"], "b": [{"x": "3"}], "0": "zero"}))
        );
    }

    #[test]
    fn scalars_and_objects_share_an_array() {
        let mixed = read(&[("a[]", "1"), ("a[1][x]", "2"), ("a[]", "3")]);
        assert_eq!(mixed, Ok(json!({"a": ["1", {"x": "2"}, "3"]})));
    }

    #[test]
    fn unbalanced_brackets_are_part_of_the_name() {
        for key in ["[a]", "a[b", "a]b[c", "a[b]c", "a[[b]]", "a[b]]"] {
            assert_eq!(read(&[(key, "1")]), Ok(json!({ key: "1" })));
        }
    }

    #[test]
    fn later_value_replaces_an_earlier_one() {
        assert_eq!(read(&[("a", "1"), ("a", "2")]), Ok(json!({"a": "2"})));
    }

    #[test]
    fn contradictions_and_excessive_depth_are_rejected() {
        assert!(read(&[("a", "1"), ("a[b]", "2")]).is_err());
        assert!(read(&[("a[b]", "1"), ("a", "2")]).is_err());
        let deep = format!("a{}", "[b]".repeat(MAX_DEPTH));
        assert!(read(&[(&deep, "1")]).is_err());
        let deepest = format!("a{}", "[b]".repeat(MAX_DEPTH - 1));
        assert!(read(&[(&deepest, "1")]).is_ok());
    }
}
