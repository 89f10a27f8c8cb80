//! Stress: what is done to our daemon, and how the list is judged afterwards.
//!
//! Each kind of stress is a module with options, a run that follows from a seed, and a report with its
//! figures. `cargo xtask stress` runs them in full; the tests in `it/stress*` run them small.

pub mod chaos;
pub mod churn;
pub mod kills;
mod mediated;
mod priority;
pub mod storm;
mod truth;
mod varlink;

/// What became of a run.
#[derive(Debug)]
pub struct Report {
    /// Figures, and what did not hold, for people to read; Markdown where it is a table.
    pub text: String,
    /// Whether everything held that has to hold.
    pub held: bool,
}

/// Tells people what is going on.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);
