//! Order, loss and departure do not matter in the end: the list is the same document, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its host up fails")]

use nodedev_registry::Registry;
use nodedev_source_testkit::ScriptedHost;
use nodedev_types::DeviceId;
use nodedev_xml::{Form, write};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::host::{
    PCI, active, defined, definition, idle, link, live, mdev, mdev_path, mdevctl, nic, pci,
    running, start, sysfs, udev,
};

/// What happens on a host, seen by one source.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Kernel(u8, u8),
    Tool(u8, u8),
}

fn documents(registry: &Registry) -> String {
    let snapshot = registry.snapshot();
    let forms = |device: &nodedev_types::Device| {
        let live = device.active.then(|| write(device, Form::Live));
        let inactive = device.persistent.then(|| write(device, Form::Inactive));
        live.into_iter().chain(inactive).collect::<String>()
    };
    snapshot.devices().map(|device| forms(device)).collect()
}

fn kernel(host: &ScriptedHost, device: u8, word: u8) {
    let (id, fields) = match device % 7 {
        0 => (sysfs(PCI), pci(PCI, (!word.is_multiple_of(3)).then_some(word.into()))),
        1 => {
            let far = "/sys/devices/pci0000:00/0000:00:03.0";
            (sysfs(far), pci(far, (!word.is_multiple_of(2)).then_some(1)))
        }
        2 => (mdev(), running(&mdev_path())),
        3 => {
            let path = format!("{PCI}/net/eth0");
            let mac = format!("02:00:00:00:00:0{}", word % 3);
            (sysfs(&path), nic(&path, &mac))
        }
        4 => link("a.1"),
        5 => link("a-1"),
        _ => link("a_1"),
    };
    if word.is_multiple_of(4) {
        host.remove(&id);
    } else {
        host.set(&id, fields);
    }
}

fn tool(config: &ScriptedHost, device: u8, word: u8) {
    let stream = if device.is_multiple_of(2) { defined() } else { active() };
    let fields =
        if device.is_multiple_of(2) { definition() } else { live(&(word % 3).to_string()) };
    if word.is_multiple_of(3) {
        config.remove_on(&stream, &mdev());
    } else {
        config.set_on(&stream, &mdev(), fields);
    }
}

fn happenings() -> impl Strategy<Value = Vec<(Happening, u8)>> {
    let happening = prop_oneof![
        3 => any::<(u8, u8)>().prop_map(|(device, word)| Happening::Kernel(device, word)),
        1 => any::<(u8, u8)>().prop_map(|(device, word)| Happening::Tool(device, word)),
    ];
    prop::collection::vec((happening, any::<u8>()), 1..25)
}

/// One source's share of what happens, in its own order, at the moments that `when` gives.
fn interleave(history: &[(Happening, u8)], weave: bool) -> Vec<(Happening, u8)> {
    let is_tool = |(happening, _): &&(Happening, u8)| matches!(happening, Happening::Tool(..));
    let tool: Vec<_> = history.iter().filter(is_tool).copied().collect();
    let kernel: Vec<_> = history.iter().filter(|h| !is_tool(h)).copied().collect();
    if weave {
        tool.into_iter().chain(kernel).collect()
    } else {
        kernel.into_iter().chain(tool).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Delivery {
    /// Every message arrives, with a pause now and then.
    All,
    /// Some are lost; a resync tells so in the end.
    Lossy,
    /// Everything has happened before the registry starts.
    Fresh,
}

async fn end_of(history: &[(Happening, u8)], delivery: Delivery) -> String {
    let ((kernel_source, host), (tool_source, config)) = (udev(), mdevctl());
    let sources = [kernel_source, tool_source];
    let early = match delivery {
        Delivery::Fresh => None,
        _ => Some(start(&sources).await),
    };
    for (happening, pause) in history {
        let losing = delivery == Delivery::Lossy && pause.is_multiple_of(2);
        host.lose_events(losing);
        config.lose_events(losing);
        match *happening {
            Happening::Kernel(device, word) => kernel(&host, device, word),
            Happening::Tool(device, word) => tool(&config, device, word),
        }
        if pause % 3 > 0 {
            idle().await;
        }
    }
    host.lose_events(false);
    config.lose_events(false);
    let registry = match early {
        Some(registry) => registry,
        None => start(&sources).await,
    };
    if delivery == Delivery::Lossy {
        host.resync("test");
        config.resync("test");
    }
    // Longer than any announcement waits.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let documents = documents(&registry);
    registry.shutdown().await;
    documents
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

fn config(cases: u32) -> Config {
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config(150))]

    /// Laws 1 and 4, and that the list is that of a registry that has just been started.
    #[test]
    fn every_order_and_every_loss_ends_in_one_list(history in happenings()) {
        let (all, early, late, lossy, fresh) = block_on(async {
            (
                end_of(&history, Delivery::All).await,
                end_of(&interleave(&history, true), Delivery::All).await,
                end_of(&interleave(&history, false), Delivery::All).await,
                end_of(&history, Delivery::Lossy).await,
                end_of(&history, Delivery::Fresh).await,
            )
        });
        prop_assert_eq!(&all, &fresh);
        prop_assert_eq!(&early, &fresh);
        prop_assert_eq!(&late, &fresh);
        prop_assert_eq!(&lossy, &fresh);
    }
}

/// Law 3: a source that says nothing any more might as well not be there.
#[tokio::test(start_paused = true)]
async fn a_source_that_withdraws_leaves_nothing_behind() {
    let ((kernel_source, host), (tool_source, config)) = (udev(), mdevctl());
    let ((alone_source, alone), gone) = (udev(), DeviceId::mdev("x", "mtty"));
    for host in [&host, &alone] {
        host.set(&sysfs(PCI), pci(PCI, Some(1)));
        host.set(&mdev(), running(&mdev_path()));
    }
    config.set_on(&defined(), &mdev(), definition());
    config.set_on(&defined(), &gone, definition());
    config.set_on(&active(), &mdev(), live("1"));
    let registry = start(&[kernel_source, tool_source]).await;
    let without = start(&[alone_source]).await;
    let before = documents(&registry);
    assert_ne!(before, documents(&without));
    config.lose_events(true);
    config.clear();
    config.lose_events(false);
    config.resync("test");
    idle().await;
    assert_eq!(documents(&registry), documents(&without));
    config.set_on(&defined(), &mdev(), definition());
    config.set_on(&defined(), &gone, definition());
    config.set_on(&active(), &mdev(), live("1"));
    idle().await;
    assert_eq!(documents(&registry), before, "and comes back as it was");
}
