//! The words of each letter: a template a kind, in each language, with the built-in ones in the binary and anybody's own in a
//! folder. Templates see the facts of their letter and nothing else, do a bounded amount of work, and never cost a mail.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde,
};
use serde::Serialize;

use super::{
    layout::{Body, full},
    markup,
};
use crate::{
    certificate::printable_cut,
    clock::Timestamp,
    mail::{Language, Settings, samples},
};

/// How much work a template may do: more than the largest letter needs, as lists are cut before.
const FUEL: u64 = 500_000;
/// How long a letter may be, in octets.
const LENGTH: usize = 256 * 1024;

macro_rules! built_in {
    ($($name:literal),*) => {
        &[$(
            ($name, include_str!(concat!("../templates/en/", $name)), include_str!(concat!("../templates/de/", $name))),
        )* (DIAGNOSTIC, include_str!("../templates/diagnostic.txt"), include_str!("../templates/diagnostic.txt"))]
    };
}

/// The file; in English; in German.
const BUILT_IN: &[(&str, &str, &str)] = built_in![
    "chain.txt",
    "expiry.txt",
    "problem.txt",
    "resolved.txt",
    "summary.txt",
    "own.txt",
    "state.txt",
    "alive.txt",
    "test.txt",
    "certificate.txt",
    "others.txt",
    "reason.txt",
    "answers.txt",
    "sightings.txt"
];

/// What OpenSSL prints, which is the same in every language.
const DIAGNOSTIC: &str = "diagnostic.txt";

/// Templates that stand in for built-in ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates(BTreeMap<(Language, &'static str), String>);

/// Why a template gives no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// `en/expiry.txt`.
    pub template: String,
    /// Where in it, from 1; 0 where that is not known.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Templates {
    /// The templates that there are, as files of a folder: `en/expiry.txt`.
    pub fn files() -> impl Iterator<Item = (Language, &'static str)> {
        Language::ALL.into_iter().flat_map(|language| BUILT_IN.iter().map(move |(name, ..)| (language, *name)))
    }

    /// The built-in text of a template.
    pub fn built_in(language: Language, name: &str) -> Option<&'static str> {
        let (_, english, german) = BUILT_IN.iter().find(|(of, ..)| *of == name)?;
        Some(match language {
            Language::English => english,
            Language::German => german,
        })
    }

    /// Puts a template in the place of the built-in one.
    pub fn replace(&mut self, language: Language, name: &'static str, text: String) {
        self.0.insert((language, name), text);
    }

    /// What is wrong with those that stand in for built-in ones: each letter is tried, on made-up facts.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for language in Language::ALL.into_iter().filter(|language| self.0.keys().any(|(of, _)| of == language)) {
            let links = Some(samples::links("https://certs.example.com".into()));
            let settings = Settings { language, templates: self.clone(), links, ..samples::settings() };
            let letters = samples::samples().into_iter().map(|sample| super::letter(&sample.notice, &settings).trouble);
            let test = super::test_message(&settings, "ops@example.com", Timestamp::UNIX_EPOCH).trouble;
            for trouble in letters.chain([test]).flatten() {
                if !troubles.contains(&trouble) {
                    troubles.push(trouble);
                }
            }
        }
        troubles
    }

    /// Subject and body.
    pub(super) fn render(&self, language: Language, name: &str, facts: &impl Serialize) -> Result<(String, Body), Trouble> {
        let environment = self.environment(language)?;
        let rendered = environment
            .get_template(name)
            .and_then(|template| template.render(Serde(facts)))
            .map_err(|error| self.trouble(language, &error))?;
        let trouble = |problem: &str| Trouble { template: path(language, name), line: 1, problem: problem.to_owned() };
        if rendered.len() > LENGTH {
            return Err(trouble("makes a letter of more than 256 KB"));
        }
        let (subject, body) = markup::parse(&rendered);
        if subject.is_empty() {
            return Err(trouble("makes no line \"Subject: ..\" at its beginning"));
        }
        Ok((subject, body))
    }

    fn environment(&self, language: Language) -> Result<Environment<'_>, Trouble> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_debug(true);
        let lines_of_their_own =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(lines_of_their_own.map_err(|error| self.trouble(language, &error))?);
        environment.set_auto_escape_callback(|_| AutoEscape::Custom(Cow::Borrowed("markup")));
        environment.set_formatter(mark);
        environment.add_filter("sentence", |text: String| full(&text));
        environment.add_filter("capital", |text: String| full(&text).trim_end_matches('.').to_owned());
        for (of, name) in Templates::files().filter(|(of, _)| *of == language) {
            let text = self.0.get(&(of, name)).map(String::as_str).or_else(|| Templates::built_in(of, name));
            environment.add_template(name, text.unwrap_or_default()).map_err(|error| self.trouble(language, &error))?;
        }
        Ok(environment)
    }

    /// What is wrong, at the innermost place: a template that includes a faulty one is not at fault itself.
    fn trouble(&self, language: Language, error: &Error) -> Trouble {
        let mut innermost = error;
        while let Some(inner) = std::error::Error::source(innermost).and_then(|source| source.downcast_ref()) {
            innermost = inner;
        }
        let name = innermost.name().unwrap_or_default();
        let problem = match (innermost.kind(), innermost.detail()) {
            (ErrorKind::OutOfFuel, _) => "does more work than a letter needs".to_owned(),
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        let line = innermost.line().unwrap_or(0);
        let text = self.0.iter().find(|((of, file), _)| *of == language && *file == name).map(|(_, text)| text.as_str());
        let shown = line.checked_sub(1).and_then(|at| text?.lines().nth(at)).map(|text| format!(", in \"{}\"", text.trim()));
        let problem = printable_cut(&format!("{problem}{}", shown.unwrap_or_default()), 300);
        Trouble { template: path(language, name), line, problem }
    }
}

