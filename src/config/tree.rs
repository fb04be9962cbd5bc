//! The document as a tree in which every value knows its line.
//!
//! A plain document is read in one pass. Of any other, serde_yaml says what it means and whether it is YAML at all, but locates
//! nothing: a second, independent pass over the parser events finds the lines; where the two disagree, a value has the line of what
//! contains it.

mod plain;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use saphyr_parser::{Event, Parser};
use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Counted from 1; 0 is unknown. A value below a key has the key's line, as that is where people look.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Any number, in decimal.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the document; a key that is written twice is there twice.
    Map(Vec<Entry>),
    /// A value with a tag of its own (`!name`), which means nothing here.
    Tagged(String),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) line: usize,
    pub(crate) key: Arc<str>,
    pub(crate) value: Node,
}

/// Why there is no tree.
#[derive(Debug)]
pub(crate) struct NoTree {
    pub(crate) line: Option<usize>,
    pub(crate) problem: String,
    pub(crate) remedy: &'static str,
}

/// Reads one document. Aliases are followed and merge keys (`<<`) merged; what stands explicitly wins.
pub(crate) fn parse(text: &str) -> Result<Node, NoTree> {
    let mut root = match plain::parse(text) {
        Some(root) => root,
        None => by_the_library(text)?,
    };
    merge(&mut root);
    Ok(root)
}

/// Merges nothing yet.
fn by_the_library(text: &str) -> Result<Node, NoTree> {
    let place = places(text)?;
    let mut root = serde_yaml::from_str::<Node>(text).map_err(|error| NoTree::new(&error, text))?;
    locate(&mut root, place.as_ref(), place.as_ref().map_or(0, |place| place.line));
    Ok(root)
}

impl NoTree {
    fn too_deep(line: Option<usize>) -> Self {
        let problem = format!("is nested more than {MAX_DEPTH} levels deep");
        NoTree { line, problem, remedy: "check the brackets there" }
    }

    fn new(error: &serde_yaml::Error, text: &str) -> Self {
        let line = error.location().map(|location| location.line());
        let told = error.to_string();
        if told.contains("more than one document") {
            return NoTree { line, problem: "holds more than one document".into(), remedy: "keep one, and remove the lines ---" };
        }
        if told.starts_with("recursion limit") {
            return NoTree::too_deep(line);
        }
        let written = line.and_then(|line| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
        let indent = &written[..written.len() - written.trim_start().len()];
        let remedy = if told.starts_with("repetition limit") {
            "write out what the aliases repeat"
        } else if told.starts_with("unknown anchor") {
            "write the anchor, &name, before its alias, or put the text into quotes"
        } else if indent.contains('\t') {
            "indent with spaces, not with tabs"
        } else {
            "check the indentation, the quotes and the brackets there"
        };
        NoTree { line, problem: format!("is not sound YAML: {told}"), remedy }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Node { line: 0, value: deserializer.deserialize_any(ValueVisitor)? })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = pairs.next_entry::<Node, Node>()? {
            entries.push(Entry { line: 0, key: key.value.into_key().into(), value });
        }
        Ok(Value::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, contents) = data.variant::<String>()?;
        contents.newtype_variant::<Node>()?;
        Ok(Value::Tagged(tag))
    }
}

impl Value {
    /// The text of a key. What no key of ours can be keeps a shape that no key of ours has.
    fn into_key(self) -> String {
        match self {
            Value::Text(text) | Value::Number(text) => text,
            Value::Bool(value) => value.to_string(),
            Value::Null => "null".into(),
            Value::List(_) => "[...]".into(),
            Value::Map(_) => "{...}".into(),
            Value::Tagged(tag) => tag,
        }
    }
}

/// Where a value begins. A mapping's children alternate: key, value. An alias has none.
struct Place {
    line: usize,
    children: Vec<Place>,
}

/// The lines of the first document; `None` when the event parser does not follow. Refuses what would take the YAML library
/// long to refuse, or would grow beyond measure once its aliases are followed.
fn places(text: &str) -> Result<Option<Place>, NoTree> {
    let mut open: Vec<(Place, u64, usize)> = Vec::new();
    let mut anchored: HashMap<usize, u64> = HashMap::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) if error.info().starts_with("recursion limit") => {
                return Err(NoTree::too_deep(Some(error.marker().line())));
            }
            Err(_) => return Ok(None),
        };
        let leaf = Place { line: span.start.line(), children: Vec::new() };
        let (place, values, anchor) = match event {
            Event::Scalar(_, _, anchor, _) => (leaf, 1, anchor),
            Event::Alias(anchor) => (leaf, anchored.get(&anchor).copied().unwrap_or(1), 0),
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() >= MAX_DEPTH {
                    return Err(NoTree::too_deep(Some(leaf.line)));
                }
                open.push((leaf, 1, anchor));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => closed,
                None => return Ok(None),
            },
            _ => continue,
        };
        if anchor != 0 {
            anchored.insert(anchor, values);
        }
        match open.last_mut() {
            Some((parent, total, _)) => {
                parent.children.push(place);
                *total = total.saturating_add(values);
            }
            None if values > MAX_VALUES => {
                let problem = format!("holds more than {MAX_VALUES} values once its aliases are followed");
                return Err(NoTree { line: None, problem, remedy: "write out what the aliases repeat" });
            }
            None => return Ok(Some(place)),
        }
    }
    Ok(None)
}

