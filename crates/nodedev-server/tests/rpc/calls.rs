//! What each call answers, and how it refuses.

use nodedev_rpc::{
    Answer, Call, ConnectOpenArgs, DeviceFlagsArgs, DocumentArgs, Feature, Header, List,
    ListAllArgs, ListCapsArgs, ListDevicesArgs, LookupByWwnArgs, NodeDevice, NumOfDevicesArgs,
    PROCEDURES, ParamValue, ProcedureInfo, SetAutostartArgs, SetIdentityArgs, Stage,
    SupportsFeatureArgs, TypedParam, UpdateArgs, procedures,
};
use nodedev_server::ServerConfig;
use nodedev_types::fields::{device, scsi_host};
use nodedev_types::{Capability, DeviceId, Fields};

use crate::client::{Client, Refusal};
use crate::rig::{MDEV, Rig, id, link};

const ETH0: &str = "net_eth0_";

fn named(name: &str) -> NodeDevice {
    NodeDevice { name: name.to_owned() }
}

fn refusal(code: i32, domain: i32, message: &str) -> Refusal {
    (code, domain, message.to_owned())
}

fn missing(name: &str) -> Refusal {
    let text = format!("Node device not found: no node device with matching name '{name}'");
    refusal(53, 22, &text)
}

async fn listed(client: &mut Client, flags: u32) -> Vec<String> {
    let args = ListAllArgs { need_results: 1, flags };
    let all = client.ok::<procedures::ConnectListAllNodeDevices>(&args).await;
    assert_eq!(usize::try_from(all.count), Ok(all.devices.0.len()));
    all.devices.0.into_iter().map(|device| device.name).collect()
}

#[tokio::test]
async fn what_the_connection_is() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    assert_eq!(client.ok::<procedures::ConnectGetType>(&()).await.value, "nodedev");
    assert_eq!(client.ok::<procedures::ConnectGetUri>(&()).await.value, "nodedev:///system");
    assert_eq!(client.ok::<procedures::ConnectIsSecure>(&()).await.value, 1);
    assert_eq!(client.ok::<procedures::ConnectGetLibVersion>(&()).await.value, 11_003_000);
    client.ok::<procedures::ConnectRegisterCloseCallback>(&()).await;
    client.ok::<procedures::ConnectUnregisterCloseCallback>(&()).await;
    for (feature, has) in [(10, 1), (14, 1), (15, 1), (8, 0), (1, 0), (-1, 0)] {
        let args = SupportsFeatureArgs { feature: Feature::from(feature) };
        let reply = client.ok::<procedures::ConnectSupportsFeature>(&args).await;
        assert_eq!(reply.value, has, "{feature}");
    }
}

#[tokio::test]
async fn lists_and_filters() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    assert_eq!(listed(&mut client, 0).await, [MDEV, ETH0, "net_eth1_"]);
    assert_eq!(listed(&mut client, 1 << 31).await, [ETH0, "net_eth1_"]);
    assert_eq!(listed(&mut client, 1 << 30).await, [MDEV]);
    assert_eq!(listed(&mut client, (1 << 4) | (1 << 14) | (1 << 28)).await, [MDEV]);
    let args = ListAllArgs { need_results: 0, flags: 0 };
    let all = client.ok::<procedures::ConnectListAllNodeDevices>(&args).await;
    assert_eq!((all.devices.0.len(), all.count), (0, 3));
    for (capability, count) in [(None, 3), (Some("net"), 2), (Some("mdev"), 1), (Some("nets"), 0)] {
        let capability = capability.map(str::to_owned);
        let args = NumOfDevicesArgs { capability: capability.clone(), flags: 0 };
        assert_eq!(client.ok::<procedures::NodeNumOfDevices>(&args).await.value, count);
        let args = ListDevicesArgs { capability, max_names: 2, flags: 0 };
        let names = client.ok::<procedures::NodeListDevices>(&args).await.names.0;
        assert_eq!(names.len(), usize::try_from(count.min(2)).unwrap());
    }
}

