//! The real OpenSSL: `oracle.c` for every case, the command line for some of them.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{
    Answer,
    case::{Case, Root},
    certificate::KEYS,
    der,
};

/// A running oracle.
pub(crate) struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    public_keys: Vec<Vec<u8>>,
}

impl Oracle {
    /// Starts the program; the keys are made where they are not there yet.
    pub(crate) fn start(program: &Path, keys: &Path) -> Result<Self, String> {
        if !keys.exists() {
            make_keys(keys)?;
        }
        let mut child = Command::new(program)
            .arg(keys)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        let questions = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut oracle = Oracle { child, questions, answers, public_keys: Vec::new() };
        loop {
            let line = oracle.line();
            if line.is_empty() {
                break;
            }
            oracle.public_keys.push(der::from_hex(&line).ok_or("the oracle's keys are no hex")?);
        }
        if oracle.public_keys.len() != KEYS.len() {
            return Err(format!("{} holds {} keys, not {}: remove it", keys.display(), oracle.public_keys.len(), KEYS.len()));
        }
        Ok(oracle)
    }

    /// The `SubjectPublicKeyInfo` of a key of the pool.
    pub(crate) fn public_key(&self, key: usize) -> &[u8] {
        &self.public_keys[key]
    }

    pub(crate) fn sign(&mut self, key: usize, how: &str, message: &[u8]) -> Vec<u8> {
        let answer = self.ask(&format!("sign {key} {how} {}\n", der::hex(message)));
        der::from_hex(&answer).expect("the oracle signs in hex")
    }

    /// What OpenSSL says of a case.
    pub(crate) fn judge(&mut self, case: &Case) -> Answer {
        let mut question =
            format!("judge {} {} {} ", case.level, case.at, case.host.as_ref().map_or("-".into(), ToString::to_string));
        let list = |out: &mut String, items: &mut dyn Iterator<Item = String>| {
            let items: Vec<String> = items.collect();
            out.push_str(if items.is_empty() { "-" } else { "" });
            out.push_str(&items.join(","));
        };
        list(&mut question, &mut case.chain.iter().map(|der| der::hex(der)));
        question.push(' ');
        let trusted = |root: &Root| if root.settings.is_some() { "t" } else { "" };
        list(&mut question, &mut case.roots.iter().map(|root| format!("{}{}", trusted(root), der::hex(&root.octets()))));
        question.push('\n');
        let answer = self.ask(&question);
        Answer::parse(&answer).unwrap_or_else(|| panic!("the oracle said {answer:?}"))
    }

    /// Whether OpenSSL can make something of the dates of a certificate, and of its key.
    pub(crate) fn look(&mut self, certificate: &[u8]) -> (bool, bool) {
        let answer = self.ask(&format!("look {}\n", der::hex(certificate)));
        (answer.starts_with('1'), answer.ends_with('1'))
    }

    fn ask(&mut self, question: &str) -> String {
        self.questions.write_all(question.as_bytes()).expect("the oracle reads");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).expect("the oracle writes text");
        assert!(read > 0, "the oracle has ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It would end by itself once its input does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_keys(path: &Path) -> Result<(), String> {
    let mut pem = String::new();
    for key in KEYS {
        let (algorithm, options) = key.arguments.split_first().expect("an algorithm");
        let mut command = Command::new("openssl");
        command.args(["genpkey", "-algorithm", algorithm]);
        for option in options {
            command.args(["-pkeyopt", option]);
        }
        let said = command.output().map_err(|error| format!("cannot run openssl: {error}"))?;
        if !said.status.success() {
            return Err(format!("openssl made no key: {}", String::from_utf8_lossy(&said.stderr)));
        }
        pem.push_str(&String::from_utf8_lossy(&said.stdout));
    }
    std::fs::write(path, pem).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The command that asks `openssl verify` the same, for the files of a reproducer.
pub(crate) fn command_line(case: &Case) -> String {
    let store = if case.roots.is_empty() { "-no-CAfile" } else { "-CAfile roots.pem" };
    let mut line = format!(
        "openssl verify -no-CApath -no-CAstore {store} -purpose sslserver -auth_level {} -untrusted chain.pem -attime {}",
        case.level, case.at
    );
    if let Some(host) = &case.host {
        let _ = write!(line, " {} '{}'", host.option(), host.text());
    }
    line.push_str(" leaf.pem");
    line
}

/// The first error of `openssl verify`, code and depth, from the files in a folder; `None` where it finds none.
pub(crate) fn verify(case: &Case, folder: &Path) -> Option<(u16, usize)> {
    let said = Command::new("sh").current_dir(folder).args(["-c", &command_line(case)]).output().expect("sh and openssl run");
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    // error 20 at 0 depth lookup: unable to get local issuer certificate
    let line = text.lines().find_map(|line| line.strip_prefix("error "));
    let Some(line) = line else {
        assert!(said.status.success(), "openssl verify failed without an error: {text}");
        return None;
    };
    let words: Vec<&str> = line.split(' ').collect();
    Some((words[0].parse().expect("a code"), words[2].parse().expect("a depth")))
}
