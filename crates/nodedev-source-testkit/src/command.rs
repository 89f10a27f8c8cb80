//! Runs one test of this very program in a process of its own. Starts no other program.

use std::env;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a clause may take: each of its steps has a deadline of its own, so this only ends what
/// blocks its thread.
const DEADLINE: Duration = Duration::from_secs(300);

/// How a process ended and what it printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None` when it was ended at the deadline.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the test of that name alone, with a variable set.
#[expect(clippy::disallowed_methods, reason = "the module that starts processes")]
pub(crate) fn run_test(test: &str, variable: &str) -> io::Result<Outcome> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(variable, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let end = Instant::now() + DEADLINE;
    let stdout = await_end(&mut child, &stdout, end)?;
    let stderr = await_end(&mut child, &stderr, end)?;
    let status = child.wait()?;
    Ok(Outcome { status: (Instant::now() < end).then_some(status), stdout, stderr })
}

/// Reads a pipe to its end, which comes when the process and all that inherited it have ended.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        sender.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    receiver
}

/// What was printed; nothing where the process had to be ended.
fn await_end(child: &mut Child, printed: &Receiver<String>, end: Instant) -> io::Result<String> {
    let left = end.saturating_duration_since(Instant::now());
    match printed.recv_timeout(left) {
        Ok(text) => Ok(text),
        Err(_) => child.kill().map(|()| String::new()),
    }
}
