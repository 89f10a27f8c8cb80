//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! Never reads files, never keeps anything from one call to the next.

use nodedev_types::{DeviceId, fields};
use nodedev_xml::{Document, Error, Invalid, read, read_capability, validate, write};

/// What can be read can be written, stays of the same name and kind, and does not change when that is
/// read and written again. A document that is not in libvirt's form may change once: what libvirt
/// prints always comes, what it prints only together goes, and white space that was written as a
/// reference becomes a blank.
pub(crate) fn document(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    form(text);
    let capability = read_capability(text);
    let Ok(document) = read(text) else { return };
    if let Ok(capability) = capability {
        assert_eq!(document.fields.get(fields::device::CAPABILITY), Some(capability));
    }
    let again = reread(&document);
    let main = |document: &Document| document.fields.get(fields::device::CAPABILITY);
    assert_eq!((again.form, main(&again)), (document.form, main(&document)));
    assert!(again.name == document.name || text.contains("&#"), "{}", again.name);
    assert_eq!(reread(&again), again);
}

/// A verdict on the form is always reached, and what is wrong is said of a place in one line. What has
/// a good form has a name and is within the bounds of reading.
fn form(text: &str) {
    match validate(text) {
        Ok(()) => assert!(!matches!(read(text), Err(Error::Syntax(_) | Error::Root { .. }))),
        Err(Invalid::Form(violation)) => {
            let said = violation.to_string();
            assert!(violation.place.contains("device") && said.lines().count() == 1, "{said}");
        }
        Err(_) => {}
    }
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
