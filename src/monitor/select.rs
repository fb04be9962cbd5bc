//! Which endpoints something is about: patterns for their names and for the values of their labels.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// A pattern: `*` stands for any text, the empty one included, and every other character for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Arc<str>);

impl Glob {
    /// Every text is a pattern.
    pub fn new(pattern: &str) -> Self {
        Glob(pattern.into())
    }

    /// Whether the whole of `text` is as the pattern has it. Never slower than the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All of it must hold; where nothing is said, every endpoint is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Patterns of which one must match the endpoint's name; none: any name.
    pub endpoints: Vec<Glob>,
    /// For each of these labels the patterns of which one must match. A label that the endpoint lacks matches nothing.
    pub labels: BTreeMap<String, Vec<Glob>>,
}

impl Selector {
    /// Whether the endpoint with this name and these labels is meant.
    pub fn matches(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let any = |globs: &[Glob], text: &str| globs.iter().any(|glob| glob.matches(text));
        let is_named = self.endpoints.is_empty() || any(&self.endpoints, name);
        is_named && self.labels.iter().all(|(label, globs)| labels.get(label).is_some_and(|value| any(globs, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let matching =
            [("", ""), ("*", ""), ("*", "a"), ("a*", "a"), ("*.org", "a.org"), ("a*b*c", "aXbbYc"), ("**", "x"), ("a*a", "aa")];
        for (pattern, text) in matching {
            assert!(Glob::new(pattern).matches(text), "{pattern} matches {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", "ab"), ("a", "A"), ("*.org", "a.orgs"), ("a*a", "a"), ("a*b*c", "abX"), ("?", "a")]
        {
            assert!(!Glob::new(pattern).matches(text), "{pattern} does not match {text}");
        }
    }

    #[test]
    fn a_selector_wants_all_that_it_names() {
        let labels = BTreeMap::from([("team".to_owned(), "mail".to_owned()), ("site".to_owned(), "eu-1".to_owned())]);
        let globs = |patterns: &[&str]| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
        let selector = |endpoints: &[&str], of: &[(&str, &[&str])]| Selector {
            endpoints: globs(endpoints),
            labels: of.iter().map(|(label, patterns)| ((*label).to_owned(), globs(patterns))).collect(),
        };
        assert!(Selector::default().matches("a.org", &labels));
        assert!(selector(&["b.org", "*.org"], &[("team", &["web", "mail"]), ("site", &["eu-*"])]).matches("a.org", &labels));
        assert!(!selector(&["*.net"], &[("team", &["mail"])]).matches("a.org", &labels));
        assert!(!selector(&[], &[("team", &["mail"]), ("site", &["us-*"])]).matches("a.org", &labels));
        assert!(!selector(&[], &[("room", &["*"])]).matches("a.org", &labels), "a label that is not there");
    }
}
