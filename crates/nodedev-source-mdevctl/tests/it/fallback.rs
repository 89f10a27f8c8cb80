//! One bad definition makes mdevctl refuse them all: the files are read one by one.

use std::fs;
use std::os::unix::fs::symlink;

use nodedev_source::{ErrorKind, NodeDeviceSource as _};
use nodedev_types::SourceId;

use crate::host::{Host, PARENT, defined, definition, devices, diagnostics, id, listing, uuid};

const REFUSES: &str = "echo 'Error: expected value at line 1 column 1' >&2; exit 1";

#[tokio::test]
async fn the_bad_file_is_named_beside_the_words_of_mdevctl() {
    let host = Host::scripted();
    fs::write(host.definition(PARENT, 1), definition("t")).unwrap();
    fs::write(host.definition(PARENT, 2), "garbage").unwrap();
    host.answer("active", "[]");
    host.behave(&format!("[ \"$3\" ] && {{ {REFUSES}; }}"));
    let snapshot = host.source().snapshot().await.unwrap();

    assert_eq!(defined(&snapshot), [id(1)]);
    let listing = listing(&snapshot, SourceId::MDEVCTL_DEFINED);
    assert_eq!(listing.unreadable, [id(2)]);
    let bad = host.definition(PARENT, 2);
    assert_eq!(
        diagnostics(&snapshot),
        [
            "mdevctl list --dumpjson --defined: failed, definitions read one by one: \
             exit status: 1: Error: expected value at line 1 column 1"
                .to_owned(),
            format!("{}: not JSON: expected value at line 1 column 1", bad.display()),
        ]
    );
}

#[tokio::test]
async fn a_failing_active_listing_stays_failed() {
    let host = Host::scripted();
    fs::write(host.definition(PARENT, 1), "garbage").unwrap();
    host.behave(REFUSES);
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), []);
    let active = listing(&snapshot, SourceId::MDEVCTL_ACTIVE);
    assert_eq!(active.devices.as_ref().unwrap_err().kind(), ErrorKind::Failed);
}

#[tokio::test]
async fn files_that_do_not_explain_the_refusal_do_not_replace_the_listing() {
    let host = Host::scripted();
    fs::write(host.definition(PARENT, 1), definition("t")).unwrap();
    host.answer("active", "[]");
    host.behave(&format!("[ \"$3\" ] && {{ {REFUSES}; }}"));
    let snapshot = host.source().snapshot().await.unwrap();
    let error = listing(&snapshot, SourceId::MDEVCTL_DEFINED).devices.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
}

#[tokio::test]
async fn a_missing_directory_of_mdevctl_is_an_ordinary_host() {
    let host = Host::scripted();
    host.behave("echo 'Error: Required directory \"/etc/mdevctl.d\" does not exist' >&2; exit 1");
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), []);
    assert!(devices(&snapshot, SourceId::MDEVCTL_ACTIVE).is_empty());
    assert!(diagnostics(&snapshot)[0].contains("Required directory"));
}

#[tokio::test]
async fn what_mdevctl_passes_over_silently_is_told() {
    let host = Host::scripted();
    fs::create_dir_all(host.definition(PARENT, 1)).unwrap();
    host.answer("defined", "[]");
    host.answer("active", "[]");
    let snapshot = host.source().snapshot().await.unwrap();
    let odd = host.definition(PARENT, 1);
    assert_eq!(
        diagnostics(&snapshot),
        [format!("{}: a directory, not a definition file", odd.display())]
    );
}

#[tokio::test]
async fn an_mdevctl_that_was_killed_is_explained_by_no_file_and_a_refusal_by_no_stray_one() {
    let (bad, killed) = (uuid(2), "kill -KILL $$");
    for (name, shell) in [("README", REFUSES), ("README", killed), (&*bad, killed)] {
        let host = Host::scripted();
        let good = host.definition(PARENT, 1);
        fs::write(good.with_file_name(name), "words").unwrap();
        fs::write(good, definition("t")).unwrap();
        host.answer("active", "[]");
        host.behave(&format!("[ \"$3\" ] && {{ {shell}; }}"));
        let snapshot = host.source().snapshot().await.unwrap();
        let defined = &listing(&snapshot, SourceId::MDEVCTL_DEFINED).devices;
        assert_eq!(defined.as_ref().unwrap_err().kind(), ErrorKind::Failed, "{shell}");
    }
}

/// As one with an I/O error, or when there are too many open files: it is not known to be empty.
#[tokio::test]
async fn a_directory_that_cannot_be_read_withdraws_no_definition() {
    let host = Host::scripted();
    fs::create_dir(host.path("etc")).unwrap();
    symlink("mdevctl.d", host.path("etc/mdevctl.d")).unwrap();
    host.answer("active", "[]");
    for shell in [":", REFUSES] {
        host.behave(&format!("[ \"$3\" ] && {{ {shell}; }}"));
        host.answer("defined", "[]");
        let snapshot = host.source().snapshot().await.unwrap();
        let defined = &listing(&snapshot, SourceId::MDEVCTL_DEFINED).devices;
        let error = defined.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        assert!(error.to_string().contains("etc/mdevctl.d: cannot be read"), "{error}");
    }
    fs::remove_file(host.program()).unwrap();
    let error = host.source().snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
}
