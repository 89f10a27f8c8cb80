//! The laws of the merge, tried on many small worlds whose devices get in each other's way.
//!
//! A world is a handful of devices and what the sources say of them, one message after another
//! (`world`). What is latest is kept by a store of a few lines (`store`), what must be shown is worked
//! out a second time by table scans (`oracle`). `PROPTEST_CASES` sets the number of worlds.
#![forbid(unsafe_code)]

mod events;
mod explain;
mod merging;
mod naming;
mod oracle;
mod ownership;
mod parents;
mod refusals;
mod saying;
mod store;
mod world;

use proptest::test_runner::Config;

/// As many worlds as a slow machine tries in a few seconds, unless the environment says otherwise.
pub(crate) fn config(cases: u32) -> Config {
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config
}
