//! The status page: every endpoint by urgency, in words, without a script; streamed like the metrics.

mod clients;
mod endpoint;
mod html;
mod query;
mod silences;
#[cfg(test)]
mod tests;

use std::{cmp::Reverse, fmt::Write as _, sync::Arc};

use endpoint::Depth;
use html::{capitalized, count, esc, time};
use query::{Query, STATUSES};

use super::body::{Render, Stream};
use crate::{
    clock::Timestamp,
    diagnosis::Status,
    incident::State,
    monitor::{EndpointView, IncidentView, MailResult, Snapshot},
};

/// The page's style sheet.
pub(super) const STYLE: &str = include_str!("style.css");

/// The page, as `query` asks for it.
pub(super) fn render(snapshot: &Arc<Snapshot>, query: &str) -> Stream {
    let mut query = Query::parse(query);
    let mut totals = Totals::default();
    let mut rows: Vec<(Reverse<Status>, Timestamp, &Arc<EndpointView>)> = Vec::new();
    for view in &snapshot.endpoints {
        let status = view.status();
        totals.count(status);
        if query.matches(view, status) {
            rows.push((Reverse(status), view.not_after().unwrap_or(Timestamp::MAX), view));
        }
    }
    rows.sort_by(|a, b| (a.0, a.1, &a.2.watch.endpoint.name).cmp(&(b.0, b.1, &b.2.watch.endpoint.name)));
    let found = rows.len();
    let pages = found.div_ceil(ROWS).max(1);
    query.page = query.page.min(pages);
    let first = (query.page - 1) * ROWS;
    let rows: Vec<_> = rows.into_iter().skip(first).take(ROWS).map(|(_, _, view)| Arc::clone(view)).collect();

    let mut top = String::new();
    head(&mut top, snapshot, &query);
    tiles(&mut top, &totals, &query);
    troubles(&mut top, snapshot);
    incidents(&mut top, snapshot);
    silences::section(&mut top, snapshot);
    search(&mut top, &query, found, first, rows.len());
    let mut bottom = String::new();
    pager(&mut bottom, &query, pages);
    foot(&mut bottom, snapshot);
    let depth = match found {
        1 => Depth::Alone,
        2..=FEW => Depth::Seen,
        _ => Depth::Listed,
    };
    Stream::new(Page { at: snapshot.at, top: Some(top), depth, rows: rows.into_iter(), bottom: Some(bottom) })
}

/// Up to so many endpoints are shown with how clients see them: that is judged when the page is asked for.
const FEW: usize = 20;

/// So many endpoints a page.
const ROWS: usize = 500;

struct Page {
    at: Timestamp,
    top: Option<String>,
    depth: Depth,
    rows: std::vec::IntoIter<Arc<EndpointView>>,
    bottom: Option<String>,
}

impl Render for Page {
    fn step(&mut self, out: &mut String) -> bool {
        if let Some(top) = self.top.take() {
            out.push_str(&top);
            if self.rows.len() > 0 {
                out.push_str(endpoint::TABLE);
            }
        } else if let Some(view) = self.rows.next() {
            endpoint::row(out, &view, self.depth, self.at);
            if self.rows.len() == 0 {
                out.push_str("</table>\n</div>\n");
            }
        } else if let Some(bottom) = self.bottom.take() {
            out.push_str(&bottom);
        } else {
            return false;
        }
        true
    }
}

#[derive(Default)]
struct Totals([usize; STATUSES.len()]);

impl Totals {
    fn count(&mut self, status: Status) {
        for (known, total) in STATUSES.iter().zip(&mut self.0) {
            *total += usize::from(*known == status);
        }
    }

    fn all(&self) -> usize {
        self.0.iter().sum()
    }
}

fn head(out: &mut String, snapshot: &Snapshot, query: &Query) {
    let refresh = query.refresh.map_or_else(String::new, |s| format!("<meta http-equiv=\"refresh\" content=\"{s}\">\n"));
    let other = Query { refresh: if query.refresh.is_some() { None } else { Some(30) }, ..query.clone() };
    let words = if query.refresh.is_some() { "Stop refreshing" } else { "Refresh every 30 s" };
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>certvigil</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n{refresh}\
         <link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n\
         <header>\n<h1>certvigil</h1>\n<p>As of {} UTC · running since {} UTC · <a href=\"{}\">{words}</a></p>\n</header>\n<main>\n",
        time(snapshot.at),
        time(snapshot.started),
        other.link(),
    );
}

