//! What cannot be staged is said, and fails only where it may.

use std::process::Command;

use nodedev_source_testkit::{CLAUSES, Skip, Stop, clauses, report};

use crate::streams::TwoStreams;

#[tokio::test]
async fn a_change_that_cannot_be_is_a_skip_by_nature() {
    let verdict = clauses::clause_08_parents::<TwoStreams>().await;
    let Err(Stop::Skipped(skip)) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(skip.is_by_nature());
    assert!(skip.to_string().contains("no children"), "{skip}");
}

#[test]
fn a_skip_by_nature_passes_everywhere() {
    report(&CLAUSES[0], Err(Skip::inapplicable("has none").into()));
}

#[test]
fn clauses_are_numbered_in_order() {
    for (at, clause) in CLAUSES.iter().enumerate() {
        assert_eq!(clause.number, at + 1);
        assert!(clause.test.starts_with(&format!("clause_{:02}_", clause.number)));
        assert!(clause.must.contains("MUST"), "{clause}");
    }
    assert_eq!(CLAUSES.len(), 13);
}

#[test]
#[ignore = "skips by design; started by the test beside it"]
fn lacking_something() {
    report(&CLAUSES[0], Err(Skip::new("no such tool").into()));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this program itself is started")]
fn a_skip_for_want_of_something_is_said_and_fails_where_all_is_required() {
    for (require_all, passes) in [("0", true), ("1", false)] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "skips::lacking_something", "--ignored", "--nocapture"])
            .env("NODEDEV_REQUIRE_ALL", require_all)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), passes, "{errors}");
        assert!(errors.contains("no such tool") && errors.contains("clause 1 "), "{errors}");
    }
}
