//! The registry with scripted sources, under a paused clock: every run is the same.

mod acting;
mod failing;
mod following;
mod host;
mod identity;
mod laws;
mod mediated;
mod reading_again;
mod states;
