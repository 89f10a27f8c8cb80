//! Order does not matter: whenever a daemon was started, and in whichever order things have happened
//! since, it shows what one shows that is started now.
//!
//! Enumerated, not sampled. Before the first fact and after each another daemon is started, and all of
//! them stay: so one history tries every moment at which a daemon can have been started, and tries
//! its own beginnings with it. A list is compared with its documents in both forms and its flags; beside
//! that, a client that follows the events must always hold the published list.
//!
//! What changes without an event, as the number of available instances does, does not change here:
//! the list is compared as it is stored, and such fields are read again with each document.

mod daemon;
mod facts;
mod host;
mod leftovers;

use std::fmt::Write as _;
use std::time::Instant;

use nodedev_source_testkit::mock_host::alone;

use daemon::{Daemon, List, Shown};
use facts::Fact::{
    self, Appear, AppearBound, Bind, Define, HearStart, HearStop, Redefine, Restart, Start,
    StartUnheard, Stop, StopUnheard, Undefine, Vanish,
};
use facts::{Now, Orders};
use host::{BUS, Host, PCI, Parent, attribute_when_defined, attribute_when_running};

fn every_order(module: &str, test: &str, parent: Parent, facts: &[Fact]) {
    alone(module, test, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (begun, orders) = (Instant::now(), Orders::of(facts));
        let compared = runtime.block_on(go_through_all(parent, &orders));
        eprintln!(
            "{test}: {} orders of {} facts, {} ways to go on excluded as impossible, {compared} \
             lists compared, in {:?}",
            orders.all.len(),
            facts.len(),
            orders.excluded,
            begun.elapsed()
        );
    });
}

async fn go_through_all(parent: Parent, orders: &Orders) -> usize {
    let mut host = Host::new(parent);
    let mut compared = 0;
    for order in &orders.all {
        compared += go_through(&mut host, order).await;
        host.reset();
    }
    compared
}

/// Goes through one order; how many lists were compared.
async fn go_through(host: &mut Host, order: &[Fact]) -> usize {
    let mut daemons = vec![Daemon::start(host.config()).await];
    let mut compared = 0;
    for (at, fact) in order.iter().enumerate() {
        let past = &order[..=at];
        host.happens(*fact);
        daemons.push(Daemon::start(host.config()).await);
        // Until udevd has spoken, a daemon that was there before cannot know what one sees that looks.
        if Now::after_all(past).is_settled() {
            let list = agree(&mut daemons, past).await;
            assert_shows(&list, host, past);
            compared += at + 1;
        }
    }
    host.other_things_happen();
    daemons.push(Daemon::start(host.config()).await);
    agree(&mut daemons, order).await;
    for daemon in daemons {
        daemon.shutdown().await;
    }
    compared
}

/// Every daemon shows what the newest one shows.
async fn agree(daemons: &mut [Daemon], past: &[Fact]) -> List {
    let Some((newest, older)) = daemons.split_last_mut() else { unreachable!("none was started") };
    let wanted = newest.list();
    for (began, daemon) in older.iter_mut().enumerate() {
        if let Err(list) = daemon.comes_to(&wanted).await {
            let what = difference(&wanted, &list);
            let sources = [newest.sources(), daemon.sources()].join("\n");
            panic!(
                "{past:?}: the daemon that was there after {began} of these:\n{what}\n{sources}"
            );
        }
        if let Err((followed, published)) = daemon.follow().await {
            let what = difference(&published, &followed);
            panic!("{past:?}: who follows the daemon that was there after {began}:\n{what}");
        }
    }
    wanted
}

/// Where the second list differs from the first.
fn difference(wanted: &List, found: &List) -> String {
    let mut text = String::new();
    for (name, shown) in wanted.iter().filter(|(name, shown)| found.get(*name) != Some(shown)) {
        let _ = writeln!(text, "should be: {name}: {shown:#?}\nis: {:#?}", found.get(name));
    }
    for (name, shown) in found.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        let _ = writeln!(text, "should not be: {name}: {shown:#?}");
    }
    text
}

/// That what all agree on is what has happened.
fn assert_shows(list: &List, host: &Host, past: &[Fact]) {
    let now = Now::after_all(past);
    let device = list.get(&host.device());
    let expected = [now.running.is_some(), now.definition.is_some(), now.definition == Some(2)];
    let expected = Some(expected).filter(|flags| flags.contains(&true));
    let shown = device.map(Shown::flags);
    assert_eq!(shown, expected, "{past:?}");
    let Some(device) = device else { return };
    let attribute = |document: &str, value: u8| {
        let line = format!("<attr name='weight' value='{value}'/>");
        assert!(document.contains(&line), "{past:?}: no {line} in {document}");
    };
    if let Some(times) = now.running {
        attribute(&device.document, attribute_when_running(times));
    }
    if let (Some(times), Some(inactive)) = (now.definition, &device.inactive) {
        attribute(inactive, attribute_when_defined(times));
    }
}

macro_rules! every_order {
    ($(fn $name:ident($parent:expr, $facts:expr);)+) => {
        $(
            #[test]
            fn $name() {
                every_order(module_path!(), stringify!($name), $parent, &$facts);
            }
        )+
    };
}

every_order! {
    fn every_order_around_a_pci_parent_that_is_bound_later_ends_in_one_list(
        PCI, [Define, Redefine, Undefine, Appear, Bind, Start, Stop, Vanish]
    );
    fn every_order_around_a_pci_parent_that_comes_bound_ends_in_one_list(
        PCI, [Define, Undefine, AppearBound, Start, Stop, Restart, Vanish]
    );
    fn every_order_around_a_parent_on_the_mdev_bus_ends_in_one_list(
        BUS, [Define, Redefine, Undefine, Appear, Bind, Start, Stop, Vanish]
    );
    fn every_order_in_which_udevd_is_slow_to_speak_ends_in_one_list(
        PCI, [Define, Undefine, AppearBound, StartUnheard, HearStart, StopUnheard, HearStop]
    );
}
