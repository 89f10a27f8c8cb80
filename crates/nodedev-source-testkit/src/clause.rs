//! The clauses of the source contract: the one place that holds their text.

use std::fmt;

/// One clause of the contract between the registry and a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clause {
    /// Its number, from 1.
    pub number: usize,
    /// Its name, one word.
    pub name: &'static str,
    /// Name of the test that `conformance_tests!` makes of it.
    pub test: &'static str,
    /// What a source must do.
    pub must: &'static str,
    /// How the kit looks whether it does.
    pub checked: &'static str,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clause {} ({}): {}", self.number, self.name, self.must)
    }
}

macro_rules! clauses {
    ($( $number:literal $name:literal $test:literal: $must:literal, $checked:literal; )*) => {
        /// Every clause, in order: clause `n` is `CLAUSES[n - 1]`.
        pub const CLAUSES: &[Clause] = &[$( Clause {
            number: $number,
            name: $name,
            test: $test,
            must: $must,
            checked: $checked,
        }, )*];
    };
}

clauses! {
    1 "identity" "clause_01_identity":
        "info() MUST be constant, also across restarts, and device ids MUST be unique within a stream and the same after a restart over an unchanged host.",
        "Two calls and a second source value are compared; names are held to letters, digits, `_`, `-` and `/`; a foreign id must lie in its stream's name space and a mediated device must have a mediated device's id.";
    2 "ownership" "clause_02_ownership":
        "An observation MUST come from a declared stream and hold only fields that this stream declares, each with a value of the field's type; what is absent MUST be absent and not empty.",
        "Listings, events and refreshes are held against info(); an attribute is taken away and its field must not turn into an empty text.";
    3 "snapshot" "clause_03_snapshot":
        "Two snapshots of a quiet host MUST say the same, each stream MUST have exactly one listing whose revision is newer than the last one's, and a host without devices MUST give empty listings. An inventory, which a source MAY give, MUST name the devices of the listings.",
        "Snapshots are compared without regard to order, and with an inventory; a raised hint must be answered by the next snapshot of a source that declares interests.";
    4 "no gap" "clause_04_no_gap":
        "From the return of watch() on every change MUST reach the sink: a device that appears before, while or after a snapshot is read MUST be seen.",
        "Devices appear between watch() and snapshot(), while a snapshot is under way, and after it.";
    5 "convergence" "clause_05_convergence":
        "A snapshot with the events after it folded in MUST say what a fresh snapshot says, whatever happened in between.",
        "Scripts of additions, changes, removals, renames and repeated events are generated from a fixed seed; the folded view is compared with the snapshot of a restarted source.";
    6 "order" "clause_06_order":
        "The messages about one device MUST come in the order of their revisions, and an event about a device that is not there MUST do no harm.",
        "A device is added, changed and removed many times; a second removal and a change before the addition are announced.";
    7 "overrun" "clause_07_overrun":
        "A queue that nobody drains MUST NOT block the source or lose a change for good: the source stays answerable and the list heals by a resync.",
        "A queue of one message is left undrained during many changes; snapshot() and refresh() must answer meanwhile, and the view must converge once the queue is read.";
    8 "parents" "clause_08_parents":
        "What is said of a device MUST NOT depend on whether its parent was there first, and no device may be its own ancestor.",
        "A parent and its child are added in both orders and the two views compared; parents are resolved by path and by address and followed to the root.";
    9 "bad input" "clause_09_bad_input":
        "Input that is missing, huge, truncated, not UTF-8, unparsable or a directory MUST cost no more than its own device, with a diagnostic that names the device and what is wrong in it.",
        "One of three devices is corrupted in each of these ways; the two others must be said as before, and all must be well once it is mended.";
    10 "vanishing" "clause_10_vanishing":
        "A device that vanishes while it is read MUST be left out: no error, no unreadable device, no warning.",
        "A device goes during a snapshot; refreshing it afterwards must say that it is gone, or that there is nothing to read.";
    11 "failure" "clause_11_failure":
        "An absent tool, a missing permission, a passed deadline, a refusal and garbage MUST each be reported as the error kind of that name, and a later call MUST succeed once the cause is gone.",
        "The host is broken in each of these ways and repaired; calls must answer within the deadline. A watch whose sink has ended is started again, as the registry does.";
    12 "shutdown" "clause_12_shutdown":
        "Dropping the watch MUST end its threads, child processes, descriptors and sink within a bounded time, and every future may be dropped at any await.",
        "Threads, children and descriptors of the process are counted before and after watches, in a process of its own; futures are polled a few times and dropped.";
    13 "diagnostics" "clause_13_diagnostics":
        "Debug output MUST be finite and not empty, nothing may go to standard output, and tracing spans or events MUST carry the field `source`.",
        "The source is exercised in a process of its own whose standard output is read; spans and events of the source's targets are collected.";
}
