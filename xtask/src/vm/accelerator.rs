//! Who executes the guest's instructions, when the user does not say.
//!
//! That `/dev/kvm` can be opened tells little: inside another virtual machine KVM may fail, or be
//! slower than QEMU's translator. So a machine is booted with it, once for each boot of the host.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::channels::Output;
use super::guest::Order;
use super::image::Image;
use super::machine::{self, End, Plan};
use super::qemu::{Accelerator, Hardware};

const KVM: &str = "/dev/kvm";

/// Names this boot of the host.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// With KVM that works, a boot takes two seconds; with the translator about six.
const LIMIT: Duration = Duration::from_secs(10);

/// KVM where it boots at once, else the translator, with a word why.
///
/// # Errors
///
/// When the machine for the attempt cannot be prepared, or the finding not be kept.
pub(super) fn find(image: &Image, cache: &Path) -> Result<Accelerator> {
    if let Err(error) = File::options().read(true).write(true).open(KVM) {
        eprintln!("vm: no KVM ({KVM}: {error}), so QEMU translates the guest's code");
        return Ok(Accelerator::Tcg);
    }
    let finding = cache.join("accelerator");
    let boot = fs::read_to_string(BOOT_ID)?;
    if let Some(known) = read(&fs::read_to_string(&finding).unwrap_or_default(), &boot) {
        return Ok(known);
    }
    eprintln!("vm: trying KVM (once for each boot of this host)");
    let failure = attempt(image)?;
    let accelerator = match failure {
        None => Accelerator::Kvm,
        Some(why) => {
            eprintln!("vm: KVM does not serve here ({why}), so QEMU translates the guest's code");
            Accelerator::Tcg
        }
    };
    fs::write(&finding, written(&boot, accelerator))?;
    Ok(accelerator)
}

fn attempt(image: &Image) -> Result<Option<String>> {
    let order = Order {
        command: vec!["true".to_owned()],
        folder: PathBuf::from("/"),
        shares: vec![],
        system: None,
    };
    let plan = Plan {
        image,
        hardware: &Hardware { memory: 512, zoo: false, append: vec![], qemu: vec![] },
        order: &order,
        accelerator: Accelerator::Kvm,
        output: Output::Dropped,
        limit: LIMIT,
    };
    Ok(match machine::run(&plan, &mut |_| {})?.end {
        End::Status(0) => None,
        End::Status(status) => Some(format!("`true` ended with {status}")),
        End::TimedOut => Some(format!("no boot in {} s", LIMIT.as_secs())),
        End::Died(why) => Some(why),
    })
}

fn written(boot: &str, accelerator: Accelerator) -> String {
    let name = match accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Tcg => "tcg",
    };
    format!("{} {name}\n", boot.trim())
}

/// What was found in this boot of the host.
fn read(finding: &str, boot: &str) -> Option<Accelerator> {
    let (found_in, name) = finding.trim().split_once(' ')?;
    match name {
        _ if found_in != boot.trim() => None,
        "kvm" => Some(Accelerator::Kvm),
        "tcg" => Some(Accelerator::Tcg),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_holds_for_one_boot() {
        for accelerator in [Accelerator::Kvm, Accelerator::Tcg] {
            let finding = written("0f3a\n", accelerator);
            assert_eq!(read(&finding, "0f3a\n"), Some(accelerator));
            assert_eq!(read(&finding, "77b1\n"), None);
        }
        assert_eq!(read("", "0f3a"), None);
        assert_eq!(read("0f3a what", "0f3a"), None);
    }
}
