//! What a test needs from the machine, and what happens where it is missing.

use std::path::Path;

pub use nodedev_source_testkit::require;

/// Namespaces and mounts.
pub fn root() -> Result<(), String> {
    if nix::unistd::geteuid().is_root() { Ok(()) } else { Err("this test needs root".to_owned()) }
}

/// Programs, by name.
pub fn programs(names: &[&str]) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders: Vec<_> = path.split(':').chain(["/usr/sbin", "/sbin", "/lib/systemd"]).collect();
    for name in names {
        if !folders.iter().any(|folder| Path::new(folder).join(name).exists()) {
            return Err(format!("`{name}` is not installed"));
        }
    }
    Ok(())
}

/// Hosts made of files.
pub fn mock_hosts() -> Result<(), String> {
    nodedev_source_testkit::mock_host::unavailable().map_or(Ok(()), |reason| Err(reason.to_owned()))
}
