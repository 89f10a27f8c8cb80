//! What is asked of a registry whose devices and actions are scripted.

mod host;
mod mediated;
mod vports;
