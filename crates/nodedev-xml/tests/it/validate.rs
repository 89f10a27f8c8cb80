//! Documents whose form is good, and what is said of those whose form is not.

use std::fs;
use std::path::Path;

use nodedev_xml::{Invalid, MAX_LEN, read_request, validate};

use crate::verdicts::corpus;

fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"))
}

#[test]
fn each_document_of_the_corpus_gets_its_verdict() {
    let cases = corpus(&here().join("verdicts"));
    let (bad, good): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.complaint.is_some());
    assert!(good.len() > 50 && bad.len() > 150, "{} and {}", good.len(), bad.len());
    for case in cases {
        let said = validate(&case.document).err().map(|error| error.to_string());
        assert_eq!(said, case.complaint, "{}", case.document);
    }
}

#[test]
fn what_both_readers_refuse_is_refused_here_too() {
    let mdev = |inside: &str| {
        format!(
            "<device><name>x</name><capability type='mdev'><type id='t'/>{inside}</capability></device>"
        )
    };
    let padded = |size: usize| {
        let document = mdev("");
        let padding = " ".repeat(size - document.len());
        document.replacen("</device>", &format!("{padding}</device>"), 1)
    };
    let laughs = "<!DOCTYPE device [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>";
    for (document, is_refused_for) in [
        (mdev("<"), "Syntax"),
        (mdev("&e;"), "Syntax"),
        (mdev("<attr name='a' value='1' value='2'/>"), "Syntax"),
        (format!("<!DOCTYPE device>{}", mdev("")), "Dtd"),
        (format!("{laughs}{}", mdev("<uuid>&b;</uuid>")), "Dtd"),
        (
            format!(
                "<!DOCTYPE device [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>{}",
                mdev("<attr name='a' value='&e;'/>")
            ),
            "Dtd",
        ),
        (format!("<!DOCTYPE device SYSTEM 'http://localhost/x.dtd'>{}", mdev("")), "Dtd"),
        (mdev(&format!("<attr name='a' value='1'{}/>", many(" b{}=''", 65))), "TooMany"),
        (format!("<device{}/>", many(" xmlns:n{}='urn:x'", 17)), "TooMany"),
        (padded(MAX_LEN + 1), "TooLong"),
        ("<domain/>".to_owned(), "Root"),
    ] {
        let Err(Invalid::Document(error)) = validate(&document) else { panic!("{document}") };
        assert!(format!("{error:?}").starts_with(is_refused_for), "{error:?}");
        let request = read_request(&document).expect_err(&document);
        assert!(format!("{request:?}").contains(is_refused_for), "{request:?}");
    }
    validate(&padded(MAX_LEN)).expect("the longest document");
    read_request(&padded(MAX_LEN)).expect("the longest document");
}

fn many(attribute: &str, count: usize) -> String {
    (0..count).map(|number| attribute.replace("{}", &number.to_string())).collect()
}

#[test]
fn what_libvirt_prints_of_a_device_that_can_be_made_has_a_good_form() {
    for name in ["mdev-live", "mdev-inactive", "mdev-definition-only", "scsi_host-fc"] {
        let file = here().join("documents").join(name).with_extension("xml");
        let document = fs::read_to_string(file).expect("there is a document");
        assert_eq!(validate(&document).map_err(|error| error.to_string()), Ok(()), "{name}");
    }
}

#[test]
fn a_complaint_stays_short_whatever_it_is_about() {
    let long = "x".repeat(100_000);
    for document in [
        format!("<device><{long}/></device>"),
        format!("<device {long}='{long}'/>"),
        format!("<device>{long}</device>"),
        format!("<device xmlns:n='{long}'><n:{long}/></device>"),
        format!("<device><name>x</name><devnode type='{long}'/></device>"),
        format!("<device>{}</device>", "<a>".repeat(9999) + &"</a>".repeat(9999)),
    ] {
        let said = validate(&document).expect_err("it has no name").to_string();
        assert!(said.len() < 400, "{said}");
    }
}
