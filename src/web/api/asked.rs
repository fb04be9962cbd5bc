//! The parameters of a query: which there are, and what was asked for by them. Unlike a page, a program that asks for what is not
//! there has made a mistake, and hears of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::problem::Problem;
use crate::web::page::decode;

/// A parameter that a query may have.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    pub(super) kind: Kind,
}

/// What a parameter may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A text of at most so many characters.
    Text(usize),
    /// A whole number between these.
    Number(usize, usize),
}

impl Parameter {
    /// Its values, in JSON Schema.
    pub(super) fn schema(&self) -> Value {
        match self.kind {
            Kind::Word(words) => json!({"type": "string", "enum": words()}),
            Kind::Text(most) => json!({"type": "string", "maxLength": most}),
            Kind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        }
    }

    fn check(&self, value: &str) -> Result<(), Problem> {
        let wanted = match self.kind {
            Kind::Word(words) if words().contains(&value) => return Ok(()),
            Kind::Word(words) => format!("one of {}", words().join(", ")),
            Kind::Text(most) if value.chars().count() <= most => return Ok(()),
            Kind::Text(most) => format!("at most {most} characters"),
            Kind::Number(least, most) => {
                let is_plain = !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit());
                if is_plain && value.parse().is_ok_and(|number| (least..=most).contains(&number)) {
                    return Ok(());
                }
                format!("a whole number from {least} to {most}")
            }
        };
        Err(Problem::bad(format!("{}: {value:?} cannot be used; write {wanted}", self.name)))
    }
}

/// What was asked for: parameters that exist, each once, with values that they take.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeMap<&'static str, String>);

impl Asked {
    pub(super) fn parse(query: &str, known: &[Parameter]) -> Result<Self, Problem> {
        let mut asked = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name, true), decode(value, true));
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Problem::bad(format!("{name:?} is no parameter here; there are: {names}")));
            };
            parameter.check(&value)?;
            if asked.insert(parameter.name, value).is_some() {
                return Err(Problem::bad(format!("{name:?} is there twice; leave one out")));
            }
        }
        Ok(Asked(asked))
    }

    /// Its value; an empty one asks for nothing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// Whether nothing else than this is asked for.
    pub(super) fn allows(&self, name: &str, value: &str) -> bool {
        self.text(name).is_none_or(|wanted| wanted == value)
    }

    /// All of them, as the page's own queries have them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 3] = [
        Parameter { name: "fault", about: "", kind: Kind::Word(|| vec!["server", "client"]) },
        Parameter { name: "q", about: "", kind: Kind::Text(3) },
        Parameter { name: "limit", about: "", kind: Kind::Number(1, 10) },
    ];

    #[test]
    fn what_is_asked_for_is_there_or_refused_with_what_to_write() {
        let asked = Asked::parse("fault=server&q=%C3%BC+x&limit=10&", &KNOWN).expect("sound");
        assert_eq!((asked.text("fault"), asked.text("q"), asked.number("limit")), (Some("server"), Some("ü x"), Some(10)));
        assert!(asked.allows("fault", "server") && !asked.allows("fault", "client") && asked.allows("code", "expired"));
        for (query, detail) in [
            ("fault=mine", "fault: \"mine\" cannot be used; write one of server, client"),
            ("fault", "fault: \"\" cannot be used; write one of server, client"),
            ("q=abcd", "q: \"abcd\" cannot be used; write at most 3 characters"),
            ("limit=0", "limit: \"0\" cannot be used; write a whole number from 1 to 10"),
            ("limit=%2B1", "limit: \"+1\" cannot be used; write a whole number from 1 to 10"),
            (
                "limit=99999999999999999999999",
                "limit: \"99999999999999999999999\" cannot be used; write a whole number from 1 to 10",
            ),
            ("limt=1", "\"limt\" is no parameter here; there are: fault, q, limit"),
            ("q=a&q=b", "\"q\" is there twice; leave one out"),
        ] {
            assert_eq!(Asked::parse(query, &KNOWN).expect_err(query), Problem::bad(detail));
        }
        assert_eq!(Asked::parse("x=1", &[]).expect_err("none"), Problem::bad("\"x\" is no parameter here; there are: none"));
    }
}
