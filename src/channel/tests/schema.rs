//! As much of JSON Schema as the published schema uses.

use serde_json::Value;

/// Where the value departs from the schema, and how.
pub(super) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let below = |step: &str| if at.is_empty() { step.to_owned() } else { format!("{at}.{step}") };
    for (rule, wanted) in schema.as_object().unwrap() {
        let fits = match rule.as_str() {
            "type" => match wanted.as_str().unwrap() {
                "string" => value.is_string(),
                "array" => value.is_array(),
                "object" => value.is_object(),
                other => panic!("the type {other} is not known here"),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "pattern" => {
                assert_eq!(wanted, "^[a-z0-9.-]+$", "no other pattern is known here");
                let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
                value.as_str().is_none_or(|text| !text.is_empty() && text.chars().all(is_fine))
            }
            "format" => value.as_str().is_none_or(|text| text.ends_with('Z') && text.parse::<crate::clock::Timestamp>().is_ok()),
            "required" => wanted.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                for (key, inner) in wanted.as_object().unwrap() {
                    if let Some(found) = value.get(key) {
                        check(inner, found, &below(key), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                value.as_object().unwrap().iter().for_each(|(key, found)| check(wanted, found, &below(key), faults));
                true
            }
            "items" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                items.iter().enumerate().for_each(|(index, found)| check(wanted, found, &below(&index.to_string()), faults));
                true
            }
            "$schema" | "$id" | "title" | "description" => true,
            other => panic!("the rule {other} is not known here"),
        };
        if !fits {
            let what = match rule.as_str() {
                "type" => format!("no {}", wanted.as_str().unwrap()),
                "const" | "enum" => "not one of the values".into(),
                other => format!("departs from {other}"),
            };
            faults.push(format!("{at}: {what}"));
        }
    }
}
