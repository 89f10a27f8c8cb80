//! The daemon of `cargo xtask stress chaos`, whose sources misbehave when they are told to.
#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    nodedev_tests::stress::chaos::serve::run()
}