#[tokio::test]
async fn one_device() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let device = named(ETH0);
    assert_eq!(client.ok::<procedures::NodeDeviceLookupByName>(&device).await, device);
    let parent = client.ok::<procedures::NodeDeviceGetParent>(&device).await.value;
    assert_eq!(parent.as_deref(), Some("computer"));
    assert_eq!(client.ok::<procedures::NodeDeviceNumOfCaps>(&device).await.value, 1);
    let args = ListCapsArgs { name: ETH0.to_owned(), max_names: 4 };
    assert_eq!(client.ok::<procedures::NodeDeviceListCaps>(&args).await.names.0, ["net"]);
    let args = ListCapsArgs { max_names: 0, ..args };
    assert_eq!(client.ok::<procedures::NodeDeviceListCaps>(&args).await.names, List::default());
    for (name, active, persistent) in [(ETH0, 1, 0), (MDEV, 0, 1)] {
        let device = named(name);
        assert_eq!(client.ok::<procedures::NodeDeviceIsActive>(&device).await.value, active);
        let reply = client.ok::<procedures::NodeDeviceIsPersistent>(&device).await;
        assert_eq!(reply.value, persistent);
        assert_eq!(client.ok::<procedures::NodeDeviceGetAutostart>(&device).await.value, 0);
    }
}

#[tokio::test]
async fn a_scsi_host_is_found_by_its_world_wide_names() {
    let rig = Rig::start().await;
    let path = "/sys/devices/pci0000:00/0000:00:03.0/host7/scsi_host/host7";
    let mut host = Fields::new();
    host.set(device::CAPABILITY, Capability::ScsiHost);
    host.set(device::PATH, path);
    host.set(scsi_host::HOST, 7_u64);
    host.set(scsi_host::WWNN, "20000000c9831b4b");
    host.set(scsi_host::WWPN, "10000000c9831b4b");
    rig.host.set(&DeviceId::sysfs(path).unwrap(), host);
    rig.registry.changes().wait_for(|list| list.len() == 4).await.unwrap();
    let name =
        rig.registry.snapshot().with_capability(Capability::FcHost).next().unwrap().name.clone();
    let mut client = rig.open().await;
    let mut args = LookupByWwnArgs {
        wwnn: "20000000c9831b4b".to_owned(),
        wwpn: "10000000c9831b4b".to_owned(),
        flags: 0,
    };
    let found = client.ok::<procedures::NodeDeviceLookupScsiHostByWwn>(&args).await;
    assert_eq!(found.name, name.as_str());
    args.wwpn.insert(0, '0');
    let (code, domain, _) = client.fails::<procedures::NodeDeviceLookupScsiHostByWwn>(&args).await;
    assert_eq!((code, domain), (53, 22));
}

#[tokio::test]
async fn a_document_has_its_dynamic_fields_read_again() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let args = DeviceFlagsArgs { name: ETH0.to_owned(), flags: 0 };
    let xml = client.ok::<procedures::NodeDeviceGetXmlDesc>(&args).await.value;
    assert!(xml.contains("<interface>eth0</interface>"), "{xml}");
    let inactive = DeviceFlagsArgs { flags: 1, ..args };
    let text = format!("Requested operation is not valid: node device '{ETH0}' is not persistent");
    let error = client.fails::<procedures::NodeDeviceGetXmlDesc>(&inactive).await;
    assert_eq!(error, refusal(55, 22, &text));
    let args = DeviceFlagsArgs { name: MDEV.to_owned(), flags: 1 };
    let xml = client.ok::<procedures::NodeDeviceGetXmlDesc>(&args).await.value;
    assert!(xml.contains("<type id='mtty-1'/>"), "{xml}");
}

#[tokio::test]
async fn a_document_that_is_too_long_is_an_error_and_no_end() {
    let rig = Rig::start().await;
    for (interface, length) in [("eth2", 4 << 20), ("eth3", (4 << 20) - 4096)] {
        rig.host.set(&id(interface), link(interface, &"x".repeat(length)));
    }
    let mut lists = rig.registry.changes();
    lists.wait_for(|list| list.len() == 5).await.unwrap();
    let mut client = rig.open().await;
    let args = DeviceFlagsArgs { name: "net_eth2_".to_owned(), flags: 0 };
    let (code, domain, message) = client.fails::<procedures::NodeDeviceGetXmlDesc>(&args).await;
    assert_eq!((code, domain), (39, 7), "{message}");
    let args = DeviceFlagsArgs { name: "net_eth3_".to_owned(), flags: 0 };
    let xml = client.ok::<procedures::NodeDeviceGetXmlDesc>(&args).await.value;
    assert!(xml.len() > 4_000_000);
}

