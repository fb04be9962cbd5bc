//! When people want to be written to: at which hours and on which days, how often, and how many mails a day.

use std::collections::BTreeMap;

use jiff::{
    Span,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::clock::Timestamp;

/// Everybody's wishes, by mail address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People {
    /// Of those who are not named.
    pub others: Person,
    /// Of those who are.
    pub named: BTreeMap<String, Person>,
}

impl People {
    /// The wishes of whoever has this address.
    pub fn of(&self, address: &str) -> &Person {
        self.named.get(address).unwrap_or(&self.others)
    }
}

/// What somebody wishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Where the hours and days are meant.
    pub zone: TimeZone,
    /// All at once, instead of one mail for each incident.
    pub digest: Option<Digest>,
    /// When the digest is sent.
    pub at: Time,
    /// From the first to the second, which may be on the next day, no mail is sent.
    pub quiet: Option<(Time, Time)>,
    /// On these days of each week no mail is sent.
    pub free_weekdays: Vec<Weekday>,
    /// Nor on these.
    pub holidays: Vec<Date>,
    /// A certificate's last day and its end are no exception from all this.
    pub last_day_waits: bool,
    /// So many mails a day; the last of them tells all that is new, and what comes after it waits for the next day.
    pub cap: u32,
}

/// How often a digest is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// Every day.
    Daily,
    /// On this day of each week.
    Weekly(Weekday),
}

impl Default for Person {
    fn default() -> Self {
        Person {
            zone: TimeZone::UTC,
            digest: None,
            at: Time::constant(8, 0, 0, 0),
            quiet: None,
            free_weekdays: Vec::new(),
            holidays: Vec::new(),
            last_day_waits: false,
            cap: 20,
        }
    }
}

impl Person {
    /// Which day it is for them.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The first moment from `at` on at which they take mail.
    pub fn awake(&self, at: Timestamp) -> Timestamp {
        let mut at = at;
        for _ in 0..FAR {
            let here = at.to_zoned(self.zone.clone());
            let (day, time) = (here.date(), here.time());
            let quiet_until = self.quiet.and_then(|(from, to)| match (time >= from, time < to) {
                (true, true) if from < to => Some(self.moment(day, to)),
                (true, _) if from > to => Some(self.moment(next(day), to)),
                (_, true) if from > to => Some(self.moment(day, to)),
                _ => None,
            });
            at = match quiet_until {
                _ if self.is_free(day) => self.moment(next(day), Time::midnight()),
                Some(until) if until > at => until,
                _ => return at,
            };
        }
        at
    }

    /// The beginning of the day after that of `at`.
    pub fn tomorrow(&self, at: Timestamp) -> Timestamp {
        self.moment(next(self.day(at)), Time::midnight())
    }

    /// The first moment after `after` at which their digest is due: at its hour of its day, or, where that is free, of the next one
    /// that is not. `None` where they want none.
    pub fn next_digest(&self, after: Timestamp) -> Option<Timestamp> {
        let digest = self.digest?;
        let is_due = |day: Date| match digest {
            Digest::Daily => true,
            Digest::Weekly(weekday) => day.weekday() == weekday,
        };
        // Of a week's digest the day may have been free, and be made up for.
        let mut day = (0..7).fold(self.day(after), |day, _| day.yesterday().unwrap_or(day));
        let mut is_owed = false;
        for _ in 0..FAR {
            is_owed |= is_due(day);
            if is_owed && !self.is_free(day) {
                is_owed = false;
                let moment = self.awake(self.moment(day, self.at));
                if moment > after {
                    return Some(moment);
                }
            }
            day = next(day);
        }
        Some(self.tomorrow(after))
    }

    fn is_free(&self, day: Date) -> bool {
        self.free_weekdays.contains(&day.weekday()) || self.holidays.contains(&day)
    }

    /// Where the clocks are put forward, a time that does not come is the hour after it.
    fn moment(&self, day: Date, time: Time) -> Timestamp {
        let here = self.zone.to_ambiguous_zoned(day.to_datetime(time)).compatible();
        here.map_or(Timestamp::MAX, |here| here.timestamp())
    }
}

