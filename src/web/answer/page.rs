//! What somebody sees who has followed a link in a mail: small, in the language of the mail, without a script.

use minijinja::{AutoEscape, Environment, context};

use crate::{
    answer::{Action, Answer},
    certificate::printable_cut,
    clock::{self, Timestamp},
    incident::Member,
    monitor::IncidentView,
};

/// The pages' style sheet.
pub(in crate::web) const STYLE: &str = include_str!("page.css");

const LAYOUT: &str = include_str!("page.html");

/// What a link is about.
pub(super) struct Page<'a> {
    pub(super) words: &'static Words,
    pub(super) answer: &'a Answer,
    pub(super) incident: &'a IncidentView,
}

impl Page<'_> {
    /// Asks whether that is meant.
    pub(super) fn question(&self) -> String {
        let deed = self.words.deed(self.answer.action);
        self.write(deed.title, deed.effect, Some(deed.button))
    }

    /// It is done.
    pub(super) fn done(&self) -> String {
        let deed = self.words.deed(self.answer.action);
        self.write(self.words.done, deed.effect, None)
    }

    /// Somebody sees to all of it; what one snoozes, or says is not one's own, is what one hears of.
    pub(super) fn is_meant(&self, member: &Member) -> bool {
        self.answer.action == Action::Acknowledge || member.is_known_to(&self.answer.person)
    }

    fn write(&self, title: &str, text: &str, button: Option<&str>) -> String {
        let is_meant = |member: &Member| self.is_meant(member);
        let open = || self.incident.members.iter().filter(|member| member.is_open() && is_meant(member));
        let names: Vec<_> = open().take(LISTED).map(|member| printable_cut(&member.endpoint, 200)).collect();
        let worst = self.incident.worst();
        self.words.render(context! {
            title, text, button,
            summary => worst.map(|member| printable_cut(&member.summary, 500)),
            names,
            more => open().count().saturating_sub(LISTED),
            more_word => self.words.more,
            you => format!("{} {}", self.words.you, printable_cut(&self.answer.person, 200)),
        })
    }
}

