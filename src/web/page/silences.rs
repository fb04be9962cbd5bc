//! `/silences`: what nobody is told of for a while, and why.

use serde::Serialize;

use super::{
    parts::{Frame, Moment, Pager, ago, moment},
    query::Query,
    render::render,
};
use crate::monitor::Snapshot;

/// So many rows a page.
const ROWS: usize = 100;

#[derive(Debug, Serialize)]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    since: Moment,
    until: Moment,
    left: String,
    by: String,
    reason: String,
    id: String,
    /// Open incidents that it keeps quiet, each at one endpoint.
    covers: usize,
}

/// Every silence, the one that ends first first.
pub(super) fn page(snapshot: &Snapshot, query: &str) -> String {
    let mut silences: Vec<_> = snapshot.silences.iter().collect();
    silences.sort_by_key(|silence| silence.until);
    let pager = Pager::of(Query::parse(query).page, silences.len(), ROWS);
    let covered: Vec<_> = snapshot.incidents.iter().flat_map(|view| view.silenced.values()).collect();
    let rows = silences.iter().skip(pager.first(ROWS)).take(ROWS).map(|silence| Row {
        what: silence.to_string(),
        since: moment(silence.since),
        until: moment(silence.until),
        left: ago(snapshot.at, silence.until),
        by: silence.by.clone(),
        reason: silence.reason.clone(),
        id: silence.id.clone(),
        covers: covered.iter().filter(|covering| covering.id == silence.id).count(),
    });
    let rows = rows.collect();
    render("silences.html", &List { frame: Frame::of(snapshot, "", "silences"), rows, pager })
}
