//! JSON in which every text is safe to print and of bounded length: strangers choose what stands in certificates.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::certificate::{printable, printable_cut};

/// The document, with a line feed at its end.
pub(super) fn render(facts: &impl Serialize) -> String {
    let written = serde_json::to_value(facts).map(|value| safe(value, "").to_string());
    let mut text = written.unwrap_or_else(|problem| {
        tracing::error!(%problem, "an answer cannot be written as JSON");
        "null".to_owned()
    });
    text.push('\n');
    text
}

fn safe(value: Value, key: &str) -> Value {
    match value {
        // What we have encoded ourselves is as long as it has to be: a chain in lines, a link.
        Value::String(text) if key == "repaired_chain" => {
            Value::String(text.lines().fold(String::new(), |lines, line| lines + &printable(line) + "\n"))
        }
        Value::String(text) if key == "next" => Value::String(printable(&text)),
        Value::String(text) => Value::String(printable_cut(&text, LONGEST)),
        Value::Array(items) => items.into_iter().map(|item| safe(item, key)).collect(),
        Value::Object(fields) => Value::Object(object(fields)),
        plain => plain,
    }
}

fn object(fields: Map<String, Value>) -> Map<String, Value> {
    let field = |(key, value): (String, Value)| {
        let value = safe(value, &key);
        (printable_cut(&key, LONGEST), value)
    };
    fields.into_iter().map(field).collect()
}

/// The longest text, in characters.
const LONGEST: usize = 1000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_gets_through() {
        let evil = "<script>\"\u{202e}\n";
        let long = "ü".repeat(60_000);
        let written = render(&json!({"a": [{"b": evil}], "c": long, evil: 1, "repaired_chain": "-----BEGIN\n\u{202e}\n"}));
        assert!(written.is_ascii() || !written.contains('\u{202e}'), "{written}");
        let read: Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(read["a"][0]["b"], "<script>\"\\E2\\80\\AE\\0A");
        assert_eq!(read["c"].as_str().map(|text| text.chars().count()), Some(LONGEST));
        assert_eq!(read["<script>\"\\E2\\80\\AE\\0A"], 1);
        assert_eq!(read["repaired_chain"], "-----BEGIN\n\\E2\\80\\AE\n");
    }
}
