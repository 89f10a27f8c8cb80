//! Changing mediated devices: one run of mdevctl for each action, and what it is told.
//!
//! Never writes into sysfs or the configuration directory itself, and never judges whether an action
//! makes sense: mdevctl and the kernel do. Says nothing of the result but mdevctl's own word.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nodedev_source::{Action, ErrorKind, MdevConfig, NodeDeviceControl, SourceError, async_trait};
use nodedev_types::{Capability, DeviceId, MdevUuid};
use serde_json::json;

use crate::command::{self, Output, Run, WORDS};
use crate::files::Unseen;
use crate::left_behind::LeftBehind;
use crate::source::MdevctlSource;
use crate::{definitions, in_use};

#[async_trait]
impl NodeDeviceControl for MdevctlSource {
    fn controls(&self) -> Vec<Capability> {
        vec![Capability::Mdev]
    }

    #[tracing::instrument(level = "debug", skip(self), fields(source = "mdevctl"))]
    async fn perform(&self, action: Action) -> Result<Option<DeviceId>, SourceError> {
        match action {
            Action::Define { parent, uuid, config } => {
                self.make("define", &parent, uuid.as_deref(), &config).await
            }
            Action::Create { parent, uuid, config } => {
                self.make("start", &parent, uuid.as_deref(), &config).await
            }
            Action::Start(device) => self.by_uuid("start", device, None).await,
            Action::Undefine(device) => self.by_uuid("undefine", device, None).await,
            Action::SetAutostart { device, autostart } => {
                let flag = if autostart { "--auto" } else { "--manual" };
                self.by_uuid("modify", device, Some(flag)).await
            }
            Action::Stop(device) => self.stop(device).await,
            Action::Modify { device, config, live, defined } => {
                self.modify(device, &config, live, defined).await
            }
            other => Err(SourceError::new(
                ErrorKind::Unsupported,
                format!("mdevctl changes mediated devices only: {:?}", other.capability()),
            )),
        }
    }
}

impl MdevctlSource {
    /// `define` and `start` of what has no definition yet; mdevctl chooses a missing uuid and tells it.
    async fn make(
        &self,
        command: &str,
        parent: &str,
        uuid: Option<&str>,
        config: &MdevConfig,
    ) -> Result<Option<DeviceId>, SourceError> {
        let mut arguments = vec![
            command.to_owned(),
            format!("--parent={parent}"),
            "--jsonfile=/dev/stdin".to_owned(),
        ];
        arguments.extend(uuid.map(|uuid| format!("--uuid={uuid}")));
        let output = self.act(&arguments, &document(config, config.autostart)).await?;
        let uuid = match uuid {
            Some(uuid) => uuid.to_owned(),
            None => told_uuid(&arguments, &output)?,
        };
        Ok(Some(DeviceId::mdev(&uuid, parent)))
    }

    /// What mdevctl finds by the uuid alone, unless several parents have a definition of that uuid.
    async fn by_uuid(
        &self,
        command: &str,
        device: DeviceId,
        flag: Option<&str>,
    ) -> Result<Option<DeviceId>, SourceError> {
        let (uuid, parent) = mdev(&device)?;
        let mut arguments = vec![command.to_owned()];
        match flag {
            // Both forms mean the same to mdevctl; these are the ones that libvirt uses.
            Some(flag) => arguments.extend(["--uuid", uuid.as_str(), flag].map(str::to_owned)),
            None => arguments.push(format!("--uuid={uuid}")),
        }
        if self.is_ambiguous(&device).await {
            arguments.push(format!("--parent={parent}"));
        }
        self.act(&arguments, &[]).await?;
        Ok(Some(device))
    }

    async fn stop(&self, device: DeviceId) -> Result<Option<DeviceId>, SourceError> {
        let (uuid, _) = mdev(&device)?;
        let (root, of) = (self.config().root.clone(), uuid.clone());
        // The kernel would let mdevctl wait until the last user has gone.
        let deadline = self.config().deadline;
        let users = move || in_use::check(&root, of.as_str());
        self.files().look_within(deadline, users).await.map_err(|unseen| match unseen {
            Unseen::Panicked(error) => {
                let message = format!("{uuid}: looking for its users panicked");
                SourceError::new(ErrorKind::Bug, message).with_source(error)
            }
            Unseen::Late => {
                let message =
                    format!("{uuid}: whether it is in use is not known within {deadline:?}");
                SourceError::new(ErrorKind::Timeout, message)
            }
        })??;
        // A uuid runs below one parent only.
        self.act(&["stop".to_owned(), format!("--uuid={uuid}")], &[]).await?;
        Ok(Some(device))
    }

