//! JSON as RabbitMQ's error texts show it: as terms of its own language.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Levels of nesting that are shown.
const DEPTH_MAX: usize = 16;

/// One value.
pub(crate) fn term(value: &Value) -> String {
    let mut out = String::new();
    write_term(value, 0, &mut out);
    out
}

/// An object as a list of pairs, which is how RabbitMQ passes it on.
pub(super) fn pairs(object: &Map<String, Value>) -> String {
    let pairs = object.iter().map(|(key, value)| {
        let mut pair = "{".to_owned();
        write_text(key, &mut pair);
        pair.push(',');
        write_term(value, 1, &mut pair);
        pair.push('}');
        pair
    });
    format!("[{}]", pairs.collect::<Vec<_>>().join(","))
}

fn write_term(value: &Value, depth: usize, out: &mut String) {
    if depth > DEPTH_MAX {
        out.push_str("...");
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        // Writing to a String cannot fail.
        Value::Bool(b) => drop(write!(out, "{b}")),
        Value::Number(n) => drop(write!(out, "{n}")),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_term(item, depth + 1, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push_str("#{");
            for (i, (key, item)) in object.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push_str(" => ");
                write_term(item, depth + 1, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str("<<\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    if !text.is_ascii() {
        out.push_str("/utf8");
    }
    out.push_str(">>");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_terms() {
        for (value, expected) in [
            (json!(null), "null"),
            (json!(true), "true"),
            (json!(-1), "-1"),
            (json!("a\"b"), r#"<<"a\"b">>"#),
            (json!("é"), r#"<<"é"/utf8>>"#),
            (json!([1, "a"]), r#"[1,<<"a">>]"#),
            (json!({"a": {"b": 1}}), r#"#{<<"a">> => #{<<"b">> => 1}}"#),
        ] {
            assert_eq!(term(&value), expected);
        }
        let object = json!({"b": 1, "a": "x"});
        let Value::Object(object) = object else {
            unreachable!()
        };
        assert_eq!(pairs(&object), r#"[{<<"a">>,<<"x">>},{<<"b">>,1}]"#);
    }
}
