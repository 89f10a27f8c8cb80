//! What is asked of a registry whose devices and actions are scripted.

mod calls;
mod host;
mod mediated;
mod vports;