    async fn modify(
        &self,
        device: DeviceId,
        config: &MdevConfig,
        live: bool,
        defined: bool,
    ) -> Result<Option<DeviceId>, SourceError> {
        self.require_modify().await?;
        let (uuid, parent) = mdev(&device)?;
        // Last before the run: the action has its turn, so nothing else that is asked of us sets it now.
        let autostart = defined && self.autostart(&uuid, parent).await?.unwrap_or(config.autostart);
        let mut arguments = vec![
            "modify".to_owned(),
            format!("--parent={parent}"),
            "--jsonfile=/dev/stdin".to_owned(),
            format!("--uuid={uuid}"),
        ];
        arguments.extend(defined.then(|| "--defined".to_owned()));
        arguments.extend(live.then(|| "--live".to_owned()));
        self.act(&arguments, &document(config, autostart)).await?;
        Ok(Some(device))
    }

    /// Whether the definition starts with its parent, as its file says now: what is listed may be older. `None` where
    /// there is no such file.
    async fn autostart(&self, uuid: &MdevUuid, parent: &str) -> Result<Option<bool>, SourceError> {
        let is_name = |text: &str| Path::new(text).file_name() == Some(OsStr::new(text));
        if !is_name(parent) || !is_name(uuid.as_str()) {
            let message = format!("{uuid} below {parent}: no name of a definition's file");
            return Err(SourceError::new(ErrorKind::InvalidArgument, message));
        }
        let directory = self.config().definitions().join(parent);
        let path = directory.join(uuid.as_str());
        let unknown = format!("{}: whether it starts by itself is not known", path.display());
        let (limit, deadline) = (self.config().definition_limit, self.config().deadline);
        let uuid = uuid.clone();
        let reading = move || starts_by_itself(&directory, &uuid, limit);
        match self.files().look_within(deadline, reading).await {
            Ok(Ok(autostart)) => Ok(autostart),
            Ok(Err(why)) => Err(SourceError::new(ErrorKind::Failed, format!("{unknown}: {why}"))),
            Err(Unseen::Late) => {
                let message = format!("{unknown} within {deadline:?}");
                Err(SourceError::new(ErrorKind::Timeout, message))
            }
            Err(Unseen::Panicked(error)) => {
                Err(SourceError::new(ErrorKind::Bug, unknown).with_source(error))
            }
        }
    }

    /// Whether this mdevctl can change what is there (since 1.3): the options are tried on its help.
    async fn require_modify(&self) -> Result<(), SourceError> {
        const PROBE: [&str; 6] = ["modify", "--defined", "--live", "--jsonfile", "b", "--help"];
        let output = self.start(&PROBE, &[], None).await?;
        if output.status.success() {
            return Ok(());
        }
        let version = self.version(&self.program()?).await;
        let version = version.unwrap_or_else(|| "this mdevctl".to_owned());
        let message = format!(
            "{version} cannot change a mediated device, mdevctl 1.3 can; it can be undefined and defined anew"
        );
        Err(SourceError::new(ErrorKind::Unsupported, message))
    }

    /// Runs mdevctl, which must succeed.
    async fn act(&self, arguments: &[String], input: &[u8]) -> Result<Output, SourceError> {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = self.start(&words, input, Some(self.left_behind())).await?;
        if output.status.success() {
            tracing::info!(source = "mdevctl", arguments = words.join(" "), "done");
            return Ok(output);
        }
        let message = format!("mdevctl {}: {}", words.join(" "), output.complaint());
        Err(SourceError::new(ErrorKind::Failed, message))
    }

    async fn start(
        &self,
        arguments: &[&str],
        input: &[u8],
        may_leave: Option<&LeftBehind>,
    ) -> Result<Output, SourceError> {
        let deadline = self.config().action_deadline;
        let run = Run { arguments, input, deadline, keeps: WORDS, may_leave, remains: None };
        command::run(self.config(), self.counts(), &self.program()?, run).await
    }

    fn program(&self) -> Result<PathBuf, SourceError> {
        command::locate(&self.config().program).ok_or_else(|| {
            let message = format!("{}: mdevctl is not there", self.config().program.display());
            SourceError::new(ErrorKind::Unavailable, message)
        })
    }

