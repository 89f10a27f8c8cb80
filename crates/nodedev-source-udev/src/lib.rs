#![doc = include_str!("../README.md")]

mod announce;
mod classify;
mod config;
mod control;
mod coordinator;
mod enumerate;
mod error;
mod files;
mod inner;
mod link_hints;
mod memory;
mod monitor;
mod names;
mod network;
mod number;
mod pool;
mod queue;
mod raw_device;
mod reader;
mod reading;
#[cfg(test)]
mod scratch;
mod snapshot;
mod source;
mod translate;
mod udevd;

pub use config::UdevConfig;
pub use source::UdevSource;
