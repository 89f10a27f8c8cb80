//! Prints what the udev source knows of this host, then, with `--watch`, every message it sends.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::error::Error;

use nodedev_source::{NodeDeviceSource, event_channel, hint_channel};
use nodedev_source_udev::{UdevConfig, UdevSource};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let source = UdevSource::new(UdevConfig::default());
    let (sink, mut events) = event_channel(1024);
    let (_hints, hint_stream) = hint_channel();
    let _watch = source.watch(sink, hint_stream).await?;
    let snapshot = source.snapshot().await?;
    for listing in snapshot.listings {
        for device in listing.devices? {
            println!("{}", device.device);
            for (name, value) in device.fields.iter() {
                println!("  {name} = {value}");
            }
        }
        for device in listing.unreadable {
            println!("unreadable: {device}");
        }
    }
    for diagnostic in snapshot.diagnostics {
        println!("{diagnostic}");
    }
    if std::env::args().nth(1).as_deref() == Some("--watch") {
        while let Some(event) = events.recv().await {
            println!("{event:?}");
        }
    }
    Ok(())
}