#[tokio::test]
async fn calls_about_devices_wait_for_the_first_pass() {
    let mut held = None;
    let rig = Rig::unready(ServerConfig::default(), |host| held = Some(host.hold_snapshots()));
    let mut client = rig.open().await;
    let args = NumOfDevicesArgs { capability: None, flags: 0 };
    let serial = client.send::<procedures::NodeNumOfDevices>(&args).await;
    client.ping().await;
    held.unwrap().release();
    assert_eq!(client.answer(serial).await.unwrap(), [0, 0, 0, 3]);
}

#[tokio::test]
async fn an_unknown_name_is_told_by_every_call() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let name = || "nope".to_owned();
    let calls = [
        Call::NodeDeviceLookupByName(named("nope")),
        Call::NodeDeviceGetXmlDesc(DeviceFlagsArgs { name: name(), flags: 0 }),
        Call::NodeDeviceGetParent(named("nope")),
        Call::NodeDeviceNumOfCaps(named("nope")),
        Call::NodeDeviceListCaps(ListCapsArgs { name: name(), max_names: 1 }),
        Call::NodeDeviceDestroy(named("nope")),
        Call::NodeDeviceUndefine(DeviceFlagsArgs { name: name(), flags: 0 }),
        Call::NodeDeviceCreate(DeviceFlagsArgs { name: name(), flags: 0 }),
        Call::NodeDeviceGetAutostart(named("nope")),
        Call::NodeDeviceSetAutostart(SetAutostartArgs { name: name(), autostart: 1 }),
        Call::NodeDeviceIsPersistent(named("nope")),
        Call::NodeDeviceIsActive(named("nope")),
        Call::NodeDeviceUpdate(UpdateArgs { name: name(), xml: String::new(), flags: 0 }),
    ];
    for call in calls {
        let mut payload = Vec::new();
        call.encode_args(&mut payload).unwrap();
        let error = client.raw(Header::call(call.info().number, 0), &payload).await.unwrap_err();
        assert_eq!(error, missing("nope"), "{call:?}");
    }
}

#[tokio::test]
async fn unknown_flags_come_before_unknown_names() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let text = |bits: &str, function: &str| {
        refusal(8, 22, &format!("unsupported flags ({bits}) in function {function}"))
    };
    let args = DeviceFlagsArgs { name: "nope".to_owned(), flags: 2 };
    let error = client.fails::<procedures::NodeDeviceGetXmlDesc>(&args).await;
    assert_eq!(error, text("0x2", "nodeDeviceGetXMLDesc"));
    let error = client.fails::<procedures::NodeDeviceUndefine>(&args).await;
    assert_eq!(error, text("0x2", "nodeDeviceUndefine"));
    let args = ListAllArgs { need_results: 0, flags: 0xff00_0000 };
    let error = client.fails::<procedures::ConnectListAllNodeDevices>(&args).await;
    assert_eq!(error, text("0xf000000", "nodeConnectListAllNodeDevices"));
    let args = ListDevicesArgs { capability: None, max_names: -1, flags: 7 };
    let error = client.fails::<procedures::NodeListDevices>(&args).await;
    assert_eq!(error, refusal(39, 7, "maxnames must be non-negative"));
    let args = ListDevicesArgs { max_names: 65_537, ..args };
    let error = client.fails::<procedures::NodeListDevices>(&args).await;
    assert_eq!(error, refusal(39, 7, "maxnames > REMOTE_NODE_DEVICE_LIST_MAX"));
}

