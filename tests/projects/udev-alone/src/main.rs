//! Counts this host's devices by kind, with the udev source and nothing else: no registry, no daemon.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;

use nodedev_source::NodeDeviceSource as _;
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::fields::device;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let source = UdevSource::new(UdevConfig::default());
    let snapshot = source.snapshot().await?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for listing in snapshot.listings {
        for said in listing.devices? {
            let kind = said.fields.get(device::CAPABILITY);
            let kind = kind.map_or_else(|| "other".to_owned(), |kind| kind.to_string());
            *counts.entry(kind).or_default() += 1;
        }
    }
    for (kind, count) in counts {
        println!("{count:5} {kind}");
    }
    for diagnostic in snapshot.diagnostics {
        eprintln!("{diagnostic}");
    }
    Ok(())
}
