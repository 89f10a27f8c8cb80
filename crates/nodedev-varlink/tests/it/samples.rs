//! A value of every message, with nothing left out.

use nodedev_merge::{ChangeKind, Origin};
use nodedev_types::fields::device;
use nodedev_types::{
    Capability, Device, DeviceId, DeviceName, Diagnostic, Field, FieldName, Fields, MdevType,
    PciExpress, PciVpd, Presence, Revision, SourceId, Value, ValueKind,
};
use nodedev_varlink::{
    Autostart, Change, Claim, Count, Described, Done, Explanation, FieldExplanation, Filter, Found,
    GetInfoReply, List, LostClaim, Named, Registry, Row, Since, Source, SourceState, Sources,
    Stale, Stream, Updated, Wanted, WatchReply,
};

pub(crate) fn name() -> DeviceName {
    DeviceName::new("net_eth0_02_00_00_00_00_01")
}

fn value(kind: ValueKind) -> Value {
    let mdev_type = MdevType {
        id: "a".into(),
        name: None,
        device_api: "vfio-pci".into(),
        available_instances: 1,
    };
    match kind {
        ValueKind::Flag => Value::Flag(true),
        ValueKind::Number => Value::Number(7),
        ValueKind::Text => Value::from("text"),
        ValueKind::Texts => vec!["text".to_owned()].into(),
        ValueKind::Capability => Value::Capability(Capability::Net),
        ValueKind::PciAddress => Value::PciAddress("0000:00:1f.2".parse().unwrap()),
        ValueKind::PciAddresses => Value::PciAddresses(Vec::new()),
        ValueKind::PciExpress => PciExpress::default().into(),
        ValueKind::PciVpd => PciVpd::default().into(),
        ValueKind::MdevTypes => Value::MdevTypes(vec![mdev_type]),
        ValueKind::Attributes => Value::Attributes(Vec::new()),
        ValueKind::CcwgroupMembers => Value::CcwgroupMembers(Vec::new()),
        kind => panic!("no sample of a {kind}"),
    }
}

/// A device with every field.
pub(crate) fn eth0() -> Device {
    let known = Field::ALL.iter().filter(|&&field| field != device::AUTOSTART.field());
    let mut fields: Fields = known.map(|&field| (field.into(), value(field.kind()))).collect();
    fields.insert(FieldName::extension("acme", "slot"), Value::Number(7));
    Device {
        name: name(),
        id: DeviceId::sysfs("/sys/devices/virtual/net/eth0").unwrap(),
        parent: Some(DeviceName::new("computer")),
        active: true,
        persistent: false,
        autostart: false,
        fields,
    }
}

pub(crate) fn source() -> Source {
    let diagnostic = Diagnostic::warning("eth0", "odd").with_attribute("speed");
    let stream = Stream {
        id: SourceId::new("mdevctl/defined"),
        presence: Presence::Defined,
        devices: 3,
        stale: 1,
        failure: Some("it failed".into()),
    };
    Source {
        name: "mdevctl".into(),
        version: "0.1.0".into(),
        backend: Some("mdevctl 1.4.0".into()),
        state: SourceState::Degraded("it failed".into()),
        stale: Some(Stale { since: Some(1_795_402_093.5), reason: "it failed".into() }),
        streams: vec![stream],
        last_change: Some(1_795_402_093.123_456_7),
        events: 7,
        dropped: 4,
        resyncs: 1,
        reasons: vec![Count::new("event queue overrun", 1)],
        snapshots: 2,
        failures: 2,
        restarts: 2,
        checks: 5,
        drifts: 1,
        counts: vec![Count::new("runs", 9)],
        diagnostics: vec![diagnostic],
    }
}

pub(crate) fn list() -> List {
    List { instance: "00ff".into(), generation: 12, devices: vec![Row::from(&eth0())] }
}

pub(crate) fn found() -> Found {
    Found { device: eth0(), xml: "<device/>\n".into(), diagnostics: vec!["udev: slow".into()] }
}

pub(crate) fn explanation() -> Explanation {
    let claim = Claim {
        source: SourceId::new("udev"),
        revision: Revision(9),
        said: Some(1_795_402_093.5),
        stale: Some("it failed".into()),
    };
    let field = FieldExplanation {
        field: "net.interface".into(),
        value: Some(Value::from("eth0")),
        origin: Origin::Said(vec![SourceId::new("udev")]),
        lost: vec![LostClaim { source: SourceId::new("other"), value: Value::from("eth1") }],
        why: "the kernel knows".into(),
    };
    Explanation {
        device: eth0(),
        claims: vec![claim],
        fields: vec![field],
        diagnostics: vec!["udev: slow".into()],
    }
}

pub(crate) fn sources() -> Sources {
    let registry = Registry {
        generation: 12,
        devices: 3,
        messages: 7,
        waiting: 1,
        events: vec![Count::new("created", 3)],
        missed: 1,
    };
    Sources { sources: vec![source()], registry }
}

pub(crate) fn watch_reply() -> WatchReply {
    let change =
        Change { kind: ChangeKind::Created, name: name(), id: eth0().id, device: Some(eth0()) };
    WatchReply {
        instance: "00ff".into(),
        generation: 13,
        missed: true,
        partial: true,
        changes: vec![change],
        sources: vec![source()],
    }
}

pub(crate) fn filter() -> Filter {
    let capabilities = Some(vec![Capability::Net, Capability::MdevTypes]);
    Filter { capabilities, active: Some(true), persistent: Some(false) }
}

pub(crate) fn named() -> Named {
    Named { name: name() }
}

pub(crate) fn wanted() -> Wanted {
    Wanted { name: name(), inactive: Some(true) }
}

pub(crate) fn since() -> Since {
    Since { since: Some(12), instance: Some("00ff".into()) }
}

pub(crate) fn info() -> GetInfoReply {
    GetInfoReply {
        vendor: "nodedev".into(),
        product: "nodedevd".into(),
        version: "0.1.0".into(),
        url: "https://example.org".into(),
        interfaces: vec!["io.nodedev.NodeDevice".into()],
    }
}

pub(crate) fn described() -> Described {
    Described { document: "<device/>".to_owned(), validate: Some(true) }
}

pub(crate) fn autostart() -> Autostart {
    Autostart { name: DeviceName::new("x"), autostart: true }
}

pub(crate) fn updated() -> Updated {
    let document = "<device/>".to_owned();
    Updated { name: DeviceName::new("x"), document, live: Some(true), config: Some(false) }
}

pub(crate) fn done() -> Done {
    Done { name: DeviceName::new("x") }
}
