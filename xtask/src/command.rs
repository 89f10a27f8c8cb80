//! Child processes: the one place of the tasks that starts any. Shows what it starts.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::PipeWriter;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// A child process to be.
#[derive(Debug)]
pub(crate) struct Command {
    inner: std::process::Command,
    shown: String,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = shown(program.as_ref());
        #[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
        let inner = std::process::Command::new(program);
        Self { inner, shown }
    }

    /// The cargo that started this program. It ends with the thread that starts it, where the system has `setpriv`.
    pub(crate) fn cargo(root: &Path) -> Self {
        let cargo = if has_setpriv() {
            Self::bound_by("TERM", this_cargo())
        } else {
            Self::new(this_cargo())
        };
        cargo.folder(root)
    }

    /// The same to be become: it lives as long as this program would have.
    pub(crate) fn cargo_in_place(root: &Path) -> Self {
        Self::new(this_cargo()).folder(root)
    }

    /// A child that is ended when it takes longer. It hears a ^C as this program does.
    pub(crate) fn within(limit: Duration, program: &str) -> Self {
        let mut command = Self::new("timeout");
        let seconds = limit.as_secs().to_string();
        command.inner.args(["--foreground", "--kill-after=5", &seconds, program]);
        program.clone_into(&mut command.shown);
        command
    }

    /// A child that does not outlive the thread that starts it, even if that one is killed.
    pub(crate) fn bound(program: impl AsRef<OsStr>) -> Self {
        Self::bound_by("KILL", program)
    }

    fn bound_by(signal: &str, program: impl AsRef<OsStr>) -> Self {
        let mut command = Self::new("setpriv");
        command.inner.args(["--pdeathsig", signal, "--"]).arg(&program);
        command.shown = shown(program.as_ref());
        command
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// What it prints and complains of goes into this file.
    ///
    /// # Errors
    ///
    /// When the file's descriptor cannot be doubled.
    pub(crate) fn record(mut self, file: &File) -> Result<Self> {
        self.inner.stdout(file.try_clone()?).stderr(file.try_clone()?);
        Ok(self)
    }

    /// What it prints and complains of goes into this pipe, which this command holds no longer than
    /// the child does.
    ///
    /// # Errors
    ///
    /// When the pipe's descriptor cannot be doubled.
    pub(crate) fn write_into(mut self, pipe: PipeWriter) -> Result<Self> {
        self.inner.stdout(pipe.try_clone()?).stderr(pipe);
        Ok(self)
    }

    /// What it prints goes into this file; its complaints go to the user.
    pub(crate) fn print_to(mut self, file: File) -> Self {
        self.inner.stdout(file);
        self
    }

    /// Starts it, without input and without a word.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn spawn(mut self) -> Result<Child> {
        self.inner
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.shown))
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.inner.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.shown = format!("{name}={value:?} {}", self.shown);
        self.inner.env(name, value);
        self
    }

    /// Runs it before the user's eyes.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not succeed.
    pub(crate) fn run(mut self) -> Result<()> {
        self.show();
        let status =
            self.inner.status().with_context(|| format!("cannot start `{}`", self.shown))?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it before the user's eyes, with what it prints among the complaints: it is not what this
    /// task was called for.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not succeed.
    pub(crate) fn run_on_stderr(mut self) -> Result<()> {
        self.inner.stdout(std::io::stderr());
        self.run()
    }

    /// Runs it without showing it, and without input.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not succeed.
    pub(crate) fn run_quietly(self) -> Result<()> {
        let shown = self.shown.clone();
        let status = self.spawn()?.wait()?;
        if !status.success() {
            bail!("`{shown}` failed: {status}");
        }
        Ok(())
    }

    /// Becomes that process; gives back only the reason why it could not.
    pub(crate) fn exec(mut self) -> anyhow::Error {
        self.show();
        let error = self.inner.exec();
        anyhow::Error::new(error).context(format!("cannot start `{}`", self.shown))
    }

    /// What it prints on standard output; its complaints go to the user.
    ///
    /// # Errors
    ///
    /// When it cannot be started, does not succeed, or prints no text.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .inner
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        if !output.status.success() {
            bail!("`{}` failed: {}", self.shown, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed something that is no text", self.shown))
    }

    /// Whether it can be started and succeeds, without a sound.
    pub(crate) fn succeeds(mut self) -> bool {
        self.inner
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn show(&self) {
        eprintln!("$ {}", self.shown);
    }
}

fn this_cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Every Debian has it; who only builds may be elsewhere.
fn has_setpriv() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| Command::new("setpriv").args(["--pdeathsig", "TERM", "true"]).succeeds())
}

/// A program without its folder.
fn shown(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = Command::new("sh").args(["-c", "exit 3"]).run().unwrap_err();
        assert!(error.to_string().contains("`sh -c exit 3` failed"), "{error}");
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let late = Command::within(Duration::from_secs(1), "sleep").args(["60"]);
        let error = late.run_quietly().unwrap_err();
        assert_eq!(error.to_string(), "`sleep 60` failed: exit status: 124");
    }

    #[test]
    fn cargo_ends_with_who_started_it() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        Command::new("mkfifo").args([&manifest]).run_quietly().unwrap();
        let (root, asked) = (folder.path().to_owned(), manifest);
        let (sender, going) = mpsc::channel();
        let starter = std::thread::spawn(move || {
            let words = ["metadata", "--no-deps", "--manifest-path"];
            let cargo = Command::cargo(&root).args(words).args([&asked]).spawn().unwrap();
            // Opened as soon as cargo reads it, which waits for what is never written.
            let written = File::options().write(true).open(&asked).unwrap();
            sender.send((cargo, written)).unwrap();
        });
        let (mut cargo, written) = going.recv().unwrap();
        starter.join().unwrap();
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || sender.send(cargo.wait().unwrap()));
        let ended = ended.recv_timeout(Duration::from_secs(30)).expect("it ends");
        drop(written);
        assert_eq!(ended.signal(), Some(15), "{ended}");
    }

    #[test]
    fn an_absent_program_is_named() {
        let error = Command::new("no-such-program").output().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
        assert!(!Command::new("no-such-program").succeeds());
    }
}