/// All that is said, in one language.
pub(super) struct Words {
    language: &'static str,
    /// In the order of [`Action::ALL`].
    deeds: [Deed; 3],
    done: &'static str,
    you: &'static str,
    more: &'static str,
    expired: [&'static str; 2],
    over: [&'static str; 2],
    unsaved: [&'static str; 2],
    busy: [&'static str; 2],
    forged: [&'static str; 2],
    too_many: [&'static str; 2],
}

struct Deed {
    title: &'static str,
    button: &'static str,
    effect: &'static str,
}

impl Words {
    /// Those of this language, or of ours.
    pub(super) fn of(language: &str) -> &'static Self {
        if language == GERMAN.language { &GERMAN } else { &ENGLISH }
    }

    fn deed(&self, action: Action) -> &Deed {
        let [acknowledge, snooze, decline] = &self.deeds;
        match action {
            Action::Acknowledge => acknowledge,
            Action::Snooze => snooze,
            Action::Decline => decline,
        }
    }

    pub(super) fn expired(&self, until: Timestamp) -> String {
        let [title, text] = self.expired;
        self.small(title, &format!("{text} {}.", clock::date(until)))
    }

    pub(super) fn over(&self) -> String {
        self.two(self.over)
    }

    pub(super) fn unsaved(&self) -> String {
        self.two(self.unsaved)
    }

    pub(super) fn busy(&self) -> String {
        self.two(self.busy)
    }

    pub(super) fn forged(&self) -> String {
        self.two(self.forged)
    }

    pub(super) fn too_many(&self) -> String {
        self.two(self.too_many)
    }

    fn two(&self, [title, text]: [&str; 2]) -> String {
        self.small(title, text)
    }

    fn small(&self, title: &str, text: &str) -> String {
        self.render(context! { title, text })
    }

    fn render(&self, facts: minijinja::Value) -> String {
        let mut environment = Environment::empty();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let facts = context! { language => self.language, ..facts };
        // A test renders every page: the layout is ours, and sound.
        environment.render_str(LAYOUT, facts).unwrap_or_default()
    }
}

/// So many endpoints are named.
const LISTED: usize = 10;

const ENGLISH: Words = Words {
    language: "en",
    deeds: [
        Deed {
            title: "Do you see to it?",
            button: "I see to it",
            effect: "Nobody is reminded of it, and it goes to nobody else, until it gets worse. That it becomes critical, a \
                     certificate's last day and its end are told all the same.",
        },
        Deed {
            title: "Snooze it for 7 days?",
            button: "Snooze it",
            effect: "For 7 days nobody hears of this finding at these endpoints. A certificate's last day and its end are told all \
                     the same. The silence stands on the status page, and can be taken back with certvigil silence remove.",
        },
        Deed {
            title: "Is it not yours?",
            button: "Not mine",
            effect: "You hear no more of it, not even of its end. The operators of certvigil hear of it in your place, and that you \
                     have said so.",
        },
    ],
    done: "It is done.",
    you: "This is the answer of",
    more: "more",
    expired: ["This link is too old", "It was good until"],
    over: ["It is over", "Nothing is left to be answered: it is mended, or no longer watched."],
    unsaved: [
        "It is done, but not written down",
        "certvigil keeps to it until it is restarted; its disk takes nothing at the moment. The status page tells why.",
    ],
    busy: ["Not now", "certvigil is about to end, or too busy. Nothing was changed; try again in a minute."],
    forged: ["This link does not work", "It is none of ours, or a part of it is missing. Copy the whole of it from the mail."],
    too_many: ["Too many wrong links", "Wait a minute. A link that is whole works at any time."],
};

const GERMAN: Words = Words {
    language: "de",
    deeds: [
        Deed {
            title: "Kümmern Sie sich darum?",
            button: "Ich kümmere mich",
            effect: "Niemand wird mehr daran erinnert, und es geht an niemanden sonst, bis es schlimmer wird. Dass es kritisch wird, \
                     der letzte Tag eines Zertifikats und sein Ende werden trotzdem gemeldet.",
        },
        Deed {
            title: "Für 7 Tage ruhen lassen?",
            button: "Ruhen lassen",
            effect: "7 Tage lang hört niemand von diesem Befund an diesen Endpunkten. Der letzte Tag eines Zertifikats und sein Ende \
                     werden trotzdem gemeldet. Es steht auf der Statusseite und lässt sich mit certvigil silence remove zurücknehmen.",
        },
        Deed {
            title: "Sind Sie nicht zuständig?",
            button: "Nicht zuständig",
            effect: "Sie hören nichts mehr davon, auch nicht vom Ende. Statt Ihrer hören es die Betreiber von certvigil, und dass Sie \
                     das gesagt haben.",
        },
    ],
    done: "Das ist erledigt.",
    you: "Das ist die Antwort von",
    more: "weitere",
    expired: ["Dieser Link ist zu alt", "Er galt bis"],
    over: ["Es ist vorbei", "Es gibt nichts mehr zu beantworten: es ist behoben oder wird nicht mehr beobachtet."],
    unsaved: [
        "Das ist erledigt, aber nicht aufgeschrieben",
        "certvigil hält sich daran, bis es neu gestartet wird; die Platte nimmt im Augenblick nichts an. Die Statusseite sagt, warum.",
    ],
    busy: [
        "Nicht jetzt",
        "certvigil wird gerade beendet oder ist zu beschäftigt. Nichts wurde geändert; versuchen Sie es in einer Minute wieder.",
    ],
    forged: ["Dieser Link geht nicht", "Er ist nicht von uns, oder ein Teil fehlt. Kopieren Sie ihn ganz aus der Mail."],
    too_many: ["Zu viele falsche Links", "Warten Sie eine Minute. Ein Link, der ganz ist, geht jederzeit."],
};
