//! The real `openssl`, as the judge over ours.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use certvigil::certificate::Certificate;

/// What `openssl s_client` says of the server at `address`, asked for `name`, with `root` as its only store.
pub(crate) fn s_client(address: &str, name: &str, root: &Path) -> Said {
    s_client_with(address, root, &["-servername", name, "-verify_hostname", name])
}

/// The same with further arguments: `-verify_ip`, `-verify_hostname`.
pub(crate) fn s_client_with(address: &str, root: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", address, "-no-CApath", "-no-CAstore", "-showcerts", "-CAfile"])
        .arg(root)
        .args(arguments);
    Said { text: output(command) }
}

/// What `openssl verify` says of a leaf and the chain beside it, as a strict client that knows only `root` would.
pub(crate) fn verify(leaf: &Path, chain: &Path, root: &Path, name: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["verify", "-no-CApath", "-no-CAstore", "-purpose", "sslserver", "-auth_level", "2", "-verify_hostname", name]);
    command.arg("-CAfile").arg(root).arg("-untrusted").arg(chain).arg(leaf);
    output(command)
}

/// The output of one run of `s_client`.
pub(crate) struct Said {
    /// Both streams.
    pub(crate) text: String,
}

impl Said {
    /// The number on the last `Verify return code:` line, or `None` when no certificate was presented.
    pub(crate) fn verify_code(&self) -> Option<u16> {
        // Without a certificate the line is there all the same, with a 0 that means nothing.
        if self.presented().is_empty() {
            return None;
        }
        let last = self.text.lines().rev().find_map(|line| line.trim().strip_prefix("Verify return code: "))?;
        last.split(' ').next()?.parse().ok()
    }

    /// Every error of the verification, in order: code and depth.
    pub(crate) fn errors(&self) -> Vec<(u16, usize)> {
        let mut depth = 0;
        let mut errors = Vec::new();
        for line in self.text.lines() {
            if let Some(rest) = line.strip_prefix("depth=") {
                depth = rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
            } else if let Some(rest) = line.strip_prefix("verify error:num=") {
                errors.push((rest.split(':').next().and_then(|number| number.parse().ok()).expect("a number"), depth));
            }
        }
        errors
    }

    /// What the server presented, in its order.
    pub(crate) fn presented(&self) -> Vec<Arc<Certificate>> {
        let blocks = pem::parse_many(&self.text).expect("openssl writes sound PEM");
        blocks.iter().map(|block| Certificate::from_der(block.contents())).collect()
    }
}

/// Both output streams of a command that gets no input and ten seconds.
fn output(mut command: Command) -> String {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need the openssl program (Debian: apt-get install openssl)");
    let mut streams = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        streams.1.read_to_end(&mut text).map(|_| text)
    });
    let answers = thread::spawn(move || {
        let mut text = Vec::new();
        streams.0.read_to_end(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().expect("our own child").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("our own child");
            child.wait().expect("our own child");
            panic!("openssl was not done within 10 seconds: {command:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    [answers, errors]
        .map(|reader| reader.join().expect("the reader does not panic").expect("a pipe can be read"))
        .map(|octets| String::from_utf8_lossy(&octets).into_owned())
        .concat()
}