fn next(day: Date) -> Date {
    day.checked_add(Span::new().days(1)).unwrap_or(day)
}

/// So many steps lead out of any quiet time that makes sense.
const FAR: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn time(text: &str) -> Time {
        text.parse().expect("a time")
    }

    fn berlin() -> Person {
        Person { zone: TimeZone::get("Europe/Berlin").expect("a zone that is bundled"), ..Person::default() }
    }

    #[test]
    fn quiet_hours_end_by_the_clock_on_the_wall() {
        let night = Person { quiet: Some((time("22:00"), time("07:00"))), ..berlin() };
        for (now, awake) in [
            ("2026-11-26T20:59:59Z", "2026-11-26T20:59:59Z"),
            ("2026-11-26T21:00:00Z", "2026-11-27T06:00:00Z"),
            ("2026-11-27T05:59:59Z", "2026-11-27T06:00:00Z"),
            ("2026-11-27T06:00:00Z", "2026-11-27T06:00:00Z"),
            // The clocks are put forward that night, and back in the other one.
            ("2026-03-28T21:30:00Z", "2026-03-29T05:00:00Z"),
            ("2026-10-24T20:30:00Z", "2026-10-25T06:00:00Z"),
        ] {
            assert_eq!(night.awake(at(now)), at(awake), "at {now}");
        }
        let noon = Person { quiet: Some((time("12:00"), time("13:00"))), ..Person::default() };
        assert_eq!(noon.awake(at("2026-11-26T12:30:00Z")), at("2026-11-26T13:00:00Z"));
        assert_eq!(noon.awake(at("2026-11-26T13:30:00Z")), at("2026-11-26T13:30:00Z"));
    }

    #[test]
    fn free_days_are_quiet_from_midnight_to_midnight() {
        let person = Person {
            quiet: Some((time("22:00"), time("07:00"))),
            free_weekdays: vec![Weekday::Saturday, Weekday::Sunday],
            holidays: vec!["2026-12-25".parse().expect("a date")],
            ..berlin()
        };
        // Christmas is a Friday, and the night before begins the evening before.
        assert_eq!(person.awake(at("2026-12-24T12:00:00Z")), at("2026-12-24T12:00:00Z"));
        assert_eq!(person.awake(at("2026-12-24T21:30:00Z")), at("2026-12-28T06:00:00Z"));
        let never =
            Person { free_weekdays: (1..=7).map(|n| Weekday::from_monday_one_offset(n).expect("a day")).collect(), ..berlin() };
        assert!(never.awake(at("2026-12-24T12:00:00Z")) > at("2027-12-24T12:00:00Z"), "it ends all the same");
    }

    #[test]
    fn a_digest_is_sent_at_its_hour_of_its_day() {
        let daily = Person { digest: Some(Digest::Daily), ..berlin() };
        let next = |person: &Person, after: &str| person.next_digest(at(after)).expect("a digest");
        assert_eq!(next(&daily, "2026-11-26T06:59:00Z"), at("2026-11-26T07:00:00Z"));
        assert_eq!(next(&daily, "2026-11-26T07:00:00Z"), at("2026-11-27T07:00:00Z"));
        let weekly = Person { digest: Some(Digest::Weekly(Weekday::Monday)), ..berlin() };
        assert_eq!(next(&weekly, "2026-11-26T07:00:00Z"), at("2026-11-30T07:00:00Z"));
        assert_eq!(next(&weekly, "2026-11-30T07:00:00Z"), at("2026-12-07T07:00:00Z"));
        let off = Person { holidays: vec!["2026-11-30".parse().expect("a date")], ..weekly };
        assert_eq!(next(&off, "2026-11-26T07:00:00Z"), at("2026-12-01T07:00:00Z"));
        assert_eq!(next(&off, "2026-11-30T09:00:00Z"), at("2026-12-01T07:00:00Z"), "it is made up for");
        assert_eq!(next(&off, "2026-12-01T07:00:00Z"), at("2026-12-07T07:00:00Z"), "once");
        assert_eq!(berlin().next_digest(at("2026-11-26T07:00:00Z")), None);
    }
}
