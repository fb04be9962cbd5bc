//! A letter as HTML: one layout for all, for phones and dark rooms, without anything that would be fetched.

use minijinja::{AutoEscape, Environment, context, value::Serde};

use super::Draft;

/// How much work a template may do: a sound letter of 400 endpoints needs a hundredth of it.
const FUEL: u64 = 2_000_000;
/// The built-in layout.
const LAYOUT: &str = include_str!("../templates/layout.html");

/// The page.
pub(super) fn write(draft: &Draft) -> String {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let context = context! {
        subject => &*draft.subject,
        language => "en",
        tone => draft.tone,
        blocks => Serde(&draft.body.0),
        link => draft.link.as_deref(),
    };
    let page = environment.render_str(LAYOUT, context);
    page.expect("the built-in layout renders every letter")
}
