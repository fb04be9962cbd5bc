//! What nobody is told of for a while, and why.

use std::fmt::Write as _;

use super::html::{count, esc, time};
use crate::monitor::{Silence, Snapshot};

/// Beside an incident.
pub(super) fn note(silence: &Silence) -> String {
    format!(
        " <span class=\"quiet\">silenced until {}: {} ({})</span>",
        time(silence.until),
        esc(&silence.reason),
        esc(&silence.by)
    )
}

/// Every silence, the one that ends first first; nothing where there is none.
pub(super) fn section(out: &mut String, snapshot: &Snapshot) {
    let mut silences: Vec<_> = snapshot.silences.iter().collect();
    silences.sort_by_key(|silence| silence.until);
    if silences.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section aria-labelledby=\"silences\">\n<h2 id=\"silences\">Silences</h2>\n\
         <details{}><summary>{}</summary>\n<div class=\"wide\">\n<table>\n<thead><tr><th scope=\"col\">What</th>\
         <th scope=\"col\">Until (UTC)</th><th scope=\"col\">Why</th><th scope=\"col\">By</th><th scope=\"col\">Id</th></tr></thead>\n<tbody>",
        if silences.len() <= SHOWN_OPEN { " open" } else { "" },
        count(silences.len(), "silence"),
    );
    for silence in silences {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td data-label=\"Until\">{}</td><td data-label=\"Why\">{}</td>\
             <td data-label=\"By\">{}</td><td data-label=\"Id\">{}</td></tr>",
            esc(silence.to_string()),
            time(silence.until),
            esc(&silence.reason),
            esc(&silence.by),
            esc(&silence.id),
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</details>\n</section>\n");
}

const SHOWN_OPEN: usize = 10;
