//! Looking into a document whose author had another program in mind: what is not there, or is of an odd type, is absent.

use crate::config::tree::{self, Entry, NoTree, Node, Value};

/// YAML, or JSON, which YAML contains but for its pairs of surrogates.
pub(super) fn parse(text: &str) -> Result<Node, NoTree> {
    tree::parse(text)
        .or_else(|none| if text.starts_with(['{', '[']) { serde_json::from_str(text).map_err(|_| none) } else { Err(none) })
}

impl Node {
    /// The value below a key; an empty one is none.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.entries().iter().find(|entry| *entry.key == *key)?;
        Some(&entry.value).filter(|node| node.value != Value::Null)
    }

    /// The entries of a mapping.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What it is instead of a list of mappings, in a sentence of its own: itself, or its first element that is no mapping.
    pub(super) fn no_mappings(&self) -> Option<(usize, &'static str)> {
        match &self.value {
            Value::List(items) => {
                let odd = items.iter().find(|item| !matches!(item.value, Value::Map(_)))?;
                Some((odd.line, "holds something that is no mapping"))
            }
            _ => Some((self.line, "is no list")),
        }
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// A text, a number or a truth value, as text.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.clone()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The text below a key; an empty one is none.
    pub(super) fn text_of(&self, key: &str) -> Option<String> {
        self.get(key)?.text().filter(|text| !text.is_empty())
    }

    /// Whether there is a `true` below a key, or a 1.
    pub(super) fn says(&self, key: &str) -> bool {
        self.text_of(key).is_some_and(|text| text == "true" || text == "1")
    }

    /// The texts of a list; a single text stands for a list of one.
    pub(super) fn texts(&self) -> Vec<String> {
        match &self.value {
            Value::List(items) => items.iter().filter_map(Node::text).collect(),
            _ => self.text().into_iter().collect(),
        }
    }
}
