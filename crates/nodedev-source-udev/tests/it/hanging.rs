//! A pipe in place of any one file, link or directory of a host delays only its own device, by at
//! most the deadline of an attribute: with somebody at its other end who never writes, and without.
//!
//! On each host of the fixtures, one place at a time. A fixed sample of the places; with
//! `NODEDEV_ALL_FILES` set, all of them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nodedev_source::{NodeDeviceSource, Snapshot};
use nodedev_source_testkit::mock_host::MockHost;
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::{DeviceId, Fields};

use crate::on_mock_host;

/// Longer than the usual one: a busy machine may hold a reader that is in no pipe at all.
const DEADLINE: Duration = Duration::from_secs(2);
/// What a busy machine may add to the deadline.
const MARGIN: Duration = Duration::from_secs(3);
/// Every so many of the places are tried, and one of each of the names that are read in a way of
/// their own.
const SAMPLE: usize = 7;
const SPECIAL: [&str; 5] = ["uevent", "config", "vpd", "modalias", "operstate"];
/// What makes a directory a device for libudev: where this is no link, it lists no device at all.
const LINK_OF_A_DEVICE: &str = "subsystem";

fn load(host: &mut MockHost, name: &str) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hosts");
    let text = fs::read_to_string(fixtures.join(format!("{name}.umockdev"))).unwrap();
    host.load(&text).unwrap();
}

/// What lies in the directories of devices, without the devices themselves and what holds some.
fn places(host: &MockHost) -> Vec<String> {
    let devices: Vec<_> = host.paths().map(str::to_owned).collect();
    let is_own = |path: &str| {
        let below = format!("{path}/");
        !devices.iter().any(|device| device == path || device.starts_with(&below))
    };
    let mut places = Vec::new();
    let mut folders = devices.clone();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(host.real_path(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if is_own(&path) && entry.file_name() != LINK_OF_A_DEVICE {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path.clone());
                }
                places.push(path);
            }
        }
    }
    places.sort();
    places
}

fn sample(places: Vec<String>) -> Vec<String> {
    if std::env::var_os("NODEDEV_ALL_FILES").is_some() {
        return places;
    }
    let mut special = SPECIAL.to_vec();
    let mut is_special = |path: &str| {
        let place = special.iter().position(|name| path.ends_with(&format!("/{name}")));
        place.map(|place| special.swap_remove(place)).is_some()
    };
    let places = places.into_iter().enumerate();
    places.filter(|(n, path)| is_special(path) || n % SAMPLE == 0).map(|(_, path)| path).collect()
}

/// A place that holds a pipe, until it is put right.
struct Blocked {
    place: PathBuf,
    aside: PathBuf,
    was_file: bool,
    was_dir: bool,
    writer: Option<File>,
}

impl Blocked {
    fn new(place: PathBuf, aside: PathBuf, with_writer: bool) -> Self {
        let was = fs::symlink_metadata(&place).unwrap();
        fs::rename(&place, &aside).unwrap();
        nix::unistd::mkfifo(&place, Mode::S_IRWXU).unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&place).unwrap();
        let writer = with_writer.then(open);
        Self { place, aside, was_file: was.is_file(), was_dir: was.is_dir(), writer }
    }

    fn put_right(self) {
        // A reader that hangs there sees the end now and goes.
        let writer = self.writer.unwrap_or_else(|| {
            OpenOptions::new().read(true).write(true).open(&self.place).unwrap()
        });
        drop(writer);
        fs::remove_file(&self.place).unwrap();
        fs::rename(&self.aside, &self.place).unwrap();
    }
}

async fn snapshot() -> (Snapshot, Duration) {
    let mut config = UdevConfig::default();
    config.attribute_deadline = DEADLINE;
    let began = Instant::now();
    let snapshot = UdevSource::new(config).snapshot().await.unwrap();
    (snapshot, began.elapsed())
}

fn devices(snapshot: &Snapshot) -> BTreeMap<DeviceId, Fields> {
    let said = snapshot.listings[0].devices.iter().flatten();
    said.map(|said| (said.device.clone(), said.fields.clone())).collect()
}

/// Tries every place of that host.
async fn only_its_own_device(host: &mut MockHost, name: &str) {
    load(host, name);
    let (whole, usual) = snapshot().await;
    let (whole, aside) = (devices(&whole), host.real_path("/aside"));
    let places = sample(places(host));
    let (mut tried, mut costly, mut longest) = (0, 0, Duration::ZERO);
    for place in &places {
        for with_writer in [false, true] {
            let blocked = Blocked::new(host.real_path(place), aside.clone(), with_writer);
            let (said, took) = snapshot().await;
            let case = format!("{place}, {}", if with_writer { "a writer" } else { "no writer" });
            assert!(took < usual + DEADLINE + MARGIN, "{case}: {took:?}");
            let now = devices(&said);
            let cost: Vec<_> = whole.iter().filter(|(id, was)| now.get(id) != Some(was)).collect();
            assert!(now.keys().all(|id| whole.contains_key(id)), "{case}: something new");
            // Into a directory the links of others may lead: without it they lead nowhere.
            let most = if blocked.was_dir { 2 } else { 1 };
            assert!(cost.len() <= most, "{case}: costs {cost:?}, {:?}", said.diagnostics);
            if let Some((id, was)) = cost.first()
                && blocked.was_file
            {
                costly += 1;
                let case = format!("{case}: {was:?} became {:?}", now.get(*id));
                assert_named(&said, id, place, &case);
            }
            (tried, longest) = (tried + 1, longest.max(took));
            blocked.put_right();
        }
    }
    let (after, _) = snapshot().await;
    assert_eq!(devices(&after), whole, "all is well again");
    assert!(costly > 0, "no file of all these is read");
    eprintln!(
        "{name}: {tried} pipes, {costly} cost a device; {longest:?} at most, {usual:?} without"
    );
}

/// A diagnostic names the device and the file.
#[track_caller]
fn assert_named(said: &Snapshot, id: &DeviceId, place: &str, case: &str) {
    let file = place.rsplit('/').next().unwrap();
    let path = match id {
        DeviceId::Sysfs(path) => path.as_str(),
        _ => "/sys/devices",
    };
    let named = said.diagnostics.iter().map(ToString::to_string);
    let named = named.into_iter().any(|text| text.contains(path) && text.contains(file));
    assert!(named, "{case}: not named for {id}: {:?}", said.diagnostics);
}

on_mock_host! {
    async fn a_pipe_anywhere_in_a_host_of_every_kind_delays_only_its_own_device(host) {
        only_its_own_device(&mut host, "every-kind").await;
    }

    async fn a_pipe_anywhere_in_a_fibre_channel_host_delays_only_its_own_device(host) {
        only_its_own_device(&mut host, "fibre-channel").await;
    }

    async fn a_pipe_anywhere_in_an_s390_host_delays_only_its_own_device(host) {
        only_its_own_device(&mut host, "s390").await;
    }

    async fn a_pipe_anywhere_in_a_vdpa_host_delays_only_its_own_device(host) {
        only_its_own_device(&mut host, "vdpa").await;
    }
}
