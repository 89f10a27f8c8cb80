//! The installed mdevctl on a scratch host.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nodedev_source::NodeDeviceSource as _;
use nodedev_source_testkit::require;
use nodedev_types::SourceId;
use nodedev_types::fields::{device, mdev};

use crate::host::{Host, PARENT, defined, definition, devices, diagnostics, id, listing, uuid};

#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn define(host: &Host, n: usize) {
    fs::write(
        host.path("json"),
        r#"{"mdev_type":"foo-1","start":"auto","attrs":[{"b":"2"},{"a":"1"}]}"#,
    )
    .unwrap();
    let json = host.path("json");
    let output = host.mdevctl(&[
        "define",
        &format!("--parent={PARENT}"),
        &format!("--uuid={}", uuid(n)),
        &format!("--jsonfile={}", json.display()),
    ]);
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_definition_made_by_mdevctl_is_seen() {
    let host = require!(Host::real());
    let source = host.source();
    assert_eq!(defined(&source.snapshot().await.unwrap()), []);
    define(&host, 1);
    let snapshot = source.snapshot().await.unwrap();
    assert_eq!(diagnostics(&snapshot), [""; 0]);
    let [definition] = devices(&snapshot, SourceId::MDEVCTL_DEFINED) else {
        panic!("{snapshot:?}")
    };
    assert_eq!(definition.device, id(1));
    assert_eq!(definition.fields.get(mdev::DEFINED_TYPE), Some("foo-1"));
    assert_eq!(definition.fields.get(device::AUTOSTART), Some(true));
    let attributes = definition.fields.get(mdev::DEFINED_ATTRIBUTES).unwrap();
    let names: Vec<_> = attributes.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
    assert_eq!(names, [("b", "2"), ("a", "1")]);
    assert!(snapshot.backend.unwrap().starts_with("mdevctl "));
}

#[tokio::test]
async fn a_bad_definition_at_start_costs_that_one() {
    let bad: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("truncated", br#"{"mdev_type":"t","st"#.to_vec()),
        ("huge", vec![b'a'; 10_000_000]),
        ("not UTF-8", b"{\"mdev_type\":\"\xff\",\"start\":\"auto\"}".to_vec()),
        ("no object", b"[]".to_vec()),
    ];
    for (what, contents) in bad {
        let host = require!(Host::real());
        define(&host, 1);
        fs::write(host.definition(PARENT, 2), contents).unwrap();
        let snapshot = host.source().snapshot().await.unwrap();
        assert_eq!(defined(&snapshot), [id(1)], "{what}");
        let unreadable = &listing(&snapshot, SourceId::MDEVCTL_DEFINED).unreadable;
        assert_eq!(*unreadable, [id(2)], "{what}");
        let texts = diagnostics(&snapshot).join("\n");
        assert!(texts.contains(&uuid(2)), "{what}: {texts}");
        assert!(texts.contains("exit status"), "{what}: {texts}");
    }
}

#[tokio::test]
async fn a_bad_attribute_costs_itself() {
    let host = require!(Host::real());
    define(&host, 1);
    fs::write(
        host.definition(PARENT, 2),
        r#"{"mdev_type":"t","start":"auto","attrs":[{"a":5},{"b":"2"}]}"#,
    )
    .unwrap();
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), [id(1), id(2)]);
    let attributes = devices(&snapshot, SourceId::MDEVCTL_DEFINED)[1]
        .fields
        .get(mdev::DEFINED_ATTRIBUTES)
        .unwrap();
    assert_eq!(attributes.len(), 1);
    assert!(diagnostics(&snapshot).join("\n").contains("attrs[0].a: not a text: 5"));
}

#[tokio::test]
async fn a_directory_in_place_of_a_definition_is_told() {
    let host = require!(Host::real());
    define(&host, 1);
    fs::create_dir(host.definition(PARENT, 2)).unwrap();
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), [id(1)]);
    assert!(diagnostics(&snapshot)[0].contains("a directory, not a definition file"));
}

/// The files read one by one say what mdevctl says.
#[tokio::test]
async fn without_mdevctl_the_definitions_read_the_same() {
    let host = require!(Host::real());
    define(&host, 1);
    fs::write(host.definition("matrix", 2), definition("t")).unwrap();
    fs::write(host.path("etc/mdevctl.d/matrix/AAAAAAAA00004000800000000000000F"), definition("t"))
        .unwrap();
    symlink(host.definition(PARENT, 1), host.definition("matrix", 3)).unwrap();
    symlink("matrix", host.path("etc/mdevctl.d/linked")).unwrap();
    let with = host.source().snapshot().await.unwrap();
    let mut config = host.config();
    config.program = "no-such-mdevctl".into();
    let without = nodedev_source_mdevctl::MdevctlSource::new(config);
    let without = without.snapshot().await.unwrap();
    let fields = |snapshot: &nodedev_source::Snapshot| {
        let devices = devices(snapshot, SourceId::MDEVCTL_DEFINED);
        let mut said: Vec<_> =
            devices.iter().map(|device| (device.device.clone(), device.fields.clone())).collect();
        said.sort();
        said
    };
    assert_eq!(fields(&with).len(), 3);
    assert_eq!(fields(&with), fields(&without));
}

/// A running device below the scratch `/sys`.
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn run(sys: &Path, n: usize, mdev_type: &str) {
    let parent = sys.join("devices/pci0000:00").join(PARENT);
    let device = parent.join(uuid(n));
    let bus = sys.join("bus/mdev/devices");
    fs::create_dir_all(&device).unwrap();
    fs::create_dir_all(parent.join("mdev_supported_types").join(mdev_type)).unwrap();
    fs::create_dir_all(&bus).unwrap();
    symlink(format!("../mdev_supported_types/{mdev_type}"), device.join("mdev_type")).unwrap();
    let target = format!("../../../devices/pci0000:00/{PARENT}/{}", uuid(n));
    symlink(target, bus.join(uuid(n))).unwrap();
}

#[tokio::test]
async fn a_running_device_is_described() {
    let host = require!(Host::real());
    run(&host.path("sys"), 1, "act-1");
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(diagnostics(&snapshot), [""; 0]);
    let [running] = devices(&snapshot, SourceId::MDEVCTL_ACTIVE) else { panic!("{snapshot:?}") };
    assert_eq!(running.device, id(1));
    assert_eq!(running.fields.get(mdev::TYPE), Some("act-1"));
    assert_eq!(running.fields.get(mdev::ATTRIBUTES), None);
    assert_eq!(running.fields.get(device::CAPABILITY), None);
}
