//! Prints what the udev source knows of this host, then, with `--watch`, every message it sends.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::error::Error;
use std::fmt::Write as _;

use nodedev_source::{NodeDeviceSource, event_channel, hint_channel};
use nodedev_source_udev::{UdevConfig, UdevSource};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let source = UdevSource::new(UdevConfig::default());
    let (sink, mut events) = event_channel(1024);
    let (_hints, hint_stream) = hint_channel();
    let _watch = source.watch(sink, hint_stream).await?;
    let snapshot = source.snapshot().await?;
    let mut text = String::new();
    for listing in snapshot.listings {
        for device in listing.devices? {
            writeln!(text, "{}", device.device)?;
            for (name, value) in device.fields.iter() {
                writeln!(text, "  {name} = {value}")?;
            }
        }
        for device in listing.unreadable {
            writeln!(text, "unreadable: {device}")?;
        }
    }
    for diagnostic in snapshot.diagnostics {
        writeln!(text, "{diagnostic}")?;
    }
    print!("{text}");
    if std::env::args().nth(1).as_deref() == Some("--watch") {
        while let Some(event) = events.recv().await {
            println!("{event:?}");
        }
    }
    Ok(())
}