impl fmt::Display for Trouble {
    /// `en/expiry.txt, line 3: undefined value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// `en/expiry.txt`.
fn path(language: Language, name: &str) -> String {
    format!("{}/{name}", language.tag())
}

/// Writes a value with the mark that keeps it from being markup; what macros and `| safe` give goes as it is.
fn mark(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return Ok(write!(out, "{value}")?);
    }
    let text = value.to_string().replace(|c: char| c.is_control(), " ");
    Ok(write!(out, "{}{text}", markup::VALUE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let mut templates = Templates::default();
        templates.replace(Language::English, "test.txt", text.to_owned());
        let facts = BTreeMap::from([("name", "a\n- b"), ("who", "# c")]);
        let letter = templates.render(Language::English, "test.txt", &facts);
        letter.map(|(subject, body)| format!("{subject}|{}", body.text())).map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn values_are_text_and_nothing_else() {
        assert_eq!(rendered("Subject: {{ name }}\n\n{{ who }}\n").as_deref(), Ok("a - b|# c\n"));
        assert_eq!(
            rendered("Subject: s\n\n{% macro m(x) %}\n- {{ x }}\n{% endmacro %}\n{{ m(who) }}").as_deref(),
            Ok("s|- # c\n")
        );
        assert_eq!(rendered("Subject: s\n\n{{ who | sentence }}").as_deref(), Ok("s|# c.\n"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("Subject: s\n\n{{ nmae }}", "en/test.txt, line 3: undefined value"),
            ("Subject: s\n{% if %}", "en/test.txt, line 2: syntax error"),
            ("Subject: s\n{% include 'sightings.txt' %}", "en/sightings.txt, line 1: undefined value"),
            ("Subject: s\n{% include 'none.txt' %}", "en/test.txt, line 2: template not found"),
            ("{{ name }}", "en/test.txt, line 1: makes no line \"Subject: ..\" at its beginning"),
            (
                "Subject: s\n{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}",
                "more work than a letter needs",
            ),
            ("Subject: s\n{{ 'x' * 1000000 }}", "256 KB"),
        ] {
            let trouble = rendered(text).expect_err(text);
            assert!(trouble.contains(expected), "{text}: {trouble}");
        }
        assert!(rendered("Subject: s\n\n{{ nmae }}").expect_err("no such fact").contains("in \"{{ nmae }}\""));
    }

    #[test]
    fn each_language_has_the_same_templates_and_they_use_the_same_facts() {
        for (name, english, german) in BUILT_IN {
            let facts = [english, german].map(|text| {
                let mut environment = Environment::new();
                environment.add_filter("sentence", |text: String| text);
                environment.add_filter("capital", |text: String| text);
                environment.add_template(name, text).expect("a built-in template is sound");
                let template = environment.get_template(name).expect("it was added");
                template.undeclared_variables(true).into_iter().collect::<std::collections::BTreeSet<_>>()
            });
            assert_eq!(facts[0], facts[1], "{name}");
        }
    }
}
