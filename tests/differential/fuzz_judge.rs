//! The judge beside the real OpenSSL: random chains, every error and its depth compared, until the first disagreement.
//!
//! `make fuzz-judge N=10000 SEED=1`.

mod case;
mod certificate;
mod der;
mod deviations;
mod goals;
mod noise;
mod oracle;
mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use fastrand::Rng;

use crate::{case::Case, goals::GOALS, oracle::Oracle};

/// What one of the two says of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A presented certificate cannot be read.
    Unreadable,
    Verdict {
        path_length: usize,
        errors: Vec<(u16, usize)>,
    },
}

impl Answer {
    /// From the oracle's line.
    fn parse(line: &str) -> Option<Self> {
        if line == "unreadable" {
            return Some(Answer::Unreadable);
        }
        let mut words = line.split(' ');
        let path_length = words.next()?.parse().ok()?;
        let error = |word: &str| {
            let (code, depth) = word.split_once('@')?;
            Some((code.parse().ok()?, depth.parse().ok()?))
        };
        Some(Answer::Verdict { path_length, errors: words.map(error).collect::<Option<_>>()? })
    }

    fn first(&self) -> Option<u16> {
        let Answer::Verdict { errors, .. } = self else { return None };
        Some(errors.first().map_or(0, |error| error.0))
    }

    fn last(&self) -> Option<u16> {
        let Answer::Verdict { errors, .. } = self else { return None };
        Some(errors.last().map_or(0, |error| error.0))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Unreadable => f.write_str("unreadable"),
            Answer::Verdict { path_length, errors } => {
                write!(f, "path of {path_length}:")?;
                if errors.is_empty() {
                    f.write_str(" ok")?;
                }
                errors.iter().try_for_each(|(code, depth)| write!(f, " {code}@{depth}"))
            }
        }
    }
}

/// What a run of 10,000 cases has to bring at least, of every code and place that there can be.
const LEAST: usize = 50;

/// Codes that cannot come first, and why.
const NEVER_FIRST: &[(u16, &str)] = &[
    (21, "a path of one certificate has no anchor: 20, or 18, has been said"),
    (38, "a proxy certificate is none that is allowed: 40 has been said"),
];

/// Codes that cannot come last, and why.
const NEVER_LAST: &[(u16, &str)] = &[
    (22, "what is too long has no anchor: 19 or 20 follows"),
    (28, "what is rejected does not fit the purpose either: 26 follows"),
];

/// Codes that OpenSSL has words for and does not say here, and why.
const NEVER: &[(u16, &str)] = &[
    (24, "who has no readable key issued nothing: 20 or 21 is said"),
    (27, "trust is given or refused: 18 to 21, or 28, is said"),
];

/// How often each code came first, and last.
#[derive(Default)]
struct Coverage {
    first: BTreeMap<u16, usize>,
    last: BTreeMap<u16, usize>,
    unreadable: usize,
    deviations: BTreeMap<&'static str, usize>,
}

impl Coverage {
    fn count(&mut self, answer: &Answer) {
        match (answer.first(), answer.last()) {
            (Some(first), Some(last)) => {
                *self.first.entry(first).or_default() += 1;
                *self.last.entry(last).or_default() += 1;
            }
            _ => self.unreadable += 1,
        }
    }

    /// Codes that came although it is said that they cannot.
    fn surprises(&self) -> Vec<String> {
        let places = [
            ("first", &self.first, NEVER_FIRST),
            ("last", &self.last, NEVER_LAST),
            ("first", &self.first, NEVER),
            ("last", &self.last, NEVER),
        ];
        let all = places.into_iter().flat_map(|(place, counts, never)| never.iter().map(move |(code, _)| (place, counts, code)));
        all.filter(|(_, counts, code)| counts.contains_key(code))
            .map(|(place, _, code)| format!("{code} came {place}, and cannot"))
            .collect()
    }

    /// Where there are too few of a code that there should be many of.
    fn gaps(&self) -> Vec<String> {
        let codes: BTreeSet<u16> = GOALS.iter().map(|goal| goal.code).collect();
        let places = [("first", &self.first, NEVER_FIRST), ("last", &self.last, NEVER_LAST)];
        let all =
            places.into_iter().flat_map(|(place, counts, never)| codes.iter().map(move |code| (place, counts, never, *code)));
        all.filter(|(_, _, never, code)| !never.iter().any(|(known, _)| known == code))
            .filter_map(|(place, counts, _, code)| {
                let count = counts.get(&code).copied().unwrap_or(0);
                (count < LEAST).then(|| format!("{code} came {place} only {count} times, not {LEAST}"))
            })
            .collect()
    }

