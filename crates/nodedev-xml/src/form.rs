//! The two forms of a document.

/// What of a device a document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// What the device is now. A device that is not active has no such form: it takes the other.
    Live,
    /// What is defined, as `virsh nodedev-dumpxml --inactive` shows it: no path, device nodes or
    /// driver, and of a mediated device the defined type and attributes.
    Inactive,
}
