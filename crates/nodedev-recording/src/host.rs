//! What a recording takes from the machine besides what the sources say: a file to be in, and the
//! kernel's name.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A file for a recording, which only its owner may read: it names serial numbers and addresses. One that
/// is there is written over.
///
/// # Errors
///
/// When it cannot be made.
pub fn create(file: &Path) -> io::Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file).map(BufWriter::new)
}

/// Name, release and architecture of the kernel. Not the host's name, which is nobody's business.
#[must_use]
pub fn kernel() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    let parts = [name.sysname(), name.release(), name.machine()];
    Some(parts.map(|part| part.to_string_lossy()).join(" "))
}
