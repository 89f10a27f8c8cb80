//! What cannot be staged is said, and fails only where it may.

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
        assert!(
            clause
                .test
                .starts_with(&format!("clause_{:02}_", clause.number))
        );
        assert!(clause.must.contains("MUST"), "{clause}");
    }
    assert_eq!(CLAUSES.len(), 13);
}
