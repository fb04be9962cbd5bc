//! A program of one's own: no shell, the facts on its standard input, little else around it.

use std::{
    convert::Infallible,
    fmt, io,
    os::fd::OwnedFd,
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe,
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use super::Outcome;
use crate::certificate::printable_cut;

/// A program and its arguments.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Its absolute path.
    pub program: PathBuf,
    /// As they are; nothing is put in.
    pub arguments: Vec<String>,
}

impl fmt::Debug for Command {
    /// The arguments may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ***", self.program.display())
    }
}

/// Exit status 0: taken. Anything else, and silence, is tried again.
pub(super) async fn deliver(to: &Command, deadline: Duration, id: &str, body: &[u8]) -> Outcome {
    let name = printable_cut(&to.program.display().to_string(), 100);
    match timeout(deadline, run(to, id, body)).await {
        Err(_) => Outcome::deferred(format!("{name} did not end within {} s", deadline.as_secs_f32())),
        Ok(Err(error)) => Outcome::deferred(format!("{name} cannot be run: {error}")),
        Ok(Ok((status, _))) if status.success() => Outcome::DELIVERED,
        Ok(Ok((status, output))) => {
            let said = printable_cut(String::from_utf8_lossy(&output).trim(), WORDS);
            let said = if said.is_empty() { said } else { format!(": {said}") };
            Outcome::deferred(format!("{name} ended with {status}{said}"))
        }
    }
}

async fn run(to: &Command, id: &str, body: &[u8]) -> io::Result<(ExitStatus, Vec<u8>)> {
    // Before the start, so that its end is not missed.
    let mut ended = signal(SignalKind::child())?;
    let (input, to_input) = io::pipe()?;
    let (from_output, output) = io::pipe()?;
    let mut running = {
        let mut command = std::process::Command::new(&to.program);
        command.args(&to.arguments).env_clear().current_dir("/");
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("CERTVIGIL_ID", id);
        let both = output.try_clone()?;
        command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::from(both));
        // The command holds the ends of the program; they close with it, here.
        Running(command.spawn()?)
    };
    let mut to_input = pipe::Sender::from_owned_fd(OwnedFd::from(to_input))?;
    let mut from_output = pipe::Receiver::from_owned_fd(OwnedFd::from(from_output))?;
    let write = async {
        // A program that needs no facts need not read them.
        let _ = to_input.write_all(body).await;
        drop(to_input);
        std::future::pending::<Infallible>().await
    };
    let (mut kept, mut room) = (Vec::new(), [0; 4096]);
    let read = async {
        while let Ok(count @ 1..) = from_output.read(&mut room).await {
            keep(&mut kept, &room[..count]);
        }
        std::future::pending::<Infallible>().await
    };
    let end = async {
        loop {
            if let Some(status) = running.0.try_wait()? {
                return Ok::<_, io::Error>(status);
            }
            ended.recv().await;
        }
    };
    let status = tokio::select! {
        status = end => status?,
        (never, _) = async { tokio::join!(write, read) } => match never {},
    };
    // What it said last. Something that it has left running may hold the other end open.
    let rest = async {
        while let Ok(count @ 1..) = from_output.read(&mut room).await {
            keep(&mut kept, &room[..count]);
        }
    };
    let _ = timeout(LAST_WORDS, rest).await;
    Ok((status, kept))
}

fn keep(kept: &mut Vec<u8>, new: &[u8]) {
    kept.extend_from_slice(&new[..MAX_OUTPUT.saturating_sub(kept.len()).min(new.len())]);
}

/// Killed, and not left behind as a zombie, where its time is up.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From its end to the end of its output.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Octets of output that are kept.
const MAX_OUTPUT: usize = 16 * 1024;
/// How much of it is told, in characters.
const WORDS: usize = 200;