fn tiles(out: &mut String, totals: &Totals, query: &Query) {
    out.push_str("<nav aria-label=\"Endpoints by status\">\n<ul class=\"tiles\">\n");
    let all = (None, "all", totals.all());
    let each = STATUSES.iter().zip(totals.0).map(|(status, total)| (Some(*status), status.name(), total));
    for (status, name, total) in std::iter::once(all).chain(each) {
        let here = if query.status == status { " aria-current=\"true\"" } else { "" };
        let link = Query { status, name: None, page: 1, ..query.clone() }.link();
        let empty = if total == 0 { " none" } else { "" };
        let _ = writeln!(
            out,
            "<li><a class=\"tile {name}{empty}\" href=\"{link}\"{here}><b>{total}</b> <span>{name}</span></a></li>"
        );
    }
    out.push_str("</ul>\n</nav>\n");
}

/// What is wrong with the daemon itself comes before what is wrong elsewhere: it may be why nothing else is told.
fn troubles(out: &mut String, snapshot: &Snapshot) {
    if snapshot.troubles.is_empty() && snapshot.reload.successful {
        return;
    }
    out.push_str("<section class=\"troubles\" aria-labelledby=\"troubles\">\n<h2 id=\"troubles\">Trouble with certvigil itself</h2>\n<ul>\n");
    if !snapshot.reload.successful {
        let at = time(snapshot.reload.success_at);
        let _ = writeln!(
            out,
            "<li>The last reload was refused: the configuration of {at} UTC goes on. The log names every fault in the new one.</li>"
        );
    }
    for trouble in &snapshot.troubles {
        let _ = writeln!(out, "<li>{}</li>", esc(capitalized(trouble)));
    }
    out.push_str("</ul>\n</section>\n");
}

