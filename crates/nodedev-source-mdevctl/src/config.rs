//! What a host or a test can set. Holds values only.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of an [`MdevctlSource`](crate::MdevctlSource).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MdevctlConfig {
    /// The tool: a name that is looked up in `PATH` at every snapshot, or a path. Default `mdevctl`.
    pub program: PathBuf,
    /// Where the configuration directory `etc/mdevctl.d` hangs. Default `/`.
    ///
    /// mdevctl itself always reads below `/`: a test with another root gives a `program` that enters
    /// a mount namespace.
    pub root: PathBuf,
    /// How long one run of the tool, or reading all definition files, may take. Default 10 s.
    pub deadline: Duration,
    /// How long one run that changes a device may take, callout scripts included. Default 25 s: less
    /// than what the registry grants an action, so that the tool's end is heard of.
    pub action_deadline: Duration,
    /// Bytes that the tool may print; beyond them it is killed. Default 64 MiB.
    pub output_limit: usize,
    /// Bytes that a definition file may have when the files are read one by one. Default 1 MiB.
    pub definition_limit: u64,
    /// Changes that follow each other within this time are answered together. Default 50 ms.
    pub quiet: Duration,
    /// How long changes that do not end may put off the answer. Default 500 ms.
    pub max_delay: Duration,
}

impl Default for MdevctlConfig {
    fn default() -> Self {
        Self {
            program: "mdevctl".into(),
            root: "/".into(),
            deadline: Duration::from_secs(10),
            action_deadline: Duration::from_secs(25),
            output_limit: 64 << 20,
            definition_limit: 1 << 20,
            quiet: Duration::from_millis(50),
            max_delay: Duration::from_millis(500),
        }
    }
}

impl MdevctlConfig {
    /// The directory with a directory for each parent, in it a file for each definition.
    #[must_use]
    pub fn definitions(&self) -> PathBuf {
        self.root.join("etc/mdevctl.d")
    }
}
