//! The clauses of the contract, over a program that answers requests and over one that does not.

mod answering;
mod host;
mod mute;
