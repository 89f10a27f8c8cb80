//! Actions: what mdevctl is run with and given to read, and what is made of its answer.

use std::fs;
use std::time::Duration;

use nodedev_source::{Action, ErrorKind, MdevConfig, NodeDeviceControl as _, SourceError};
use nodedev_source_mdevctl::MdevctlSource;
use nodedev_types::{DeviceId, MdevAttribute};

use crate::host::{Host, PARENT, PATIENCE, id, uuid};

/// A host whose mdevctl keeps what it reads, does as it is told, and tells a uuid.
fn host() -> Host {
    let host = Host::scripted();
    host.behave(&format!(
        "case \"$*\" in *--help*) exit 0 ;; list*) ;; *--jsonfile=/dev/stdin*) cat /dev/stdin \
         >\"$folder/input\"; echo {}; exit 0 ;; *) exit 0 ;; esac",
        uuid(7)
    ));
    host
}

fn config() -> MdevConfig {
    let attributes = vec![MdevAttribute { name: "a".into(), value: "it's \"1\"".into() }];
    MdevConfig { mdev_type: "t".into(), attributes, autostart: false }
}

const READ: &str = r#"{"mdev_type":"t","start":"manual","attrs":[{"a":"it's \"1\""}]}"#;

async fn perform(host: &Host, action: Action) -> Result<Option<DeviceId>, SourceError> {
    host.source().perform(action).await
}

#[tokio::test]
async fn mdevctl_is_told_what_to_make_and_tells_a_uuid_that_nobody_chose() {
    for (chosen, made) in [(None, 7), (Some(uuid(1)), 1)] {
        let host = host();
        let (parent, config) = (PARENT.to_owned(), config());
        let define = Action::Define { parent: parent.clone(), uuid: chosen.clone(), config };
        assert_eq!(perform(&host, define).await.unwrap(), Some(id(made)));
        assert_eq!(fs::read_to_string(host.path("input")).unwrap(), READ);
        let create = Action::Create { parent, uuid: chosen.clone(), config: self::config() };
        assert_eq!(perform(&host, create).await.unwrap(), Some(id(made)));
        let uuid = chosen.map(|uuid| format!(" --uuid={uuid}")).unwrap_or_default();
        let run = |command| format!("{command} --parent={PARENT} --jsonfile=/dev/stdin{uuid}");
        assert_eq!(host.log(), [run("define"), run("start")]);
    }
}

#[tokio::test]
async fn a_device_is_named_by_its_uuid_and_by_its_parent_where_that_is_not_enough() {
    let host = host();
    let uuid = uuid(1);
    let set = |autostart| Action::SetAutostart { device: id(1), autostart };
    let actions = || {
        [Action::Start(id(1)), Action::Undefine(id(1)), set(true), set(false), Action::Stop(id(1))]
    };
    for action in actions() {
        assert_eq!(perform(&host, action).await.unwrap(), Some(id(1)));
    }
    fs::write(host.definition(PARENT, 1), "").unwrap();
    perform(&host, Action::Start(id(1))).await.unwrap();
    fs::write(host.definition("0000:00:03.0", 1), "").unwrap();
    for action in actions() {
        perform(&host, action).await.unwrap();
    }
    let parent = format!("--parent={PARENT}");
    let expected = [
        format!("start --uuid={uuid}"),
        format!("undefine --uuid={uuid}"),
        format!("modify --uuid {uuid} --auto"),
        format!("modify --uuid {uuid} --manual"),
        format!("stop --uuid={uuid}"),
        format!("start --uuid={uuid}"),
        format!("start --uuid={uuid} {parent}"),
        format!("undefine --uuid={uuid} {parent}"),
        format!("modify --uuid {uuid} --auto {parent}"),
        format!("modify --uuid {uuid} --manual {parent}"),
        // Of those with one uuid one runs at most.
        format!("stop --uuid={uuid}"),
    ];
    assert_eq!(host.log(), expected);
}

#[tokio::test]
async fn a_change_is_of_what_runs_of_the_definition_or_of_both() {
    let host = host();
    let modify = |live, defined| Action::Modify { device: id(1), config: config(), live, defined };
    for (live, defined) in [(true, false), (false, true), (true, true)] {
        perform(&host, modify(live, defined)).await.unwrap();
        assert_eq!(fs::read_to_string(host.path("input")).unwrap(), READ);
        fs::remove_file(host.path("input")).unwrap();
    }
    let run = format!("modify --parent={PARENT} --jsonfile=/dev/stdin --uuid={}", uuid(1));
    let runs = host.log().into_iter().filter(|run| !run.contains("--help"));
    let flags: Vec<_> = runs.map(|line| line.strip_prefix(&run).unwrap().to_owned()).collect();
    assert_eq!(flags, [" --live", " --defined", " --defined --live"]);

    host.behave("exit 2");
    let error = perform(&host, modify(true, false)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[tokio::test]
async fn what_mdevctl_complains_of_becomes_the_error() {
    let host = host();
    host.behave("echo 'Error: no such parent' >&2; exit 1");
    let error = perform(&host, Action::Start(id(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    for part in ["mdevctl start", &uuid(1), "no such parent"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }

    host.behave("echo nonsense; exit 0");
    let define = Action::Define { parent: PARENT.to_owned(), uuid: None, config: config() };
    let error = perform(&host, define).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
    assert!(error.to_string().contains("`nonsense`"), "{error}");

    fs::remove_file(host.program()).unwrap();
    let error = perform(&host, Action::Start(id(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_mdevctl_that_hangs_is_ended() {
    let host = host();
    host.behave("exec sleep 600");
    let mut config = host.config();
    config.action_deadline = Duration::from_millis(200);
    let source = MdevctlSource::new(config);
    let performed = source.perform(Action::Stop(id(1)));
    let error = tokio::time::timeout(PATIENCE, performed).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn what_is_no_mediated_device_is_refused_without_a_run() {
    let host = host();
    let error = perform(&host, Action::Start(DeviceId::Computer)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let (wwnn, wwpn) = ("5".to_owned(), "6".to_owned());
    let vport = Action::CreateVport { host: DeviceId::Computer, wwnn, wwpn };
    assert_eq!(perform(&host, vport).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(host.log(), [""; 0]);
}
