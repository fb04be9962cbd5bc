use jiff::civil::{Time, Weekday};

use super::*;
use crate::{
    mail::Language,
    monitor::{Digest, Person},
};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[test]
fn each_has_the_wishes_of_all_others_but_for_their_own() {
    let loaded = sound(
        "
mail: {server: {host: localhost, tls: none}, from: c@a.org, to: ops@a.org}
people:
  boss@a.org: {digest: weekly, day: friday, at: '8:30', cap: 2, language: de}
  late@a.org: {quiet_hours: none, holidays: [], last_day: waits, digest: daily}
  '*': {time_zone: Europe/Berlin, quiet_hours: '22:00-07:00', holidays: [Saturday, sunday, 2026-12-25]}
endpoints: [a.org]
",
    );
    assert_eq!(loaded.warnings, []);
    let people = &loaded.config.people;
    let quiet = Some((time("22:00"), time("07:00")));
    let others = people.of("somebody@a.org");
    assert_eq!((others.quiet, others.cap, others.digest), (quiet, 20, None));
    assert_eq!(others.free_weekdays, [Weekday::Saturday, Weekday::Sunday]);
    assert_eq!(others.holidays, ["2026-12-25".parse().unwrap()]);
    let digest = Some(Digest::Weekly(Weekday::Friday));
    assert_eq!(*people.of("boss@a.org"), Person { digest, at: time("08:30"), cap: 2, ..others.clone() });
    let late = people.of("late@a.org");
    assert_eq!((late.quiet, late.digest, late.last_day_waits), (None, Some(Digest::Daily), true));
    assert_eq!((late.free_weekdays.len(), late.holidays.len(), late.zone.iana_name()), (0, 0, Some("Europe/Berlin")));
    let mail = loaded.config.mail.unwrap();
    assert_eq!((mail.language_of("boss@a.org"), mail.language_of("late@a.org")), (Language::German, Language::English));
}
