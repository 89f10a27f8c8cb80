//! What an operator or a test can set. Holds values only.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nodedev_types::fields::device;
use nodedev_types::{Capability, FieldSet};

/// Settings of an [`ExecSource`](crate::ExecSource).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecConfig {
    /// Name of the source, of its stream and of its name space.
    pub(crate) name: String,
    /// The program. Never looked up in `PATH`, never given to a shell.
    pub program: PathBuf,
    /// What it is given.
    pub arguments: Vec<String>,
    /// Its environment besides `PATH`, `LANG`, `NODEDEV_SOURCE` and `NODEDEV_PROTOCOL`. Nothing of
    /// ours is handed on.
    pub environment: Vec<(String, String)>,
    /// Fields of the known model that it may say of its own devices. Default:
    /// [`ExecConfig::usual_fields`]. Those of its name space it may say of any device.
    pub fields: FieldSet,
    /// Capabilities of other sources' devices whose changes make it look again. Default: none.
    pub interests: Vec<Capability>,
    /// How long it may take to say hello. Default 5 s.
    pub hello_deadline: Duration,
    /// How long it may take to list its devices, at first, when it is asked, or from the `begin` of any listing
    /// to its `end`. Default 20 s: less than what the registry grants a snapshot.
    pub listing_deadline: Duration,
    /// How long it has to end by itself when it is told to. Default 1 s. With `hello_deadline` it should
    /// not be more than what the registry grants a watch, which waits for both.
    pub end_deadline: Duration,
    /// Hints that follow each other within this time are answered together. Default 50 ms.
    pub quiet: Duration,
    /// How often at most it is asked to list anew, or is started again if it does not answer, because there
    /// is room again for devices that were left out. Default two minutes: a source that has been well for as
    /// long as the registry's longest pause is started again after the shortest.
    pub room_pause: Duration,
    /// Bytes that a line may have; a longer one is left out. Default 256 KiB.
    pub line_limit: usize,
    /// Devices that it may speak of. Default 4096.
    pub devices_limit: usize,
    /// Bytes that the lines about all of them may have together, of which each field counts as 64 at least.
    /// Default 16 MiB.
    pub total_limit: usize,
    /// Lines a second that are read in the long run, and KiB; what is more waits in the pipe. Default 1000.
    pub rate: u32,
    /// Lines, and KiB, that are read without a wait before that. Default 20000.
    pub burst: u32,
}

/// The text cannot be the name of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidName;

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the name of a source is made of 1 to 32 lower-case letters, digits, `_` and `-`, begins \
             with a letter, and is none of computer, mdev, mdevctl and udev",
        )
    }
}

impl std::error::Error for InvalidName {}

impl ExecConfig {
    /// Settings for the source of this name, which runs this program.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when the name could be mistaken for something else.
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Result<Self, InvalidName> {
        if !is_name(name) {
            return Err(InvalidName);
        }
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            fields: Self::usual_fields(),
            interests: Vec::new(),
            hello_deadline: Duration::from_secs(5),
            listing_deadline: Duration::from_secs(20),
            end_deadline: Duration::from_secs(1),
            quiet: Duration::from_millis(50),
            room_pause: Duration::from_secs(120),
            line_limit: 256 << 10,
            devices_limit: 4096,
            total_limit: 16 << 20,
            rate: 1000,
            burst: 20_000,
        })
    }

    /// Name of the source, of its stream and of its name space.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields that any device can have and that nothing but a document follows from.
    #[must_use]
    pub fn usual_fields() -> FieldSet {
        FieldSet::new()
            .with(device::CAPABILITY)
            .with(device::PATH)
            .with(device::DEVNODE)
            .with(device::DEVLINKS)
            .with(device::DRIVER)
            .with(device::SUBSYSTEM)
    }
}

fn is_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    name.len() <= 32
        && name.bytes().all(good)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !["computer", "mdev", "mdevctl", "udev"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_other_identity_and_no_path() {
        for good in ["acme", "a-b_2"] {
            assert_eq!(ExecConfig::new(good, "/x").unwrap().name(), good);
        }
        let long = "a".repeat(33);
        for bad in ["", "mdev", "udev", "computer", "a:b", "a/b", "Acme", "1a", "é", &long] {
            assert_eq!(ExecConfig::new(bad, "/x").unwrap_err(), InvalidName, "{bad}");
        }
    }
}