    async fn is_ambiguous(&self, device: &DeviceId) -> bool {
        let (config, device) = (self.config().clone(), device.clone());
        let looking = move || definitions::has_namesake(&config, &device);
        // Where the directory does not answer, mdevctl will say why.
        matches!(self.files().look_within(self.config().deadline, looking).await, Ok(true))
    }
}

fn mdev(device: &DeviceId) -> Result<(MdevUuid, &str), SourceError> {
    match device {
        DeviceId::Mdev { uuid, parent } => Ok((uuid.clone(), parent)),
        other => {
            let message = format!("{other}: no mediated device");
            Err(SourceError::new(ErrorKind::InvalidArgument, message))
        }
    }
}

/// What a definition's file says, if there is one. If not, mdevctl makes it.
fn starts_by_itself(directory: &Path, uuid: &MdevUuid, limit: u64) -> Result<Option<bool>, String> {
    let mut bytes = definitions::contents(&directory.join(uuid.as_str()), limit)?;
    if bytes.is_none()
        && let Some(path) = definitions::spelled(directory, uuid)
            .map_err(|error| format!("cannot be read: {error}"))?
    {
        bytes = definitions::contents(&path, limit)?;
    }
    let Some(bytes) = bytes else { return Ok(None) };
    // As in a listing: whatever is not `auto` is manual.
    let object = definitions::parse(&bytes)?;
    Ok(Some(object.get("start").is_some_and(|start| start == "auto")))
}

/// What mdevctl reads: the keys and their order are those that libvirt sends.
fn document(config: &MdevConfig, autostart: bool) -> Vec<u8> {
    let text = |value: &str| json!(value).to_string();
    let start = if autostart { "auto" } else { "manual" };
    let mut json = format!("{{\"mdev_type\":{},\"start\":\"{start}\"", text(&config.mdev_type));
    if !config.attributes.is_empty() {
        let attribute =
            |a: &nodedev_types::MdevAttribute| format!("{{{}:{}}}", text(&a.name), text(&a.value));
        let attributes: Vec<_> = config.attributes.iter().map(attribute).collect();
        json.push_str(&format!(",\"attrs\":[{}]", attributes.join(",")));
    }
    json.push('}');
    json.into_bytes()
}

