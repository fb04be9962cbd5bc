//! The section `people`: when each wants to be written to, and in which language.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use super::{
    fault::{Report, shorten},
    mail::read_language,
    read::{self, At, Fields},
    tree::Value,
};
use crate::{
    mail::Language,
    monitor::{Digest, People, Person},
};

/// Everybody's wishes, and the languages of those who read another one than most.
pub(super) fn read(at: &At<'_>, report: &mut Report) -> (Arc<People>, BTreeMap<String, Language>) {
    let (mut people, mut languages) = (People::default(), BTreeMap::new());
    let Value::Map(entries) = at.value() else {
        let remedy = "write mail addresses, and below each its wishes";
        report.fault(at, format!("{} is no mapping", at.shown()), remedy);
        return (people.into(), languages);
    };
    // What holds for all others holds where somebody says nothing else, whatever the order.
    let others = at.entries(entries).find(|(_, entry)| &*entry.key == OTHERS);
    if let Some((at, _)) = &others {
        let (person, language) = read_person(at, &Person::default(), report);
        people.others = person;
        if language.is_some() {
            report.fault(at, "the language of all others is that of the section mail", "write language: there");
        }
    }
    for (at, entry) in at.entries(entries).filter(|(_, entry)| &*entry.key != OTHERS) {
        let Ok(address) = entry.key.parse::<lettre::Address>().map(|address| address.to_string()) else {
            let problem = format!("\"{}\" is no bare mail address", shorten(&entry.key));
            report.fault(&at, problem, "write an address such as ops@example.com, or \"*\" for all others");
            continue;
        };
        let (person, language) = read_person(&at, &people.others, report);
        languages.extend(language.map(|language| (address.clone(), language)));
        if people.named.insert(address, person).is_some() {
            report.fault(&at, "is written twice", "keep one of them");
        }
    }
    (people.into(), languages)
}

fn read_person(at: &At<'_>, others: &Person, report: &mut Report) -> (Person, Option<Language>) {
    const KEYS: &[&str] = &["time_zone", "digest", "day", "at", "quiet_hours", "holidays", "last_day", "cap", "language"];
    let (mut person, mut language) = (others.clone(), None);
    let Some(fields) = Fields::read(at, KEYS, report) else { return (person, None) };
    fields.set("time_zone", &mut person.zone, report, read_zone);
    let mut day = match person.digest {
        Some(Digest::Weekly(day)) => day,
        Some(Digest::Daily) | None => Weekday::Monday,
    };
    fields.set("day", &mut day, report, |at, report| read::choice(at, &WEEKDAYS, report));
    if let Some(Digest::Weekly(known)) = &mut person.digest {
        *known = day;
    }
    let digests = [("none", None), ("daily", Some(Digest::Daily)), ("weekly", Some(Digest::Weekly(day)))];
    fields.set("digest", &mut person.digest, report, |at, report| read::choice(at, &digests, report));
    if let Some(at) = fields.get("day").filter(|_| !matches!(person.digest, Some(Digest::Weekly(_)))) {
        report.warn(&at, "says nothing, as there is no weekly digest", "write digest: weekly beside it, or remove it");
    }
    fields.set("at", &mut person.at, report, read_time);
    if let Some(at) = fields.get("quiet_hours") {
        read_quiet(&at, &mut person, report);
    }
    if let Some(at) = fields.get("holidays") {
        read_holidays(&at, &mut person, report);
    }
    let last_days = [("passes", false), ("waits", true)];
    fields.set("last_day", &mut person.last_day_waits, report, |at, report| read::choice(at, &last_days, report));
    fields.set("cap", &mut person.cap, report, |at, report| {
        read::number(at, 1..=1000, report).and_then(|number| u32::try_from(number).ok())
    });
    fields.set("language", &mut language, report, |at, report| read_language(at, report).map(Some));
    (person, language)
}

fn read_zone(at: &At<'_>, report: &mut Report) -> Option<TimeZone> {
    let name = read::text(at, report)?;
    let zone = TimeZone::get(name).ok();
    zone.or_else(|| {
        let problem = format!("\"{}\" is no time zone", shorten(name));
        read::refuse(at, problem, "write one such as Europe/Berlin or UTC", report)
    })
}

fn read_time(at: &At<'_>, report: &mut Report) -> Option<Time> {
    let time = if let Value::Text(text) = at.value() { time(text.trim()) } else { None };
    time.or_else(|| read::refuse(at, format!("{} is no time of the day", at.shown()), "write one such as \"08:00\"", report))
}

/// `22:00-07:00`, or `none`.
fn read_quiet(at: &At<'_>, person: &mut Person, report: &mut Report) {
    let Some(text) = read::text(at, report) else { return };
    let both = text.split_once('-').and_then(|(from, to)| Some((time(from.trim())?, time(to.trim())?)));
    match both {
        None if text == "none" => person.quiet = None,
        Some((from, to)) if from != to => person.quiet = both,
        _ => report.fault(at, format!("{} are no hours", at.shown()), "write them as \"22:00-07:00\", or none"),
    }
}

/// Days of the week, and dates. They replace those of all others.
fn read_holidays(at: &At<'_>, person: &mut Person, report: &mut Report) {
    let days = read::each(at, report, |at, report| {
        let text = read::text(at, report)?;
        let weekday = WEEKDAYS.iter().find(|(name, _)| *name == text.to_ascii_lowercase()).map(|(_, day)| Day::Week(*day));
        let day = weekday.or_else(|| text.parse().ok().map(Day::Date));
        day.or_else(|| {
            let problem = format!("\"{}\" is no day", shorten(text));
            read::refuse(at, problem, "write one such as saturday or 2026-12-25", report)
        })
    });
    let Some(days) = days else { return };
    (person.free_weekdays, person.holidays) = (Vec::new(), Vec::new());
    for day in days {
        match day {
            Day::Week(day) => person.free_weekdays.push(day),
            Day::Date(date) => person.holidays.push(date),
        }
    }
    if WEEKDAYS.iter().all(|(_, day)| person.free_weekdays.contains(day)) {
        report.fault(at, "leave no day for mail", "leave out one of them");
    }
}

enum Day {
    Week(Weekday),
    Date(Date),
}

/// `08:00`, `8:00`
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let is_short = hour.len() <= 2 && minute.len() == 2;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok().filter(|_| is_short)
}

/// Stands for everybody who is not named.
const OTHERS: &str = "*";

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
