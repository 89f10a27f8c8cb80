//! The source over programs of every kind: those that keep the contract, and those that do not.

mod conformance;
mod hostile;
mod program;
mod talking;
