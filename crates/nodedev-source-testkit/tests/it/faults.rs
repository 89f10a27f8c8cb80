//! Each fault fails the clause that it breaks, for the reason that it is.

use std::panic::catch_unwind;

use nodedev_source_testkit::{CLAUSES, Verdict, clauses, report};

use crate::faulty::{Fault, FaultyBed};

fn assert_broken(number: usize, verdict: Verdict, because: &str) {
    let clause = &CLAUSES[number - 1];
    let panic = catch_unwind(|| report(clause, verdict)).expect_err("the fault went unnoticed");
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.starts_with(&format!("clause {number} ")), "{message}");
    assert!(message.contains(clause.must), "{message}");
    assert!(message.contains(because), "{because} is not in: {message}");
}

macro_rules! faults {
    ($( $name:ident: $fault:ident breaks $number:literal $clause:ident, $because:literal; )*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let verdict = clauses::$clause::<FaultyBed<{ Fault::$fault as usize }>>().await;
                assert_broken($number, verdict, $because);
            }
        )*
    };
}

faults! {
    info_that_changes: InfoChanges breaks 1 clause_01_identity, "info()";
    ids_that_change: IdsChange breaks 1 clause_01_identity, "ids after a restart";
    an_undeclared_field: UndeclaredField breaks 2 clause_02_ownership, "net.interface";
    an_undeclared_stream: UndeclaredStream breaks 2 clause_02_ownership, "another";
    a_value_of_another_type: WrongType breaks 2 clause_02_ownership, "which is text";
    empty_for_absent: EmptyForAbsent breaks 2 clause_02_ownership, "empty net.address";
    a_snapshot_that_varies: Unrepeatable breaks 3 clause_03_snapshot, "differs from the first";
    an_empty_host_as_error: EmptyIsError breaks 3 clause_03_snapshot, "no device";
    a_watch_armed_late: ArmsLate breaks 4 clause_04_no_gap, "d1_0 is there and not claimed";
    a_watch_that_dies: DropsItsSink breaks 4 clause_04_no_gap, "sink was dropped";
    lost_events: LosesEvents breaks 5 clause_05_convergence, "did not settle";
    old_words_after_new: OldRevisions breaks 6 clause_06_order, "after a newer one";
    a_swallowed_overrun: SwallowsOverrun breaks 7 clause_07_overrun, "did not settle";
    a_blocked_producer: Blocks breaks 7 clause_07_overrun, "gave no answer";
    a_forgotten_orphan: ForgetsOrphans breaks 8 clause_08_parents, "mdev:child0@address0";
    an_own_ancestor: OwnAncestor breaks 8 clause_08_parents, "its own ancestor";
    one_bad_for_all: TakesNeighbours breaks 9 clause_09_bad_input, "with its neighbour corrupted";
    a_nameless_diagnostic: NamesNothing breaks 9 clause_09_bad_input, "no diagnostic";
    vanishing_as_error: VanishingIsError breaks 10 clause_10_vanishing, "a device has gone";
    a_wrong_error_kind: WrongKind breaks 11 clause_11_failure, "reported as internal error";
    no_recovery: NeverRecovers breaks 11 clause_11_failure, "broken";
    a_kept_sink: KeepsItsSink breaks 12 clause_12_shutdown, "end of the sink";
    empty_debug: EmptyDebug breaks 13 clause_13_diagnostics, "Debug output is empty";
    endless_debug: EndlessDebug breaks 13 clause_13_diagnostics, "longer than";
    nameless_spans: NamelessSpans breaks 13 clause_13_diagnostics, "without the field `source`";
    a_device_left_out_of_the_inventory: ForgetsInInventory breaks 3 clause_03_snapshot, "the inventory of";
}
