#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod device;
mod document;
mod refusal;
mod update;
mod vport;

pub use device::{set_autostart, start, stop, undefine};
pub use document::{Scrutiny, create, define};
pub use refusal::Refusal;
pub use update::{Update, update};
