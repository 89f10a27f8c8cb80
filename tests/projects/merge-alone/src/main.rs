//! Puts together what two sources say of devices: no daemon, no udev, no async.
//!
//! An inventory knows what should be there, a monitor what is. Each owns its fields, by a table of this
//! project's own, and each device tells who said what.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;

use nodedev_merge::{Claim, Condition, Policy, Rule, Strategy};
use nodedev_types::fields::{device, pci};
use nodedev_types::{DeviceId, Field, FieldSet, Fields, Presence, SourceId, StreamInfo};

const INVENTORY: &str = "inventory";
const MONITOR: &str = "monitor";

/// Whose word counts: the monitor's of the driver, the inventory's of the product, if need be the
/// monitor's.
static TABLE: &[Rule] = &[
    Rule {
        fields: &[Field::DeviceDriver],
        strategy: Strategy::Owner(MONITOR),
        condition: Condition::WhileActive,
        heard: &[INVENTORY],
        why: "what runs is seen, not planned",
    },
    Rule {
        fields: &[Field::PciProductName],
        strategy: Strategy::Priority(&[INVENTORY, MONITOR]),
        condition: Condition::Always,
        heard: &[],
        why: "people write better names",
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    let fields = || FieldSet::new().with(device::DRIVER).with(pci::PRODUCT_NAME);
    let policy = Policy::with_table(
        TABLE,
        [
            StreamInfo::new(INVENTORY, Presence::Defined, fields()),
            StreamInfo::new(MONITOR, Presence::Active, fields()),
        ],
    )?;
    let (inventory, monitor) = (SourceId::new(INVENTORY), SourceId::new(MONITOR));
    let slot = |n: usize| DeviceId::sysfs(&format!("/sys/devices/pci0000:00/0000:00:0{n}.0"));
    let mut said: BTreeMap<DeviceId, Vec<(&SourceId, Fields)>> = BTreeMap::new();
    let mut say = |source, n, driver: Option<&str>, product: &str| {
        let mut fields = Fields::new();
        fields.set_opt(device::DRIVER, driver);
        fields.set(pci::PRODUCT_NAME, product);
        said.entry(slot(n)?).or_default().push((source, fields));
        Ok::<_, Box<dyn Error>>(())
    };
    say(&inventory, 1, Some("planned"), "Network card, left")?;
    say(&monitor, 1, Some("e1000"), "82540EM")?;
    say(&inventory, 2, None, "Network card, right")?;
    say(&monitor, 3, Some("nvme"), "Stray disk")?;

    for (device, said) in &said {
        let claims: Vec<_> = said.iter().map(|(source, fields)| Claim { source, fields }).collect();
        let Some(merged) = policy.merge(device, &claims) else { continue };
        let state = match (merged.persistent, merged.active) {
            (true, true) => "as planned",
            (true, false) => "missing",
            _ => "not planned",
        };
        let product = merged.fields.get(pci::PRODUCT_NAME).unwrap_or("?");
        let driver = merged.fields.get(device::DRIVER).unwrap_or("-");
        println!("{device}: {product}, driver {driver}: {state}");
    }
    Ok(())
}