fn told_uuid(arguments: &[String], output: &Output) -> Result<String, SourceError> {
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if MdevUuid::new(&told).is_valid() {
        return Ok(told);
    }
    let shown: String = told.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("mdevctl {}: told no uuid but `{shown}`", arguments.join(" "));
    Err(SourceError::new(ErrorKind::Malformed, message))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use nodedev_types::MdevAttribute;
    use tempfile::TempDir;

    use super::*;
    use crate::config::MdevctlConfig;

    const PARENT: &str = "0000:00:02.0";
    const UUID: &str = "00000001-0000-4000-8000-000000000000";

    /// A host with a definition, and an mdevctl that keeps what it reads.
    struct Host(TempDir);

    impl Host {
        fn new(definition: &str) -> Self {
            let host = Self(TempDir::new().unwrap());
            fs::create_dir_all(host.definition().parent().unwrap()).unwrap();
            fs::write(host.definition(), definition).unwrap();
            // A link to a file that is never written: a program that was just written may be busy.
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake-mdevctl.sh");
            symlink(script, host.path("mdevctl")).unwrap();
            let behaviour = "case \"$*\" in *--help*) ;; *) cat >\"$folder/read\" ;; esac; exit 0";
            fs::write(host.path("behaviour"), behaviour).unwrap();
            host
        }

        fn path(&self, below: &str) -> PathBuf {
            self.0.path().join(below)
        }

        fn definition(&self) -> PathBuf {
            self.path("etc/mdevctl.d").join(PARENT).join(UUID)
        }

        fn source(&self) -> MdevctlSource {
            MdevctlSource::new(MdevctlConfig {
                program: self.path("mdevctl"),
                root: self.0.path().to_owned(),
                deadline: Duration::from_secs(5),
                definition_limit: 100,
                ..MdevctlConfig::default()
            })
        }

        /// Changes the device, and gives what mdevctl was given to read.
        async fn modify(&self, autostart: bool, defined: bool) -> Result<String, SourceError> {
            let config =
                MdevConfig { mdev_type: "t".to_owned(), attributes: Vec::new(), autostart };
            let device = DeviceId::mdev(UUID, PARENT);
            let action = Action::Modify { device, config, live: !defined, defined };
            self.source().perform(action).await?;
            Ok(fs::read_to_string(self.path("read")).unwrap())
        }
    }

    #[tokio::test]
    async fn a_definition_keeps_the_autostart_that_its_file_has() {
        for (definition, start) in [
            (r#"{"mdev_type":"old","start":"auto"}"#, "auto"),
            (r#"{"mdev_type":"old","start":"manual"}"#, "manual"),
            (r#"{"mdev_type":"old"}"#, "manual"),
        ] {
            let host = Host::new(definition);
            for listed in [false, true] {
                let read = host.modify(listed, true).await.unwrap();
                let expected = format!(r#"{{"mdev_type":"t","start":"{start}"}}"#);
                assert_eq!(read, expected, "{definition}");
            }
        }
    }

    #[tokio::test]
    async fn a_definition_keeps_its_autostart_however_its_file_spells_the_uuid() {
        let host = Host::new(r#"{"mdev_type":"old","start":"auto"}"#);
        let other = UUID.replace('-', "").to_uppercase();
        fs::rename(host.definition(), host.definition().with_file_name(other)).unwrap();
        let read = host.modify(false, true).await.unwrap();
        assert_eq!(read, r#"{"mdev_type":"t","start":"auto"}"#);
    }

    #[tokio::test]
    async fn a_definition_whose_autostart_cannot_be_read_is_left_alone() {
        let too_large = format!("{{\"start\":\"auto\",\"x\":\"{}\"}}", "x".repeat(100));
        let host = Host::new("");
        for (definition, why) in [
            ("", "not JSON"),
            (r#"["auto"]"#, "not an object"),
            (too_large.as_str(), "larger than 100 bytes"),
        ] {
            fs::write(host.definition(), definition).unwrap();
            let error = host.modify(false, true).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Failed);
            for part in [UUID, "whether it starts by itself is not known", why] {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
            // Who changes the running device only does not need it.
            host.modify(false, false).await.unwrap();
            fs::remove_file(host.path("read")).unwrap();
        }
        fs::remove_file(host.definition()).unwrap();
        fs::create_dir(host.definition()).unwrap();
        let error = host.modify(false, true).await.unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");

        fs::remove_dir(host.definition()).unwrap();
        for has_directory in [true, false] {
            for (listed, start) in [(true, "auto"), (false, "manual")] {
                let read = host.modify(listed, true).await.unwrap();
                assert!(read.contains(start), "mdevctl makes it, as it was listed: {read}");
            }
            if has_directory {
                fs::remove_dir(host.definition().parent().unwrap()).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_definition_that_does_not_answer_is_not_waited_for() {
        let host = Host::new("{}");
        let source = MdevctlSource::new(MdevctlConfig {
            deadline: Duration::from_millis(20),
            ..host.source().config().clone()
        });
        let _hanging = source.files().hang().await;
        let error = source.autostart(&MdevUuid::new(UUID), PARENT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }

    #[tokio::test]
    async fn what_names_no_file_below_the_definitions_is_not_read() {
        let host = Host::new("{}");
        let source = host.source();
        for (uuid, parent) in [(UUID, "/etc"), (UUID, ".."), (UUID, "a/b"), ("../x", PARENT)] {
            let error = source.autostart(&MdevUuid::new(uuid), parent).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }

    #[test]
    fn mdevctl_is_told_type_start_and_attributes_in_this_order() {
        let mut config =
            MdevConfig { mdev_type: "a\"b".into(), attributes: Vec::new(), autostart: false };
        let text = |config: &MdevConfig, autostart| {
            String::from_utf8(document(config, autostart)).unwrap()
        };
        assert_eq!(text(&config, false), r#"{"mdev_type":"a\"b","start":"manual"}"#);
        for (name, value) in [("z", "1"), ("a", "x y"), ("z", "2")] {
            config.attributes.push(MdevAttribute { name: name.into(), value: value.into() });
        }
        let expected =
            r#"{"mdev_type":"a\"b","start":"auto","attrs":[{"z":"1"},{"a":"x y"},{"z":"2"}]}"#;
        assert_eq!(text(&config, true), expected);
        serde_json::from_str::<serde_json::Value>(&text(&config, true)).unwrap();
    }
}
