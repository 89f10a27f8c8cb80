//! Faults that only show in a process of their own.

use std::panic::catch_unwind;

use nodedev_source_testkit::run;

use crate::faulty::{Fault, FaultyBed};

fn broken(run: fn()) -> String {
    let panic = catch_unwind(run).expect_err("the fault went unnoticed");
    panic.downcast_ref::<String>().unwrap().clone()
}

macro_rules! faults {
    ($( $name:ident: $fault:ident breaks $number:literal $clause:ident, $because:literal; )*) => {
        $(
            mod $name {
                use super::*;

                type Bed = FaultyBed<{ Fault::$fault as usize }>;

                #[test]
                #[ignore = "fails by design; started by the test beside it"]
                fn $clause() {
                    run::<Bed>($number, module_path!());
                }

                #[test]
                fn is_noticed() {
                    let message = broken(|| run::<Bed>($number, module_path!()));
                    assert!(message.starts_with(concat!("clause ", $number, " ")), "{message}");
                    assert!(message.contains($because), "{message}");
                }
            }
        )*
    };
}

faults! {
    a_leaked_thread: LeaksThread breaks 12 clause_12_shutdown, "watches was dropped there are";
    a_leaked_descriptor: LeaksDescriptor breaks 12 clause_12_shutdown, "watches was dropped there are";
    printing: Prints breaks 13 clause_13_diagnostics, "standard output got";
}
