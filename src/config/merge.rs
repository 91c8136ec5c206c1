//! Merging a change into a configuration.

use serde_json::Value;

use crate::text::json::Object;
use crate::text::secret::zeroize_value;

/// Merges a patch into an object as RFC 7396 defines: objects are merged, `null` removes,
/// everything else replaces. Replaced values are overwritten, since they may be secret.
pub fn merge_patch(target: &mut Object, patch: Object) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                let removed = target.shift_remove(&key);
                removed
                    .into_iter()
                    .for_each(|mut removed| zeroize_value(&mut removed));
            }
            Value::Object(change) => match target.get_mut(&key) {
                Some(Value::Object(present)) => merge_patch(present, change),
                _ => {
                    let mut merged = Object::new();
                    merge_patch(&mut merged, change);
                    replace(target, key, Value::Object(merged));
                }
            },
            change => replace(target, key, change),
        }
    }
}

fn replace(target: &mut Object, key: String, value: Value) {
    let replaced = target.insert(key, value);
    replaced
        .into_iter()
        .for_each(|mut replaced| zeroize_value(&mut replaced));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7396, appendix A. A patch or target that is not an object stands under a key here.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let object = |value: &Value| -> Object {
                [("x".to_owned(), value.clone())].into_iter().collect()
            };
            let mut merged = object(&target);
            merge_patch(&mut merged, object(&patch));
            let expected = if result.is_null() {
                Object::new()
            } else {
                object(&result)
            };
            assert_eq!(merged, expected, "{target} + {patch}");
        }
    }
}
