//! What a listing was made without, that may come and tells nobody: mdevctl, or a directory that it requires.

use std::path::{Path, PathBuf};

use crate::binary::Binary;
use crate::command;

/// What was lacking, as it was when the listing was made, or as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The program: there was none, or this one cannot be run.
    Program(Option<Binary>),
    /// A directory that mdevctl says is missing, and whether it is there.
    Directory { path: PathBuf, is_there: bool },
}

impl Lack {
    /// The directory that mdevctl names in its complaint. It may be there, for us: mdevctl's word counts.
    pub(crate) fn named_in(complaint: &str) -> Option<Self> {
        let (_, said) = complaint.split_once("Required directory")?;
        let line = said.lines().next()?;
        let (before, named) = line.split_at(line.find('/')?);
        let ends = |c: char| match before.chars().next_back() {
            Some(quote @ ('"' | '\'' | '`')) => c == quote,
            _ => c.is_whitespace(),
        };
        let path = named.split(ends).next()?.into();
        Some(Self::Directory { path, is_there: false })
    }

    /// The same as it is now. Looks at files, which may take for ever.
    pub(crate) fn now(&self, program: &Path) -> Self {
        match self {
            Self::Program(_) => {
                let found = command::locate(program);
                Self::Program(found.and_then(|found| Binary::at(&found)))
            }
            Self::Directory { path, .. } => {
                Self::Directory { path: path.clone(), is_there: path.is_dir() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_one_that_mdevctl_names() {
        for (complaint, path) in [
            (
                "Error: Required directory \"/etc/mdevctl.d\" doesn't exist. This may",
                "/etc/mdevctl.d",
            ),
            ("[WARN]\nError: Required directory '/a b/c' is missing\n/x", "/a b/c"),
            ("Required directory /a/b does not exist", "/a/b"),
            ("Required directory is missing: /a/b\n", "/a/b"),
        ] {
            let directory = Lack::Directory { path: path.into(), is_there: false };
            assert_eq!(Lack::named_in(complaint), Some(directory), "{complaint}");
        }
        for complaint in ["", "Error: /etc", "Required directory\n/etc", "Required directory a"] {
            assert_eq!(Lack::named_in(complaint), None, "{complaint}");
        }
    }
}
