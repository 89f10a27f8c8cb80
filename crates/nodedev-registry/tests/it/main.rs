//! The registry with scripted sources, under a paused clock: every run is the same.
#![forbid(unsafe_code)]

mod acting;
mod bounds;
mod counting;
mod failing;
mod following;
mod host;
mod identity;
mod laws;
mod meanwhile;
mod mediated;
mod reading_again;
mod self_check;
mod states;
mod threads;