#[tokio::test]
async fn what_cannot_be_changed_is_said() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let device = |name: &str| DeviceFlagsArgs { name: name.to_owned(), flags: 0 };
    let error = client.fails::<procedures::NodeDeviceCreate>(&device(ETH0)).await;
    assert_eq!(
        error,
        refusal(55, 22, "Requested operation is not valid: Device is already active")
    );
    let unsupported = refusal(67, 22, "unsupported configuration: Unsupported device type");
    let error = client.fails::<procedures::NodeDeviceDestroy>(&named(ETH0)).await;
    assert_eq!(error, unsupported);
    let (code, domain, text) = client.fails::<procedures::NodeDeviceDestroy>(&named(MDEV)).await;
    assert_eq!((code, domain), (55, 22), "{text}");
    let (code, domain, text) = client.fails::<procedures::NodeDeviceUndefine>(&device(ETH0)).await;
    assert_eq!((code, domain), (55, 22), "{text}");
    let args = SetAutostartArgs { name: ETH0.to_owned(), autostart: 1 };
    let error = client.fails::<procedures::NodeDeviceSetAutostart>(&args).await;
    assert_eq!(error, refusal(84, 22, "Operation not supported: Unsupported device type"));
    for (xml, code, domain) in [
        ("", 35, 22),
        ("<domain/>", 27, 5),
        ("<device/>", 1, 22),
        ("<device><capability type='net'/></device>", 67, 22),
    ] {
        let args = DocumentArgs { xml: xml.to_owned(), flags: 0 };
        let (seen, from, text) = client.fails::<procedures::NodeDeviceDefineXml>(&args).await;
        assert_eq!((seen, from), (code, domain), "{xml}: {text}");
        let (seen, from, text) = client.fails::<procedures::NodeDeviceCreateXml>(&args).await;
        assert_eq!((seen, from), (code, domain), "{xml}: {text}");
    }
}

#[tokio::test]
async fn what_is_not_ours_is_refused_as_libvirt_refuses_it() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let unsupported = "this function is not supported by the connection driver: ";
    for (number, domain, api) in [
        (4, 20, "virConnectGetVersion"),
        (7, 20, "virConnectGetCapabilities"),
        (59, 20, "virConnectGetHostname"),
        (6, 20, "virNodeGetInfo"),
        (118, 22, "virNodeDeviceDettach"),
        (119, 22, "virNodeDeviceReAttach"),
        (120, 22, "virNodeDeviceReset"),
        (301, 22, "virNodeDeviceDetachFlags"),
        (39, 19, "virNetworkCreate"),
    ] {
        let error = client.raw(Header::call(number, 0), &[0; 64]).await.unwrap_err();
        assert_eq!(error, refusal(3, domain, &format!("{unsupported}{api}")), "{number}");
    }
    for number in [0, 376, 377, 454, 999, -1, i32::MAX] {
        let error = client.raw(Header::call(number, 0), &[]).await.unwrap_err();
        assert_eq!(error, refusal(39, 7, &format!("unknown procedure: {number}")));
    }
    for number in [67, 68, 69, 70] {
        let error = client.raw(Header::call(number, 0), &[0; 64]).await.unwrap_err();
        assert_eq!(error, refusal(45, 7, "authentication failed: authentication failed"));
    }
}

#[tokio::test]
async fn a_document_is_validated_where_a_client_asks_and_always_for_an_update() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    // The parent is absent too: the form comes first.
    let document = |inside: &str| {
        format!(
            "<device>{inside}<parent>absent</parent><capability type='mdev'><type id='t'/>\
             </capability></device>"
        )
    };
    let named = document("<name>x</name>");
    let no_name =
        "XML document failed to validate against schema: device: element `name` is missing";
    let form = refusal(92, 5, no_name);
    let parent = refusal(67, 22, "unsupported configuration: invalid parent device 'absent'");
    for (xml, flags, expected) in
        [(document(""), 0, &parent), (document(""), 1, &form), (named.clone(), 1, &parent)]
    {
        let args = DocumentArgs { xml, flags };
        assert_eq!(&client.fails::<procedures::NodeDeviceDefineXml>(&args).await, expected);
        assert_eq!(&client.fails::<procedures::NodeDeviceCreateXml>(&args).await, expected);
    }
    for (xml, expected) in [(document(""), form), (named, parent)] {
        let args = UpdateArgs { name: MDEV.to_owned(), xml, flags: 0 };
        assert_eq!(client.fails::<procedures::NodeDeviceUpdate>(&args).await, expected);
    }
    let args = DocumentArgs { xml: "<!DOCTYPE device><device/>".to_owned(), flags: 1 };
    let (code, domain, text) = client.fails::<procedures::NodeDeviceDefineXml>(&args).await;
    assert_eq!((code, domain), (27, 5), "{text}");
    let args = UpdateArgs { name: MDEV.to_owned(), xml: document("<name/>"), flags: 0 };
    let expected = refusal(21, 22, "missing name information");
    assert_eq!(client.fails::<procedures::NodeDeviceUpdate>(&args).await, expected);
}

