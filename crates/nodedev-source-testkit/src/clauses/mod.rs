//! The check of each clause, callable by itself: for wrappers, and to show that a faulty source
//! fails. [`conformance_tests!`](crate::conformance_tests) makes a test of each.

use crate::rig::Rig;
use crate::{Harness, Verdict};

mod bad_input;
mod convergence;
mod diagnostics;
mod failure;
mod identity;
mod no_gap;
mod order;
mod overrun;
mod ownership;
mod parents;
mod shutdown;
mod snapshot;
mod vanishing;

macro_rules! clauses {
    ($( $(#[$doc:meta])* $number:literal $test:ident $body:path; )*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// [`Stop`](crate::Stop) when the source breaks the clause or it cannot be checked.
            pub async fn $test<H: Harness>() -> Verdict {
                let rig = Rig::<H>::make().await?;
                let verdict = $body(&rig).await;
                rig.harness.teardown().await;
                verdict
            }
        )*

        /// Checks the clause of that number.
        ///
        /// # Errors
        ///
        /// [`Stop`](crate::Stop) when the source breaks the clause or it cannot be checked.
        ///
        /// # Panics
        ///
        /// When there is no such clause.
        pub async fn check<H: Harness>(number: usize) -> Verdict {
            match number {
                $( $number => $test::<H>().await, )*
                _ => panic!("there is no clause {number}"),
            }
        }
    };
}

clauses! {
    /// Clause 1, identity.
    1 clause_01_identity identity::check;
    /// Clause 2, ownership.
    2 clause_02_ownership ownership::check;
    /// Clause 3, snapshot.
    3 clause_03_snapshot snapshot::check;
    /// Clause 4, no gap.
    4 clause_04_no_gap no_gap::check;
    /// Clause 5, convergence.
    5 clause_05_convergence convergence::check;
    /// Clause 6, order.
    6 clause_06_order order::check;
    /// Clause 7, overrun.
    7 clause_07_overrun overrun::check;
    /// Clause 8, parents.
    8 clause_08_parents parents::check;
    /// Clause 9, bad input.
    9 clause_09_bad_input bad_input::check;
    /// Clause 10, vanishing.
    10 clause_10_vanishing vanishing::check;
    /// Clause 11, failure.
    11 clause_11_failure failure::check;
    /// Clause 12, shutdown. Counts what the whole process holds: nothing else may run in it.
    12 clause_12_shutdown shutdown::check;
    /// Clause 13, diagnostics. Standard output is only looked at by `conformance_tests!`.
    13 clause_13_diagnostics diagnostics::check;
}
