//! Child processes: the one place of the tasks that starts any. Shows what it starts.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

/// A child process to be.
#[derive(Debug)]
pub(crate) struct Command {
    inner: std::process::Command,
    shown: String,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = Path::new(program.as_ref())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        #[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
        let inner = std::process::Command::new(program);
        Self { inner, shown }
    }

    /// The cargo that started this program.
    pub(crate) fn cargo(root: &Path) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut cargo = Self::new(program);
        cargo.inner.current_dir(root);
        cargo
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = Command::new("sh").args(["-c", "exit 3"]).run().unwrap_err();
        assert!(error.to_string().contains("`sh -c exit 3` failed"), "{error}");
    }

    #[test]
    fn an_absent_program_is_named() {
        let error = Command::new("no-such-program").output().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
        assert!(!Command::new("no-such-program").succeeds());
    }
}
