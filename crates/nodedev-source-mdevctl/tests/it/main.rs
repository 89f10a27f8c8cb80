//! The source against scripted programs and against the real mdevctl, and the contract's clauses.
#![forbid(unsafe_code)]

mod acting;
mod command;
mod conformance;
mod fallback;
mod host;
mod real;
mod watching;
