//! The marks, for people.

use crate::{
    run::Outcome,
    score::Score,
    truth::{Kind, Moment},
};

/// Two tables in Markdown: the marks of all three, and certvigil's delays by what was wrong.
pub(crate) fn of(outcome: &Outcome) -> String {
    let columns = [&outcome.certvigil, &outcome.silent, &outcome.crier];
    let mut text = row("", &["certvigil", "always silent", "a mail on every finding"].map(str::to_owned));
    text += &row("---", &["---:"; 3].map(str::to_owned));
    for (name, mark) in MARKS {
        text += &row(name, &columns.map(mark));
    }
    text += "\n| certvigil | due | told after, median | at worst |\n| --- | ---: | ---: | ---: |\n";
    for kind in Kind::ALL {
        if let Some(delays) = outcome.certvigil.delays.get(&kind) {
            text += &row(kind.name(), &[delays.len().to_string(), span(median(delays)), span(delays.last().copied())]);
        }
    }
    text
}

type Mark = fn(&Score) -> String;

const MARKS: [(&str, Mark); 13] = [
    ("precision", |score| format!("{:.2} %", 100.0 * score.precision())),
    ("recall by the deadline", |score| format!("{:.2} %", 100.0 * score.recall())),
    ("incidents due", |score| score.due.to_string()),
    ("told too late", |score| score.late.to_string()),
    ("never told", |score| score.missed.to_string()),
    ("false alarms", |score| score.wrong.to_string()),
    ("repeats", |score| score.duplicates.to_string()),
    ("all-clears too early", |score| score.premature.to_string()),
    ("all-clears that never came", |score| score.unclosed.to_string()),
    ("own outages told of", |score| format!("{} of {}", score.outages_told, score.outages)),
    ("from fault to mail, median", |score| span(median(&all_delays(score)))),
    ("mails a person and day", |score| format!("{:.2}", score.mails_a_day)),
    ("most of them on one day", |score| score.most_a_day.to_string()),
];

fn all_delays(score: &Score) -> Vec<Moment> {
    let mut delays: Vec<_> = score.delays.values().flatten().copied().collect();
    delays.sort_unstable();
    delays
}

fn median(sorted: &[Moment]) -> Option<Moment> {
    sorted.get(sorted.len() / 2).copied()
}

fn span(seconds: Option<Moment>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds @ ..120) => format!("{seconds} s"),
        Some(seconds @ ..7200) => format!("{} min", seconds / 60),
        Some(seconds) => format!("{} h", seconds / 3600),
    }
}

fn row(name: &str, cells: &[String]) -> String {
    format!("| {name} | {} |\n", cells.join(" | "))
}
