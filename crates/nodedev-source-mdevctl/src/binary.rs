//! Which file mdevctl is, and in which state.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// One state of one file. Its contents cannot change without one of these, nor can the right to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binary {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    changed: (i64, i64),
}

impl Binary {
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
