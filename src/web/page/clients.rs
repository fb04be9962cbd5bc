//! How clients see the chain that is shown.

use std::fmt::Write as _;

use super::html::{capitalized, esc, time};
use crate::{
    diagnosis::{Answer, Views},
    report,
};

/// What follows, each client's answer, and the paths where there are several.
pub(super) fn clients(out: &mut String, views: &Views) {
    let _ = writeln!(
        out,
        "<section class=\"clients\">\n<h4>How clients see it</h4>\n<p>{}.</p>\n<dl class=\"facts\">",
        esc(capitalized(&views.works_where))
    );
    for view in &views.clients {
        let tone = match view.answer {
            Answer::Accepts => "ok",
            Answer::Refuses(_) => "critical",
            Answer::CannotTell(_) => "unknown",
        };
        let answer = view.answer.name().replace('_', " ");
        let reason = esc(view.answer.reason());
        let client = esc(report::client(view));
        let _ = writeln!(out, "<dt>{client}</dt><dd><span class=\"badge {tone}\">{answer}</span> {reason}</dd>");
    }
    out.push_str("</dl>\n");
    if views.paths.len() > 1 {
        out.push_str("<ul class=\"quiet\">\n");
        for path in &views.paths {
            let _ = writeln!(
                out,
                "<li>{} <span>ends {}, taken by {}</span></li>",
                esc(path.subjects.join(" ← ")),
                time(path.not_after),
                esc(report::takers(path)),
            );
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}
