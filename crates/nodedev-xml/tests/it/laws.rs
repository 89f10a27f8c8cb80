//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! Never reads files, never keeps anything from one call to the next.

use nodedev_types::{DeviceId, fields};
use nodedev_xml::{Document, read, read_capability, write};

/// What can be read can be written, and is then read as the same. Only white space that was written
/// as a reference is lost: libvirt's form has it as it is, and readers of XML take it for a blank.
/// What is always printed comes back where it was absent, as the number 0 of a group.
pub(crate) fn document(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let capability = read_capability(text);
    let Ok(document) = read(text) else { return };
    if let Ok(capability) = capability {
        assert_eq!(document.fields.get(fields::device::CAPABILITY), Some(capability));
    }
    let again = reread(&document);
    let kept = document.fields.iter().all(|(name, value)| again.fields.value(name) == Some(value));
    let named = (&again.name, &again.parent, again.form)
        == (&document.name, &document.parent, document.form);
    assert!(kept && named || text.contains("&#"), "{document:?} came back as {again:?}");
    assert_eq!(reread(&again), again);
}

fn reread(document: &Document) -> Document {
    let text = written(document.clone());
    read(&text).unwrap_or_else(|error| panic!("{error} in what was written:\n{text}"))
}

fn written(document: Document) -> String {
    let form = document.form;
    let id = document.device_id();
    let id = id.unwrap_or_else(|| DeviceId::foreign("document", document.name.as_str()));
    write(&document.into_device(id), form)
}
