//! Seeds from the folders of a corpus. Reads files; a folder that is missing has none.

use std::fs;
use std::path::{Path, PathBuf};

/// The contents of all files in these folders, in the order of their names.
///
/// # Panics
///
/// When a file cannot be read.
#[must_use]
pub fn seeds<P: AsRef<Path>>(folders: &[P]) -> Vec<Vec<u8>> {
    files(folders).iter().map(|path| contents(path)).collect()
}

/// What stands between empty lines in the files of a folder: the devices of umockdev's recordings.
///
/// # Panics
///
/// When a file cannot be read.
#[must_use]
pub fn blocks(folder: &Path) -> Vec<Vec<u8>> {
    let texts = files(&[folder]).into_iter().map(|path| contents(&path));
    let texts = texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    texts
        .flat_map(|text| text.split("\n\n").map(|b| b.as_bytes().to_vec()).collect::<Vec<_>>())
        .collect()
}

fn files<P: AsRef<Path>>(folders: &[P]) -> Vec<PathBuf> {
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn contents(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
