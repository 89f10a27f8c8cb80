//! What is asked of a registry whose devices and actions are scripted.
#![forbid(unsafe_code)]

mod calls;
mod host;
mod mediated;
mod vports;
