//! What is as large as the protocol allows, and what is larger; and what a read-only client may not.

use nodedev_rpc::{
    DeviceFlagsArgs, ErrorCode, ErrorDomain, ErrorMessage, ListAllArgs, ListDevicesArgs,
    MAX_NODE_DEVICES, MAX_STRING_LEN, NumOfDevicesArgs, PROCEDURES, procedures,
};

use super::host::Host;
use super::witness::Witness;
use nodedev_tests::wire::{Client, payload, until};

/// Flag of `CONNECT_OPEN`.
const READ_ONLY: u32 = 1;

fn list_all(client: &mut Client, need_results: i32) -> Result<(usize, u32), Box<ErrorMessage>> {
    let args = ListAllArgs { need_results, flags: 0 };
    let reply = client.call::<procedures::ConnectListAllNodeDevices>(&args)?;
    Ok((reply.devices.0.len(), reply.count))
}

#[test]
fn a_list_is_whole_up_to_the_limit_of_the_protocol_and_refused_above() {
    let mut host = Host::start(MAX_NODE_DEVICES);
    let mut client = Client::open(&host.socket(), 0);
    assert_eq!(list_all(&mut client, 1), Ok((MAX_NODE_DEVICES, 65_536)));
    host.order("add one-more");
    let count = |client: &mut Client| {
        let args = NumOfDevicesArgs { capability: None, flags: 0 };
        client.call::<procedures::NodeNumOfDevices>(&args).unwrap().value
    };
    until("there is one device more", || count(&mut client) == 65_537);
    let error = list_all(&mut client, 1).unwrap_err();
    assert_eq!((error.code, error.domain), (ErrorCode::Rpc, ErrorDomain::Rpc), "{error:?}");
    assert_eq!(list_all(&mut client, 0), Ok((0, 65_537)));
    let args = ListDevicesArgs { capability: None, max_names: 65_536, flags: 0 };
    let names = client.call::<procedures::NodeListDevices>(&args).unwrap().names.0;
    assert_eq!(names.len(), MAX_NODE_DEVICES);
    many_long_lists(&host);
    host.assert_well();
}

/// Lists that nobody reads, from so large a host.
fn many_long_lists(host: &Host) {
    let witness = Witness::start(&host.socket(), "net_eth0_");
    let before = host.peak_memory();
    let mut deaf: Vec<_> = (0..20).map(|_| Client::open(&host.socket(), 0)).collect();
    for client in &mut deaf {
        let args = ListDevicesArgs { capability: None, max_names: 65_536, flags: 0 };
        for _ in 0..20 {
            client.start(112, &payload(&args));
        }
    }
    deaf.iter().for_each(Client::until_left);
    witness.finish("400 lists of 65,536 devices for clients that do not read");
    let more = host.peak_memory().saturating_sub(before);
    eprintln!("400 lists of 65,536 devices for clients that do not read: {more} KiB");
    assert!(more < 20 * (8 << 10), "{more} KiB for 20 clients");
}

#[test]
fn a_document_is_whole_up_to_the_limit_of_the_protocol_and_refused_above() {
    let mut host = Host::start(4);
    let mut client = Client::open(&host.socket(), 0);
    let mut document = |host: &mut Host, path: usize| {
        host.order(&format!("path eth0 {path}"));
        let args = DeviceFlagsArgs { name: "net_eth0_".to_owned(), flags: 0 };
        let mut answer = None;
        // Until then the document is the one before, which is as good as this one but for its path.
        let path = format!("<path>{}</path>", "p".repeat(path));
        until("the path is that long", || {
            let reply = client.call::<procedures::NodeDeviceGetXmlDesc>(&args);
            let reply = reply.map(|reply| reply.value);
            let there = reply.as_ref().map_or(true, |xml| xml.contains(&path));
            answer = Some(reply);
            there
        });
        answer.unwrap()
    };
    let rest = document(&mut host, 1000).unwrap().len() - 1000;
    let largest = document(&mut host, MAX_STRING_LEN - rest).unwrap();
    assert_eq!(largest.len(), MAX_STRING_LEN);
    let error = document(&mut host, MAX_STRING_LEN - rest + 1).unwrap_err();
    assert_eq!((error.code, error.domain), (ErrorCode::Rpc, ErrorDomain::Rpc), "{error:?}");
    host.assert_well();
}

#[test]
fn read_only_clients_change_nothing_by_any_procedure() {
    let mut host = Host::start(4);
    for (socket, flags) in [
        (host.read_only_socket(), 0),
        (host.read_only_socket(), READ_ONLY),
        (host.socket(), READ_ONLY),
    ] {
        let mut client = Client::open(&socket, flags);
        let asked = PROCEDURES.iter().filter(|info| !matches!(info.number, 1 | 2));
        for info in asked {
            // Long enough for the arguments of every procedure: empty texts, no flags.
            let answer = client.ask(info.number, &[0; 64]);
            let denied =
                answer.as_ref().is_err_and(|error| error.code == ErrorCode::OperationDenied);
            assert_eq!(denied, info.changes, "{}: {answer:?}", info.name);
            if let (true, Err(error)) = (denied, answer) {
                let text = format!("operation forbidden: read only access prevents {}", info.api);
                assert_eq!(error.message.as_deref(), Some(&text[..]));
                assert_eq!(error.domain, ErrorDomain::NodeDevice);
            }
        }
    }
    let mut client = Client::open(&host.socket(), 0);
    let changing = PROCEDURES.iter().filter(|info| info.changes);
    for info in changing {
        let error = client.ask(info.number, &[0; 64]).unwrap_err();
        assert_ne!(error.code, ErrorCode::OperationDenied, "{}", info.name);
    }
    host.assert_well();
}

#[test]
fn what_a_client_has_kept_for_it_is_bounded() {
    let mut host = Host::start(4);
    let before = host.peak_memory();
    let long = "x".repeat(4_000_000);
    let mut clients: Vec<_> = (0..20)
        .map(|_| {
            let mut client = Client::connect(&host.socket());
            let name = Some(format!("nodedev:///system?{long}"));
            let args = nodedev_rpc::ConnectOpenArgs { name, flags: 0 };
            // Whether it is taken or refused, it is answered.
            let _ = client.call::<procedures::ConnectOpen>(&args);
            client
        })
        .collect();
    let mut client = Client::open(&host.socket(), 0);
    for number in 0..100 {
        let name = format!("{number}{long}");
        let args = nodedev_rpc::EventRegisterArgs {
            event: nodedev_rpc::EventKind::Lifecycle,
            device: Some(nodedev_rpc::NodeDevice { name }),
        };
        let _ = client.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&args);
    }
    let more = host.peak_memory() - before;
    eprintln!("20 long URIs and 100 long names to watch: {more} KiB");
    assert!(more < 64 << 10, "{more} KiB");
    clients.iter_mut().for_each(Client::finish);
    host.assert_well();
}