fn incidents(out: &mut String, snapshot: &Snapshot) {
    let standing = |view: &'_ IncidentView| view.members.iter().filter(|member| member.is_standing()).count();
    let mut incidents: Vec<_> = snapshot.incidents.iter().filter_map(|view| Some((view.worst()?, view))).collect();
    incidents.sort_by_key(|(worst, _)| (!worst.is_open(), Reverse(worst.severity), worst.since));
    let open = incidents.iter().filter(|(worst, _)| worst.is_open()).count();
    let suspected = incidents.len() - open;
    let _ = writeln!(out, "<section aria-labelledby=\"incidents\">\n<h2 id=\"incidents\">Incidents</h2>");
    if incidents.is_empty() {
        out.push_str("<p class=\"quiet\">None is open.</p>\n</section>\n");
        return;
    }
    let _ = writeln!(
        out,
        "<details{}><summary>{open} open, {suspected} suspected</summary>\n<div class=\"wide\">\n<table>\n<thead><tr><th scope=\"col\">Severity</th>\
         <th scope=\"col\">Endpoint</th><th scope=\"col\">What</th><th scope=\"col\">Since (UTC)</th></tr></thead>\n<tbody>",
        if incidents.len() <= INCIDENTS_SHOWN_OPEN { " open" } else { "" }
    );
    for (worst, view) in incidents.iter().take(INCIDENTS) {
        let doubt = match worst.state {
            State::Suspected(looks) => {
                format!(" <span class=\"quiet\">suspected, seen {} so far</span>", count(looks.into(), "time"))
            }
            State::Open | State::Mended(..) => String::new(),
        };
        let endpoints = standing(view);
        let others =
            if endpoints > 1 { format!(" <span class=\"quiet\">and {} more</span>", endpoints - 1) } else { String::new() };
        let silenced = view.silence().map_or_else(String::new, |silence| silences::note(silence));
        let name = worst.severity.name();
        let _ = writeln!(
            out,
            "<tr><td data-label=\"Severity\"><span class=\"badge {name}\">{name}</span></td><th scope=\"row\">{}{others}</th>\
             <td data-label=\"What\">{}{doubt} <span class=\"quiet\">{}</span>{silenced}</td><td data-label=\"Since\">{}</td></tr>",
            esc(&worst.endpoint),
            esc(capitalized(&worst.summary)),
            esc(worst.addresses.join(", ")),
            time(worst.since),
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    if incidents.len() > INCIDENTS {
        let _ = writeln!(out, "<p class=\"quiet\">and {} more.</p>", incidents.len() - INCIDENTS);
    }
    out.push_str("</details>\n</section>\n");
}

const INCIDENTS: usize = 100;
const INCIDENTS_SHOWN_OPEN: usize = 10;

fn search(out: &mut String, query: &Query, found: usize, first: usize, shown: usize) {
    let hidden = query
        .status
        .map_or_else(String::new, |status| format!("<input type=\"hidden\" name=\"status\" value=\"{}\">", status.name()));
    let range = match found {
        0 => "No endpoint matches.".into(),
        _ if shown == found => format!("{}, the most urgent first.", count(found, "endpoint")),
        _ => format!("{} to {} of {}, the most urgent first.", first + 1, first + shown, count(found, "endpoint")),
    };
    let _ = write!(
        out,
        "<section aria-labelledby=\"endpoints\">\n<div class=\"bar\">\n<h2 id=\"endpoints\">Endpoints</h2>\n\
         <form method=\"get\" action=\"\" role=\"search\">{hidden}<label for=\"q\">Name or target</label>\
         <input id=\"q\" name=\"q\" type=\"search\" maxlength=\"100\" value=\"{}\"><button>Search</button></form>\n</div>\n\
         <p class=\"quiet\">{range} All times are UTC.</p>\n",
        esc(&query.search),
    );
}

fn pager(out: &mut String, query: &Query, pages: usize) {
    if pages > 1 {
        out.push_str("<nav class=\"pager\" aria-label=\"Pages\">\n");
        let to = |page| Query { page, ..query.clone() }.link();
        if query.page > 1 {
            let _ = write!(out, "<a rel=\"prev\" href=\"{}\">Previous</a> ", to(query.page - 1));
        }
        let _ = write!(out, "<span>Page {} of {pages}</span>", query.page);
        if query.page < pages {
            let _ = write!(out, " <a rel=\"next\" href=\"{}\">Next</a>", to(query.page + 1));
        }
        out.push_str("\n</nav>\n");
    }
    out.push_str("</section>\n");
}

fn foot(out: &mut String, snapshot: &Snapshot) {
    let outbox = &snapshot.outbox;
    let total = |wanted| outbox.sent.iter().filter(|(_, result, _)| *result == wanted).map(|(_, _, number)| number).sum::<u64>();
    let waiting = match outbox.oldest {
        Some(at) => format!("{} waiting, the oldest since {} UTC", count(outbox.length, "mail"), time(at)),
        None => format!("{} waiting", count(outbox.length, "mail")),
    };
    let held = match snapshot.held {
        (people, Some(until)) => {
            let whom = if people == 1 { "1 person".into() } else { format!("{people} people") };
            format!("<dt>Held back</dt><dd>news for {whom}, until {} UTC at first</dd>\n", time(until))
        }
        (_, None) => String::new(),
    };
    let _ = write!(
        out,
        "<section aria-labelledby=\"daemon\">\n<h2 id=\"daemon\">certvigil</h2>\n<dl class=\"facts\">\n{held}\
         <dt>Mail</dt><dd>{waiting}; since the start {} delivered, {} put off, {} refused</dd>\n\
         <dt>Configuration</dt><dd>taken {} UTC</dd>\n<dt>Version</dt><dd>{}</dd>\n</dl>\n</section>\n</main>\n\
         <footer><p><a href=\"metrics\">Metrics</a></p></footer>\n</body>\n</html>\n",
        total(MailResult::Delivered),
        total(MailResult::Deferred),
        total(MailResult::Refused),
        time(snapshot.reload.success_at),
        env!("CARGO_PKG_VERSION"),
    );
}
