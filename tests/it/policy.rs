//! The sources and the merge agree on who may say what, though they do not know each other.

use nodedev_merge::builtin_streams;
use nodedev_source::NodeDeviceSource;
use nodedev_source_mdevctl::MdevctlSource;
use nodedev_source_udev::UdevSource;

#[test]
fn the_sources_declare_the_streams_that_the_policy_is_printed_for() {
    let sources: [&dyn NodeDeviceSource; 2] = [&UdevSource::default(), &MdevctlSource::default()];
    let mut declared: Vec<_> = sources.iter().flat_map(|source| source.info().streams).collect();
    let mut expected = builtin_streams();
    declared.sort_by(|a, b| a.id.cmp(&b.id));
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(declared, expected);
}
