//! QEMU's command line: the machine, its processor, and the ways between host and guest.
//!
//! Pure.

use std::fmt;
use std::path::Path;

use super::image::Image;
use super::machine::Plan;
use super::zoo;

/// The program.
pub(super) const QEMU: &str = "qemu-system-x86_64";

/// Between host and guest: QEMU connects to a socket of this name in the run's folder, and the guest
/// finds a port of this name.
pub(super) const CHANNELS: &[&str] = &["control", "out", "err", "monitor"];

/// The socket of QEMU's own monitor, to which QEMU connects as well.
pub(super) const QMP: &str = "qmp";

/// The file of the serial console.
pub(super) const CONSOLE: &str = "console";

/// The file of the first file system.
pub(super) const INITRD: &str = "initrd";

/// Who executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accelerator {
    /// The processor itself, with the kernel's help.
    Kvm,
    /// QEMU's translator. Works everywhere, several times slower.
    Tcg,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "translated",
        })
    }
}

/// The machine to be.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    /// MiB.
    pub(crate) memory: u32,
    /// One device of each kind.
    pub(crate) zoo: bool,
    /// More words for the kernel.
    pub(crate) append: Vec<String>,
    /// More arguments for QEMU.
    pub(crate) qemu: Vec<String>,
}

/// Drivers of the plain machine's own devices that no test needs and that make each boot longer.
const UNWANTED: &[&str] = &[
    "evdev",
    "i2c_i801",
    "iTCO_wdt",
    "joydev",
    "kvm_amd",
    "kvm_intel",
    "lpc_ich",
    "pcspkr",
    "powernow_k8",
    "psmouse",
];

/// QEMU's arguments for a run with its files in `folder`.
pub(super) fn arguments(plan: &Plan<'_>, folder: &Path) -> Vec<String> {
    let hardware = plan.hardware;
    let mut words = Words::default();
    words.machine(hardware, plan.accelerator);
    words.kernel(plan.image, hardware, folder);
    words.folder("root", Path::new("/"), ",readonly=on", ",addr=0x02");
    words.add("-device", "virtio-serial-pci,id=ports,addr=0x03");
    words.channels(folder);
    for (number, share) in plan.order.shares.iter().enumerate() {
        words.folder(&format!("share{number}"), share, "", "");
    }
    if hardware.zoo {
        words.0.extend(zoo::arguments());
    }
    words.0.extend(hardware.qemu.iter().cloned());
    words.0
}

#[derive(Debug, Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, option: &str, value: impl Into<String>) {
        self.0.extend([option.to_owned(), value.into()]);
    }

    fn machine(&mut self, hardware: &Hardware, accelerator: Accelerator) {
        for alone in ["-nodefaults", "-no-user-config", "-no-reboot"] {
            self.0.push(alone.to_owned());
        }
        self.add("-name", "nodedev");
        self.add("-display", "none");
        self.add("-machine", if hardware.zoo { "q35" } else { "q35,sata=off,smbus=off" });
        self.add("-smp", "2");
        self.add("-m", hardware.memory.to_string());
        match accelerator {
            Accelerator::Kvm => {
                self.add("-accel", "kvm");
                // Inside another virtual machine the last of these may be there and not work.
                self.add("-cpu", "host,-vmx,-svm,-arch-capabilities");
            }
            // Without what the kernel would try out at length, and without a fifth level of pages.
            Accelerator::Tcg => {
                self.add("-accel", "tcg,thread=multi");
                self.add("-cpu", "max,-svm,-la57,-aes,-pclmulqdq");
            }
        }
    }

    fn kernel(&mut self, image: &Image, hardware: &Hardware, folder: &Path) {
        let mut line = vec![
            "console=ttyS0".to_owned(),
            "quiet".to_owned(),
            // Whatever goes wrong ends the run.
            "panic=-1".to_owned(),
            "oops=panic".to_owned(),
            "mitigations=off".to_owned(),
            // On a busy host the timer may be late by more than the kernel believes in.
            "no_timer_check".to_owned(),
            format!("modprobe.blacklist={}", UNWANTED.join(",")),
        ];
        if hardware.zoo {
            line.push("intel_iommu=on".to_owned());
        }
        line.extend(hardware.append.iter().cloned());
        self.add("-kernel", image.kernel.to_string_lossy());
        self.add("-initrd", folder.join(INITRD).to_string_lossy());
        self.add("-append", line.join(" "));
    }

    /// A folder of the host, which the guest mounts by its tag.
    fn folder(&mut self, tag: &str, path: &Path, access: &str, slot: &str) {
        let path = value(path);
        self.add(
            "-fsdev",
            format!("local,id={tag},path={path},security_model=none,multidevs=remap{access}"),
        );
        self.add("-device", format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}{slot}"));
    }

    fn channels(&mut self, folder: &Path) {
        self.add("-chardev", format!("file,id={CONSOLE},path={}", value(&folder.join(CONSOLE))));
        self.add("-serial", format!("chardev:{CONSOLE}"));
        for name in CHANNELS {
            self.socket(folder, name);
            self.add("-device", format!("virtserialport,bus=ports.0,chardev={name},name={name}"));
        }
        self.socket(folder, QMP);
        self.add("-mon", format!("chardev={QMP},mode=control"));
    }

    fn socket(&mut self, folder: &Path, name: &str) {
        self.add("-chardev", format!("socket,id={name},path={}", value(&folder.join(name))));
    }
}

/// A path inside an option, where a comma would end it.
fn value(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::super::channels::Output;
    use super::super::guest::Order;
    use super::*;

    fn line(hardware: &Hardware, accelerator: Accelerator) -> String {
        let image = Image::in_folder(Path::new("/cache/image"), "6.1.0-1-amd64");
        let order = Order {
            command: vec!["true".to_owned()],
            folder: PathBuf::from("/"),
            shares: vec![PathBuf::from("/out,put")],
            system: None,
        };
        let plan = Plan {
            image: &image,
            hardware,
            order: &order,
            accelerator,
            output: Output::Passed,
            limit: Duration::ZERO,
        };
        arguments(&plan, Path::new("/run/x")).join(" ")
    }

    fn plain() -> Hardware {
        Hardware { memory: 512, zoo: false, append: vec![], qemu: vec![] }
    }

    #[test]
    fn the_host_is_read_only_and_shares_are_not() {
        let line = line(&plain(), Accelerator::Tcg);
        assert!(line.contains("id=root,path=/,security_model=none,multidevs=remap,readonly=on "));
        assert!(line.contains("id=share0,path=/out,,put,security_model=none,multidevs=remap "));
    }

    #[test]
    fn options_reach_the_machine() {
        let plain = plain();
        assert!(line(&plain, Accelerator::Tcg).contains("-m 512 -accel tcg,thread=multi "));
        assert!(!line(&plain, Accelerator::Tcg).contains("intel-iommu"));
        let hardware = Hardware {
            memory: 2048,
            zoo: true,
            append: vec!["quux=1".to_owned()],
            qemu: vec!["-device".to_owned(), "edu,id=second".to_owned()],
        };
        let line = line(&hardware, Accelerator::Kvm);
        for part in [
            "-m 2048 -accel kvm ",
            "intel_iommu=on quux=1 ",
            "intel-iommu",
            "-device edu,id=second",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    #[test]
    fn every_channel_has_its_socket_and_its_port() {
        let line = line(&plain(), Accelerator::Tcg);
        for name in CHANNELS {
            assert!(line.contains(&format!("socket,id={name},path=/run/x/{name} ")), "{line}");
            assert!(line.contains(&format!("chardev={name},name={name}")), "{line}");
        }
    }
}