/// Writes the lines into the tree; `line` is the nearest known one.
fn locate(node: &mut Node, place: Option<&Place>, line: usize) {
    node.line = line;
    match &mut node.value {
        Value::List(items) => {
            let place = place.filter(|place| place.children.len() == items.len());
            for (i, item) in items.iter_mut().enumerate() {
                let child = place.map(|place| &place.children[i]);
                locate(item, child, child.map_or(line, |child| child.line));
            }
        }
        Value::Map(entries) => {
            let place = place.filter(|place| place.children.len() == 2 * entries.len());
            for (i, entry) in entries.iter_mut().enumerate() {
                entry.line = place.map_or(line, |place| place.children[2 * i].line);
                locate(&mut entry.value, place.map(|place| &place.children[2 * i + 1]), entry.line);
            }
        }
        _ => {}
    }
}

/// Follows merge keys, innermost first. One that merges no mapping stays, to be refused as an unknown key.
fn merge(node: &mut Node) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(merge),
        Value::Map(entries) => {
            for entry in entries.iter_mut() {
                merge(&mut entry.value);
            }
            if !entries.iter().any(Entry::is_merge) {
                return;
            }
            let (merges, mut merged): (Vec<Entry>, Vec<Entry>) = entries.drain(..).partition(Entry::is_merge);
            let mut there: HashSet<Arc<str>> = merged.iter().map(|entry| Arc::clone(&entry.key)).collect();
            for source in merges.into_iter().flat_map(|entry| entry.value.into_maps()).flatten() {
                if there.insert(Arc::clone(&source.key)) {
                    merged.push(source);
                }
            }
            *entries = merged;
        }
        _ => {}
    }
}

impl Entry {
    fn is_merge(&self) -> bool {
        let is_map = |node: &Node| matches!(node.value, Value::Map(_));
        &*self.key == "<<"
            && match &self.value.value {
                Value::Map(_) => true,
                Value::List(items) => items.iter().all(is_map),
                _ => false,
            }
    }
}

impl Node {
    fn into_maps(self) -> Vec<Vec<Entry>> {
        match self.value {
            Value::Map(entries) => vec![entries],
            Value::List(items) => items.into_iter().flat_map(Node::into_maps).collect(),
            _ => Vec::new(),
        }
    }
}

/// About half a million endpoints; a file of aliases of aliases ends here instead of in the machine's memory.
const MAX_VALUES: u64 = 10_000_000;

/// The limit of serde_yaml too, which however reads on to the end first.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// `line path=value`, a line each.
    fn show(text: &str) -> String {
        fn walk(node: &Node, path: &str, out: &mut String) {
            match &node.value {
                Value::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        walk(item, &format!("{path}[{i}]"), out);
                    }
                }
                Value::Map(entries) => {
                    for entry in entries {
                        walk(&entry.value, &format!("{path}.{}", entry.key), out);
                    }
                }
                leaf => writeln!(out, "{} {path}={leaf:?}", node.line).expect("a String takes all"),
            }
        }
        let mut out = String::new();
        walk(&parse(text).expect("YAML"), "", &mut out);
        out
    }

    #[test]
    fn every_value_knows_its_line() {
        insta::assert_snapshot!(show("# comment\na:\n  - x\n  - {k: 1.50,\n     l: true}\nb: |\n  one\n  two\nc:\nd:\n    'late'\n"), @r#"
        3 .a[0]=Text("x")
        4 .a[1].k=Number("1.5")
        5 .a[1].l=Bool(true)
        6 .b=Text("one\ntwo\n")
        9 .c=Null
        10 .d=Text("late")
        "#);
    }

    #[test]
    fn aliases_and_merge_keys_point_to_where_they_are_used() {
        insta::assert_snapshot!(show("a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  - <<: [*b, {z: 4}]\n    w: 5\n  - *a\n  - {<<: 7}\n"), @r#"
        1 .a.x=Number("1")
        1 .a.y=Number("2")
        4 .b.y=Number("3")
        3 .b.x=Number("1")
        7 .c[0].w=Number("5")
        6 .c[0].y=Number("3")
        6 .c[0].x=Number("1")
        6 .c[0].z=Number("4")
        8 .c[1].x=Number("1")
        8 .c[1].y=Number("2")
        9 .c[2].<<=Number("7")
        "#);
    }

    #[test]
    fn keys_written_twice_are_both_kept() {
        insta::assert_snapshot!(show("a: 1\nb: !tag {x: 1}\na: 2\n"), @r#"
        1 .a=Number("1")
        2 .b=Tagged("tag")
        3 .a=Number("2")
        "#);
    }

    #[test]
    fn hostile_documents_end_quickly() {
        let bomb = |width: usize, depth: usize| {
            let mut text = String::from("a0: &a0 [x]\n");
            for level in 1..=depth {
                let aliases = vec![format!("*a{}", level - 1); width].join(", ");
                writeln!(text, "a{level}: &a{level} [{aliases}]").expect("a String takes all");
            }
            text
        };
        let laughs = parse(&bomb(10, 30)).expect_err("too many values");
        assert_eq!(laughs.problem, "holds more than 10000000 values once its aliases are followed");
        let wide = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(20_000), "*a, ".repeat(20_000));
        assert!(parse(&wide).is_err());
        for nest in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(20_000), "? ".repeat(50_000)] {
            assert!(parse(&nest).is_err());
        }
        let deepest = format!("{}x{}", "[".repeat(128), "]".repeat(128));
        assert!(parse(&deepest).is_ok());
        assert_eq!(parse(&format!("[{deepest}]")).expect_err("too deep").problem, "is nested more than 128 levels deep");
        assert_eq!(parse(&"[".repeat(1000)).expect_err("too deep").problem, "is nested more than 128 levels deep");
        assert!(parse("a: *a").is_err());
        assert!(parse("a: &a [*a]").is_err());
    }
}
