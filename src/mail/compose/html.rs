//! A letter as HTML: one layout for all, for phones and dark rooms, without anything that would be fetched.

use minijinja::{
    AutoEscape, Environment, Error, HtmlEscape, context,
    value::{Serde, Value},
};

use super::Draft;
use crate::mail::samples::Mail;

/// How much work a template may do: a sound letter of 400 endpoints needs a hundredth of it.
const FUEL: u64 = 2_000_000;
/// The built-in layout.
const LAYOUT: &str = include_str!("../templates/layout.html");

/// The list of a gallery.
const GALLERY: &str = include_str!("../templates/gallery.html");

/// The page.
pub(super) fn write(draft: &Draft) -> String {
    let page = rendered(
        LAYOUT,
        context! {
            subject => &*draft.subject,
            language => draft.language.tag(),
            tone => draft.tone,
            blocks => Serde(&draft.body.0),
            link => draft.link.as_deref(),
            answers => &draft.answers,
        },
    );
    page.unwrap_or_else(|_| bare(&draft.body.text()))
}

/// A page that leads to others: their names and subjects.
pub(super) fn gallery(mails: &[Mail]) -> String {
    let mails: Vec<Value> = mails.iter().map(|mail| context! { name => mail.name, subject => &*mail.letter.subject }).collect();
    rendered(GALLERY, context! { mails }).unwrap_or_default()
}

/// The text, where a letter is more than the layout can take.
fn bare(text: &str) -> String {
    format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<pre style=\"white-space: pre-wrap\">{}</pre>\n", HtmlEscape(text))
}

fn rendered(template: &str, context: Value) -> Result<String, Error> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_str(template, context)
}
