#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod reading;
mod source;
mod watch;

pub use source::TemplateSource;
