//! A third source, plugged into the driver beside udev and mdevctl.
#![forbid(unsafe_code)]

#[path = "../../nodedev-source/examples/static_source.rs"]
pub mod static_source;

use std::sync::Arc;

use nodedev_driver::DriverConfig;
use nodedev_registry::{Registry, RegistryError};
use nodedev_source::NodeDeviceSource;
use static_source::StaticSource;

fn start(sources: Vec<Arc<dyn NodeDeviceSource>>) -> Result<Registry, RegistryError> {
    let mut config = DriverConfig::default();
    config.mdevctl.program = "no-such-mdevctl".into();
    nodedev_driver::start(config, sources)
}

#[tokio::test]
async fn its_devices_are_in_the_list_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices.toml");
    std::fs::write(&file, "[door]\n\"static:room\" = \"cellar\"\n").unwrap();
    let registry = start(vec![Arc::new(StaticSource::from_file(file))]).unwrap();
    registry.ready().await;
    let list = registry.snapshot();
    let door = list.device("static_door").expect("the third source's device is listed");
    assert!(door.active && !door.persistent);
    assert_eq!(door.parent.as_ref().map(|name| name.as_str()), Some("computer"));
    assert!(list.device("computer").is_some(), "udev's devices are listed too");
    let explained = registry.explain(&door.name).await.unwrap();
    let room = explained.fields.iter().find(|field| field.field == "static:room").unwrap();
    assert_eq!(room.origin.to_string(), "static");
    registry.shutdown().await;
}

#[tokio::test]
async fn two_sources_of_one_name_are_refused() {
    let source = || Arc::new(StaticSource::from_file("devices.toml")) as Arc<dyn NodeDeviceSource>;
    let refused = start(vec![source(), source()]).unwrap_err();
    assert!(refused.to_string().contains("`static`"), "{refused}");
}
