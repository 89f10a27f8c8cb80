#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod document;
mod error;
mod escape;
mod excerpt;
mod form;
mod read;
mod validate;
mod write;

pub use document::Document;
pub use error::Error;
pub use form::Form;
pub use read::{
    MAX_LEN, ParentWwn, Request, RequestError, VportNames, Wanted, read, read_capability,
    read_change, read_request,
};
pub use validate::{Invalid, Problem, Violation, validate};
pub use write::{write, write_to};
