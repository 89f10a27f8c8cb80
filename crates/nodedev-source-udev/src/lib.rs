#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod announce;
mod classify;
mod config;
mod control;
mod coordinator;
mod counts;
mod drain;
mod error;
mod files;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod inner;
mod inventory;
mod kernel_device;
mod libudev;
mod link_hints;
mod memory;
mod moderation;
mod monitor;
mod names;
mod network;
mod number;
mod pool;
mod queue;
mod raw_device;
mod reader;
mod reading;
mod receive_buffer;
mod scan;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), expect(dead_code, reason = "unit tests need more of it than fuzz targets"))]
mod scratch;
mod snapshot;
mod source;
mod translate;
mod udevd;

pub use config::UdevConfig;
pub use source::UdevSource;
