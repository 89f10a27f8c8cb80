//! Our documents before libvirt's schema, and before our own reader.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};
use nodedev_types::DeviceId;
use nodedev_xml::{read, write};

use super::dump::{Device, Dump};
use super::stage::{INSIDE, Stage};
use crate::command::run;

/// Where every distribution installs it.
const SCHEMA: &str = "/usr/share/libvirt/schemas/nodedev.rng";
/// Documents in one run of the validator.
const BATCH: usize = 500;

/// Our documents that the schema refuses, with its words, but for those of which libvirt's own is
/// refused as well.
pub(super) fn refused(
    stage: &Stage,
    theirs: &Dump,
    ours: &Dump,
) -> Result<BTreeMap<String, String>> {
    let mut refused = validate(stage, "ours", &documents(ours))?;
    let own: BTreeMap<_, _> =
        documents(theirs).into_iter().filter(|(name, _)| refused.contains_key(name)).collect();
    let their_refused = validate(stage, "libvirt", &own)?;
    // libvirt's schema knows no device that libvirt does not list either.
    refused.retain(|name, _| own.contains_key(name) && !their_refused.contains_key(name));
    Ok(refused)
}

/// Our documents that our reader does not understand, or that are written otherwise again.
pub(super) fn not_understood(ours: &Dump) -> BTreeMap<String, String> {
    let check = |(name, document): (String, String)| Some((name, round_trip(&document).err()?));
    documents(ours).into_iter().filter_map(check).collect()
}

/// Reads the document and writes it again.
fn round_trip(document: &str) -> Result<(), String> {
    let understood = read(document).map_err(|error| error.to_string())?;
    let form = understood.form;
    let id = understood.device_id().unwrap_or(DeviceId::Computer);
    let again = write(&understood.into_device(id), form);
    if again == document { Ok(()) } else { Err(format!("it is written again as\n{again}")) }
}

/// All documents by name, the inactive forms under one of their own.
fn documents(dump: &Dump) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for (name, Device { live, inactive, .. }) in &dump.devices {
        for (name, document) in [(name.clone(), live), (format!("{name} --inactive"), inactive)] {
            if document.starts_with('<') {
                documents.insert(name, document.clone());
            }
        }
    }
    documents
}

/// The documents that the schema refuses, with its words.
fn validate(
    stage: &Stage,
    whose: &str,
    documents: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let folder = stage.outside("documents").join(whose);
    fs::create_dir_all(&folder)?;
    let names: Vec<_> = documents.keys().collect();
    for (number, document) in documents.values().enumerate() {
        fs::write(folder.join(format!("{number}.xml")), document)?;
    }
    let mut refused = BTreeMap::new();
    for first in (0..names.len()).step_by(BATCH) {
        let numbers = first..(first + BATCH).min(names.len());
        let mut xmllint = stage.command(&[], "xmllint");
        xmllint.args(["--noout", "--relaxng", SCHEMA]);
        xmllint.args(numbers.clone().map(|n| format!("{INSIDE}/documents/{whose}/{n}.xml")));
        let said = run(&mut xmllint).stderr;
        let words = by_file(&said, &format!("{INSIDE}/documents/{whose}/"));
        let mut judged = 0;
        for (number, (valid, words)) in words {
            let name = names.get(number).context("xmllint names a file that it was not given")?;
            judged += 1;
            if !valid {
                refused.insert((*name).clone(), words);
            }
        }
        if judged != numbers.len() {
            bail!("xmllint judged {judged} of {} documents: {}", numbers.len(), said.trim());
        }
    }
    Ok(refused)
}

/// For each file by its number: whether it is valid, and the complaints about it.
fn by_file(said: &str, folder: &str) -> BTreeMap<usize, (bool, String)> {
    let (mut verdicts, mut words) = (BTreeMap::new(), String::new());
    for line in said.lines() {
        let Some((number, rest)) = line.strip_prefix(folder).and_then(|r| r.split_once(".xml"))
        else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        match rest {
            " validates" => {
                verdicts.insert(number, (true, String::new()));
            }
            " fails to validate" => {
                verdicts.insert(number, (false, std::mem::take(&mut words)));
            }
            complaint => {
                words.push_str(complaint.trim_start_matches(':'));
                words.push('\n');
                // What is no XML gets no verdict.
                verdicts.entry(number).or_insert_with(|| (false, complaint.to_owned()));
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
        assert_eq!(verdicts[&0], (true, String::new()));
        assert!(!verdicts[&1].0);
        assert!(verdicts[&1].1.contains("element x"), "{verdicts:?}");
        assert!(!verdicts[&2].0);
    }

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let document = "<device>\n  <name>scsi_target0_0_0</name>\n  <path>/sys/x</path>\n  \
            <parent>computer</parent>\n  <capability type='scsi_target'>\n    \
            <target>target0:0:0</target>\n  </capability>\n</device>\n";
        round_trip(document).unwrap();
        assert!(round_trip(&document.replace("    <", "  <")).is_err());
        assert!(round_trip("no document").is_err());
    }
}
