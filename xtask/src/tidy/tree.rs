//! The texts of the checkout. Reads them all; judges none.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// A text file of the checkout.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    /// Relative to the checkout, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_page(&self) -> bool {
        self.path.ends_with(".md")
    }
}

/// Not looked into: what is built, git's own, and recordings of other hosts.
const SKIPPED: &[&str] = &["target", ".git", "fixtures"];

/// All texts below the folder, sorted by path.
///
/// # Errors
///
/// When a folder or file cannot be read. What is not UTF-8 is no text and left out.
pub(crate) fn read(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    descend(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The hosts of the fixtures, sorted by path.
///
/// # Errors
///
/// When the folder or a file cannot be read.
pub(crate) fn hosts(root: &Path) -> Result<Vec<TextFile>> {
    let mut hosts = Vec::new();
    descend(root, &root.join("fixtures/hosts"), &mut hosts)?;
    hosts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(hosts)
}

fn descend(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) {
                descend(root, &path, files)?;
            }
        } else if kind.is_file() {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            let path = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.push(TextFile { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_texts_and_skips_what_is_built() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/target")).unwrap();
        fs::write(root.path().join("a/b.rs"), "text").unwrap();
        fs::write(root.path().join("a/target/c.rs"), "built").unwrap();
        fs::write(root.path().join("image"), [0xff, 0xfe]).unwrap();
        let files = read(root.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].path.as_str(), files[0].text.as_str()), ("a/b.rs", "text"));
    }
}
