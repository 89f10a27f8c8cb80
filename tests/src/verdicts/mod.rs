//! Our own verdicts on documents beside those of xmllint with libvirt's schema: over the corpus of
//! `nodedev-xml`, and over mutants of it.

// The corpus is that crate's: its tests hold it against what it says itself.
#[path = "../../../crates/nodedev-xml/tests/it/verdicts.rs"]
pub(crate) mod corpus;
mod mutate;
mod tree;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::parity::schema::dispute;
use crate::xmllint::complaints;
use corpus::corpus;
use mutate::Mutator;

/// How many mutants are judged.
const MUTANTS: usize = 8000;

/// Run as `sh -c SCRIPT xmllint ROOT FOLDER ARGUMENTS…` in a mount namespace of its own.
const XMLLINT: &str = r#"
set -e
root=$1 folder=$2; shift 2
mount --bind "$folder" "$root/mnt"
exec chroot "$root" xmllint "$@"
"#;

/// What came of the comparison.
#[derive(Debug)]
pub struct Outcome {
    /// Documents that both take.
    pub taken: usize,
    /// Documents that both refuse.
    pub refused: usize,
    /// Documents on which they do not agree, and how.
    pub disputed: Vec<(String, String)>,
}

/// Compares on the corpus and on mutants, with xmllint and the schema of the system in `root`.
///
/// # Errors
///
/// When there are no verdicts, or so few of a kind that the comparison shows nothing.
pub fn compare(root: &Path) -> Result<Outcome> {
    let documents = documents()?;
    let folder = tempfile::tempdir()?;
    let texts: Vec<_> = documents.iter().map(String::as_str).collect();
    let xmllint = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", XMLLINT, "xmllint"]);
        command.arg(root).arg(folder.path());
        command
    };
    let said = complaints(xmllint, folder.path(), "/mnt", &texts)?;
    let taken = said.iter().filter(|complaint| complaint.is_none()).count();
    let refused = said.len() - taken;
    if taken.min(refused) < MUTANTS / 20 {
        bail!("{taken} documents are taken and {refused} refused: that shows little");
    }
    let dispute = |(document, complaint): (String, Option<String>)| {
        let words = dispute(&document, complaint.as_deref())?;
        Some((document, words))
    };
    let disputed = documents.into_iter().zip(said).filter_map(dispute).collect();
    Ok(Outcome { taken, refused, disputed })
}

fn documents() -> Result<Vec<String>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/nodedev-xml/tests/it");
    let (bad, good): (Vec<_>, Vec<_>) =
        corpus(&tests.join("verdicts")).into_iter().partition(|case| case.complaint.is_some());
    let mut documents: Vec<_> = good.into_iter().map(|case| case.document).collect();
    let mut files = fs::read_dir(tests.join("documents"))?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        documents.push(fs::read_to_string(file.path())?);
    }
    // What is bad already can hardly become worse.
    let mut mutator = Mutator::new(documents.iter().map(String::as_str));
    documents.extend(bad.into_iter().map(|case| case.document));
    documents.extend(std::iter::repeat_with(|| mutator.next()).take(MUTANTS));
    Ok(documents)
}