#[tokio::test]
async fn nothing_works_before_it_is_open() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    for info in PROCEDURES {
        let ProcedureInfo { number, stage, .. } = *info;
        if stage == Stage::Open {
            let error = client.raw(Header::call(number, 0), &[0; 64]).await.unwrap_err();
            assert_eq!((error.0, error.1), (1, 7), "{number}: {}", error.2);
            assert!(error.2.ends_with("connection not open"), "{number}: {}", error.2);
        }
    }
    let args = SupportsFeatureArgs { feature: Feature::ProgramKeepalive };
    assert_eq!(client.ok::<procedures::ConnectSupportsFeature>(&args).await.value, 1);
    let args = ConnectOpenArgs { name: Some("qemu:///system".to_owned()), flags: 0 };
    let error = client.fails::<procedures::ConnectOpen>(&args).await;
    assert_eq!(error, refusal(5, 0, "no connection driver available for qemu:///system"));
    client.open(0).await;
    let args = ConnectOpenArgs { name: Some("nodedev:///system".to_owned()), flags: 0 };
    let error = client.fails::<procedures::ConnectOpen>(&args).await;
    assert_eq!(error, refusal(1, 7, "internal error: connection already open"));
    assert_eq!(client.ok::<procedures::ConnectGetType>(&()).await.value, "nodedev");
}

#[tokio::test]
async fn another_daemon_may_say_for_whom_it_asks() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let param = |field: &str, value| TypedParam { field: field.to_owned(), value };
    let identity = |params: Vec<TypedParam>| SetIdentityArgs { params: List(params), flags: 9 };
    let name = || param("user-name", ParamValue::String("joe".to_owned()));
    let good = identity(vec![name(), param("unix-user-id", ParamValue::UnsignedLong(1000))]);
    client.ok::<procedures::ConnectSetIdentity>(&good).await;
    for (params, code, message) in [
        (vec![name(), name()], 8, "invalid argument: parameter 'user-name' occurs multiple times"),
        (
            vec![param("nosuch", ParamValue::Int(1))],
            74,
            "argument unsupported: parameter 'nosuch' not supported",
        ),
        (
            vec![param("process-id", ParamValue::Double(1.0))],
            8,
            "invalid argument: invalid type 'double' for parameter 'process-id', expected 'llong'",
        ),
    ] {
        let error = client.fails::<procedures::ConnectSetIdentity>(&identity(params)).await;
        assert_eq!(error, refusal(code, 0, message));
    }
}

#[tokio::test]
async fn closing_is_answered_and_then_done() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let mut clients = rig.server.clients();
    clients.wait_for(|count| *count == 1).await.unwrap();
    client.ok::<procedures::ConnectClose>(&()).await;
    client.is_closed().await;
    clients.wait_for(|count| *count == 0).await.unwrap();
}

/// `docs/rpc-compat.md` is made from this table.
#[tokio::test]
async fn the_table_of_procedures_says_what_is_done() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    for info in PROCEDURES.iter().filter(|info| info.number != 2) {
        // An argument that names a device where one is wanted, and is short where none is.
        let name = if info.stage == Stage::Open { "\0\0\0\x09net_eth0_\0\0\0" } else { "" };
        let payload = [name.as_bytes(), &[0; 64]].concat();
        let code = match client.raw(Header::call(info.number, 0), &payload).await {
            Ok(_) => 0,
            Err((code, ..)) => code,
        };
        let not_there = matches!(code, 3 | 45);
        match info.answer {
            Answer::Refused => assert!(not_there, "{}: {code}", info.name),
            // polkit is not there on this socket.
            Answer::Served => assert!(!not_there || info.number == 70, "{}: {code}", info.name),
        }
    }
}
