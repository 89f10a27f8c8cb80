//! Names that the host's databases give to numbers. Read once, when first asked for.

mod pci_ids;

pub(crate) use pci_ids::HostPciIds;
#[cfg(any(test, fuzzing))]
pub(crate) use pci_ids::PciIds;

/// Names of PCI vendors and devices.
pub(crate) trait PciNames {
    /// Name of a vendor.
    fn vendor(&self, vendor: u16) -> Option<String>;
    /// Name of a vendor's device.
    fn device(&self, vendor: u16, device: u16) -> Option<String>;
}
