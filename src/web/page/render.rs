//! Templates, compiled in: every value is a stranger's until it is made printable, cut and escaped here.

use std::{fmt::Write as _, sync::LazyLock};

use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use crate::certificate::printable_cut;

/// The page that this template makes of the facts.
pub(super) fn render(template: &str, facts: &impl Serialize) -> String {
    let rendered = TEMPLATES.as_ref().map_err(ToString::to_string).and_then(|templates| {
        let template = templates.get_template(template).map_err(|error| error.to_string())?;
        template.render(Serde(facts)).map_err(|error| error.to_string())
    });
    rendered.unwrap_or_else(|problem| {
        tracing::error!(template, problem, "a page cannot be shown");
        format!("<!DOCTYPE html>\n<title>certvigil</title>\n<p>This page cannot be shown: {}</p>\n", escaped(&problem))
    })
}

/// A text for an element or a quoted attribute: printable, escaped, and at most 500 characters.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in printable_cut(text, LONGEST).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Several lines, each as [`escaped`] has it.
fn lines(text: &str) -> Value {
    let lines = text.lines().take(MOST_LINES).fold(String::with_capacity(text.len()), |mut out, line| {
        let _ = writeln!(out, "{}", escaped(line));
        out
    });
    Value::from_safe_string(lines)
}

/// The bounds elsewhere are tighter; these hold for everything.
const LONGEST: usize = 500;
const MOST_LINES: usize = 20_000;

macro_rules! compiled_in {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("templates/", $name)))),*] };
}

const SOURCES: &[(&str, &str)] = compiled_in![
    "base.html",
    "parts.html",
    "fleet.html",
    "endpoint.html",
    "picture.html",
    "incidents.html",
    "incident.html",
    "silences.html",
    "outbox.html",
    "missing.html",
];

static TEMPLATES: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(environment);

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(write);
    environment.add_filter("lines", |text: String| lines(&text));
    for (name, source) in SOURCES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Only what macros and filters of ours made goes as it is.
fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return Ok(write!(out, "{value}")?);
    }
    let text = value.as_str().map_or_else(|| value.to_string().into(), std::borrow::Cow::Borrowed);
    Ok(out.write_str(&escaped(&text))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script> \"q\" 'a' & \u{202e}x\r\n";
    const HARMLESS: &str = "&lt;script&gt;alert(1)&lt;/script&gt; &quot;q&quot; &#39;a&#39; &amp; \\E2\\80\\AEx\\0D\\0A";

    #[test]
    fn nothing_gets_through() {
        assert_eq!(escaped(HOSTILE), HARMLESS);
        assert_eq!(escaped(&"ü".repeat(60_000)).chars().count(), LONGEST);
        assert_eq!(lines("a\n<b>\u{1b}\n").to_string(), "a\n&lt;b&gt;\\1B\n");
    }

    #[test]
    fn values_are_escaped_wherever_they_stand() {
        let mut environment = environment().expect("the templates are sound");
        let text = "{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}<a title=\"{{ x }}\">{{ m(x) }}{{ x | upper }}{{ n }}</a>";
        environment.add_template("test.html", text).expect("sound");
        let facts = minijinja::context! { x => HOSTILE, n => 3 };
        let html = environment.get_template("test.html").and_then(|template| template.render(facts)).expect("rendered");
        assert!(html.starts_with(&format!("<a title=\"{HARMLESS}\"><b>{HARMLESS}</b>&lt;SCRIPT&gt;")), "{html}");
        assert!(html.ends_with("\\0D\\0A3</a>"), "{html}");
    }
}
