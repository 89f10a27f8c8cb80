//! Our documents before libvirt's schema, and before our own reader.

use std::collections::BTreeMap;

use anyhow::Result;
use nodedev_types::DeviceId;
use nodedev_xml::{read, validate, write};

use super::dump::{Device, Dump};
use super::stage::{INSIDE, Stage};
use crate::xmllint::complaints;

/// The version of libvirt whose schema our own check follows.
pub(super) const VERSION: &str = "11.3.";

/// What the schema makes of the documents of both daemons.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Our documents that the schema refuses, with its words, but for those of which libvirt's own is
    /// refused as well.
    pub(super) refused: BTreeMap<String, String>,
    /// Documents of either daemon on which our own check and the schema do not agree.
    pub(super) disputed: BTreeMap<String, String>,
}

/// Has all documents judged.
pub(super) fn judge(stage: &Stage, theirs: &Dump, ours: &Dump) -> Result<Judged> {
    let (ours, theirs) = (documents(ours), documents(theirs));
    let (ours_refused, theirs_refused) =
        (refused(stage, "ours", &ours)?, refused(stage, "libvirt", &theirs)?);
    let mut disputed = disputed("libvirt's", &theirs, &theirs_refused);
    disputed.extend(self::disputed("our", &ours, &ours_refused));
    let mut refused = ours_refused;
    // libvirt's schema knows no device that libvirt does not list either.
    refused.retain(|name, _| theirs.contains_key(name) && !theirs_refused.contains_key(name));
    Ok(Judged { refused, disputed })
}

/// The documents on which our own check and the schema do not agree.
fn disputed(
    whose: &str,
    documents: &BTreeMap<String, String>,
    refused: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let dispute = |(name, document): (&String, &String)| {
        let said = dispute(document, refused.get(name).map(String::as_str))?;
        Some((name.clone(), format!("{whose} document: {said}")))
    };
    documents.iter().filter_map(dispute).collect()
}

/// How our own check's verdict differs from xmllint's.
pub(crate) fn dispute(document: &str, complaint: Option<&str>) -> Option<String> {
    match (validate(document), complaint) {
        (Ok(()), Some(words)) => Some(format!("we see nothing wrong, the schema: {words}")),
        (Err(error), None) => Some(format!("the schema takes what we refuse: {error}")),
        _ => None,
    }
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
fn refused(
    stage: &Stage,
    whose: &str,
    documents: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let folder = stage.outside("documents").join(whose);
    let inside = format!("{INSIDE}/documents/{whose}");
    let texts: Vec<_> = documents.values().map(String::as_str).collect();
    let said = complaints(|| stage.command(&[], "xmllint"), &folder, &inside, &texts)?;
    let refused = documents.keys().zip(said).filter_map(|(name, said)| Some((name.clone(), said?)));
    Ok(refused.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_disputed_in_both_directions() {
        let (good, bad) = ("<device><name>x</name></device>", "<device/>");
        assert_eq!(dispute(good, None), None);
        assert_eq!(dispute(bad, Some("no name")), None);
        assert!(dispute(good, Some("no name")).unwrap().ends_with("the schema: no name"));
        assert!(dispute(bad, None).unwrap().ends_with("`name` is missing"));
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
