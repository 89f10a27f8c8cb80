//! The source over programs of every kind: those that keep the contract, and those that do not.
#![forbid(unsafe_code)]

mod conformance;
mod hostile;
mod program;
mod talking;
