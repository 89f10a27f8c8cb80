//! xmllint's verdicts on documents by libvirt's schema.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::run;

/// Where every distribution installs it.
pub const SCHEMA: &str = "/usr/share/libvirt/schemas/nodedev.rng";
/// Documents in one run of the validator.
const BATCH: usize = 500;

/// What xmllint says against each document; nothing, if the schema takes it. `xmllint` makes a command
/// that sees `folder` as `inside` and the schema in its place.
///
/// # Errors
///
/// When the documents cannot be written, or one of them gets no verdict.
pub fn complaints(
    xmllint: impl Fn() -> Command,
    folder: &Path,
    inside: &str,
    documents: &[&str],
) -> Result<Vec<Option<String>>> {
    fs::create_dir_all(folder)?;
    for (number, document) in documents.iter().enumerate() {
        fs::write(folder.join(format!("{number}.xml")), document)?;
    }
    let mut complaints = Vec::with_capacity(documents.len());
    for first in (0..documents.len()).step_by(BATCH) {
        let numbers = first..(first + BATCH).min(documents.len());
        let mut command = xmllint();
        command.args(["--noout", "--relaxng", SCHEMA]);
        command.args(numbers.clone().map(|number| format!("{inside}/{number}.xml")));
        let said = run(&mut command).stderr;
        let mut words = by_file(&said, &format!("{inside}/"));
        for number in numbers {
            let complaint = words.remove(&number);
            complaints.push(complaint.with_context(|| format!("no verdict: {}", said.trim()))?);
        }
        if let Some(number) = words.keys().next() {
            bail!("xmllint names a file that it was not given: {number}");
        }
    }
    Ok(complaints)
}

/// The complaints about each file by its number; nothing about a valid one.
fn by_file(said: &str, folder: &str) -> BTreeMap<usize, Option<String>> {
    let (mut verdicts, mut words) = (BTreeMap::new(), String::new());
    for line in said.lines() {
        let Some((number, rest)) = line.strip_prefix(folder).and_then(|r| r.split_once(".xml"))
        else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        match rest {
            " validates" => {
                verdicts.insert(number, None);
            }
            " fails to validate" => {
                verdicts.insert(number, Some(std::mem::take(&mut words)));
            }
            complaint => {
                words.push_str(complaint.trim_start_matches(':'));
                words.push('\n');
                // What is no XML gets no verdict.
                verdicts.entry(number).or_insert_with(|| Some(complaint.to_owned()));
            }
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_with_their_reasons() {
        let said = "/d/0.xml validates\n/d/1.xml:3: element x: Relax-NG validity error : no\n\
            /d/1.xml fails to validate\n/d/2.xml:1: parser error : junk\n<x\n ^\n";
        let verdicts = by_file(said, "/d/");
        assert_eq!(verdicts[&0], None);
        assert!(verdicts[&1].as_ref().unwrap().contains("element x"), "{verdicts:?}");
        assert!(verdicts[&2].is_some());
    }
}
