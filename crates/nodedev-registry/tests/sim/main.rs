//! A whole simulated host under the registry: kernel, udev, mdevctl, and what can happen to them.
//!
//! No thread, no file, no clock but tokio's paused one; all chance comes from a seed.
//! `NODEDEV_SEED=N` runs the storm of one seed, `NODEDEV_SEEDS=N` those of as many.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in the functions that tests share"
)]

mod control;
mod daemon;
mod day;
mod deed;
mod follower;
mod host;
mod kernel;
mod lanes;
mod life;
mod mdevctl;
mod memory;
mod model;
mod seed;
mod storm;
mod storms;
mod tool;
mod trace;
mod udev;
mod weather;
mod words;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}
