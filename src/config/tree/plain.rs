//! The tree of a plain document in one pass: one without tags, anchors and aliases, as a large inventory is.

use std::{collections::HashSet, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{Entry, MAX_DEPTH, Node, Value};

/// The same as the YAML library makes of it; `None` where the document is not plain or not sound, which it is left to the library to
/// read or to refuse.
pub(super) fn parse(text: &str) -> Option<Node> {
    // They end a line to the library, which keeps to YAML 1.1 there.
    if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return None;
    }
    let mut open: Vec<Open> = Vec::new();
    let mut keys = Keys::default();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let line = span.start.line();
        let node = match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) => Node { line, value: scalar(text.into_owned())? },
            Event::Scalar(text, _, 0, None) => Node { line, value: Value::Text(text.into_owned()) },
            Event::SequenceStart(0, None) => {
                open.push(Open::List(line, Vec::new()));
                continue;
            }
            Event::MappingStart(0, None) => {
                open.push(Open::Map(line, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop()?.closed()?,
            Event::DocumentStart(_) if root.is_some() => return None,
            Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => return None,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => continue,
        };
        if open.len() >= MAX_DEPTH {
            return None;
        }
        match open.last_mut() {
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                None => *key = Some((line, keys.shared(&node.value.into_key()))),
                Some((line, key)) => entries.push(Entry { line, key, value: Node { line, ..node } }),
            },
            None => root = Some(node),
        }
    }
    root
}

/// What has begun and not ended.
enum Open {
    List(usize, Vec<Node>),
    /// With the key whose value is to come.
    Map(usize, Vec<Entry>, Option<(usize, Arc<str>)>),
}

impl Open {
    fn closed(self) -> Option<Node> {
        match self {
            Open::List(line, mut items) => {
                items.shrink_to_fit();
                Some(Node { line, value: Value::List(items) })
            }
            Open::Map(line, mut entries, None) => {
                entries.shrink_to_fit();
                Some(Node { line, value: Value::Map(entries) })
            }
            Open::Map(_, _, Some(_)) => None,
        }
    }
}

/// Those of all endpoints are the same few.
#[derive(Default)]
struct Keys(HashSet<Arc<str>>);

impl Keys {
    fn shared(&mut self, key: &str) -> Arc<str> {
        if let Some(known) = self.0.get(key) {
            return Arc::clone(known);
        }
        let key: Arc<str> = key.into();
        self.0.insert(Arc::clone(&key));
        key
    }
}

/// A plain scalar by the core schema (YAML 1.2.2, 10.3.2).
fn scalar(text: String) -> Option<Value> {
    Some(match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        number if number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => {
            match number.parse::<serde_yaml::Number>() {
                Ok(number) => Value::Number(decimal(&number)?),
                // One that is too large is a number all the same.
                Err(_) if number.len() > 15 && !number.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '+') => {
                    return None;
                }
                Err(_) => Value::Text(text),
            }
        }
        _ => Value::Text(text),
    })
}

fn decimal(number: &serde_yaml::Number) -> Option<String> {
    let whole = number.as_u64().map(|number| number.to_string()).or_else(|| number.as_i64().map(|number| number.to_string()));
    whole.or_else(|| number.as_f64().map(|number| number.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::by_the_library, *};

    /// As read in one pass and as read by the library, where both can be.
    fn both(text: &str) -> Option<(Node, Node)> {
        Some((parse(text)?, by_the_library(text).ok()?))
    }

    #[test]
    fn scalars_mean_what_they_mean_to_the_library() {
        let scalars = [
            "",
            "~",
            "null",
            "Null",
            "nULL",
            "true",
            "True",
            "TRUE",
            "tRUE",
            "yes",
            "off",
            "0",
            "7",
            "-7",
            "+7",
            "007",
            "-07",
            "0x1F",
            "-0x1f",
            "0o17",
            "0b11",
            "0x",
            "1_000",
            "1.50",
            "-1.5e3",
            "1e400",
            ".5",
            "5.",
            "-.inf",
            ".inf",
            "+.INF",
            ".nan",
            "-.nan",
            "inf",
            "NaN",
            "-",
            "--1",
            "+-1",
            "-a",
            "...a",
            "10:20",
            "1.2.3.4",
            "127.0.0.1:443",
            "2026-11-27",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "340282366920938463463374607431768211456",
            "30d",
            "25%",
            "<<",
            "a b",
            "é",
            "123456789012345678.mail.example",
            "4f9a8b7c6d5e4f3a2b1c0d9e8f",
        ];
        let mut compared = 0;
        for scalar in scalars {
            for text in [
                format!("a: {scalar}\n"),
                format!("[{scalar}]"),
                format!("- {scalar}\n- \"{scalar}\"\n- '{scalar}'\n"),
                format!("{scalar}: 1\n"),
            ] {
                if let Some((plain, library)) = both(&text) {
                    assert_eq!(plain, library, "{text:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 3 * scalars.len(), "only {compared} were read in one pass");
    }

    #[test]
    fn documents_mean_what_they_mean_to_the_library() {
        let plain = [
            "# comment\na:\n  - x\n  - {k: 1.50,\n     l: true}\nb: |\n  one\n  two\nc:\nd:\n    'late'\n",
            "---\na: >-\n  folded\n  text\n\n  more\n...\n",
            "a:\n- b\n-\n  - c\n- - d\n  - e: f\n    g: h\n",
            "? [a, b]\n: {c: d}\n? e\n: f\n",
            "{a: b, c, d: }\n",
            "a: 1\na: 2\n<<: {b: 3}\n",
            "\"a\\u00e9\\n\": 'it''s'\n",
            "a: plain\n  over lines\n\n  and more\n",
            "a: b#c # d\n",
            "one scalar",
        ];
        for text in plain {
            let (plain, library) = both(text).expect(text);
            assert_eq!(plain, library, "{text:?}");
        }
        for other in [
            "",
            "# nothing\n",
            "a: !b c\n",
            "a: &b c\n",
            "a: &b c\nd: *b\n",
            "a: 1\n---\nb: 2\n",
            "a: [\n",
            "a: \"\n",
            "!!map {a: b}",
            "a: b\u{85}c\n",
        ] {
            assert!(parse(other).is_none(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_means_what_it_means_to_the_library(text in "([ab:,\\[\\]{}?'\"#|>~0-9.\\-+ \n]|: |\n- |\n  ){0,40}") {
            if let Some((plain, library)) = both(&text) {
                prop_assert_eq!(plain, library);
            }
        }
    }
}
