//! The machine's devices with `--zoo`: one of each kind that the kernel and libvirt know and QEMU has.
//!
//! Pure. Slots are given, so that PCI addresses, and with them device names, stay the same when a
//! device is added. Slots 2 and 3 are those of the plain machine (`qemu.rs`).

/// More arguments for QEMU.
pub(super) fn arguments() -> Vec<String> {
    let mut arguments = Vec::new();
    for (id, size, more) in BACKENDS {
        let options =
            if size.is_empty() { String::new() } else { format!(",driver=null-co,size={size}") };
        arguments.extend(["-drive".to_owned(), format!("if=none,id={id}{options}{more}")]);
    }
    for id in ["net-e1000e", "net-virtio"] {
        arguments.extend(["-netdev".to_owned(), format!("user,id={id},restrict=on")]);
    }
    for device in DEVICES {
        arguments.extend(["-device".to_owned(), (*device).to_owned()]);
    }
    arguments
}

/// What stands behind the disks: nothing that keeps what is written to it.
const BACKENDS: &[(&str, &str, &str)] = &[
    ("blank-nvme", "16M", ""),
    ("blank-usb", "16M", ""),
    ("blank-scsi", "16M", ""),
    ("blank-virtio", "16M", ""),
    ("blank-sd", "64M", ""),
    ("blank-floppy", "1440K", ""),
    ("medium", "2M", ",read-only=on"),
    // A drive without a medium.
    ("tray", "", ",read-only=on"),
];

const DEVICES: &[&str] = &[
    "intel-iommu",
    // Buses 1, 2 and 3. The third is for what a test plugs in.
    "pcie-root-port,id=port1,chassis=1,addr=0x10",
    "pcie-root-port,id=port2,chassis=2,addr=0x11",
    "pcie-root-port,id=port3,chassis=3,addr=0x12",
    // Functions that the test may ask for: `echo 4 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs`.
    "nvme-subsys,id=nvme-subsystem",
    "nvme,id=nvme,serial=NVME1,subsys=nvme-subsystem,bus=port1,max_ioqpairs=16,msix_qsize=17,\
     sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=8",
    "nvme-ns,drive=blank-nvme,nsid=1",
    "e1000e,id=e1000e,netdev=net-e1000e,bus=port2,mac=52:54:00:00:00:01",
    "virtio-net-pci,id=virtio-net,netdev=net-virtio,mac=52:54:00:00:00:02,addr=0x04",
    "virtio-gpu-pci,id=virtio-gpu,addr=0x05",
    "bochs-display,id=bochs,addr=0x06",
    // No driver wants it, but nodedev_mdev.
    "edu,id=edu,addr=0x07",
    "virtio-scsi-pci,id=scsi,addr=0x08",
    "scsi-hd,id=disk,bus=scsi.0,drive=blank-scsi,serial=SCSI1,wwn=0x5000c50015ea71ac",
    "scsi-cd,id=cd-empty,bus=scsi.0,drive=tray",
    "ide-cd,id=cd-full,bus=ide.0,drive=medium",
    "virtio-blk-pci,id=virtio-disk,drive=blank-virtio,serial=VIRTIO1,addr=0x09",
    "qemu-xhci,id=usb,addr=0x0a",
    "usb-hub,id=hub,bus=usb.0,port=1",
    "usb-tablet,id=tablet,bus=usb.0,port=2",
    "usb-storage,id=stick,bus=usb.0,port=3,drive=blank-usb,serial=USB1,removable=on",
    "sdhci-pci,id=sdhci,addr=0x0b",
    "sd-card,id=card,drive=blank-sd",
    "isa-fdc,id=fdc",
    "floppy,id=floppy,drive=blank-floppy",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn options(name: &str) -> impl Iterator<Item = &str> {
        DEVICES.iter().filter_map(move |device| {
            device.split(',').find_map(|option| option.strip_prefix(name))
        })
    }

    #[test]
    fn no_slot_and_no_name_is_given_twice() {
        for name in ["addr=", "id="] {
            let given: Vec<_> = options(name).collect();
            assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len(), "{given:?}");
        }
        assert!(options("addr=").all(|slot| !["0x02", "0x03"].contains(&slot)));
    }

    #[test]
    fn every_backend_is_used() {
        let used: BTreeSet<_> = options("drive=").collect();
        let there: BTreeSet<_> = BACKENDS.iter().map(|(id, ..)| *id).collect();
        assert_eq!(used, there);
    }
}
