//! What the daemon runs instead of `mdevctl`: a script that keeps a record, fails on demand, and else
//! gives way to a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Written for `sh`, with its folder and the real command put in.
const SCRIPT: &str = r#"#!/bin/sh
echo "begin $*" >>'FOLDER/record'
[ ! -e 'FOLDER/trouble' ] || . 'FOLDER/trouble'
REAL "$@"
status=$?
echo "end $*" >>'FOLDER/record'
exit $status
"#;

/// The script, in a folder of its own.
#[derive(Debug)]
pub(crate) struct Mdevctl {
    folder: TempDir,
}

impl Mdevctl {
    /// In front of this command.
    pub(crate) fn before(real: &str) -> Self {
        // Where another root sees it too.
        let folder = tempfile::tempdir_in("/run").unwrap();
        let text = SCRIPT.replace("FOLDER", folder.path().to_str().unwrap()).replace("REAL", real);
        let mdevctl = Self { folder };
        fs::write(mdevctl.program(), text).unwrap();
        fs::set_permissions(mdevctl.program(), fs::Permissions::from_mode(0o755)).unwrap();
        mdevctl
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("mdevctl")
    }

    /// From now on these lines of `sh` come first; `$*` is what mdevctl is called with.
    pub(crate) fn trouble(&self, lines: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, lines).unwrap();
        // The script reads it line by line, perhaps now.
        fs::rename(new, self.folder.path().join("trouble")).unwrap();
    }

    pub(crate) fn no_trouble(&self) {
        fs::remove_file(self.folder.path().join("trouble")).unwrap();
    }

    /// `begin ARGUMENTS` and `end ARGUMENTS`, in the order in which it happened.
    pub(crate) fn record(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("record")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
