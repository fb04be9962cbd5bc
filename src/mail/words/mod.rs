//! What is said differently in each language, and is not in the templates: dates, numbers, and the words for findings.

mod german;
mod titles;

use crate::{
    certificate::printable_cut,
    clock::{self, Timestamp, days_between},
    diagnosis::{Finding, Origin, Severity, Views},
    incident::channel_of,
    monitor::{Habit, InPlaceOf, Rollout},
    observation::Stage,
};

/// The language of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `en`.
    #[default]
    English,
    /// `de`.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::English, Language::German];

    /// `en`, `de`: the primary tag of BCP 47, in the configuration and in HTML, and the folder of its templates.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// A moment, `2026-11-22 09:42 UTC` or `22.11.2026, 09:42 UTC`.
    pub(super) fn date(self, at: Timestamp) -> String {
        match self {
            Language::English => clock::date(at),
            Language::German => at.strftime("%d.%m.%Y, %H:%M UTC").to_string(),
        }
    }

    /// A moment's day (UTC), `2026-11-22` or `22.11.2026`.
    pub(super) fn day(self, at: Timestamp) -> String {
        match self {
            Language::English => clock::day(at),
            Language::German => at.strftime("%d.%m.%Y").to_string(),
        }
    }

    /// The days from one moment to a later one, as they stand after "in" and "ago": `6 days`, `1 day`, `less than a day`.
    pub(super) fn span(self, from: Timestamp, to: Timestamp) -> String {
        match (self, days_between(from, to)) {
            (Language::English, _) => clock::span(from, to),
            (Language::German, ..1) => "weniger als einem Tag".into(),
            (Language::German, 1) => "1 Tag".into(),
            (Language::German, days) => format!("{days} Tagen"),
        }
    }

    /// The first `most` of these and how many more there are: `a, b and 3 more`. Safe to print.
    pub(super) fn list(self, items: &[String], most: usize) -> String {
        let shown = items.iter().take(most).map(|item| printable_cut(item, 200)).collect::<Vec<_>>().join(", ");
        match (items.len().saturating_sub(most), self) {
            (0, _) => shown,
            (more, Language::English) => format!("{shown} and {more} more"),
            (more, Language::German) => format!("{shown} und {more} weitere"),
        }
    }

    /// What people call the thing that is wrong, for a subject: a few words for each finding code.
    pub(super) fn title(self, code: &str) -> String {
        let row = titles::TITLES.iter().find(|(of, ..)| *of == code);
        row.map_or_else(
            || printable_cut(&code.replace('_', " "), 40),
            |(_, english, german)| match self {
                Language::English => (*english).to_owned(),
                Language::German => (*german).to_owned(),
            },
        )
    }

    /// [`Finding::summary`] in this language.
    pub(super) fn summary(self, finding: &Finding) -> String {
        match self {
            Language::English => finding.summary(),
            Language::German => german::summary(finding),
        }
    }

    /// [`Finding::hint`] in this language.
    pub(super) fn hint(self, finding: &Finding) -> String {
        match self {
            Language::English => finding.hint(),
            Language::German => german::hint(finding),
        }
    }

    /// A finding whose evidence is gone: the sentence that is remembered, which is in English, or at least its title.
    pub(super) fn remembered(self, code: &str, summary: &str) -> String {
        match self {
            Language::English => summary.to_owned(),
            Language::German => self.title(code),
        }
    }

    /// How far a visit came: `connect`, `Verbindungsaufbau`.
    pub(super) fn stage(self, stage: Stage) -> &'static str {
        match self {
            Language::English => stage.name(),
            Language::German => german::stage(stage),
        }
    }

    /// How far a new certificate has come, in this language: a sentence.
    pub(super) fn rollout(self, rollout: &Rollout) -> String {
        match self {
            Language::English => rollout.to_string(),
            Language::German => german::rollout(rollout),
        }
    }

    /// When an endpoint usually renews, in this language: a sentence.
    pub(super) fn habit(self, habit: &Habit, now: Timestamp) -> String {
        match self {
            Language::English => habit.sentence(now),
            Language::German => german::habit(habit, now),
        }
    }

    /// [`Views::works_where`] in this language.
    pub(super) fn works_where(self, views: &Views) -> String {
        match self {
            Language::English => views.works_where.clone(),
            Language::German => german::works_where(views),
        }
    }

    /// Where a missing certificate was had from: `from another server, which sends it`. Names no server: an outsider may read it.
    pub(super) fn origin(self, origin: &Origin, address: Option<&str>) -> String {
        match (self, origin) {
            (Language::English, Origin::Address(_)) => {
                format!(
                    "from the address that the certificate below it names{}",
                    address.map_or_else(String::new, |url| format!(" ({url})"))
                )
            }
            (Language::English, Origin::Server) => "from another server, which sends it".into(),
            (Language::English, Origin::Store) => "from the trust store of the machine that certvigil runs on".into(),
            (Language::German, Origin::Address(_)) => {
                format!(
                    "von der Adresse, die das Zertifikat darunter nennt{}",
                    address.map_or_else(String::new, |url| format!(" ({url})"))
                )
            }
            (Language::German, Origin::Server) => "von einem anderen Server, der es mitsendet".into(),
            (Language::German, Origin::Store) => "aus dem Vertrauensspeicher der Maschine, auf der certvigil läuft".into(),
        }
    }

    /// Why somebody reads a letter that was meant for another: a sentence.
    pub(super) fn in_place_of(self, refused: &InPlaceOf) -> String {
        let why = printable_cut(&refused.why, 300);
        match (self, channel_of(&refused.recipient)) {
            (Language::English, None) => {
                let recipient = printable_cut(&refused.recipient, 100);
                format!("You read this in place of {recipient}, to whom the mail server would not take it: {why}")
            }
            (Language::English, Some(channel)) => {
                format!("You read this in place of the channel {}, which refused it: {why}", printable_cut(channel, 100))
            }
            (Language::German, None) => {
                let recipient = printable_cut(&refused.recipient, 100);
                format!("Sie lesen dies anstelle von {recipient}; für diese Adresse nahm der Mailserver es nicht an: „{why}“")
            }
            (Language::German, Some(channel)) => {
                format!("Sie lesen dies anstelle des Kanals {}, der es abgelehnt hat: „{why}“", printable_cut(channel, 100))
            }
        }
    }

    /// `critical`, `kritisch`.
    pub(super) fn severity(self, severity: Severity) -> &'static str {
        match (self, severity) {
            (Language::English, severity) => severity.name(),
            (Language::German, Severity::Info) => "Hinweis",
            (Language::German, Severity::Warning) => "Warnung",
            (Language::German, Severity::Critical) => "kritisch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_title_in_every_language() {
        for code in Finding::CODES {
            for language in Language::ALL {
                let title = language.title(code);
                assert_ne!(title, code.replace('_', " "), "{code} has no words");
                assert!(title.chars().count() <= 36, "{title}");
            }
        }
        assert_eq!(Language::German.title("never_heard_of"), "never heard of");
    }

    #[test]
    fn days_are_counted_in_words() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a moment");
        let now = at("2026-11-22T12:00:00Z");
        for (then, english, german) in [
            ("2026-11-22T13:00:00Z", "less than a day", "weniger als einem Tag"),
            ("2026-11-23T12:00:00Z", "1 day", "1 Tag"),
            ("2027-11-22T12:00:00Z", "365 days", "365 Tagen"),
        ] {
            assert_eq!(Language::English.span(now, at(then)), english);
            assert_eq!(Language::German.span(now, at(then)), german);
        }
        assert_eq!(Language::German.date(now), "22.11.2026, 12:00 UTC");
        assert_eq!(Language::German.list(&["a".into(), "b".into(), "c".into()], 1), "a und 2 weitere");
    }
}
