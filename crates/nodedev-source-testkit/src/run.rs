//! Runs clauses as tests. The only part of the kit that prints and reads the environment.

use std::any::Any;
use std::env;
use std::io::{Write as _, stdout};

use crate::command::{self, Outcome};
use crate::require::{self, REQUIRE_ALL, requires_all};
use crate::{CLAUSES, Clause, Harness, Stop, Verdict, clauses};

/// Set in a process that was started for one clause, to the name of its test.
const ALONE: &str = "NODEDEV_TESTKIT_ALONE";
const BEGIN: &str = "<nodedev-testkit begin>";
const END: &str = "<nodedev-testkit end>";

/// Expands to one test for each clause of the contract, over the given [`Harness`].
///
/// The tests need nothing in scope and no runtime. Use it once in a module.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:ty) => {
        $crate::conformance_tests! { @ $harness:
            1 clause_01_identity, 2 clause_02_ownership, 3 clause_03_snapshot,
            4 clause_04_no_gap, 5 clause_05_convergence, 6 clause_06_order,
            7 clause_07_overrun, 8 clause_08_parents, 9 clause_09_bad_input,
            10 clause_10_vanishing, 11 clause_11_failure, 12 clause_12_shutdown,
            13 clause_13_diagnostics
        }
    };
    (@ $harness:ty: $($number:literal $test:ident),+) => {
        $(
            #[test]
            fn $test() {
                $crate::run::<$harness>($number, ::core::module_path!());
            }
        )+
    };
}

/// Checks clause `number` as the test of that clause in `module`, as `module_path!` names it.
///
/// # Panics
///
/// When the source breaks the clause, beginning with the clause's text; when there is no such clause.
pub fn run<H: Harness>(number: usize, module: &str) {
    let clause = &CLAUSES[number - 1];
    let test = match module.split_once("::") {
        Some((_, inner)) => format!("{inner}::{}", clause.test),
        None => clause.test.to_owned(),
    };
    if !wants_own_process(clause) {
        return report(clause, check::<H>(number));
    }
    if env::var(ALONE).is_ok_and(|alone| alone == test) {
        mark(BEGIN);
        let verdict = check::<H>(number);
        mark(END);
        return report(clause, verdict);
    }
    run_alone(clause, &test);
}

/// Reports a verdict as a test does: passes, says visibly that it skips, or panics.
///
/// # Panics
///
/// When the verdict is a failure, or a skip where everything is required.
pub fn report(clause: &Clause, verdict: Verdict) {
    match verdict {
        Ok(()) => {}
        Err(Stop::Failed(message)) => panic!("{clause}\n  but: {message}"),
        Err(Stop::Skipped(skip)) => {
            assert!(
                skip.is_by_nature() || !requires_all(),
                "{clause}\n  but: it was skipped where {REQUIRE_ALL} is set: {skip}"
            );
            say_skipped(clause, &skip.to_string());
        }
    }
}

/// Says visibly that a part of a clause was not checked, or fails where everything is required.
pub(crate) fn skip_part(number: usize, skip: &crate::Skip) -> Verdict {
    if requires_all() && !skip.is_by_nature() {
        return Err(Stop::Skipped(skip.clone()));
    }
    say_skipped(&CLAUSES[number - 1], &skip.to_string());
    Ok(())
}

/// Whether this process checks one clause and nothing else.
pub(crate) fn is_alone() -> bool {
    env::var_os(ALONE).is_some()
}

/// The clauses that look at the whole process.
const fn wants_own_process(clause: &Clause) -> bool {
    matches!(clause.number, 12 | 13)
}

fn say_skipped(clause: &Clause, reason: &str) {
    let text = format!("skipped: clause {} ({}): {reason}", clause.number, clause.name);
    require::say(&text);
}

/// A line of standard output, past the test runner's capture.
fn mark(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

fn check<H: Harness>(number: usize) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let task = tokio::spawn(clauses::check::<H>(number));
        match task.await {
            Ok(verdict) => verdict,
            Err(panic) => Err(Stop::Failed(format!("panic: {}", panic_text(panic)))),
        }
    })
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let payload: Box<dyn Any + Send> = match error.try_into_panic() {
        Ok(payload) => payload,
        Err(error) => return error.to_string(),
    };
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}

fn run_alone(clause: &Clause, test: &str) {
    match command::run_test(test, ALONE) {
        Ok(outcome) => report(clause, judge(&outcome)),
        Err(error) => panic!("{clause}\n  but: cannot start a process for it: {error}"),
    }
}

fn judge(outcome: &Outcome) -> Verdict {
    let errors = outcome.stderr.trim();
    let Some(status) = outcome.status else {
        return Err(Stop::Failed(format!("its own process did not end:\n{errors}")));
    };
    if !status.success() {
        return Err(Stop::Failed(format!("in its own process:\n{errors}")));
    }
    let between = outcome
        .stdout
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(between, _)| between.trim());
    match between {
        None => Err(Stop::Failed("its own process did not run the test".to_owned())),
        Some("") => {
            if !errors.is_empty() {
                require::say(errors);
            }
            Ok(())
        }
        Some(text) => Err(Stop::Failed(format!("standard output got {text:?}"))),
    }
}