    /// A line for each code.
    fn table(&self) -> String {
        let codes: BTreeSet<u16> = self.first.keys().chain(self.last.keys()).copied().collect();
        let mut out = String::from("code  first   last\n");
        for code in codes {
            let place = |counts: &BTreeMap<u16, usize>, never: &[(u16, &'static str)]| {
                let why = never.iter().find(|(known, _)| *known == code).map_or("", |(_, why)| *why);
                (counts.get(&code).copied().unwrap_or(0), why)
            };
            let ((first, why_not_first), (last, why_not_last)) = (place(&self.first, NEVER_FIRST), place(&self.last, NEVER_LAST));
            let line = format!("{code:4} {first:6} {last:6}  {why_not_first}{why_not_last}");
            out += line.trim_end();
            out.push('\n');
        }
        out.extend(NEVER.iter().map(|(code, why)| format!("{code:4}  never   never  {why}\n")));
        let deviations = self.deviations.iter().map(|(deviation, count)| format!("{count:4} differ by {deviation}\n"));
        out + &format!("{:4} unreadable\n", self.unreadable) + &deviations.collect::<String>()
    }
}

struct Settings {
    cases: u64,
    seed: u64,
    only: Option<u64>,
    /// How many disagreements end the run.
    stop: usize,
    oracle: PathBuf,
    folder: PathBuf,
}

impl Settings {
    fn read() -> Result<Self, String> {
        let mut settings =
            Settings { cases: 10_000, seed: 1, only: None, stop: 1, oracle: PathBuf::new(), folder: PathBuf::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} wants a value"))?;
            let number = || value.parse().map_err(|_| format!("{option} {value}: no number"));
            match option.as_str() {
                "--cases" => settings.cases = number()?,
                "--seed" => settings.seed = number()?,
                "--only" => settings.only = Some(number()?),
                "--stop" => settings.stop = usize::try_from(number()?).expect("64 bits"),
                "--oracle" => settings.oracle = value.into(),
                "--folder" => settings.folder = value.into(),
                _ => {
                    return Err(format!("{option} is unknown; there are --cases, --seed, --only, --stop, --oracle and --folder"));
                }
            }
        }
        Ok(settings)
    }
}

fn main() -> ExitCode {
    match Settings::read().and_then(|settings| run(&settings)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            say(&format!("fuzz-judge: {problem}"));
            ExitCode::from(2)
        }
    }
}

/// Whether all is well.
fn run(settings: &Settings) -> Result<bool, String> {
    let mut oracle = Oracle::start(&settings.oracle, &settings.folder.join("keys.pem"))?;
    let started = Instant::now();
    let mut coverage = Coverage::default();
    let mut disagreements = 0;
    let numbers = settings.only.map_or(0..settings.cases, |only| only..only + 1);
    let cases = numbers.end - numbers.start;
    for number in numbers {
        let case = generate(settings.seed, number).build(&mut oracle);
        let theirs = oracle.judge(&case);
        let diagnosis = case.judge(&settings.folder);
        let ours = case::answer(&diagnosis);
        let excuse = || deviations::explained(&case, &diagnosis, [&ours, &theirs], &mut oracle);
        if let Some(deviation) = (ours != theirs).then(excuse).flatten() {
            *coverage.deviations.entry(deviation).or_default() += 1;
        } else if ours != theirs {
            let folder = settings.folder.join(format!("seed-{}-case-{number}", settings.seed));
            let notes = format!("openssl: {theirs}\ncertvigil: {ours}\nseed: {}\ncase: {number}\n", settings.seed);
            case.write(&folder, &notes).map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
            say(&format!("disagreement in case {number} of seed {}: {}\n{notes}", settings.seed, folder.display()));
            disagreements += 1;
            if disagreements == settings.stop {
                return Ok(false);
            }
        }
        if number % 500 == 0 {
            compare_with_command_line(&case, &theirs, &settings.folder.join("spot"))?;
        }
        coverage.count(&theirs);
    }
    say(&coverage.table());
    let seconds = started.elapsed().as_secs();
    say(&format!("{cases} cases of seed {}, {disagreements} disagreements, {seconds} s", settings.seed));
    let mut gaps = coverage.surprises();
    if cases >= 10_000 {
        gaps.extend(coverage.gaps());
    }
    for gap in &gaps {
        say(gap);
    }
    Ok(gaps.is_empty() && disagreements == 0)
}

fn generate(seed: u64, number: u64) -> plan::Plan {
    let mut rng = Rng::with_seed(seed.wrapping_mul(1 << 32).wrapping_add(number));
    let goal = &GOALS[usize::try_from(number).expect("64 bits") % GOALS.len()];
    let mut plan = (goal.make)(&mut rng);
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 2, 3, 5][rng.usize(0..10)] {
        noise::add(&mut plan, &mut rng);
    }
    plan
}

/// The oracle, too, is looked at: `openssl verify` has to begin with the same error.
fn compare_with_command_line(case: &Case, theirs: &Answer, folder: &Path) -> Result<(), String> {
    let Answer::Verdict { errors, .. } = theirs else { return Ok(()) };
    case.write(folder, "").map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
    let said = oracle::verify(case, folder);
    if said == errors.first().copied() {
        Ok(())
    } else {
        Err(format!("the oracle says {theirs}, and openssl verify {said:?}, of {}", folder.display()))
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
