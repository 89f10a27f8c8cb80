//! Links that the kernel makes beside those of devices, and that a device's own record cannot name.

use std::fs;
use std::io;
use std::path::Path;

use super::MockHost;

impl MockHost {
    /// Links every parent of mediated devices from `/sys/class/mdev_bus`, and every member of an IOMMU
    /// group from the group.
    pub(super) fn make_kernel_links(&self) -> io::Result<()> {
        for path in self.paths() {
            let name = path.rsplit('/').next().unwrap_or(path);
            if self.real_path(&format!("{path}/mdev_supported_types")).is_dir() {
                self.link(&format!("/sys/class/mdev_bus/{name}"), path)?;
            }
            let group = fs::read_link(self.real_path(&format!("{path}/iommu_group")));
            if let Some(number) = group.ok().as_deref().and_then(Path::file_name) {
                let number = number.to_string_lossy();
                self.link(&format!("/sys/kernel/iommu_groups/{number}/devices/{name}"), path)?;
            }
        }
        Ok(())
    }
}
