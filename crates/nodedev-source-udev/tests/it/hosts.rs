//! Recorded hosts from the folder that NODEDEV_HOSTS names; skipped visibly where it names none.

use std::fs;
use std::path::PathBuf;

use nodedev_source::NodeDeviceSource;
use nodedev_source_udev::UdevSource;

use crate::on_mock_host;

fn recordings() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("NODEDEV_HOSTS") else {
        eprintln!("skipped: recorded hosts: NODEDEV_HOSTS names no folder");
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut recordings: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "umockdev")).collect();
    recordings.sort();
    recordings
}

on_mock_host! {
    async fn recorded_hosts_are_listed_without_a_device_that_cannot_be_read(host) {
        for recording in recordings() {
            for folder in ["/sys", "/run/udev/data", "/dev"] {
                host.clear(folder).unwrap();
            }
            let mut host = nodedev_source_testkit::mock_host::MockHost::of_this_process().unwrap();
            let bytes = fs::read(&recording).unwrap();
            host.load(&String::from_utf8_lossy(&bytes)).unwrap();
            let loaded = std::time::Instant::now();
            let snapshot = UdevSource::default().snapshot().await.unwrap();
            let devices = snapshot.listings[0].devices.as_ref().unwrap();
            let name = recording.file_name().unwrap().to_string_lossy().into_owned();
            eprintln!("{name}: {} devices in {:?}", devices.len(), loaded.elapsed());
            assert!(devices.len() > 1, "{name}");
            for diagnostic in &snapshot.diagnostics {
                eprintln!("{name}: {diagnostic}");
            }
        }
    }
}
