//! Steps: named pieces of work, each shown with its time, and a summary at the end.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};

use crate::disk;

/// What every step is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The workspace's folder.
    pub(crate) root: &'a Path,
    /// Whether missing packages and tools may be installed.
    pub(crate) install: bool,
    /// Whether a failure leaves the other steps to be run.
    pub(crate) keep_going: bool,
}

/// A named piece of work.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) work: fn(&Context<'_>) -> Result<()>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(time) => write!(f, "ok      {:7.1} s", time.as_secs_f64()),
            Self::Failed(time) => write!(f, "FAILED  {:7.1} s", time.as_secs_f64()),
            Self::NotRun => f.write_str("not run"),
        }
    }
}

/// The steps of these names, in the order of the list; all of them when there are no names.
///
/// # Errors
///
/// When a name is not in the list; says which are.
pub(crate) fn select(steps: &[Step], names: &[String]) -> Result<Vec<Step>> {
    for name in names {
        if !steps.iter().any(|step| step.name == name) {
            let known: Vec<_> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are: {}", known.join(", "));
        }
    }
    let is_chosen = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    Ok(steps.iter().filter(is_chosen).copied().collect())
}

/// Runs the steps, until one fails unless told to keep going.
///
/// # Errors
///
/// The failure of the first step that fails, with the step's name.
pub(crate) fn run_all(steps: &[Step], context: &Context<'_>) -> Result<()> {
    let mut outcomes = vec![Outcome::NotRun; steps.len()];
    let mut failure = None;
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\n== {} ({}/{}): {}", step.name, number + 1, steps.len(), step.about);
        let began = Instant::now();
        let result = (step.work)(context);
        let took = began.elapsed();
        if let Err(error) = result {
            outcomes[number] = Outcome::Failed(took);
            let error = blame(error, step, disk::left(context.root));
            if !context.keep_going {
                failure = Some(error);
                break;
            }
            eprintln!("error: {error:#}");
            failure = failure.or(Some(error));
            continue;
        }
        outcomes[number] = Outcome::Passed(took);
        let left = disk::left(context.root).map(|left| format!(", {left} of disk left"));
        let left = left.unwrap_or_default();
        eprintln!("== {}: ok, {:.1} s{left}", step.name, took.as_secs_f64());
    }
    eprintln!("\n{}", summary(steps, &outcomes));
    failure.map_or(Ok(()), Err)
}

/// The error with the name of the step, and with what else may have caused it.
fn blame(error: Error, step: &Step, left: Option<disk::Room>) -> Error {
    match left.and_then(disk::suspicion) {
        Some(suspicion) => error.context(format!("step `{}` ({suspicion})", step.name)),
        None => error.context(format!("step `{}`", step.name)),
    }
}

fn summary(steps: &[Step], outcomes: &[Outcome]) -> String {
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    let mut text = "summary".to_owned();
    for (step, outcome) in steps.iter().zip(outcomes) {
        text.push_str(&format!("\n  {:width$}  {outcome}", step.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Step] = &[
        Step { name: "good", about: "", work: |_| Ok(()) },
        Step { name: "bad", about: "", work: |_| bail!("it broke") },
        Step { name: "last", about: "", work: |_| unreachable!("runs after a failure") },
    ];

    fn run(steps: &[Step]) -> Result<()> {
        run_all(steps, &Context { root: Path::new("/"), install: false, keep_going: false })
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let error = run(STEPS).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.starts_with("step `bad`") && error.ends_with(": it broke"), "{error}");
        run(&STEPS[..1]).unwrap();
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let names = |chosen: &[&str]| {
            let chosen: Vec<_> = chosen.iter().map(ToString::to_string).collect();
            select(STEPS, &chosen)
                .map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["good", "bad", "last"]);
        assert_eq!(names(&["last", "good"]).unwrap(), ["good", "last"]);
        let error = names(&["worse"]).unwrap_err().to_string();
        assert_eq!(error, "there is no step `worse`; there are: good, bad, last");
    }

    #[test]
    fn the_summary_tells_what_was_not_run() {
        let second = Duration::from_secs(1);
        let outcomes = [Outcome::Passed(second), Outcome::Failed(second), Outcome::NotRun];
        let text = summary(STEPS, &outcomes);
        assert_eq!(
            text,
            "summary\n  good  ok          1.0 s\n  bad   FAILED      1.0 s\n  last  not run"
        );
    }
}
